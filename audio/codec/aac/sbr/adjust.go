package sbr

import "math"

const smooth = 4 // slots before that have a say in the gain of one

// smoothing are the weights of a slot and those before it (4.6.18.7.6).
var smoothing = [smooth + 1]float32{0.33333333333333, 0.30150283239582, 0.21816949906249, 0.11516383427084, 0.03183050093751}

// levels are what the high bands are to be multiplied by and what is to be added, by
// envelope and subband.
type levels struct {
	gain, noise, sine [maxEnvelopes][maxHigh]float32
	energy            [maxHigh]float32 // that a subband is to have
	has               [maxHigh]float32 // and that it has
	ratio             [maxHigh]float32 // of noise
	near              [maxHigh]bool    // a sinusoid is in the same band
	sines             [maxHigh]bool
}

// adjust gives the high bands the levels that were told (4.6.18.7).
func (e *Element) adjust(c *channel, s *Scratch) {
	l := &s.levels
	for i := range c.envelopes {
		e.spread(c, l, i)
		e.estimate(c, s, i)
		for j := range len(e.limits) - 1 {
			l.limit(e, i, e.limits[j]-e.start, e.limits[j+1]-e.start, c.steady(i))
		}
	}
	if c.envelopes > 0 {
		c.lastSines = l.sines
	}
	e.assemble(c, s)
}

// steady reports whether envelope i is none of an attack.
func (c *channel) steady(i int) bool {
	return i != c.attack && !(i == 0 && c.before.attack >= 0 && c.before.attack == c.before.envelopes)
}

// spread maps what was told of bands to their subbands (4.6.18.7.2).
func (e *Element) spread(c *channel, l *levels, i int) {
	table := e.low
	if c.high[i] {
		table = e.high
	}
	clear(l.sines[:])
	for k, told := range c.sines[:len(e.high)-1] {
		m := (e.high[k]+e.high[k+1])/2 - e.start
		l.sines[m] = told && (i >= c.attack || c.lastSines[m])
	}
	for k := range len(table) - 1 {
		from, to := table[k]-e.start, table[k+1]-e.start
		near := false
		for m := from; m < to; m++ {
			near = near || l.sines[m]
		}
		for m := from; m < to; m++ {
			l.energy[m], l.near[m] = c.energy[i][k], near
		}
	}
	floor := 0
	if c.floors > 1 && c.borders[i] >= c.middle {
		floor = 1
	}
	for k := range len(e.noise) - 1 {
		for m := e.noise[k] - e.start; m < e.noise[k+1]-e.start; m++ {
			l.ratio[m] = c.ratio[floor][k]
		}
	}
}

// estimate measures the energy the subbands have (4.6.18.7.3).
func (e *Element) estimate(c *channel, s *Scratch, i int) {
	l := &s.levels
	has := l.has[:e.width]
	clear(has)
	from, to := 2*c.borders[i], 2*c.borders[i+1]
	for slot := from; slot < to; slot++ {
		row := s.high[slot][:len(has)]
		for m, x := range row {
			has[m] += real(x)*real(x) + imag(x)*imag(x)
		}
	}
	each := 1 / float32(to-from)
	for m := range has {
		has[m] *= each
	}
	if e.interpolate {
		return
	}
	table := e.low
	if c.high[i] {
		table = e.high
	}
	for k := range len(table) - 1 {
		part := has[table[k]-e.start : table[k+1]-e.start]
		sum := float32(0)
		for _, x := range part {
			sum += x
		}
		for m := range part {
			part[m] = sum / float32(len(part))
		}
	}
}

// limit finds the gains of a limiter band in envelope i (4.6.18.7.4 and 5).
func (l *levels) limit(e *Element, i, from, to int, steady bool) {
	const (
		epsilon = 1.1920929e-07 * unit
		most    = 1e5
		boost   = 1.584893192 // 4 dB
	)
	gain, noise, sine := l.gain[i][from:to], l.noise[i][from:to], l.sine[i][from:to]
	n := len(gain)
	energy, has, ratio := l.energy[from:][:n], l.has[from:][:n], l.ratio[from:][:n]
	near, sines := l.near[from:][:n], l.sines[from:][:n]
	var wanted, there float32
	for m := range gain {
		share := energy[m] / (1 + ratio[m])
		noise[m] = root(share * ratio[m])
		sine[m] = 0
		if sines[m] {
			sine[m] = root(share)
		}
		switch {
		case near[m]:
			gain[m] = root(share * ratio[m] / (unit + has[m]))
		case steady:
			gain[m] = root(share / (unit + has[m]))
		default:
			gain[m] = root(energy[m] / (unit + has[m]))
		}
		wanted += energy[m]
		there += has[m]
	}
	limit := min([...]float32{0.70795, 1, 1.41254, 1e10}[e.limiterGains]*root((epsilon+wanted)/(epsilon+there)), most)
	there = 0
	for m := range gain {
		if gain[m] > limit {
			noise[m] *= limit / gain[m]
			gain[m] = limit
		}
		there += has[m]*gain[m]*gain[m] + sine[m]*sine[m]
		if steady && sine[m] == 0 {
			there += noise[m] * noise[m]
		}
	}
	by := min(root((epsilon+wanted)/(epsilon+there)), boost)
	for m := range gain {
		gain[m] *= by
		noise[m] *= by
		sine[m] *= by
	}
}

func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// assemble applies the levels to the high bands (4.6.18.7.6).
func (e *Element) assemble(c *channel, s *Scratch) {
	l := &s.levels
	var gains, levels [smooth + timeSlots*2 + spill]*[maxHigh]float32 // by slot, from smooth slots before the first on
	for i := range smooth {
		gains[i], levels[i] = &c.gains[i], &c.noises[i]
		if e.reset {
			gains[i], levels[i] = &l.gain[0], &l.noise[0]
		}
	}
	n := smooth
	for i := range c.envelopes {
		steady := c.steady(i)
		for slot := 2 * c.borders[i]; slot < 2*c.borders[i+1]; slot++ {
			gains[n], levels[n] = &l.gain[i], &l.noise[i]
			gain, level := gains[n], levels[n]
			if steady && !e.plain && gains[n-smooth] != gain {
				gain, level = c.smoothed(gains[n-smooth:n+1], levels[n-smooth:n+1], e.width)
			}
			row := s.high[slot][:e.width]
			for m := range row {
				row[m] = complex(real(row[m])*gain[m], imag(row[m])*gain[m])
			}
			if steady {
				c.addNoise(row, level, &l.sine[i])
			}
			c.noiseAt = (c.noiseAt + e.width) % noises
			c.addSines(row, &l.sine[i], e.start&1 == 1)
			n++
		}
	}
	for i := range smooth {
		c.gains[i], c.noises[i] = *gains[n-smooth+i], *levels[n-smooth+i]
	}
}

// smoothed is the weighted mean of the last of the rows and those before it.
func (c *channel) smoothed(gains, noises []*[maxHigh]float32, width int) (gain, level *[maxHigh]float32) {
	gain, level = &c.mean[0], &c.mean[1]
	for m := range width {
		g, q := float32(0), float32(0)
		for i, weight := range smoothing {
			g += gains[smooth-i][m] * weight
			q += noises[smooth-i][m] * weight
		}
		gain[m], level[m] = g, q
	}
	return gain, level
}

// addNoise adds noise to the subbands of a slot that have no sinusoid.
func (c *channel) addNoise(row []complex64, level, sine *[maxHigh]float32) {
	for m := range row {
		if sine[m] == 0 {
			at := (c.noiseAt + m + 1) % noises
			row[m] += complex(level[m]*noise[2*at], level[m]*noise[2*at+1])
		}
	}
}

// addSines adds to a slot what sinusoids have there. They turn a quarter from slot to
// slot, against each other in neighbouring subbands; odd is whether the first is odd.
func (c *channel) addSines(row []complex64, sine *[maxHigh]float32, odd bool) {
	for m := range row {
		x := sine[m]
		if x == 0 {
			continue
		}
		if c.sineAt >= 2 {
			x = -x
		}
		if c.sineAt&1 == 0 {
			row[m] += complex(x, 0)
		} else {
			if (m&1 == 1) != odd {
				x = -x
			}
			row[m] += complex(0, x)
		}
	}
	c.sineAt = (c.sineAt + 1) & 3
}
