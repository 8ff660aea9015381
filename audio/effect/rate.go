package effect

import (
	"math"
	"sync"

	"github.com/tphakala/simd/f32"

	"segue/audio"
)

const (
	rateHalf        = 16   // zero crossings of the sinc either side
	ratePhases      = 128  // between them it is interpolated: -82 dB at worst; fewer where the sinc is wider
	ratePassband    = 0.88 // of what the filter lets pass
	rateAttenuation = 90.0 // dB, of the Kaiser window

	rateReach = int(fastest) * rateHalf // samples either side at the fastest
	ratePiece = 1024                    // samples taken at once
	rateRoom  = 2*rateReach + ratePiece + 2
)

// A sinc is the filter for one rate. It never changes.
type sinc struct {
	rate   float64 // 1 for all that are slower: only what hastens has to be cut off
	half   int     // taps either side
	phases int     // between one sample and the next
	rows   []float32
}

// newSinc makes the filter for a rate of 1 or more.
func newSinc(rate float64, w *window) *sinc {
	f := &sinc{rate: rate, half: int(math.Ceil(rateHalf * rate)), phases: ratePhases}
	for twice := 2.0; twice <= rate; twice *= 2 {
		f.phases /= 2
	}
	taps := 2 * f.half
	cutoff := (1 + ratePassband) / 2 / rate
	f.rows = make([]float32, 0, (f.phases+1)*taps)
	for phase := range f.phases + 1 {
		sum := float32(0)
		for k := range taps {
			x := float64(k-f.half+1) - float64(phase)/float64(f.phases)
			v := cutoff
			if x != 0 {
				v = math.Sin(math.Pi*cutoff*x) / (math.Pi * x)
			}
			v *= w.at(x / float64(f.half))
			sum += float32(v)
			f.rows = append(f.rows, float32(v))
		}
		row := f.rows[phase*taps:]
		for k := range row {
			row[k] /= sum
		}
	}
	return f
}

// rateShared is what raters share: the window, and the filter of all that do not
// hasten. It never changes.
var rateShared = sync.OnceValue(func() *rateTables {
	w := newWindow()
	return &rateTables{w, newSinc(1, w)}
})

type rateTables struct {
	window *window
	slow   *sinc
}

// A window is Kaiser's from its middle to its end, one more for what lies between.
type window [1024 + 2]float64

func newWindow() *window {
	w := &window{}
	beta := 0.1102 * (rateAttenuation - 8.7)
	for i := range len(w) - 1 {
		x := float64(i) / (float64(len(w)) - 2)
		w[i] = bessel(beta*math.Sqrt(1-x*x)) / bessel(beta)
	}
	return w
}

// bessel is the modified Bessel function of the first kind and order zero.
func bessel(x float64) float64 {
	sum, term := 1.0, 1.0
	for k := 1.0; term > sum*1e-9; k++ {
		term *= (x / 2 / k) * (x / 2 / k)
		sum += term
	}
	return sum
}

// at is the window at x, where -1 and 1 are its ends.
func (w *window) at(x float64) float64 {
	x = math.Abs(x) * (float64(len(w)) - 2)
	i := int(x)
	if i >= len(w)-1 {
		return 0
	}
	return w[i] + (x-float64(i))*(w[i+1]-w[i])
}

// at is the music of both channels at place i+f, 0 <= f < 1.
func (f *sinc) at(left, right []float32, i int, frac float64) (l, r float32) {
	scaled := frac * float64(f.phases)
	n := int(scaled)
	w := float32(scaled - float64(n))
	taps := 2 * f.half
	a := f.rows[n*taps : (n+1)*taps]
	b := f.rows[(n+1)*taps : (n+2)*taps]
	from := i - f.half + 1
	left, right = left[from:from+taps], right[from:from+taps]
	l, r = f32.DotProduct(a, left), f32.DotProduct(a, right)
	l += w * (f32.DotProduct(b, left) - l)
	r += w * (f32.DotProduct(b, right) - r)
	return l, r
}

// A cycle remembers filters between the phases of one sinc. At a rate of few decimals
// the places read come round again and again: 1.2 has five of them. Where they are too
// many it takes as long as reading between two phases.
type cycle struct {
	rate float64 // of the sinc
	at   [cycleRows]int32
	rows []float32
}

const (
	cycleRows = 32      // places remembered: all of a rate that is a multiple of 0.05
	cycleStep = 1 << 20 // places are told apart to a millionth of a sample: -110 dB
)

// suit makes room for the filters of f, if it may be asked for any.
func (c *cycle) suit(f *sinc, rate float64) {
	if n := cycleRows * 2 * f.half; len(c.rows) < n && rate != 1 {
		c.rows, c.rate = make([]float32, n), 0
	}
}

// row is the filter of f at a place from 0 to 1. It is c's, and holds until it is
// asked again.
func (c *cycle) row(f *sinc, frac float64) []float32 {
	if c.rate != f.rate {
		c.rate = f.rate
		for i := range c.at {
			c.at[i] = -1
		}
	}
	place := int(frac*cycleStep + 0.5)
	i, taps := place*cycleRows/cycleStep%cycleRows, 2*f.half
	row := c.rows[i*taps : (i+1)*taps]
	if c.at[i] == int32(place) {
		return row
	}
	c.at[i] = int32(place)
	between := cycleStep / f.phases
	n, w := place/between, float32(place%between)/float32(between)
	if n == f.phases {
		n, w = f.phases-1, 1
	}
	f32.Scale(row, f.rows[n*taps:(n+1)*taps], 1-w)
	f32.AddScaled(row, w, f.rows[(n+1)*taps:(n+2)*taps])
	return row
}

// A rater plays music faster or slower as a tape does: it reads it at places that
// are rate samples apart. At rate 1, once it reads at whole samples, it gives
// what it takes.
type rater struct {
	left, right []float32
	pos         float64 // in left, of the next sample to give

	rate, from, to float64
	at             int     // of the glide, in samples given
	sliding        bool    // this glide is a slide onto a whole sample
	goal           float64 // what is wanted when the glide is over
	now, then      *sinc   // the filters of from and, while it glides, of to
	next           *sinc   // the filter of goal
	cycle          cycle   // of now, while nothing glides
}

// reset begins at a rate, after the past: rateReach samples.
func (r *rater) reset(rate float64, past []float32) {
	if r.left == nil {
		r.left, r.right = make([]float32, 0, rateRoom), make([]float32, 0, rateRoom)
	}
	r.left, r.right = r.left[:0], r.right[:0]
	r.put(past)
	r.pos = float64(len(r.left))
	r.rate, r.from, r.to, r.at = rate, rate, rate, glide
	r.sliding = false
	r.aim(rate)
	r.now, r.then = r.next, r.next
}

// aim makes the rate glide. While it still glides, the latest wish waits. It may
// allocate.
func (r *rater) aim(rate float64) {
	r.goal = rate
	r.next = r.filter(max(rate, 1))
	r.cycle.suit(r.next, rate)
}

// filter is the one for a rate of 1 or more: one there is, if there is.
func (r *rater) filter(rate float64) *sinc {
	shared := rateShared()
	for _, f := range []*sinc{shared.slow, r.now, r.then, r.next} {
		if f != nil && f.rate == rate {
			return f
		}
	}
	return newSinc(rate, shared.window)
}

// direct reports whether it gives what it takes.
func (r *rater) direct() bool {
	return r.rate == 1 && r.at == glide && r.goal == 1 && r.to == 1 && r.pos == math.Trunc(r.pos)
}

// put takes at most ratePiece samples.
func (r *rater) put(pcm []float32) {
	for i := 0; i+1 < len(pcm); i += 2 {
		r.left, r.right = append(r.left, pcm[i]), append(r.right, pcm[i+1])
	}
}

// pending is how many samples were taken and not yet given.
func (r *rater) pending() float64 { return float64(len(r.left)) - r.pos }

// take appends all there is to be given, and forgets what is no longer needed.
func (r *rater) take(dst []float32) []float32 {
	for {
		dst = r.steady(dst)
		r.turn()
		if r.direct() {
			for i := int(r.pos); i < len(r.left); i++ {
				dst = append(dst, r.left[i], r.right[i])
			}
			r.pos = float64(len(r.left))
			break
		}
		blend := r.at < glide && !r.sliding
		i, ahead := int(r.pos), r.now.half
		if blend {
			ahead = max(ahead, r.then.half)
		}
		if i+ahead >= len(r.left) {
			break
		}
		frac := r.pos - float64(i)
		a, b := r.now.at(r.left, r.right, i, frac)
		if blend && r.now.rate != r.then.rate {
			w := float32(ease(float64(r.at) / glide))
			c, d := r.then.at(r.left, r.right, i, frac)
			a, b = a+w*(c-a), b+w*(d-b)
		}
		dst = append(dst, a, b)
		r.move()
	}
	if k := min(int(r.pos), len(r.left)) - rateReach; k > 0 {
		r.left = r.left[:copy(r.left, r.left[k:])]
		r.right = r.right[:copy(r.right, r.right[k:])]
		r.pos -= float64(k)
	}
	return dst
}

// steady appends what there is to be given while the rate stays as it is.
func (r *rater) steady(dst []float32) []float32 {
	if r.at < glide || r.goal != r.to || r.to == 1 {
		return dst
	}
	taps := 2 * r.now.half
	for {
		i := int(r.pos)
		if i+r.now.half >= len(r.left) {
			return dst
		}
		row, from := r.cycle.row(r.now, r.pos-float64(i)), i-r.now.half+1
		dst = append(dst, f32.DotProduct(row, r.left[from:from+taps]), f32.DotProduct(row, r.right[from:from+taps]))
		r.pos += r.rate
	}
}

// turn begins the next glide if the last is over and there is reason to.
func (r *rater) turn() {
	if r.at < glide {
		return
	}
	frac := r.pos - math.Trunc(r.pos)
	switch {
	case r.goal != r.to:
		r.from, r.to, r.at = r.rate, r.goal, 0
		r.then = r.next
	case r.to == 1 && frac != 0:
		// Slide onto a whole sample, by less than one in the length of a glide.
		r.rate, r.at, r.sliding = 1+(1-frac)/glide, 0, true
	}
}

// move goes on to the next place.
func (r *rater) move() {
	r.pos += r.rate
	if r.at == glide {
		return
	}
	r.at++
	switch {
	case r.at < glide && !r.sliding:
		r.rate = r.from + (r.to-r.from)*ease(float64(r.at)/glide)
	case r.at == glide && !r.sliding:
		r.rate = r.to
		r.now = r.then
	case r.at == glide:
		r.rate, r.pos, r.sliding = 1, math.Round(r.pos), false
	}
}

// tail copies the last samples given to past.
func (r *rater) tail(past []float32) {
	at := int(r.pos) - len(past)/audio.Channels
	for i := range len(past) / audio.Channels {
		past[2*i], past[2*i+1] = r.left[at+i], r.right[at+i]
	}
}
