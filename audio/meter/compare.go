package meter

import (
	"math"

	"segue/audio"
)

// floorPower is the mean square below which a stretch counts as silent: -60 dBFS.
const floorPower = 1e-6

// nothing is the figure in dB for no error at all.
const nothing = -300

// A Match is how well a recording fits its reference.
type Match struct {
	Shift   int     // by how much the recording is late
	Gain    float64 // factor that fits it to the reference best
	ErrorDB float64 // energy of the difference to that of the reference, at gain 1
	FitDB   float64 // the same after dividing the gain out
}

// Compare aligns got with ref, up to maxShift either way, and measures the
// difference over what both have.
func Compare(ref, got []float32, maxShift int) Match {
	m := Match{Shift: Align(ref, got, maxShift)}
	a, b := overlap(ref, got, m.Shift)
	var aa, bb, ab float64
	for i := range a {
		x, y := float64(a[i]), float64(b[i])
		aa, bb, ab = aa+x*x, bb+y*y, ab+x*y
	}
	m.Gain = 1
	if aa > 0 {
		m.Gain = ab / aa
	}
	m.ErrorDB = ratio(aa+bb-2*ab, aa)
	if fit := m.Gain * m.Gain * aa; fit > 0 {
		m.FitDB = ratio(bb-fit, fit)
	}
	return m
}

// Error is the energy of got's difference from ref to that of ref, in dB, with
// got late by shift; over what both have.
func Error(ref, got []float32, shift int) float64 {
	a, b := overlap(ref, got, shift)
	return difference(a, b)
}

// Worst is the largest Error of any stretch of window samples, moved on by a
// quarter of it, and where in ref that begins. Stretches in which ref is silent
// (below -60 dBFS) do not count; if all are, at is -1.
func Worst(ref, got []float32, shift, window int) (db float64, at int) {
	a, b := overlap(ref, got, shift)
	db, at = nothing, -1
	for i := 0; i+window <= len(a)/audio.Channels; i += max(window/4, 1) {
		x, y := stretch(a, i, window), stretch(b, i, window)
		if power(x) < floorPower {
			continue
		}
		if e := difference(x, y); e > db || at < 0 {
			db, at = e, i+max(-shift, 0)
		}
	}
	return db, at
}

// Settles is how long after from every 20 ms of got stay within limit dB of ref,
// moved on by 5 ms; both are aligned. It looks as far as both go.
func Settles(ref, got []float32, from int, limit float64) int {
	a, b := overlap(ref, got, 0)
	last := from
	for i := from; i+audio.FrameSamples <= len(a)/audio.Channels; i += audio.FrameSamples / 4 {
		x, y := stretch(a, i, audio.FrameSamples), stretch(b, i, audio.FrameSamples)
		if power(x) >= floorPower && difference(x, y) > limit {
			last = i + audio.FrameSamples
		}
	}
	return last - from
}

// Align is by how much got is late against ref, at most maxShift either way. It
// correlates the loudest two and a half seconds of ref.
func Align(ref, got []float32, maxShift int) int {
	const longest = audio.SampleRate * 5 / 2
	n := min(len(ref)/audio.Channels, longest)
	from := loudest(ref, n)
	size := powerOfTwo(n + 2*maxShift + n)
	x, y := make([]complex128, size), make([]complex128, size)
	for i := range n {
		x[i] = complex(mono(ref, from+i), 0)
	}
	for i := range n + 2*maxShift {
		y[i] = complex(mono(got, from-maxShift+i), 0)
	}
	transform(x, false)
	transform(y, false)
	for i := range x {
		x[i] = complex(real(x[i]), -imag(x[i])) * y[i]
	}
	transform(x, true)
	best := maxShift
	for i := range 2*maxShift + 1 {
		if real(x[i]) > real(x[best])+1e-9*math.Abs(real(x[best])) {
			best = i
		}
	}
	return best - maxShift
}

// loudest is where the n samples of most energy begin, to half a second.
func loudest(pcm []float32, n int) int {
	const step = audio.SampleRate / 2
	at, most := 0, -1.0
	for i := 0; i+n <= len(pcm)/audio.Channels; i += step {
		if p := power(stretch(pcm, i, n)); p > most {
			at, most = i, p
		}
	}
	return at
}

// overlap cuts ref and got, which is late by shift, to what both have.
func overlap(ref, got []float32, shift int) (a, b []float32) {
	if shift >= 0 {
		got = got[min(shift*audio.Channels, len(got)):]
	} else {
		ref = ref[min(-shift*audio.Channels, len(ref)):]
	}
	n := min(len(ref), len(got))
	return ref[:n], got[:n]
}

func stretch(pcm []float32, at, n int) []float32 {
	return pcm[at*audio.Channels : (at+n)*audio.Channels]
}

// mono is the sum of both channels at i; 0 outside.
func mono(pcm []float32, i int) float64 {
	if i < 0 || i >= len(pcm)/audio.Channels {
		return 0
	}
	return float64(pcm[2*i]) + float64(pcm[2*i+1])
}

func power(pcm []float32) float64 {
	s := 0.0
	for _, v := range pcm {
		s += float64(v) * float64(v)
	}
	return s / float64(max(len(pcm), 1))
}

func difference(a, b []float32) float64 {
	var e, s float64
	for i := range a {
		d := float64(b[i]) - float64(a[i])
		e, s = e+d*d, s+float64(a[i])*float64(a[i])
	}
	return ratio(e, s)
}

// ratio is e to s in dB; both may be zero.
func ratio(e, s float64) float64 {
	const tiny = 1e-30
	return max(10*math.Log10((max(e, 0)+tiny)/(s+tiny)), nothing)
}
