package effect

import "math"

// distortion is lavadsp's; Settings.Distortion has the formula.
type distortion struct{}

func newDistortion() kernel { return distortion{} }

func (s *Settings) distortionParams() (on bool, p params) {
	d := s.Distortion
	return d.On, params{d.SinOffset, d.SinScale, d.CosOffset, d.CosScale, d.TanOffset, d.TanScale, d.Offset, d.Scale}
}

func (distortion) reset() {}
func (distortion) flush() {}

func (distortion) run(pcm []float32, p *params) {
	one := p[1] == p[3] && p[3] == p[5]
	for i, x := range pcm {
		v := float64(x)
		sin, cos := math.Sincos(v * p[1])
		var tan float64
		if one {
			tan = sin / cos
		} else {
			cos, tan = math.Cos(v*p[3]), math.Tan(v*p[5])
		}
		y := p[6] + p[7]*(p[0]+sin)*(p[2]+cos)*(p[4]+tan)
		if y != y {
			y = 0
		}
		pcm[i] = float32(max(-1, min(1, y)))
	}
}

// channelMix is a matrix.
type channelMix struct{}

func newChannelMix() kernel { return channelMix{} }

func (s *Settings) channelMixParams() (on bool, p params) {
	m := s.ChannelMix
	return m.On, params{m.LeftToLeft, m.LeftToRight, m.RightToLeft, m.RightToRight}
}

func (channelMix) reset() {}
func (channelMix) flush() {}

func (channelMix) run(pcm []float32, p *params) {
	ll, lr, rl, rr := float32(p[0]), float32(p[1]), float32(p[2]), float32(p[3])
	for i := 0; i+1 < len(pcm); i += 2 {
		l, r := pcm[i], pcm[i+1]
		pcm[i], pcm[i+1] = ll*l+rl*r, lr*l+rr*r
	}
}

// pass is lavadsp's low-pass, y += (x-y)/smoothing, that is
// H = k / (1 - (1-k) z^-1) with k = 1/smoothing; or what it leaves, 1-H. As there,
// it begins at the first sample.
type pass struct {
	high bool
	l, r float64
	warm bool
}

func newLowPass() kernel  { return &pass{} }
func newHighPass() kernel { return &pass{high: true} }

func (s *Settings) lowPassParams() (on bool, p params) {
	return s.LowPass.On, params{1 / max(s.LowPass.Smoothing, 1)}
}

func (s *Settings) highPassParams() (on bool, p params) {
	return s.HighPass.On, params{1 / max(s.HighPass.Smoothing, 1)}
}

func (f *pass) reset() { *f = pass{high: f.high} }
func (f *pass) flush() { f.l, f.r = settle(f.l), settle(f.r) }

func (f *pass) run(pcm []float32, p *params) {
	if !f.warm && !f.high {
		f.l, f.r = float64(pcm[0]), float64(pcm[1])
	}
	f.warm = true
	k, l, r := p[0], f.l, f.r
	for i := 0; i+1 < len(pcm); i += 2 {
		a, b := float64(pcm[i]), float64(pcm[i+1])
		l += (a - l) * k
		r += (b - r) * k
		if f.high {
			pcm[i], pcm[i+1] = float32(a-l), float32(b-r)
		} else {
			pcm[i], pcm[i+1] = float32(l), float32(r)
		}
	}
	f.l, f.r = l, r
}
