package ps

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"segue/audio/codec/aac/qmf"
)

var layouts = map[string]*layout{"20 bands": layout20, "34 bands": layout34}

// noise fills x.
func noise(rng *rand.Rand, x *qmf.Matrix) {
	for n := range x {
		for k := range x[n] {
			x[n][k] = complex(rng.Float32()-0.5, rng.Float32()-0.5)
		}
	}
}

// follow fills x with what follows before, whose last slots it repeats.
func follow(rng *rand.Rand, x *qmf.Matrix, before *qmf.Matrix) {
	noise(rng, x)
	copy(x[:qmf.Ahead], before[qmf.Slots:])
}

func power(x complex64) float64 { return real(complex128(x) * cmplx.Conj(complex128(x))) }

func TestHybridBanksAreTransparent(t *testing.T) {
	for name, l := range layouts {
		rng := rand.New(rand.NewPCG(2, 2))
		var w window
		var before, x qmf.Matrix
		var signal, difference float64
		for range 5 {
			follow(rng, &x, &before)
			w.advance(&x)
			for n := range qmf.Slots {
				var subbands [maxSubbands]complex64
				var got [qmf.Bands]complex64
				l.analyze(&w, n, &x[n], &subbands)
				l.synthesize(&subbands, &got)
				for k, want := range x[n] {
					signal += power(want)
					difference += power(want - got[k])
				}
			}
			before = x
		}
		if dB := 10 * math.Log10(signal/(difference+1e-30)); !(dB >= 120) {
			t.Errorf("%s: %.1f dB", name, dB)
		}
	}
}

// TestSubbandsAreWhereTheyAreSaidToBe sends a tone at the middle of each subband
// through the bank.
func TestSubbandsAreWhereTheyAreSaidToBe(t *testing.T) {
	for name, c := range map[string]struct {
		*layout
		centers []int8
		parts   float64
	}{
		"20 bands": {layout20, centers20, 8},
		"34 bands": {layout34, centers34, 24},
	} {
		k := 0
		for b, s := range c.splits {
			for range s.made {
				var x qmf.Matrix
				for n := range x {
					sin, cos := math.Sincos(math.Pi * float64(c.centers[k]) / c.parts * float64(n))
					x[n][b] = complex(float32(cos), float32(sin))
				}
				var w window
				w.advance(&x)
				var subbands [maxSubbands]complex64
				c.analyze(&w, 16, &x[16], &subbands)
				loudest := 0
				for i, v := range subbands {
					if power(v) > power(subbands[loudest]) {
						loudest = i
					}
				}
				if loudest != k {
					t.Errorf("%s: the tone of subband %d is in subband %d", name, k, loudest)
				}
				k++
			}
		}
		if k != c.low {
			t.Errorf("%s: %d subbands of %d", name, k, c.low)
		}
	}
}

// TestSubbandsAreWhatTheirFiltersSay holds a bank against plain convolution.
func TestSubbandsAreWhatTheirFiltersSay(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for count, lowPass := range map[int][]float64{4: lowPass4, 8: lowPass8b, 12: lowPass12} {
		to := make([]uint8, count)
		for q := range to {
			to[q] = uint8(q)
		}
		s := newSplit(lowPass, to...)
		var x [2*reach + 1]complex64
		for n := range x {
			x[n] = complex(rng.Float32(), rng.Float32())
		}
		got := make([]complex64, count)
		s.run(&x, got)
		for q := range got {
			var want complex128
			for n, v := range x {
				m := n - reach
				want += complex128(v) * complex(lowPass[max(m, -m)], 0) * cmplx.Exp(complex(0, -2*math.Pi*(float64(q)+0.5)*float64(m)/float64(count)))
			}
			if cmplx.Abs(want-complex128(got[q])) > 1e-5 {
				t.Errorf("filter %d of %d: %v, want %v", q, count, got[q], want)
			}
		}
	}
}
