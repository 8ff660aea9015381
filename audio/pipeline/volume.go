package pipeline

import "segue/audio"

// volume scales samples, and slides from one gain to the next over one frame's
// worth of them, so that no step is heard.
type volume struct {
	gain, target float64
	step         float64 // per sample while sliding
}

// reset begins at gain, with nothing to slide from.
func (v *volume) reset(gain float64) { *v = volume{gain: gain, target: gain} }

// dry reports whether the sound is left alone from here on.
func (v *volume) dry() bool { return v.gain == 1 && v.target == 1 }

// aim makes the gain slide to target, beginning with the next sample.
func (v *volume) aim(target float64) {
	if target != v.target {
		v.target = target
		v.step = (target - v.gain) / audio.FrameSamples
	}
}

// apply scales pcm in place and reports the number of samples per channel up to
// the last it changed.
func (v *volume) apply(pcm []float32) int {
	if v.dry() {
		return 0
	}
	n := len(pcm) / audio.Channels
	for i := range n {
		if v.gain != v.target {
			v.gain += v.step
			if (v.step > 0) == (v.gain >= v.target) {
				v.gain = v.target
			}
			if v.dry() {
				return i
			}
		}
		pcm[2*i] *= float32(v.gain)
		pcm[2*i+1] *= float32(v.gain)
	}
	return n
}
