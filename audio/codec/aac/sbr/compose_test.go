package sbr_test

import (
	"math/rand/v2"

	"segue/audio/codec/aac/sbr"
)

// A composer writes legal data at random, for one element.
type composer struct {
	*rand.Rand
	rate    int // of the output
	pair    bool
	classes []int // of grids that may be; nil: all
	quiet   bool  // no sinusoids
	fixed   bool  // one header for all
	every   int   // frames from header to header
	stereo  bool  // with parametric stereo

	frame            int
	header           *bitWriter
	coarse           bool
	high, low, noise int
	voices           [2]lines
	coupled          bool
	fresh            bool // nothing may refer to what was before
}

// lines are what a channel's frames say, one after the other.
type lines struct {
	end      int // of the last frame, in time slots behind its own
	lastHigh bool
	level    [48]int
	floor    [5]int

	envelopes, floors int
	highs             [5]bool
	coarse            bool
}

// chance is true so many times in a hundred.
func (c *composer) chance(percent int) bool { return c.IntN(100) < percent }

func (c *composer) newHeader() {
	for {
		w := &bitWriter{}
		c.coarse = w.flag(c.chance(50))
		w.write(c.IntN(16), 4)
		w.write(c.IntN(16), 4)
		w.write(c.IntN(8)*c.IntN(2), 3)
		w.write(0, 2)
		frequencies, limits := w.flag(c.chance(70)), w.flag(c.chance(70))
		if frequencies {
			w.write(c.IntN(32), 5)
		}
		if limits {
			w.write(c.IntN(64), 6)
		}
		var ok bool
		if c.high, c.low, c.noise, ok = sbr.Bands(w.b, c.rate); ok {
			c.header = w
			return
		}
	}
}

// next is the data of the next frame: an extension_payload that fits an element.
func (c *composer) next() *bitWriter {
	for {
		was := *c
		if w := c.payload(); w.n <= 8*269 {
			return w
		}
		*c = was
	}
}

func (c *composer) payload() *bitWriter {
	w := &bitWriter{}
	checked := c.chance(20)
	if checked {
		w.write(14, 4)
		w.write(c.IntN(1024), 10)
	} else {
		w.write(13, 4)
	}
	if w.flag(c.frame%c.every == 0) {
		if c.header == nil || !c.fixed {
			c.newHeader()
			c.fresh = true
		}
		w.copyBits(c.header.b, 0, c.header.n)
	}
	c.frame++
	if w.flag(c.chance(10)) {
		w.write(0, 4)
		if c.pair {
			w.write(0, 4)
		}
	}
	if c.pair {
		c.two(w)
	} else {
		v := &c.voices[0]
		c.grid(w, v)
		level, floor := c.directions(w, v)
		c.inverse(w)
		c.levels(w, v, level, false)
		c.floors(w, v, floor, false)
		c.sines(w)
	}
	switch extended := w.flag(c.stereo || c.chance(10)); {
	case c.stereo:
		c.parametric(w)
	case extended:
		w.write(1, 4)
		w.write(0, 8)
	}
	c.fresh = false
	return w
}

// parametric writes a ps_data: one envelope of differences in level and of coherence.
func (c *composer) parametric(w *bitWriter) {
	w.write(14, 4)
	at := w.n
	w.write(2, 2)
	w.write(1, 1)           // a header:
	w.write(8, 4)           // differences in level, of the first kind
	w.write(8, 4)           // coherence, likewise
	w.write(0, 1)           // and no more
	w.write(0b001, 3)       // one envelope, up to the end
	w.write(0, 1)           // in frequency:
	w.write(4+c.IntN(2), 3) // up or down by one, and then the same everywhere
	w.write(0, 9)
	w.write(0, 1)
	w.write(2, 2)
	w.write(0, 9)
	w.write(0, at+8*14-w.n)
}

func (c *composer) two(w *bitWriter) {
	a, b := &c.voices[0], &c.voices[1]
	coupled := c.chance(40) && a.end == b.end
	if coupled != c.coupled {
		c.fresh = true
	}
	c.coupled = w.flag(coupled)
	c.grid(w, a)
	if coupled {
		b.end, b.envelopes, b.floors, b.highs, b.coarse = a.end, a.envelopes, a.floors, a.highs, a.coarse
	} else {
		c.grid(w, b)
	}
	levelA, floorA := c.directions(w, a)
	levelB, floorB := c.directions(w, b)
	c.inverse(w)
	if coupled {
		c.levels(w, a, levelA, false)
		c.floors(w, a, floorA, false)
		c.levels(w, b, levelB, true)
		c.floors(w, b, floorB, true)
	} else {
		c.inverse(w)
		c.levels(w, a, levelA, false)
		c.levels(w, b, levelB, false)
		c.floors(w, a, floorA, false)
		c.floors(w, b, floorB, false)
	}
	c.sines(w)
	c.sines(w)
}

// grid writes a grid that begins where the last one ended.
func (c *composer) grid(w *bitWriter, v *lines) {
	for {
		class := c.IntN(4)
		if c.classes != nil {
			class = c.classes[c.IntN(len(c.classes))]
		}
		if v.end > 0 && class < 2 {
			class += 2
		}
		if c.tryGrid(w, v, class) {
			return
		}
	}
}

func (c *composer) tryGrid(w *bitWriter, v *lines, class int) bool {
	v.coarse = c.coarse
	if class == 0 {
		n, high := c.IntN(3), c.chance(50)
		w.write(class, 2)
		w.write(n, 2)
		w.flag(high)
		v.envelopes = 1 << n
		v.floors = min(v.envelopes, 2)
		if n == 0 {
			v.coarse = false
		}
		for i := range v.highs {
			v.highs[i] = high
		}
		return true
	}
	first, last, lead, trail := 0, 16, 0, 0
	if class&1 == 1 {
		last, trail = 16+c.IntN(4), c.IntN(4)
	}
	if class&2 == 2 {
		first, lead = v.end, c.IntN(4)
	}
	n := lead + trail + 1
	if n > 5 {
		return false
	}
	at, to := first, last
	var leads, trails []int
	for range lead {
		leads = append(leads, c.IntN(4))
		at += 2*leads[len(leads)-1] + 2
	}
	for range trail {
		trails = append(trails, c.IntN(4))
		to -= 2*trails[len(trails)-1] + 2
	}
	if at >= to {
		return false
	}
	w.write(class, 2)
	if class&2 == 2 {
		w.write(first, 2)
	}
	if class&1 == 1 {
		w.write(last-16, 2)
	}
	if class&2 == 2 {
		w.write(lead, 2)
	}
	if class&1 == 1 {
		w.write(trail, 2)
	}
	for _, x := range append(leads, trails...) {
		w.write(x, 2)
	}
	w.write(c.IntN(n+1), []int{0, 1, 2, 2, 3, 3}[n])
	for i := range n {
		at := i
		if class == 1 {
			at = n - 1 - i
		}
		v.highs[at] = w.flag(c.chance(50))
	}
	v.envelopes, v.floors, v.end = n, min(n, 2), last-16
	return true
}

// directions says what is told as differences in time.
func (c *composer) directions(w *bitWriter, v *lines) (level [5]bool, floor [2]bool) {
	for i := range v.envelopes {
		level[i] = w.flag(c.chance(50) && !(i == 0 && c.fresh))
	}
	for i := range v.floors {
		floor[i] = w.flag(c.chance(50) && !(i == 0 && c.fresh))
	}
	return level, floor
}

func (c *composer) inverse(w *bitWriter) {
	for range c.noise {
		w.write(c.IntN(4), 2)
	}
}

// levels writes envelopes that rise and fall a little.
func (c *composer) levels(w *bitWriter, v *lines, inTime [5]bool, balance bool) {
	width, book, least, most := 7, sbr.LevelTime, 20, 50
	if balance {
		width, book, least, most = 6, sbr.BalanceTime, 8, 40
	}
	if v.coarse {
		width, book, least, most = width-1, book+sbr.CoarseLevelTime-sbr.LevelTime, least/2, most/2
	}
	if balance {
		least, most = least/2, most/2
	}
	for i := range v.envelopes {
		n := c.low
		if v.highs[i] {
			n = c.high
		}
		before := v.level
		middle := least + c.IntN(most-least)
		value := 0
		for k := range n {
			want := min(max(middle+c.IntN(9)-4, least), most)
			switch {
			case inTime[i]:
				was := before[c.same(k, v.lastHigh, v.highs[i])]
				want = within(book, was, want)
				c.code(w, book, want-was)
			case k == 0:
				w.write(want, width)
			default:
				want = within(book+1, value, want)
				c.code(w, book+1, want-value)
			}
			value = want
			v.level[k] = want
		}
		v.lastHigh = v.highs[i]
	}
}

// same is the band before that is where band k is.
func (c *composer) same(k int, was, is bool) int {
	odd := c.high & 1
	switch {
	case was == is:
		return k
	case is:
		return (k + odd) / 2
	case k == 0:
		return 0
	default:
		return 2*k - odd
	}
}

func (c *composer) floors(w *bitWriter, v *lines, inTime [2]bool, balance bool) {
	book, frequency, most := sbr.NoiseTime, sbr.CoarseLevelFrequency, 30
	if balance {
		book, frequency, most = sbr.NoiseBalanceTime, sbr.CoarseBalanceFreq, 12
	}
	for i := range v.floors {
		value := 0
		for k := range c.noise {
			want := c.IntN(most + 1)
			switch {
			case inTime[i]:
				want = within(book, v.floor[k], want)
				c.code(w, book, want-v.floor[k])
			case k == 0:
				w.write(want, 5)
			default:
				c.code(w, frequency, want-value)
			}
			value, v.floor[k] = want, want
		}
	}
}

// within is want, or the nearest to it that a book can tell as a difference to was.
func within(book, was, want int) int {
	most, _ := sbr.Book(book)
	return min(max(want, was-most), was+most)
}

func (c *composer) code(w *bitWriter, book, v int) {
	x, ok := books[book][v]
	if !ok {
		panic("no such code")
	}
	w.write(x[0], x[1])
}

func (c *composer) sines(w *bitWriter) {
	if w.flag(!c.quiet && c.chance(40)) {
		for range c.high {
			w.flag(c.chance(20))
		}
	}
}
