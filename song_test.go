package main

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/meter"
	"segue/discordtest/listener"
)

// payloads are the packets' Opus, in the order they were heard.
func payloads(ps []listener.Packet) (out [][]byte) {
	for _, p := range ps {
		out = append(out, p.Opus)
	}
	return out
}

// closing is how many frames of silence are the last.
func closing(ps []listener.Packet) (n int) {
	for n < len(ps) && len(withoutSilence(ps[len(ps)-n-1:])) == 0 {
		n++
	}
	return n
}

func TestASongIsHeardBitForBit(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, packets := song(t, 100, 1)
	s.put("Some Band - First.opus", file)
	s.starts()
	ears := s.listens()
	r := s.asks("/play", "query", "first")
	if !r.Deferred || r.Ephemeral || !strings.Contains(r.Text(), "First") {
		t.Errorf("the answer is %q, deferred %v, ephemeral %v", r.Text(), r.Deferred, r.Ephemeral)
	}
	s.hears(ears, 100)
	s.quiet(ears)
	h := ears.Heard(s.bot())
	got := withoutSilence(h.Packets)
	if len(got) != 100 || !slices.EqualFunc(payloads(got), packets, bytes.Equal) {
		t.Errorf("%d packets were heard of 100, or they differ", len(got))
	}
	if n := closing(h.Packets); n != 5 || h.Lost+h.Undecryptable+h.Plain != 0 || h.E2EE != 100 {
		t.Errorf("%d closing frames, counts %+v", n, h.Counts)
	}
	if st := s.app.bot.Stats(); maxOf(st.Errors) > 0 {
		t.Errorf("errors were counted: %+v", st)
	}
}

func TestWhatIsEncodedIsAlignedToTheSample(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	pcm := melody(100, 2)
	s.put("second.wav", wave(t, pcm))
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "second")
	s.hears(ears, 100)
	s.quiet(ears)
	got := withoutSilence(ears.Heard(s.bot()).Packets)
	heard, err := joined(got)
	if err != nil {
		t.Fatal(err)
	}
	m := meter.Compare(pcm, heard, audio.SampleRate/10)
	if len(heard) != len(pcm) || m.Shift != 0 || m.ErrorDB > -20 {
		t.Errorf("%d samples heard of %d, shifted by %d, error %.1f dB", len(heard)/2, len(pcm)/2, m.Shift, m.ErrorDB)
	}
}

// Two songs that end and begin with music are joined to the sample: around the join
// some frames are encoded, all others pass.
func TestTrackFollowsTrackWithoutAGap(t *testing.T) {
	s := newStage(t)
	one, first := song(t, 60, 3)
	two, _ := song(t, 60, 4)
	s.put("one.opus", one)
	s.put("two.opus", two)
	s.starts()
	ears := s.listens()
	got := s.unbroken(ears, 119, func() {
		s.asks("/play", "query", "one")
		if r := s.asks("/play", "query", "two"); !strings.Contains(r.Text(), "two") {
			t.Errorf("the answer is %q", r.Text())
		}
	})
	if len(got) < 119 || len(got) > 120 {
		t.Fatalf("%d packets were heard of two times 60", len(got))
	}
	if n := 50; !slices.EqualFunc(payloads(got[:n]), first[:n], bytes.Equal) {
		t.Errorf("the first %d packets did not pass as they are", n)
	}
	enc, err := opus.NewEncoder(opus.EncoderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	heard, err := joined(got)
	if err != nil {
		t.Fatal(err)
	}
	lead := enc.Lookahead() * audio.Channels // of each file, before its music
	want := slices.Concat(melody(60, 3)[:60*1920-lead], melody(60, 4)[:60*1920-lead])
	for name, at := range map[string]int{"of all": 0, "around the join": 50 * 1920} {
		n := len(want)
		if at > 0 {
			n = at + 20*1920
		}
		if m := meter.Compare(want[at:n], heard[lead+at:min(lead+n, len(heard))], audio.SampleRate/50); m.Shift != 0 || m.ErrorDB > -15 {
			t.Errorf("%s: shifted by %d, error %.1f dB", name, m.Shift, m.ErrorDB)
		}
	}
}

// unbroken is the music heard of what ask has played, n packets or more, up to the
// silence after it: no number is left out, and there is no silence in between. Where
// there is, the machine was too busy to encode in time: it is asked again, twice.
// With the race detector on it may be too slow three times.
func (s *stage) unbroken(ears *listener.Listener, n int, ask func()) (music []listener.Packet) {
	s.Helper()
	for range 3 {
		c := ears.Counts(s.bot())
		ask()
		s.hears(ears, c.E2EE+c.Plain+n)
		s.quiet(ears)
		ps := ears.Heard(s.bot()).Packets[c.Packets:]
		for i, p := range ps[1:] {
			if p.Seq != ps[i].Seq+1 {
				s.Fatalf("number %d follows %d", p.Seq, ps[i].Seq)
			}
		}
		music = withoutSilence(ps)
		between := len(ps) - closing(ps) - len(music)
		if between == 0 {
			return music
		}
		s.Logf("%d frames of silence within %d of music", between, len(music))
	}
	if !raced {
		s.Fatal("three times there was silence within the music")
	}
	return music
}

func TestPauseSkipStopLeave(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	one, _ := loop(t, 3000, 5)
	two, second := loop(t, 3000, 6)
	s.put("one.opus", one)
	s.put("two.opus", two)
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "one")
	s.asks("/play", "query", "two")
	s.hears(ears, 25)

	if r := s.asks("/queue"); !strings.Contains(r.Text(), "two") || !strings.Contains(r.Text(), "one") {
		t.Errorf("/queue says %q", r.Text())
	}
	if r := s.asks("/nowplaying"); !strings.Contains(r.Text(), "one") {
		t.Errorf("/nowplaying says %q", r.Text())
	}
	s.asks("/pause")
	s.quiet(ears)
	s.asks("/resume")
	s.more(ears, 25)
	s.asks("/skip")
	s.until("the second song is heard", func() bool {
		ps := ears.Heard(s.bot()).Packets
		return slices.ContainsFunc(ps[len(ps)-5:], func(p listener.Packet) bool {
			return slices.ContainsFunc(second, func(o []byte) bool { return bytes.Equal(o, p.Opus) })
		})
	})
	s.asks("/stop")
	s.quiet(ears)
	if r := s.asks("/nowplaying"); strings.Contains(r.Text(), "two") {
		t.Errorf("after /stop /nowplaying says %q", r.Text())
	}
	s.asks("/leave")
	if err := s.d.Bot().WaitVoice(s.soon(), s.den, nil); err != nil {
		t.Error(err)
	}
}

// until waits until a condition holds.
func (s *stage) until(what string, ok func() bool) {
	s.Helper()
	ctx := s.soon()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		if ok() {
			tick.Stop()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatalf("this never came: %s", what)
		}
	}
}

// quiet waits until the bot has closed with silence and sends nothing more.
func (s *stage) quiet(ears *listener.Listener) {
	s.Helper()
	s.until("silence", func() bool {
		ps := ears.Heard(s.bot()).Packets
		return closing(ps) >= 5 && time.Since(ps[len(ps)-1].At) > 200*time.Millisecond
	})
}

func TestAStageIsPlayedToInTheClear(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, packets := song(t, 50, 7)
	s.put("one.opus", file)
	s.den.Stage("Hall")
	s.starts()
	if err := s.alice.Joins("Hall"); err != nil {
		t.Fatal(err)
	}
	ears, err := s.ears(s.soon())
	if err != nil {
		t.Fatal(err)
	}
	ix := s.alice.Types("/play", "query", "one")
	if err := s.d.Bot().WaitVoice(s.soon(), s.den, s.den.Stage("Hall")); err != nil {
		t.Fatal(err)
	}
	if err := s.den.Owner().LetsSpeak(s.d.Bot()); err != nil {
		t.Fatal(err)
	}
	if _, err := ix.Reply(s.soon()); err != nil {
		t.Fatal(err)
	}
	s.hears(ears, 10)
	if h := ears.Heard(s.bot()); h.E2EE != 0 || !slices.ContainsFunc(packets, func(p []byte) bool { return bytes.Equal(p, h.Packets[0].Opus) }) {
		t.Errorf("counts %+v", h.Counts)
	}
}

func TestPacketsComeEvery20Milliseconds(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, _ := song(t, 300, 8)
	s.put("one.opus", file)
	s.starts()
	ears := s.listens()
	s.asks("/play", "query", "one")
	s.hears(ears, 300)
	ps := ears.Heard(s.bot()).Packets[:300]
	// Never faster than real time, however slow the day: no burst, nothing caught up.
	mean := ps[299].At.Sub(ps[0].At).Seconds() / 299
	if mean < 0.0199 {
		t.Errorf("%.3f ms between packets on average", mean*1000)
	}
	if math.IsNaN(mean) {
		t.Error("no times")
	}
}

func maxOf(m map[string]int64) (n int64) {
	for _, v := range m {
		n = max(n, v)
	}
	return n
}
