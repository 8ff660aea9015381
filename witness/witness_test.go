package witness_test

import (
	"context"
	"math"
	"strconv"
	"testing"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

const (
	guild, channel = 100000000000000001, 500000000000000001
	human, theBot  = 200000000000000001, 300000000000000001
)

// chord makes 60 frames of real Opus: a chord, so that they differ in size.
func chord(t *testing.T) [][]byte {
	t.Helper()
	enc, err := opus.NewEncoder(opus.EncoderOptions{Bitrate: opus.DefaultBitrate})
	if err != nil {
		t.Fatal(err)
	}
	frames := make([][]byte, 60)
	pcm := make([]float32, audio.FrameSamples*audio.Channels)
	for i := range frames {
		for j := range audio.FrameSamples {
			at := float64(i*audio.FrameSamples+j) / audio.SampleRate
			pcm[2*j] = float32(0.3 * math.Sin(2*math.Pi*440*at))
			pcm[2*j+1] = float32(0.3 * math.Sin(2*math.Pi*(300+200*at)*at))
		}
		if frames[i], err = enc.Encode(nil, pcm); err != nil {
			t.Fatal(err)
		}
	}
	return frames
}

func limit(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// botHears checks that the bot was told these frames, in order and whole, and
// that libopus could decode them.
func botHears(t *testing.T, b *bot, frames [][]byte) {
	t.Helper()
	heard := b.await("heard", len(frames))
	for i, f := range frames {
		if string(heard[i].Opus) != string(f) {
			t.Fatalf("frame %d of %d: the bot heard %d bytes, said were %d", i, len(frames), len(heard[i].Opus), len(f))
		}
		if heard[i].Samples != audio.FrameSamples {
			t.Errorf("frame %d: libopus made %d samples of it", i, heard[i].Samples)
		}
	}
}

// personHears checks the same of a listener, and that all came end-to-end
// encrypted and nothing was lost. A sender that was held up may let its clock
// jump, which is a gap with nothing lost in it.
func personHears(t *testing.T, l *listener.Listener, from uint64, frames [][]byte) {
	t.Helper()
	if err := l.AwaitPackets(limit(t), from, len(frames)); err != nil {
		t.Fatalf("%v: %+v", err, l.Counts(from))
	}
	h := l.Heard(from)
	for i, f := range frames {
		if string(h.Packets[i].Opus) != string(f) {
			t.Fatalf("frame %d of %d differs", i, len(frames))
		}
	}
	if !h.AllE2EE() || h.Undecryptable+h.Undecodable+h.Lost+h.Late != 0 {
		t.Errorf("heard %+v, gaps %v", h.Counts, h.Gaps)
	}
	if len(h.PCM) < len(frames)*audio.FrameSamples*audio.Channels {
		t.Errorf("%d samples of PCM", len(h.PCM))
	}
}

// TestVoiceOfDiscordJS puts @discordjs/voice and davey into a call with a
// person, in both encryption modes and both orders of joining.
func TestVoiceOfDiscordJS(t *testing.T) {
	for mode, botFirst := range map[string]bool{voiceserver.ModeAES256GCM: true, voiceserver.ModeXChaCha20: false} {
		t.Run(mode, func(t *testing.T) {
			node(t)
			srv, err := voiceserver.New(voiceserver.Options{Modes: []string{mode}})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = srv.Close() })
			call := func(user uint64) listener.Call {
				ticket := voiceserver.Ticket{Guild: guild, Channel: channel, User: user, Session: "session"}
				return listener.Call{
					Endpoint: srv.Endpoint(), Token: srv.Admit(ticket), SessionID: "session", Guild: guild, Channel: channel, User: user,
				}
			}
			theirs := call(theBot)
			setting := map[string]any{
				"guild": strconv.Itoa(guild), "channel": strconv.Itoa(channel), "listen": strconv.Itoa(human),
				"call": map[string]any{
					"endpoint": theirs.Endpoint, "token": theirs.Token, "session": theirs.SessionID, "user": strconv.Itoa(theBot),
				},
			}
			var b *bot
			if botFirst {
				b = start(t, srv.CA().PEM(), setting)
				b.await("voice", 1)
			}
			l, err := listener.Dial(limit(t), call(human), listener.Options{TLS: srv.ClientTLS()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = l.Close() })
			if !botFirst {
				b = start(t, srv.CA().PEM(), setting)
			}
			if got := b.await("voice", 1)[0].Mode; got != mode {
				t.Errorf("the bot chose %s", got)
			}
			b.await("dave", 1)
			if err := l.AwaitEpoch(limit(t), 1); err != nil {
				t.Fatal(err)
			}
			frames := chord(t)
			if err := l.Speak(limit(t), frames); err != nil {
				t.Fatal(err)
			}
			botHears(t, b, frames)
			b.says(frames)
			personHears(t, l, theBot, frames)
			for _, v := range srv.Violations() {
				t.Error(v)
			}
		})
	}
}
