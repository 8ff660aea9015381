package sbr

// shift is how a subband is made of another: the sum of it and, turned and scaled,
// of it one and two slots before.
type shift struct {
	from           int
	one, two       complex64
	filtered, made bool
}

// generate makes high bands of low ones (4.6.18.6).
func (e *Element) generate(c *channel, s *Scratch) {
	c.chirp(len(e.noise) - 1)
	var plan [maxHigh]shift
	e.plan(c, &plan)
	for i := 2 * c.borders[0]; i < 2*c.end(); i++ {
		out := s.high[i][:e.width]
		x0, x1, x2 := &c.low[i+offset], &c.low[i+offset-1], &c.low[i+offset-2]
		for m := range out {
			p := &plan[m]
			k := p.from & (len(x0) - 1)
			switch {
			case !p.made:
				out[m] = 0
			case !p.filtered:
				out[m] = x0[k]
			default:
				a, b := x1[k], x2[k]
				re := real(x0[k]) + real(a)*real(p.one) - imag(a)*imag(p.one) + real(b)*real(p.two) - imag(b)*imag(p.two)
				im := imag(x0[k]) + real(a)*imag(p.one) + imag(a)*real(p.one) + real(b)*imag(p.two) + imag(b)*real(p.two)
				out[m] = complex(re, im)
			}
		}
	}
}

// chirp moves the strength of the inverse filters of n bands to what was told (4.6.18.6.2).
func (c *channel) chirp(n int) {
	for i := range n {
		want := [...]float32{0, 0.75, 0.9, 0.98}[c.inverse[1][i]]
		if c.inverse[0][i]+c.inverse[1][i] == 1 {
			want = 0.6
		}
		was := c.chirps[i]
		if want < was {
			want = 0.75*want + 0.25*was
		} else {
			want = 0.90625*want + 0.09375*was
		}
		if want < 0.015625 {
			want = 0
		}
		c.chirps[i] = want
	}
}

// plan says how each subband is made.
func (e *Element) plan(c *channel, plan *[maxHigh]shift) {
	var filters [32][2]complex64
	var known [32]bool
	m, band := 0, 0
	for _, p := range e.patches {
		for k := p.from; k < p.from+p.width && m < e.width; k++ {
			for band+2 < len(e.noise) && e.start+m >= e.noise[band+1] {
				band++
			}
			to := &plan[m]
			to.from, to.made = k, true
			if by := c.chirps[band]; by > 0 {
				if !known[k] {
					filters[k], known[k] = c.predict(k), true
				}
				f := &filters[k]
				to.filtered = true
				to.one = complex(real(f[0])*by, imag(f[0])*by)
				to.two = complex(real(f[1])*by*by, imag(f[1])*by*by)
			}
			m++
		}
	}
}

// predict finds the filter that takes from subband k what can be foretold by the
// two slots before (4.6.18.6.2).
func (c *channel) predict(k int) [2]complex64 {
	var power, re1, im1, re2, im2 float32 // correlations at 0, 1 and 2 slots
	const last = len(c.low) - 2
	x0, x1 := c.low[1][k], c.low[2][k]
	for i := 3; i <= last+1; i++ {
		x2 := c.low[i][k]
		a, b := real(x0), imag(x0)
		power += a*a + b*b
		re1 += a*real(x1) + b*imag(x1)
		im1 += a*imag(x1) - b*real(x1)
		re2 += a*real(x2) + b*imag(x2)
		im2 += a*imag(x2) - b*real(x2)
		x0, x1 = x1, x2
	}
	// x0 and x1 are the last two; the sums end where they begin.
	f0, f1, f2 := complex128(c.low[0][k]), complex128(c.low[1][k]), complex128(c.low[2][k])
	l0, l1 := complex128(x0), complex128(x1)
	sum1, sum2 := complex(float64(re1), float64(im1)), complex(float64(re2), float64(im2))
	p11 := float64(power) + square(l0)
	p22 := float64(power) + square(f0)
	p01 := sum1 + conj(l0)*l1
	p12 := sum1 + conj(f0)*f1
	p02 := sum2 + conj(f0)*f2
	var one, two complex128
	if d := p22*p11 - square(p12)/1.000001; d > 0 {
		two = (p01*p12 - p02*complex(p11, 0)) / complex(d, 0)
	}
	if p11 > 0 {
		one = -(p01 + two*conj(p12)) / complex(p11, 0)
	}
	if !(square(one) < 16 && square(two) < 16) {
		return [2]complex64{}
	}
	return [2]complex64{complex64(one), complex64(two)}
}

func square(x complex128) float64 { return real(x)*real(x) + imag(x)*imag(x) }

func conj(x complex128) complex128 { return complex(real(x), -imag(x)) }
