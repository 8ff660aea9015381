package opus

import (
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// What a packet leaves behind must be what the music asks for: tones that repeat
// have their period, or a multiple of it, noise has none, and attacks short blocks.
func TestTailOfPacketsTellsTonesFromAttacks(t *testing.T) {
	const frames, period = 40, 160 // samples: 300 Hz
	tone := audiotest.Sine(300, 0.2, frames*audio.FrameSamples)
	for h, amp := range []float64{0.2, 0.1, 0.1, 0.1} {
		for i, v := range audiotest.Sine(300*float64(h+2), amp, frames*audio.FrameSamples) {
			tone[i] += v
		}
	}
	for _, c := range []struct {
		name             string
		pcm              []float32
		combs, transient func(n int) bool
	}{
		{"tone", tone, func(n int) bool { return n > frames/2 }, func(n int) bool { return n < 4 }},
		{"noise", audiotest.Noise(1, 0.3, frames*audio.FrameSamples), func(n int) bool { return n == 0 }, func(n int) bool { return n < 4 }},
		{"attacks", audiotest.Impulses(5*audio.FrameSamples, 0.9, frames*audio.FrameSamples), func(n int) bool { return n < frames }, func(n int) bool { return n >= frames/8 }},
	} {
		e, err := NewEncoder(EncoderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		combs, transient := 0, 0
		for i := 0; i < len(c.pcm); i += 2 * audio.FrameSamples {
			b, err := e.Encode(nil, c.pcm[i:i+2*audio.FrameSamples])
			if err != nil {
				t.Fatal(err)
			}
			tail, ok := TailOf(b)
			if !ok {
				t.Fatalf("%s: packet %d: nothing known of it", c.name, i/2/audio.FrameSamples)
			}
			if tail.Transient {
				transient++
			}
			if p := tail.Comb.Period; p > 0 {
				combs++
				if off := (p + period/2) % period; c.name == "tone" && i > 4*audio.FrameSamples && (off < period/2-3 || off > period/2+3) {
					t.Errorf("tone: packet %d has a period of %d samples, not of %d or more of them", i/2/audio.FrameSamples, p, period)
				}
				if tail.Comb.Taps[0] <= 0 || tail.Comb.Taps[0] > 0.65 {
					t.Errorf("%s: taps %v", c.name, tail.Comb.Taps)
				}
			}
		}
		t.Logf("%s: %d of %d with a period, %d in short blocks", c.name, combs, frames, transient)
		if !c.combs(combs) || !c.transient(transient) {
			t.Errorf("%s: %d of %d with a period, %d in short blocks", c.name, combs, frames, transient)
		}
	}
}

func TestTailIsUnknownWhereThereIsNone(t *testing.T) {
	for _, b := range [][]byte{nil, {31 << 3}, {31 << 3, 1}, {3 << 3, 1, 2, 3, 4}, {13 << 3, 1, 2, 3}, {31<<3 | 3}} {
		if _, ok := TailOf(b); ok {
			t.Errorf("% x: something known", b)
		}
	}
}

func FuzzTailOf(f *testing.F) {
	f.Add([]byte{31 << 3, 0x55, 0x55, 0x55})
	f.Add([]byte{28<<3 | 3, 0x82, 2, 1, 2, 0, 0})
	f.Add([]byte{30<<3 | 1, 0, 0, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		tail, ok := TailOf(b)
		if c := tail.Comb; c.Period < 0 || c.Period > MaxPeriod || c.Period > 0 && c.Period < 15 || !ok && tail != (Tail{}) {
			t.Errorf("%+v", tail)
		}
	})
}
