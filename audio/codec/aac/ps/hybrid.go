package ps

import (
	"math"
	"slices"

	"segue/audio/codec/aac/qmf"
)

// reach is how many slots the filters look back, and ahead.
const reach = qmf.Ahead

// A split divides a band of the matrix into subbands, with filters that are a low
// pass moved to count frequencies. The low pass is symmetric, so what
// filters q and count-1-q give are the sum and the difference of the same two.
type split struct {
	center   float32 // the tap in the middle, which all share
	cos, sin [][reach]float32
	to       []uint8 // by filter, the subband it adds to
	made     int     // different subbands
}

// The subbands of each layout, in order. Where the filters are steep enough, two on
// either side make one subband.
var (
	splits20 = []split{
		newSplit(lowPass8a, 2, 3, 4, 5, 5, 4, 0, 1),
		newSplit(lowPass2, 7, 6),
		newSplit(lowPass2, 8, 9),
	}
	splits34 = []split{
		newSplit(lowPass12, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
		newSplit(lowPass8b, 12, 13, 14, 15, 16, 17, 18, 19),
		newSplit(lowPass4, 20, 21, 22, 23),
		newSplit(lowPass4, 24, 25, 26, 27),
		newSplit(lowPass4, 28, 29, 30, 31),
	}
)

// The low passes, from the tap in the middle outwards.
var (
	lowPass2 = []float64{0.5, 0.30596630545168, 0, -0.07293139167538, 0, 0.01899487526049, 0}
	lowPass4 = []float64{
		0.25, 0.23279856662996, 0.16486303567403, 0.07778723915851, 0, -0.04871498374946, -0.05908211155639,
	}
	lowPass8a = []float64{
		0.125, 0.11793710567217, 0.09885108575264, 0.07266113929591, 0.04546865930473, 0.02270420949825, 0.00746082949812,
	}
	lowPass8b = []float64{
		0.125, 0.12222452249753, 0.10307344158036, 0.08417044116767, 0.05417891378782, 0.03752716391991, 0.01565675600122,
	}
	lowPass12 = []float64{
		1.0 / 12, 0.08100347892914, 0.07428313801106, 0.06399831151592, 0.05144908135699, 0.03812810994926, 0.04081179924692,
	}
)

// newSplit moves lowPass to as many frequencies as there are subbands: to the middles
// of equal parts, or, if they are two, to zero and to half the rate.
func newSplit(lowPass []float64, to ...uint8) split {
	s := split{center: float32(lowPass[0]), to: to, made: int(slices.Max(to)-slices.Min(to)) + 1}
	count := len(to)
	shift := 0.5
	if count == 2 {
		shift = 0
	}
	for q := range count / 2 {
		var c, n [reach]float32
		for i := range reach {
			sin, cos := math.Sincos(2 * math.Pi * (float64(q) + shift) * float64(i+1) / float64(count))
			c[i], n[i] = float32(lowPass[i+1]*cos), float32(lowPass[i+1]*sin)
		}
		s.cos, s.sin = append(s.cos, c), append(s.sin, n)
	}
	return s
}

// run adds the subbands at the slot in the middle of x.
func (s *split) run(x *[2*reach + 1]complex64, subbands []complex64) {
	if len(s.to) == 2 {
		s.halve(x, subbands)
		return
	}
	var evenRe, evenIm, oddRe, oddIm [reach]float32
	for i := range reach {
		a, b := x[reach-1-i], x[reach+1+i]
		evenRe[i], evenIm[i] = real(a)+real(b), imag(a)+imag(b)
		oddRe[i], oddIm[i] = real(a)-real(b), imag(a)-imag(b)
	}
	midRe, midIm := s.center*real(x[reach]), s.center*imag(x[reach])
	for q := range s.cos {
		c, n := &s.cos[q], &s.sin[q]
		re, im := midRe, midIm
		var turnRe, turnIm float32 // the odd part, which the sine turns by a quarter
		for i := range reach {
			re += c[i] * evenRe[i]
			im += c[i] * evenIm[i]
			turnRe -= n[i] * oddIm[i]
			turnIm += n[i] * oddRe[i]
		}
		subbands[s.to[q]] += complex(re+turnRe, im+turnIm)
		subbands[s.to[len(s.to)-1-q]] += complex(re-turnRe, im-turnIm)
	}
}

// halve is run for two subbands. Every other tap is zero but that in the middle.
func (s *split) halve(x *[2*reach + 1]complex64, subbands []complex64) {
	var re, im float32
	for i := 0; i < reach; i += 2 {
		a, b, c := x[reach-1-i], x[reach+1+i], s.cos[0][i]
		re += c * (real(a) + real(b))
		im += c * (imag(a) + imag(b))
	}
	midRe, midIm := s.center*real(x[reach]), s.center*imag(x[reach])
	subbands[s.to[0]] = complex(midRe+re, midIm+im)
	subbands[s.to[1]] = complex(midRe-re, midIm-im)
}

// A window is the bands that may be split, from reach slots before a frame to reach
// after it. It is kept from frame to frame, whatever the layout.
type window [maxSplit][qmf.Slots + 2*reach]complex64

// advance goes on to the frame of x.
func (w *window) advance(x *qmf.Matrix) {
	for b := range w {
		copy(w[b][:reach], w[b][qmf.Slots:qmf.Slots+reach])
		for n := range x {
			w[b][reach+n] = x[n][b]
		}
	}
}

// analyze is slot n of a frame in the subbands of l: those of w, and above them the
// bands of the matrix.
func (l *layout) analyze(w *window, n int, bands *[qmf.Bands]complex64, subbands *[maxSubbands]complex64) {
	clear(subbands[:l.low])
	for b := range l.splits {
		l.splits[b].run((*[2*reach + 1]complex64)(w[b][n:]), subbands[:])
	}
	copy(subbands[l.low:], bands[len(l.splits):])
}

// synthesize makes bands of the matrix out of subbands again.
func (l *layout) synthesize(subbands *[maxSubbands]complex64, bands *[qmf.Bands]complex64) {
	k := 0
	for b := range l.splits {
		var re, im float32
		for range l.splits[b].made {
			re += real(subbands[k])
			im += imag(subbands[k])
			k++
		}
		bands[b] = complex(re, im)
	}
	copy(bands[len(l.splits):], subbands[l.low:])
}
