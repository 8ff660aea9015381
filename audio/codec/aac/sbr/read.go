package sbr

import (
	"math"

	"segue/audio/codec/aac/bits"
)

// readSingle reads an sbr_single_channel_element.
func (e *Element) readSingle(r *bits.Reader) bool {
	if r.Flag() {
		r.Read(4)
	}
	c := &e.channels[0]
	e.coupled = false
	if !c.readGrid(r, e.coarse) {
		return false
	}
	if !c.readDirections(r, e.stale) {
		return false
	}
	c.readInverse(r, len(e.noise)-1)
	if !e.readLevels(r, c, false) || !e.readFloors(r, c, false) {
		return false
	}
	e.readSines(r, c)
	return true
}

// readPair reads an sbr_channel_pair_element.
func (e *Element) readPair(r *bits.Reader) bool {
	if r.Flag() {
		r.Read(8)
	}
	a, b := &e.channels[0], &e.channels[1]
	e.coupled = r.Flag()
	if !a.readGrid(r, e.coarse) {
		return false
	}
	if e.coupled {
		b.grid = a.grid
	} else if !b.readGrid(r, e.coarse) {
		return false
	}
	if !a.readDirections(r, e.stale) || !b.readDirections(r, e.stale) {
		return false
	}
	a.readInverse(r, len(e.noise)-1)
	if e.coupled {
		b.inverse[0], b.inverse[1] = b.inverse[1], a.inverse[1]
		if !e.readLevels(r, a, false) || !e.readFloors(r, a, false) || !e.readLevels(r, b, true) || !e.readFloors(r, b, true) {
			return false
		}
	} else {
		b.readInverse(r, len(e.noise)-1)
		if !e.readLevels(r, a, false) || !e.readLevels(r, b, false) || !e.readFloors(r, a, false) || !e.readFloors(r, b, false) {
			return false
		}
	}
	e.readSines(r, a)
	e.readSines(r, b)
	return true
}

func (c *channel) readGrid(r *bits.Reader, coarse bool) bool {
	g, ok := readGrid(r, coarse)
	if ok {
		c.grid = g
	}
	return ok
}

// readDirections reads an sbr_dtdf. If what was before is stale, nothing may be told
// as a difference to it.
func (c *channel) readDirections(r *bits.Reader, stale bool) bool {
	for i := range c.envelopes {
		c.timeLevel[i] = r.Flag()
	}
	for i := range c.floors {
		c.timeFloor[i] = r.Flag()
	}
	return !stale || !c.timeLevel[0] && !c.timeFloor[0]
}

// readInverse reads an sbr_invf for n bands.
func (c *channel) readInverse(r *bits.Reader, n int) {
	c.inverse[0] = c.inverse[1]
	for i := range n {
		c.inverse[1][i] = uint8(r.Read(2))
	}
}

// difference reads a code of a book.
func difference(r *bits.Reader, book int) int {
	return shared.books[book].Next(r) - listings[book].least
}

// readLevels reads an sbr_envelope: how loud each band is, or, if balance, how
// much more so than in the other channel.
func (e *Element) readLevels(r *bits.Reader, c *channel, balance bool) bool {
	width, inTime, scale := 7, levelTime, 1
	if balance {
		width, inTime, scale = 6, balanceTime, 2
	}
	if c.coarse {
		width, inTime = width-1, inTime+coarseLevelTime-levelTime
	}
	for i := range c.envelopes {
		was := c.lastHigh
		if i > 0 {
			was = c.high[i-1]
		}
		row, last := &c.levels[i+1], &c.levels[i]
		n := e.count(c.high[i])
		value := 0
		for k := range n {
			switch {
			case c.timeLevel[i]:
				value = int(last[e.same(k, was, c.high[i])]) + scale*difference(r, inTime)
			case k == 0:
				value = scale * r.Read(width)
			default:
				value += scale * difference(r, inTime+1)
			}
			if value < 0 || value > 127 {
				return false
			}
			row[k] = uint8(value)
		}
	}
	c.levels[0], c.lastHigh = c.levels[c.envelopes], c.high[c.envelopes-1]
	return true
}

// count is how many bands an envelope has.
func (e *Element) count(high bool) int {
	if high {
		return len(e.high) - 1
	}
	return len(e.low) - 1
}

// same is the band of an envelope before that is where band k of this one is.
func (e *Element) same(k int, was, is bool) int {
	odd := (len(e.high) - 1) & 1
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

// readFloors reads an sbr_noise.
func (e *Element) readFloors(r *bits.Reader, c *channel, balance bool) bool {
	inTime, inFrequency, scale := noiseTime, coarseLevelFrequency, 1
	if balance {
		inTime, inFrequency, scale = noiseBalanceTime, coarseBalanceFrequency, 2
	}
	for i := range c.floors {
		value := 0
		for k := range len(e.noise) - 1 {
			switch {
			case c.timeFloor[i]:
				value = int(c.floor[i][k]) + scale*difference(r, inTime)
			case k == 0:
				value = scale * r.Read(5)
			default:
				value += scale * difference(r, inFrequency)
			}
			if value < 0 || value > 30 {
				return false
			}
			c.floor[i+1][k] = uint8(value)
		}
	}
	c.floor[0] = c.floor[c.floors]
	return true
}

// readSines reads an sbr_sinusoidal_coding, if there is one.
func (e *Element) readSines(r *bits.Reader, c *channel) {
	clear(c.sines[:])
	if r.Flag() {
		for i := range len(e.high) - 1 {
			c.sines[i] = r.Flag()
		}
	}
}

// unit is the scale of energies: the standard's are those of 16 bits.
const unit = 1.0 / (1 << 30)

// loudest is more energy than a subband of full scale has, which is 1<<11.
const loudest = 1 << 15

// loudness keeps what only damage can have made from being heard as a bang.
func loudness(energy float64) float32 { return float32(min(energy, loudest)) }

// dequantize turns what was read into energies (ISO/IEC 14496-3, 4.6.18.3.5).
func (e *Element) dequantize() {
	if !e.coupled {
		for i := range e.channels {
			e.channels[i].dequantize(e)
		}
		return
	}
	a, b := &e.channels[0], &e.channels[1]
	step, even := 0.5, 24.0
	if a.coarse {
		step, even = 1, 12
	}
	for i := range a.envelopes {
		for k := range e.count(a.high[i]) {
			both := math.Exp2(float64(a.levels[i+1][k])*step+7) * unit
			more := math.Exp2((even - float64(b.levels[i+1][k])) * step)
			a.energy[i][k] = loudness(both / (1 + more))
			b.energy[i][k] = loudness(both / (1 + more) * more)
		}
	}
	for i := range a.floors {
		for k := range len(e.noise) - 1 {
			both := math.Exp2(7 - float64(a.floor[i+1][k]))
			more := math.Exp2(12 - float64(b.floor[i+1][k]))
			a.ratio[i][k] = float32(both / (1 + more))
			b.ratio[i][k] = float32(both / (1 + more) * more)
		}
	}
}

func (c *channel) dequantize(e *Element) {
	step := 0.5
	if c.coarse {
		step = 1
	}
	for i := range c.envelopes {
		for k := range e.count(c.high[i]) {
			c.energy[i][k] = loudness(math.Exp2(float64(c.levels[i+1][k])*step+6) * unit)
		}
	}
	for i := range c.floors {
		for k := range len(e.noise) - 1 {
			c.ratio[i][k] = float32(math.Exp2(6 - float64(c.floor[i+1][k])))
		}
	}
}
