package ps

import (
	"math"
	"math/cmplx"
	"testing"
)

// TestMixesMakeWhatWasMeasured mixes two signals of equal power that have nothing in
// common, and asks for the level difference and the correlation of what comes out.
func TestMixesMakeWhatWasMeasured(t *testing.T) {
	levels := [][]float64{
		{-25, -18, -14, -10, -7, -4, -2, 0, 2, 4, 7, 10, 14, 18, 25},
		{
			-50, -45, -40, -35, -30, -25, -22, -19, -16, -13, -10, -8, -6, -4, -2, 0,
			2, 4, 6, 8, 10, 13, 16, 19, 22, 25, 30, 35, 40, 45, 50,
		},
	}
	i := 0
	for _, levels := range levels {
		for _, level := range levels {
			for k, correlation := range []float64{1, 0.937, 0.84118, 0.60092, 0.36764, 0, -0.589, -1} {
				for name, h := range map[string][4]float32{"A": mixes.a[i][k], "B": mixes.b[i][k]} {
					want := correlation
					if name == "B" {
						want = max(want, 0.05) // it makes no less
					}
					a, b, c, d := float64(h[0]), float64(h[1]), float64(h[2]), float64(h[3])
					left, right := a*a+c*c, b*b+d*d
					if dB := 10 * math.Log10(left/right); math.Abs(dB-level) > 0.05 {
						t.Errorf("%s %v dB, %v: %.3f dB", name, level, correlation, dB)
					}
					if math.Abs(left+right-2) > 1e-4 {
						t.Errorf("%s %v dB, %v: powers add up to %v", name, level, correlation, left+right)
					}
					// -50 dB is so little that float32 does not hold it more exactly.
					if got := (a*b + c*d) / math.Sqrt(left*right); math.Abs(got-want) > 2e-3 {
						t.Errorf("%s %v dB, %v: correlation %v", name, level, correlation, got)
					}
				}
			}
			i++
		}
	}
	if i != steps {
		t.Fatalf("%d levels of %d", i, steps)
	}
}

// TestMixAFollowsItsFormula: 8.6.4.6.2.1.
func TestMixAFollowsItsFormula(t *testing.T) {
	for _, level := range []float64{-25, -7, 0, 2, 50} {
		for _, rho := range []float64{1, 0.60092, 0, -1} {
			c1 := math.Sqrt(2 / (1 + math.Pow(10, level/10)))
			c2 := math.Sqrt(2 / (1 + math.Pow(10, -level/10)))
			alpha := math.Acos(rho) / 2
			beta := alpha * (c1 - c2) / math.Sqrt2
			want := [4]float64{c2 * math.Cos(beta+alpha), c1 * math.Cos(beta-alpha), c2 * math.Sin(beta+alpha), c1 * math.Sin(beta-alpha)}
			for i, x := range mixA(level, rho) {
				if math.Abs(float64(x)-want[i]) > 1e-6 {
					t.Errorf("%v dB, %v: %v, want %v", level, rho, mixA(level, rho), want)
				}
			}
		}
	}
}

// TestMixBFollowsItsFormula: 8.6.4.6.2.2, whose angles are those that turn the two
// axes of the picture left and right make into those of the signals.
func TestMixBFollowsItsFormula(t *testing.T) {
	for _, level := range []float64{-25, -7, 0, 2, 50} {
		for _, rho := range []float64{1, 0.60092, 0.36764, 0.05} {
			c := math.Pow(10, level/20)
			ll, rr, lr := 2*c*c/(1+c*c), 2/(1+c*c), 2*c*rho/(1+c*c)
			mean, half := (ll+rr)/2, math.Hypot((ll-rr)/2, lr)
			first, second := math.Sqrt(mean+half), math.Sqrt(max(mean-half, 0)) // of the axes
			angle := math.Atan2(2*lr, ll-rr) / 2
			want := [4]float64{first * math.Cos(angle), first * math.Sin(angle), -second * math.Sin(angle), second * math.Cos(angle)}
			for i, x := range mixB(level, rho) {
				if math.Abs(float64(x)-want[i]) > 1e-5 {
					t.Errorf("%v dB, %v: %v, want %v", level, rho, mixB(level, rho), want)
					break
				}
			}
		}
	}
}

func TestPhasesAreSmoothed(t *testing.T) {
	unit := func(p int) complex128 { return cmplx.Exp(complex(0, math.Pi/4*float64(p))) }
	for i := range turns {
		z := unit(i/64)/4 + unit(i/8%8)/2 + unit(i%8)
		z /= complex(cmplx.Abs(z), 0)
		if cmplx.Abs(z-complex128(turns[i])) > 1e-6 {
			t.Errorf("%o: %v, want %v", i, turns[i], z)
		}
	}
	if turns[0] != 1 {
		t.Errorf("without phases it turns by %v", turns[0])
	}
}

// TestMatricesGlide goes from mono to one mix, then to another with phases.
func TestMatricesGlide(t *testing.T) {
	for name, l := range layouts {
		p := &parameters{iidBands: l.bands, iccBands: l.bands, phaseBands: l.phased, envelopes: 2}
		p.iid[0][2], p.icc[0][2] = 3, 4
		p.iid[1][2], p.icc[1][2] = -2, 1
		p.ipd[1][2], p.opd[1][2] = 1, 3
		m := new(mixer)
		m.begin()
		glide := func(e, slots int, from, to [4]complex128) {
			m.aim(l, p, e, slots)
			for n := 1; n <= slots; n++ {
				m.glide(l)
				for k := range from {
					want := from[k] + (to[k]-from[k])*complex(float64(n)/float64(slots), 0)
					got := complex(float64(m.now[2].re[k]), float64(m.now[2].im[k]))
					if cmplx.Abs(got-want) > 1e-5 {
						t.Fatalf("%s: envelope %d, slot %d, element %d: %v, want %v", name, e, n, k, got, want)
					}
				}
			}
			m.arrive()
		}
		var first, second [4]complex128
		turn := func(before, now float64) complex128 {
			z := complex(before, 0) + cmplx.Exp(complex(0, math.Pi/4*now))
			return z / complex(cmplx.Abs(z), 0)
		}
		opd, ipd := turn(0.75, 3), turn(0.75, 1)
		for k, x := range mixA(7, 0.36764) {
			first[k] = complex(float64(x), 0)
		}
		for k, x := range mixA(-4, 0.937) {
			second[k] = complex(float64(x), 0) * opd
			if k%2 == 1 {
				second[k] *= cmplx.Conj(ipd)
			}
		}
		glide(0, 5, [4]complex128{1, 1}, first)
		glide(1, 27, first, second)
		m.aim(l, p, 0, 0) // an envelope without slots: a step
		m.arrive()
		if m.now[2].re[0] == float32(real(second[0])) || m.now[2] != m.goal[2] {
			t.Errorf("%s: it did not step", name)
		}
	}
}

// TestNegativeFrequenciesTurnTheOtherWay: a real signal's phases are odd.
func TestNegativeFrequenciesTurnTheOtherWay(t *testing.T) {
	for name, l := range layouts {
		var m mixer
		for b := range m.now {
			m.now[b] = matrix{re: [4]float32{0, 0, 0, 0}, im: [4]float32{1, 0.5, 0.25, 2}}
		}
		m.turning = true
		var in, left, right [maxSubbands]complex64
		d := new(decorrelator)
		for k := range in {
			in[k], d.out[k] = 1, complex(0, 1)
		}
		for b := range d.duck.gain {
			d.duck.gain[b] = 1
		}
		m.mix(l, &in, d, &left, &right)
		centers := centers20
		if l == layout34 {
			centers = centers34
		}
		for k := range l.subbands {
			side := complex64(1)
			if k < l.low && centers[k] < 0 {
				side = -1
			}
			wantLeft, wantRight := side*complex(-0.25, 1), side*complex(-2, 0.5)
			if bandOf(l, k) >= l.phased {
				wantLeft, wantRight = 0, 0
			}
			if left[k] != wantLeft || right[k] != wantRight {
				t.Errorf("%s: subband %d: %v, %v, want %v, %v", name, k, left[k], right[k], wantLeft, wantRight)
			}
		}
	}
}
