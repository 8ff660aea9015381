package loudness

import (
	"segue/audio"

	"github.com/tphakala/simd/f32"
)

const (
	deaf = 1e-20 // below, arithmetic would become slow, and nothing is heard
	wild = 1e6   // above, it would break down, and it is no sound
)

// A truePeak looks for the highest value at and between samples.
type truePeak struct {
	max     float32
	over    *Oversampler
	history [audio.Channels][Taps - 1 + Piece]float32 // the last samples, and room for a piece
}

func (t *truePeak) add(pcm []float32) {
	for len(pcm) > 1 {
		n := min(len(pcm)/audio.Channels, Piece)
		left, right := t.history[0][:Taps-1+n], t.history[1][:Taps-1+n]
		f32.Deinterleave2(left[Taps-1:], right[Taps-1:], pcm[:n*audio.Channels])
		t.look(left)
		t.look(right)
		copy(left, left[n:])
		copy(right, right[n:])
		pcm = pcm[n*audio.Channels:]
	}
}

// look looks at a piece of one channel and the samples before it. What cannot
// reach as high as the highest so far is passed over.
func (t *truePeak) look(x []float32) {
	top := f32.MaxAbs(x)
	if !(top*t.over.reach > t.max && top > deaf && top < wild) {
		return
	}
	t.raise(top)
	if t.over.Most(x) <= t.max {
		return
	}
	quarter, middle, last := t.over.Between(x)
	t.raise(max(f32.MaxAbs(quarter), f32.MaxAbs(middle), f32.MaxAbs(last)))
}

// raise makes v the highest if it is, which no NaN can be.
func (t *truePeak) raise(v float32) {
	if v > t.max && v < t.over.reach*wild {
		t.max = v
	}
}
