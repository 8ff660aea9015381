package effect

import (
	"math"

	"segue/audio"
)

// echo gives (1-mix) x + mix d, where d is what was heard delay ago together with
// feedback times what d was then.
type echo struct {
	line line
	tap  tap
	in   swell
}

func newEcho() kernel { return &echo{line: newLine(glide)} }

func (s *Settings) echoParams() (on bool, p params) {
	return s.Echo.On, params{s.Echo.Feedback, s.Echo.Mix}
}

// delay sets how late the echo is. It may allocate.
func (e *echo) delay(ms float64) {
	late := max(math.Round(ms*audio.SampleRate/1000), 1)
	e.line.grow(int(late) + glide + 1)
	e.tap.aim(float32(late))
}

func (e *echo) reset() {
	e.line.reset()
	e.tap.jump()
	e.in = swell{}
}

func (e *echo) flush() {}

func (e *echo) run(pcm []float32, p *params) {
	feedback, mix := float32(p[0]), float32(p[1])
	for i := 0; i+1 < len(pcm); i += 2 {
		// The newest on the line is one sample old already.
		share, late := e.tap.step(), int(e.tap.now)-1
		l, r := e.line.at(late, 0), e.line.at(late, 1)
		if share < 1 {
			late = int(e.tap.was) - 1
			a, b := e.line.at(late, 0), e.line.at(late, 1)
			l, r = a+share*(l-a), b+share*(r-b)
		}
		in := e.in.step()
		e.line.put(in*pcm[i]+feedback*l, in*pcm[i+1]+feedback*r)
		pcm[i] += mix * (l - pcm[i])
		pcm[i+1] += mix * (r - pcm[i+1])
	}
}

// chorus is NodeLink's: two voices, the second 1.2 times as late and its sine 1.1
// times as fast, a quarter turn between left and right, half a turn between the
// voices: (1-mix) x + mix (v1+v2)/2.
type chorus struct {
	voices [2]voice
	tap    tap
	in     swell
}

type voice struct {
	line        line
	left, right lfo
}

const (
	chorusReach  = 0.004 * audio.SampleRate
	chorusSecond = 1.2  // of the delay
	chorusFaster = 1.1  // of the rate
	longestDelay = 0.06 // s
)

func newChorus() kernel {
	c := &chorus{}
	for i := range c.voices {
		c.voices[i].line = newLine(longestDelay * audio.SampleRate)
	}
	return c
}

func (s *Settings) chorusParams() (on bool, p params) {
	c := s.Chorus
	return c.On, params{c.Rate, c.Depth, c.Mix, c.Feedback}
}

// delay sets how late the first voice is on average.
func (c *chorus) delay(ms float64) { c.tap.aim(float32(ms * audio.SampleRate / 1000)) }

func (c *chorus) reset() {
	for i := range c.voices {
		v := &c.voices[i]
		v.line.reset()
		v.left.start(float64(i) / 2)
		v.right.start(float64(i)/2 + 0.25)
	}
	c.tap.jump()
	c.in = swell{}
}

func (c *chorus) flush() {
	for i := range c.voices {
		c.voices[i].left.steady()
		c.voices[i].right.steady()
	}
}

func (c *chorus) run(pcm []float32, p *params) {
	reach := float32(p[1] * chorusReach)
	mix, feedback := float32(p[2]), float32(p[3])
	var sin, cos [2]float64
	sin[0], cos[0] = speed(p[0])
	sin[1], cos[1] = speed(p[0] * chorusFaster)
	for i := 0; i+1 < len(pcm); i += 2 {
		share, in := c.tap.step(), c.in.step()
		var l, r float32
		for k := range c.voices {
			v := &c.voices[k]
			a, b := v.hear(c.tap.now, k, reach)
			if share < 1 {
				x, y := v.hear(c.tap.was, k, reach)
				a, b = x+share*(a-x), y+share*(b-y)
			}
			v.line.put(in*pcm[i]+feedback*a, in*pcm[i+1]+feedback*b)
			v.left.step(sin[k], cos[k])
			v.right.step(sin[k], cos[k])
			l, r = l+a/2, r+b/2
		}
		pcm[i] += mix * (l - pcm[i])
		pcm[i+1] += mix * (r - pcm[i+1])
	}
}

// hear is the k-th voice when the first is late by so much on average.
func (v *voice) hear(late float32, k int, reach float32) (l, r float32) {
	if k == 1 {
		late *= chorusSecond
	}
	const least = 2 // the newest on the line is one sample old already
	a := max(late+reach*float32(v.left.sin), least)
	b := max(late+reach*float32(v.right.sin), least)
	return v.line.between(a-1, 0), v.line.between(b-1, 1)
}
