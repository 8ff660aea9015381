package pipeline

import (
	"math"

	"segue/audio"
)

// A slide scales samples, and slides from one gain to the next, so that no step is
// heard.
type slide struct {
	gain, target float64
	step         float64 // per sample while sliding
}

// still is one that leaves the sound alone.
func still() slide { return slide{gain: 1, target: 1} }

// reset begins at gain, with nothing to slide from.
func (r *slide) reset(gain float64) { *r = slide{gain: gain, target: gain} }

// open reports whether the sound is left alone from here on.
func (r *slide) open() bool { return r.gain == 1 && r.target == 1 }

// shut reports whether nothing is heard from here on.
func (r *slide) shut() bool { return r.gain == 0 && r.target == 0 }

// aim makes the gain slide to target within so many samples, beginning with the
// next one.
func (r *slide) aim(target float64, samples int64) {
	switch {
	case target == r.target:
	case samples <= 0:
		r.reset(target)
	default:
		r.target = target
		r.step = (target - r.gain) / float64(samples)
	}
}

// apply scales pcm in place and reports the number of samples per channel up to
// the last it changed.
func (r *slide) apply(pcm []float32) int {
	n := len(pcm) / audio.Channels
	for i := range n {
		if r.gain == r.target {
			if r.open() {
				return i
			}
			scale(pcm[i*audio.Channels:], float32(r.gain))
			return n
		}
		r.gain += r.step
		if (r.step > 0) == (r.gain >= r.target) {
			r.gain = r.target
			if r.open() {
				return i
			}
		}
		pcm[2*i] *= float32(r.gain)
		pcm[2*i+1] *= float32(r.gain)
	}
	return n
}

// fade scales pcm as apply does, but by the sine of the angle that the gain is of a
// quarter turn: what fades in while something else fades out has, with that, the
// same power throughout. It reports whether it changed anything.
func (r *slide) fade(pcm []float32) (changed bool) {
	const piece = 48 * audio.Channels // a millisecond, in which the curve is straight
	for len(pcm) > 0 && !r.open() {
		n := min(len(pcm), piece)
		from := math.Sin(math.Pi / 2 * r.gain)
		r.move(n / audio.Channels)
		step := (math.Sin(math.Pi/2*r.gain) - from) / float64(n/audio.Channels)
		for i := range pcm[:n] {
			pcm[i] *= float32(from + step*float64(i/audio.Channels))
		}
		pcm, changed = pcm[n:], true
	}
	return changed
}

// move lets so many samples pass.
func (r *slide) move(samples int) {
	if r.gain == r.target {
		return
	}
	r.gain += r.step * float64(samples)
	if (r.step > 0) == (r.gain >= r.target) {
		r.gain = r.target
	}
}

func scale(pcm []float32, gain float32) {
	for i := range pcm {
		pcm[i] *= gain
	}
}
