package ps

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"
)

// impulses are what the decorrelator makes of one at slot 0, by slot and subband,
// before it is turned down.
func impulses(l *layout, slots int) [][maxSubbands]complex64 {
	d := new(decorrelator)
	out := make([][maxSubbands]complex64, slots)
	for n := range out {
		in := d.in()
		clear(in[:])
		if n == 0 {
			for k := range l.subbands {
				in[k] = 1
			}
		}
		d.run(l)
		out[n] = d.out
	}
	return out
}

func TestDecorrelatorKeepsEnergy(t *testing.T) {
	for name, l := range layouts {
		out := impulses(l, 400)
		for k := range l.subbands {
			sum := 0.0
			for n := range out {
				sum += power(out[n][k])
			}
			if dB := 10 * math.Log10(sum); math.Abs(dB) > 0.001 {
				t.Errorf("%s: subband %d gains %.4f dB", name, k, dB)
			}
		}
	}
}

// TestDecorrelatorFiltersAreTheStandards holds the filters' responses, at some
// frequencies, against the formula for them.
func TestDecorrelatorFiltersAreTheStandards(t *testing.T) {
	for name, c := range map[string]struct {
		*layout
		centers []int8
		parts   float64
		cutoff  int
	}{
		"20 bands": {layout20, centers20, 8, 10},
		"34 bands": {layout34, centers34, 24, 32},
	} {
		out := impulses(c.layout, 400)
		for k := range c.subbands {
			center := float64(k-c.low+len(c.splits)) + 0.5
			if k < c.low {
				center = float64(c.centers[k]) / c.parts
			}
			fade := min(1, max(0, 1-0.05*float64(k-c.cutoff)))
			for _, f := range []float64{-2.5, -0.7, 0, 0.3, 1.9} {
				z := func(slots float64) complex128 { return cmplx.Exp(complex(0, -f*slots)) }
				turn := func(q float64) complex128 { return cmplx.Exp(complex(0, -math.Pi*q*center)) }
				want := z(2) * turn(0.39)
				for m, q := range []float64{0.43, 0.75, 0.347} {
					late := turn(q) * z(float64(3+m))
					a := complex(fade*math.Exp(-float64(3+m)/7), 0)
					want *= (late - a) / (1 - a*late)
				}
				switch {
				case k >= c.long:
					want = z(1)
				case k >= c.allpass:
					want = z(14)
				}
				var got complex128
				for n := range out {
					got += complex128(out[n][k]) * z(float64(n))
				}
				if cmplx.Abs(got-want) > 1e-4 {
					t.Fatalf("%s: subband %d at %v: %v, want %v", name, k, f, got, want)
				}
			}
		}
	}
}

// TestSuddenSoundsAreDucked holds the gain against the formulas for it, over
// steady noise with a bang in it.
func TestSuddenSoundsAreDucked(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for name, l := range layouts {
		d := new(decorrelator)
		var peak, smooth, excess [maxBands]float64
		least := 1.0
		for n := range 200 {
			in := d.in()
			loud := float32(0.1)
			if n == 100 {
				loud = 10
			}
			var p [maxBands]float64
			for k := range l.subbands {
				in[k] = complex(loud*(1+0.1*rng.Float32()), 0)
				p[bandOf(l, k)] += power(in[k])
			}
			d.run(l)
			for b := range l.bands {
				peak[b] = max(0.76592833836465*peak[b], p[b])
				excess[b] = 0.75*excess[b] + 0.25*(peak[b]-p[b])
				smooth[b] = 0.75*smooth[b] + 0.25*p[b]
				want := 1.0
				if 1.5*excess[b] > smooth[b] {
					want = smooth[b] / (1.5 * excess[b])
				}
				got := float64(d.duck.gain[b])
				if math.Abs(got-want) > 1e-3 {
					t.Fatalf("%s: slot %d, band %d: gain %v, want %v", name, n, b, got, want)
				}
				if n < 100 && got != 1 {
					t.Fatalf("%s: slot %d, band %d: steady noise at %v", name, n, b, got)
				}
				least = min(least, got)
			}
		}
		if least > 0.7 {
			t.Errorf("%s: a bang was turned down to %v only", name, least)
		}
	}
}

// bandOf is the band of subband k.
func bandOf(l *layout, k int) int {
	if l == layout20 {
		return int(bands20[k])
	}
	return int(bands34[k])
}

func TestNoStateRingsOnForever(t *testing.T) {
	d := new(decorrelator)
	in := d.in()
	for k := range in {
		in[k] = complex(1, float32(math.NaN()))
	}
	for range 100 {
		for range 32 {
			d.run(layout34)
			clear(d.in()[:])
		}
		d.settle()
	}
	if d.links != (decorrelator{}).links {
		t.Error("the filters still ring")
	}
	if d.duck.peak != [maxBands]float32{} || d.duck.smooth != [maxBands]float32{} || d.duck.excess != [maxBands]float32{} {
		t.Error("energies are left")
	}
}
