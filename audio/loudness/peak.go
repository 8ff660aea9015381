package loudness

import (
	"math"

	"segue/audio"

	"github.com/tphakala/simd/f32"
)

const (
	taps  = 32 // of each phase
	half  = taps / 2
	piece = 480 // samples per channel looked at together: scratch stays near
	shape = 5.0 // of the Kaiser window

	deaf = 1e-20 // below, arithmetic would become slow, and nothing is heard
	wild = 1e6   // above, it would break down, and it is no sound
)

// A truePeak looks for the highest value between samples, at every quarter of the
// way from one to the next, as BS.1770-4, annex 2, has it. Its filter is longer
// than the one given there, which errs by as much as 0.7 dB for sounds above 18 kHz.
type truePeak struct {
	max     float32
	gain    float32                                   // more than the filter can make of any sample
	common  [half]float32                             // what the phases 1/4 and 3/4, mirror images, have in common
	differs [half]float32                             // and how they differ
	middle  [half]float32                             // phase 1/2, which is its own mirror image
	history [audio.Channels][taps - 1 + piece]float32 // the last samples, and room for a piece
	scratch [5][piece]float32
}

func newTruePeak() truePeak {
	t := truePeak{}
	quarter, middle := phase(0.25), phase(0.5)
	for k := range half {
		a, b := quarter[k], quarter[taps-1-k]
		t.common[k], t.differs[k], t.middle[k] = float32((a+b)/2), float32((a-b)/2), float32(middle[k])
	}
	for _, h := range [][taps]float64{quarter, middle} {
		sum := 0.0
		for _, v := range h {
			sum += math.Abs(v)
		}
		t.gain = max(t.gain, float32(sum)*1.001)
	}
	return t
}

// phase is the filter that gives the value at from 0 to 1 of the way between the
// two samples in its middle: a sinc in a Kaiser window.
func phase(at float64) (h [taps]float64) {
	sum := 0.0
	for k := range h {
		x := float64(k-half+1) - at
		h[k] = math.Sin(math.Pi*x) / (math.Pi * x) * bessel(shape*math.Sqrt(max(0, 1-x*x/(half*half))))
		sum += h[k]
	}
	for k := range h {
		h[k] /= sum
	}
	return h
}

// bessel is the modified Bessel function of the first kind and order 0.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > 1e-12*sum; k++ {
		term *= x * x / (4 * k * k)
		sum += term
	}
	return sum
}

func (t *truePeak) add(pcm []float32) {
	for len(pcm) > 1 {
		n := min(len(pcm)/audio.Channels, piece)
		left, right := t.history[0][:taps-1+n], t.history[1][:taps-1+n]
		f32.Deinterleave2(left[taps-1:], right[taps-1:], pcm[:n*audio.Channels])
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
	if !(top*t.gain > t.max && top > deaf && top < wild) {
		return
	}
	t.raise(top)
	n := len(x) - (taps - 1)
	s := &t.scratch
	sums, differences, common, differing, middle := s[0][:n], s[1][:n], s[2][:n], s[3][:n], s[4][:n]
	clear(common)
	clear(differing)
	clear(middle)
	for k := range half { // samples equally far from the middle together
		f32.AddSub(sums, differences, x[k:k+n], x[taps-1-k:taps-1-k+n])
		f32.AddScaled(common, t.common[k], sums)
		f32.AddScaled(differing, t.differs[k], differences)
		f32.AddScaled(middle, t.middle[k], sums)
	}
	f32.AddSub(sums, differences, common, differing)
	t.raise(max(f32.MaxAbs(sums), f32.MaxAbs(differences), f32.MaxAbs(middle)))
}

// raise makes v the highest if it is, which no NaN can be.
func (t *truePeak) raise(v float32) {
	if v > t.max && v < t.gain*wild {
		t.max = v
	}
}
