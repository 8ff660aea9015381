package effect

import (
	"math"

	"segue/audio"
)

// An lfo is a slow sine that begins at 0 and rises.
type lfo struct{ sin, cos float64 }

// start is where it is at so many turns.
func (o *lfo) start(turns float64) { o.sin, o.cos = math.Sincos(2 * math.Pi * turns) }

// speed gives the rotation of a sample at hz, for step.
func speed(hz float64) (sin, cos float64) {
	return math.Sincos(2 * math.Pi * hz / audio.SampleRate)
}

// step moves on by a sample.
func (o *lfo) step(sin, cos float64) {
	o.sin, o.cos = o.sin*cos+o.cos*sin, o.cos*cos-o.sin*sin
}

// steady keeps rounding from making the sine grow or shrink.
func (o *lfo) steady() {
	g := (3 - o.sin*o.sin - o.cos*o.cos) / 2
	o.sin, o.cos = o.sin*g, o.cos*g
}

// tremolo is lavadsp's: the gain goes between 1 and 1-depth,
// 1 - depth/2 + depth/2 sin(2 pi f t).
type tremolo struct{ lfo lfo }

func newTremolo() kernel { return &tremolo{} }

func (s *Settings) tremoloParams() (on bool, p params) {
	return s.Tremolo.On, params{s.Tremolo.Frequency, s.Tremolo.Depth / 2}
}

func (t *tremolo) reset() { t.lfo.start(0) }
func (t *tremolo) flush() {}

func (t *tremolo) run(pcm []float32, p *params) {
	sin, cos := speed(p[0])
	o, depth := t.lfo, p[1]
	for i := 0; i+1 < len(pcm); i += 2 {
		g := float32(1 - depth + depth*o.sin)
		pcm[i] *= g
		pcm[i+1] *= g
		o.step(sin, cos)
	}
	o.steady()
	t.lfo = o
}

// rotation is lavadsp's: left is (1+sin)/2 of itself, right (1-sin)/2.
type rotation struct{ lfo lfo }

func newRotation() kernel { return &rotation{} }

func (s *Settings) rotationParams() (on bool, p params) {
	return s.Rotation.On, params{s.Rotation.RotationHz}
}

func (r *rotation) reset() { r.lfo.start(0) }
func (r *rotation) flush() {}

func (r *rotation) run(pcm []float32, p *params) {
	sin, cos := speed(p[0])
	o := r.lfo
	for i := 0; i+1 < len(pcm); i += 2 {
		pcm[i] *= float32((1 + o.sin) / 2)
		pcm[i+1] *= float32((1 - o.sin) / 2)
		o.step(sin, cos)
	}
	o.steady()
	r.lfo = o
}

// vibrato is lavadsp's: the sound is late by 3 samples and between 0 and 2 ms times
// depth more, after a sine.
type vibrato struct {
	lfo  lfo
	line line
}

const (
	vibratoReach = 0.002 * audio.SampleRate
	vibratoLate  = 3 // samples: what interpolation looks ahead, and one
)

func newVibrato() kernel { return &vibrato{line: newLine(vibratoReach + vibratoLate + 3)} }

func (s *Settings) vibratoParams() (on bool, p params) {
	return s.Vibrato.On, params{s.Vibrato.Frequency, s.Vibrato.Depth}
}

func (v *vibrato) reset() {
	v.lfo.start(0)
	v.line.reset()
}

func (v *vibrato) flush() {}

func (v *vibrato) run(pcm []float32, p *params) {
	sin, cos := speed(p[0])
	reach := p[1] * vibratoReach / 2
	o := v.lfo
	for i := 0; i+1 < len(pcm); i += 2 {
		v.line.put(pcm[i], pcm[i+1])
		late := float32(vibratoLate + reach*(1+o.sin))
		pcm[i], pcm[i+1] = v.line.between(late, 0), v.line.between(late, 1)
		o.step(sin, cos)
	}
	o.steady()
	v.lfo = o
}
