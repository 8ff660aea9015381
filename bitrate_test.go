package main

import (
	"bytes"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/meter"
	"segue/discordtest/listener"
)

// rate is what packets take, in bit/s.
func rate(ps []listener.Packet) (bps int) {
	for _, p := range ps {
		bps += len(p.Opus) * 8
	}
	return bps * 50 / len(ps)
}

// carries waits until half a second of packets in a row is of this rate.
func (s *stage) carries(ears *listener.Listener, bps int) {
	s.Helper()
	from := ears.Counts(s.bot()).Packets
	got := 0
	defer func() { s.Logf("%d packets, %d bit/s of %d", ears.Counts(s.bot()).Packets-from, got, bps) }()
	s.until("packets of the rate", func() bool {
		ps := withoutSilence(ears.Heard(s.bot()).Packets)
		if len(ps) < from+25 {
			return false
		}
		got = rate(ps[len(ps)-25:])
		return got > bps*3/4 && got < bps*8/5 // variable, and the music is hard
	})
}

func TestEncodingFollowsWhatTheVoiceChannelCarries(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	lounge := s.den.Voice("Lounge").Bitrate(32_000)
	s.den.Voice("Studio").Bitrate(256_000)
	pcm := audiotest.Music(20 * audio.SampleRate)
	s.put("music.wav", wave(t, pcm))
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "music")
	s.hears(ears, 25)
	s.carries(ears, 32_000)
	lounge.Bitrate(96_000)
	s.carries(ears, 96_000)
	lounge.Bitrate(8000) // as good as music can be made of little
	s.carries(ears, 24_000)

	// Nothing was lost, repeated or shifted on the way. Where it began, before
	// anybody knew the channel, the decoder was fresh; that is another test's.
	heard, err := joined(withoutSilence(ears.Heard(s.bot()).Packets))
	if err != nil {
		t.Fatal(err)
	}
	if m := meter.Compare(pcm[:len(heard)], heard, audio.SampleRate/10); m.Shift != 0 || m.ErrorDB > -8 {
		t.Errorf("shifted by %d, error %.1f dB", m.Shift, m.ErrorDB)
	}

	// Dragged to another channel with everybody in it: the same encoder goes on.
	if err := s.den.Owner().Moves(s.d.Bot(), "Studio"); err != nil {
		t.Fatal(err)
	}
	if err := s.alice.Joins("Studio"); err != nil {
		t.Fatal(err)
	}
	for ctx := s.soon(); ; _ = ears.Close() { // she may be cut off once more
		if ears, err = s.ears(ctx); err != nil {
			t.Fatal(err)
		}
		n := ears.Counts(s.bot()).Packets
		if ears.AwaitPackets(ctx, s.bot(), n+75) == nil {
			s.carries(ears, 256_000)
			return
		}
	}
}

func TestWhatPassesIsNotTouchedByWhatTheChannelCarries(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	lounge := s.den.Voice("Lounge").Bitrate(8000)
	file, packets := song(t, 100, 1)
	s.put("first.opus", file)
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "first")
	s.hears(ears, 25)
	lounge.Bitrate(16_000)
	s.hears(ears, 100)
	if got := withoutSilence(ears.Heard(s.bot()).Packets); !slices.EqualFunc(payloads(got), packets, bytes.Equal) {
		t.Errorf("%d packets were heard of 100, or they differ", len(got))
	}
}

func TestTheBitRateIsTheChannelsUnlessSomebodySaysHowMuchAtMost(t *testing.T) {
	for text, want := range map[string]int{"": 0, "auto": 0, "6000": 6000, "510000": 510_000} {
		cfg, err := loadConfig(settings{OpusBitrate: text}, nil)
		if err != nil || cfg.OpusBitrate != want {
			t.Errorf("%q: %d, %v", text, cfg.OpusBitrate, err)
		}
	}
	for _, text := range []string{"5999", "510001", "0", "loud", "64k"} {
		if _, err := loadConfig(settings{OpusBitrate: text}, nil); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
