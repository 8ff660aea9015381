package sbr_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/sbr"
)

var rates = []int{16000, 22050, 24000, 32000, 44100, 48000, 64000, 88200, 96000, 128000, 176400, 192000}

// sound fills core with noise, or with next to nothing.
func sound(rng *rand.Rand, core *[2][sbr.FrameIn]float32, level float32) {
	for ch := range core {
		for i := range core[ch] {
			core[ch][i] = level * (2*rng.Float32() - 1)
		}
	}
}

// run makes a frame of an element and returns the loudest sample.
func run(t testing.TB, e *sbr.Element, s *sbr.Scratch, core *[2][sbr.FrameIn]float32) (peak float32) {
	out := make([]float32, 2*sbr.FrameOut)
	e.Process(s, core, out, out[1:], 2)
	for _, x := range out {
		if math.IsNaN(float64(x)) || math.IsInf(float64(x), 0) {
			t.Fatalf("%v in the sound", x)
		}
		peak = max(peak, x, -x)
	}
	return peak
}

// TestBandsThatCannotBeAreNotUsed sends a good frame, and then, for the same one, a
// header whose bands cannot be.
func TestBandsThatCannotBeAreNotUsed(t *testing.T) {
	c := composer{Rand: rand.New(rand.NewPCG(1, 1)), rate: 44100, every: 1}
	e := sbr.New(44100, false)
	var s sbr.Scratch
	var core [2][sbr.FrameIn]float32
	impossible := 0
	for range 300 {
		sound(c.Rand, &core, 1)
		p := c.next()
		e.Read(&bits.Reader{B: p.b, Pos: 4}, p.b[0]>>4 == 14, false)
		w := &bitWriter{}
		w.write(c.IntN(1<<30), 30)
		if _, _, _, ok := sbr.Bands(w.b, 44100); !ok {
			impossible++
		}
		w.write(c.IntN(1<<30), 30)
		second := &bitWriter{}
		second.write(1, 1)
		second.copyBits(w.b, 0, w.n)
		e.Read(&bits.Reader{B: second.b}, false, false)
		run(t, e, &s, &core)
	}
	if impossible < 50 {
		t.Errorf("only %d headers of 300 were impossible", impossible)
	}
}

func FuzzElement(f *testing.F) {
	for i := range 12 {
		c := composer{Rand: rand.New(rand.NewPCG(uint64(i), 1)), rate: rates[i], pair: i%2 == 0, stereo: i%4 == 1, every: 2}
		for range 2 {
			a, b := c.next(), c.next()
			f.Add(byte(i), c.pair, a.b, b.b)
		}
	}
	f.Fuzz(func(t *testing.T, rate byte, pair bool, a, b []byte) {
		e := sbr.New(rates[int(rate)%len(rates)], pair)
		var s sbr.Scratch
		var core [2][sbr.FrameIn]float32
		rng := rand.New(rand.NewPCG(1, 1))
		for i, data := range [][]byte{a, b, b, nil, a, b} {
			sound(rng, &core, float32(math.Pow(10, -float64(i))))
			if data != nil {
				e.Read(&bits.Reader{B: data, Pos: 4}, len(data) > 0 && data[0]>>4 == 14, !pair)
			}
			if i == 3 {
				e.Read(&bits.Reader{B: a, Pos: 4}, false, !pair)
				e.Read(&bits.Reader{B: b, Pos: 4}, false, !pair)
			}
			if peak := run(t, e, &s, &core); peak > 1e6 {
				t.Fatalf("a sample of %v", peak)
			}
		}
	})
}
