package effect

import (
	"math"

	"segue/audio"
)

// compressor is NodeLink's: an envelope e follows the louder channel, by attack
// and release; above the threshold the gain is (e/threshold)^(1/ratio - 1), times
// the makeup.
type compressor struct{ envelope float64 }

func newCompressor() kernel { return &compressor{} }

func (s *Settings) compressorParams() (on bool, p params) {
	c := s.Compressor
	return c.On, params{decibels(c.Threshold), 1/max(c.Ratio, 1) - 1, follow(c.Attack), follow(c.Release), decibels(c.MakeupGain)}
}

// follow is the share by which a follower of that many seconds comes nearer in a sample.
func follow(seconds float64) float64 {
	return -math.Expm1(-1 / (max(seconds, 1e-6) * audio.SampleRate))
}

func decibels(db float64) float64 { return math.Pow(10, db/20) }

func (c *compressor) reset() { c.envelope = 0 }
func (c *compressor) flush() { c.envelope = settle(c.envelope) }

func (c *compressor) run(pcm []float32, p *params) {
	threshold, slope, attack, release, makeup := p[0], p[1], p[2], p[3], float32(p[4])
	e := c.envelope
	for i := 0; i+1 < len(pcm); i += 2 {
		k := release
		v := float64(peak(pcm[i], pcm[i+1]))
		if v > e {
			k = attack
		}
		e += (v - e) * k
		g := makeup
		if e > threshold {
			g *= float32(math.Exp2(slope * math.Log2(e/threshold)))
		}
		pcm[i] *= g
		pcm[i+1] *= g
	}
	c.envelope = e
}

func peak(l, r float32) float32 { return max(l, -l, r, -r) }

// normalization is LavaDSPX's without its steps: the gain goes to maxAmplitude/p
// where p, the loudest peak so far, is above maxAmplitude. If it is not adaptive, p
// falls back to what is heard, by a factor e in half a second.
type normalization struct{ loudest, gain float64 }

const (
	normalizationFall = 0.5   // s
	normalizationMove = 0.002 // s, of the gain
)

func newNormalization() kernel { return &normalization{gain: 1} }

func (s *Settings) normalizationParams() (on bool, p params) {
	n := s.Normalization
	fall := 0.0
	if !n.Adaptive {
		fall = follow(normalizationFall)
	}
	return n.On, params{n.MaxAmplitude, fall}
}

func (n *normalization) reset() { *n = normalization{gain: 1} }
func (n *normalization) flush() { n.loudest = settle(n.loudest) }

func (n *normalization) run(pcm []float32, p *params) {
	limit, fall, move := p[0], p[1], follow(normalizationMove)
	top, g := n.loudest, n.gain
	for i := 0; i+1 < len(pcm); i += 2 {
		top = max(top-top*fall, float64(peak(pcm[i], pcm[i+1])))
		want := 1.0
		if top > limit {
			want = limit / top
		}
		g += (want - g) * move
		pcm[i] *= float32(g)
		pcm[i+1] *= float32(g)
	}
	n.loudest, n.gain = top, g
}
