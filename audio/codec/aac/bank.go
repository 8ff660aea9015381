package aac

import (
	"math"

	"segue/audio/codec/aac/dct"
)

const (
	long  = 1024 // samples a frame
	short = long / 8
	flat  = (long - short) / 2 // of a start or stop window, on either side of its slope
)

// Window sequences and shapes, by their numbers in the stream.
const (
	onlyLong = iota
	longStart
	eightShort
	longStop
)

// A bank has the windows and transforms of the synthesis filter bank (ISO/IEC
// 14496-3, 4.6.11). Windows are their rising halves, by shape: sine, then
// Kaiser-Bessel.
type bank struct {
	long, stop  [2][]float32
	short       [2][]float32
	all, eighth *dct.IV
}

func newBank() *bank {
	b := &bank{all: dct.New(long), eighth: dct.New(short)}
	b.long = [2][]float32{sine(long), kaiser(long, 4)}
	b.short = [2][]float32{sine(short), kaiser(short, 6)}
	for i := range b.stop {
		w := make([]float32, long)
		copy(w[flat:], b.short[i])
		for k := flat + short; k < long; k++ {
			w[k] = 1
		}
		b.stop[i] = w
	}
	return b
}

func sine(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(math.Sin(math.Pi / 2 * (float64(i) + 0.5) / float64(n)))
	}
	return w
}

// kaiser is the Kaiser-Bessel derived window.
func kaiser(n int, alpha float64) []float32 {
	sums, sum := make([]float64, n+1), 0.0
	for i := range sums {
		x := 2*float64(i)/float64(n) - 1
		sum += bessel(math.Pi * alpha * math.Sqrt(1-x*x))
		sums[i] = sum
	}
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(math.Sqrt(sums[i] / sum))
	}
	return w
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-18; k++ {
		term *= x / 2 / k * (x / 2 / k)
		sum += term
	}
	return sum
}

// A voice is what one channel keeps from frame to frame.
type voice struct {
	tail  [long]float32 // what the next frame is added to
	shape int           // of the window before
}

// scratch is room for one transform at a time.
type scratch struct {
	room [long]complex64
	d    [long]float32
	y    [2 * long]float32
}

// synthesize turns a spectrum into the samples out[0], out[step], …
func (b *bank) synthesize(v *voice, s *scratch, spec *[long]float32, sequence, shape int, out []float32, step int) {
	if sequence == eightShort {
		b.shorts(v, s, spec, shape, out, step)
	} else {
		rise, fall := b.long[v.shape], b.long[shape]
		if sequence == longStop {
			rise = b.stop[v.shape]
		}
		if sequence == longStart {
			fall = b.stop[shape]
		}
		b.all.Transform(s.room[:], spec[:], s.d[:])
		b.overlap(v, &s.d, rise, fall, out, step)
	}
	v.shape = shape
}

// overlap unfolds d, windows it, and adds its first half to the tail.
func (b *bank) overlap(v *voice, d *[long]float32, rise, fall, out []float32, step int) {
	const half = long / 2
	rise, fall = rise[:long], fall[:long]
	for n := range half {
		m := long - 1 - n
		x := d[half+n]
		out[n*step] = v.tail[n] + x*rise[n]
		out[m*step] = v.tail[m] - x*rise[m]
		x = -d[half-1-n]
		v.tail[n] = x * fall[m]
		v.tail[m] = x * fall[n]
	}
}

func (b *bank) shorts(v *voice, s *scratch, spec *[long]float32, shape int, out []float32, step int) {
	const half = short / 2
	clear(s.y[:])
	rise, fall := b.short[v.shape][:short], b.short[shape][:short]
	for w := range 8 {
		d := s.d[:short]
		b.eighth.Transform(s.room[:], spec[w*short:(w+1)*short], d)
		y := s.y[flat+w*short:][:2*short]
		for n := range half {
			m := short - 1 - n
			x := d[half+n]
			y[n] += x * rise[n]
			y[m] -= x * rise[m]
			x = -d[half-1-n]
			y[short+n] += x * fall[m]
			y[short+m] += x * fall[n]
		}
		rise = fall
	}
	for n := range long {
		out[n*step] = v.tail[n] + s.y[n]
		v.tail[n] = s.y[long+n]
	}
}
