package aac

import "segue/audio/codec/aac/bits"

import "math"

const (
	maxOrder      = 12 // of temporal noise shaping, in AAC-LC
	maxShortOrder = 7
)

// A shaping is the temporal noise shaping of one window: up to three filters.
type shaping struct {
	count   int
	filters [3]filter
}

type filter struct {
	length, order int
	down          bool
	lpc           [maxOrder + 1]float32
}

func (s *ics) readShaping(r *bits.Reader) error {
	windows, countBits, lengthBits, orderBits, most := 1, 2, 6, 5, maxOrder
	if s.sequence == eightShort {
		windows, countBits, lengthBits, orderBits, most = 8, 1, 4, 3, maxShortOrder
	}
	for w := range windows {
		t := &s.tns[w]
		if t.count = r.Read(countBits); t.count == 0 {
			continue
		}
		resolution := r.Read(1) + 3
		for i := range t.count {
			f := &t.filters[i]
			f.length, f.order = r.Read(lengthBits), r.Read(orderBits)
			if f.order > most {
				return malformed("order of temporal noise shaping")
			}
			if f.order == 0 {
				continue
			}
			f.down = r.Flag()
			width := resolution - r.Read(1)
			f.readCoefficients(r, resolution, width)
		}
	}
	return nil
}

// readCoefficients reads reflection coefficients and makes a filter of them.
func (f *filter) readCoefficients(r *bits.Reader, resolution, width int) {
	var a [maxOrder + 1]float64
	half := float64(int(1) << (resolution - 1))
	for m := 1; m <= f.order; m++ {
		n := r.Read(width)
		if n >= 1<<(width-1) {
			n -= 1 << width
		}
		step := half - 0.5
		if n < 0 {
			step = half + 0.5
		}
		k := math.Sin(float64(n) * math.Pi / 2 / step)
		b := a
		for i := 1; i < m; i++ {
			a[i] = b[i] + k*b[m-i]
		}
		a[m] = k
	}
	for i, x := range a {
		f.lpc[i] = float32(x)
	}
}

// filter filters the spectrum, window by window (ISO/IEC 14496-3, 4.6.9).
func (s *ics) filter(l *layout) {
	if !s.shaped {
		return
	}
	windows, most := 1, l.tnsLong
	if s.sequence == eightShort {
		windows, most = 8, l.tnsShort
	}
	most = min(most, s.last)
	for w := range windows {
		top := len(s.bands) - 1
		t := &s.tns[w]
		for i := range t.count {
			f := &t.filters[i]
			bottom := max(top-f.length, 0)
			from, to := int(s.bands[min(bottom, most)]), int(s.bands[min(top, most)])
			top = bottom
			if f.order > 0 && from < to {
				f.run(s.spec[w*short+from : w*short+to])
			}
		}
	}
}

// run is the all-pole filter over v, upwards or down.
func (f *filter) run(v []float32) {
	at, step := 0, 1
	if f.down {
		at, step = len(v)-1, -1
	}
	for n := range v {
		x := v[at]
		for i := 1; i <= min(n, f.order); i++ {
			x -= f.lpc[i] * v[at-i*step]
		}
		v[at] = x
		at += step
	}
}

// noise fills the noise bands (perceptual noise substitution, 4.6.13). Where with
// is not nil, its noise is used again in the bands of mask.
func (s *ics) noise(seed *uint32, with *ics, mask *[maxBands]bool) {
	var started [maxBands]bool
	s.each(func(i, from, to int) {
		if s.books[i] != noiseBook {
			return
		}
		state := seed
		switch {
		case with != nil && mask[i] && with.books[i] == noiseBook:
			state = &with.seeds[i]
		case !started[i]:
			s.seeds[i], started[i] = *seed, true
		}
		energy := 0.0
		v := s.spec[from:to]
		for k := range v {
			*state = *state*1664525 + 1013904223
			v[k] = float32(int32(*state)) / (1 << 31)
			energy += float64(v[k]) * float64(v[k])
		}
		if energy == 0 {
			return
		}
		gain := float32(math.Exp2(float64(s.scales[i])/4) / math.Sqrt(energy) / 32768)
		for k := range v {
			v[k] *= gain
		}
	})
}

// middle undoes middle/side stereo in the bands of mask.
func middle(left, right *ics, mask *[maxBands]bool) {
	left.each(func(i, from, to int) {
		if !mask[i] || left.books[i] >= noiseBook || right.books[i] >= noiseBook {
			return
		}
		a, b := left.spec[from:to], right.spec[from:to]
		for k, m := range a {
			side := b[k]
			a[k], b[k] = m+side, m-side
		}
	})
}

// intensity makes the right channel of the left in intensity bands. A mask turns
// the phase, also where it is all of one: so do the encoders that write it so.
func intensity(left, right *ics, mask *[maxBands]bool) {
	right.each(func(i, from, to int) {
		book := right.books[i]
		if book < outOfPhase {
			return
		}
		gain := float32(math.Exp2(-float64(right.scales[i]) / 4))
		if (book == outOfPhase) != mask[i] {
			gain = -gain
		}
		a, b := left.spec[from:to], right.spec[from:to]
		for k := range b {
			b[k] = a[k] * gain
		}
	})
}
