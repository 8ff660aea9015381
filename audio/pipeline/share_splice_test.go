package pipeline

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/audio/meter"
)

// A listener decodes all frames of a member with one decoder.
type listener struct {
	*Member
	dec    audio.Decoder
	pcm    []float32
	frames [][]byte
}

func (l *listener) takes(t testing.TB) {
	f, ok := l.Take()
	if !ok {
		t.Fatalf("no frame %d", len(l.frames))
	}
	var err error
	if l.pcm, err = l.dec.Decode(l.pcm, audio.Packet{Data: f.Opus}); err != nil {
		t.Fatal(err)
	}
	l.frames = append(l.frames, f.Opus)
}

// TestPartingAndComingBackAreNotHeard lets one of two listeners of a share want, and no
// longer want, what nobody can hear, so that all that differs from what the other hears
// is how well lines are joined. It is measured as TestSpliceStaysUnderTheMusic does.
func TestPartingAndComingBackAreNotHeard(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		a, b    effect.Settings
	}{
		"MP3, softer":   {"lame --quiet -b 160 IN OUT", effect.Settings{Volume: -2}, effect.Settings{Volume: -2.0001}},
		"MP3, as it is": {"lame --quiet -b 160 IN OUT", effect.Settings{}, effect.Settings{Volume: 1e-4}},
		"Opus, softer":  {"opusenc --quiet --bitrate 128 IN OUT", effect.Settings{Volume: -2}, effect.Settings{Volume: -2.0001}},
		"Opus, passing": {"opusenc --quiet --bitrate 128 IN OUT", effect.Settings{}, effect.Settings{Volume: 1e-4}},
	} {
		if raced && name != "Opus, passing" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			file := made(t, 24*audio.SampleRate, c.command)
			synctest.Test(t, func(t *testing.T) { parting(t, file, c.a, c.b) })
		})
	}
}

func parting(t *testing.T, file []byte, a, b effect.Settings) {
	h := NewHub(t.Context())
	encoder := func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000}) }
	ask := Ask{
		Key: "x", Options: Options{Encoder: encoder, Settings: a},
		Open: func(context.Context) (*audio.Media, error) {
			return &audio.Media{ReadCloser: io.NopCloser(loopOnce(file)), Size: -1}, nil
		},
	}
	two := make([]*listener, 2)
	for i := range two {
		m, err := h.Join(t.Context(), t.Context(), ask)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		dec, err := opus.NewDecoder()
		if err != nil {
			t.Fatal(err)
		}
		two[i] = &listener{Member: m, dec: dec}
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	change, apart := 20, false
	for i := range 1100 {
		time.Sleep(20 * time.Millisecond)
		synctest.Wait()
		if i == change {
			if apart = !apart; apart {
				two[1].Want(b)
				change += 10 + rnd.IntN(20)
			} else {
				two[1].Want(a)
				change += 120
			}
		}
		for _, l := range two {
			l.takes(t)
		}
	}
	ref, got := two[0].pcm, two[1].pcm
	if shift := meter.Align(ref, got, 400); shift != 0 {
		t.Fatalf("shifted by %d samples", shift)
	}
	var out, in []float64
	together := func(i int) bool { return bytes.Equal(two[0].frames[i], two[1].frames[i]) }
	for i := 1; i+6 < len(two[1].frames); i++ {
		if together(i) == together(i-1) {
			continue
		}
		worst, _ := worst(ref, got, nil, i*audio.FrameSamples, (i+6)*audio.FrameSamples, 240)
		if together(i) {
			in = append(in, worst)
		} else {
			out = append(out, worst)
		}
	}
	if len(in) < 5 || len(out) < 5 {
		t.Fatalf("parted %d times, came back %d times", len(out), len(in))
	}
	t.Logf("parting %s, coming back %s", spread(out), spread(in))
	if mean(out) > -15 || mean(in) > -25 || slices.Max(append(out, in...)) > -8 {
		t.Errorf("parting %.1f dB, want <= -15; coming back %.1f dB, want <= -25", out, in)
	}
}

// loopOnce is a file, once.
func loopOnce(file []byte) io.Reader { return io.LimitReader(looped(file), int64(len(file))) }
