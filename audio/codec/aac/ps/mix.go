package ps

import "math"

// A matrix is how left and right are mixed of the signal and the decorrelated one.
type matrix struct {
	re, im [4]float32 // signal to left, to right; decorrelated to left, to right
}

const (
	coarseSteps = 7
	fineSteps   = 15
	steps       = 2*coarseSteps + 1 + 2*fineSteps + 1 // of intensity, both kinds
	coherences  = 8
	phases      = 8 // of a turn
)

// coarseLevels and fineLevels are the intensity differences in dB, correlations what the
// coherences stand for.
var (
	coarseLevels = [coarseSteps + 1]float64{0, 2, 4, 7, 10, 14, 18, 25}
	fineLevels   = [fineSteps + 1]float64{0, 2, 4, 6, 8, 10, 13, 16, 19, 22, 25, 30, 35, 40, 45, 50}
	correlations = [coherences]float64{1, 0.937, 0.84118, 0.60092, 0.36764, 0, -0.589, -1}
)

// mixes are the matrices without phases, by intensity, coarse before fine, and
// coherence: a after 8.6.4.6.2.1, b after 8.6.4.6.2.2. Turns are smoothed phases, by
// the last three, the newest last.
var (
	mixes = newMixes()
	turns = newTurns()
)

type mixings struct{ a, b [steps][coherences][4]float32 }

func newMixes() *mixings {
	m := new(mixings)
	for i := range steps {
		n, levels := i-coarseSteps, coarseLevels[:]
		if i > 2*coarseSteps {
			n, levels = i-2*coarseSteps-1-fineSteps, fineLevels[:]
		}
		level := math.Copysign(levels[max(n, -n)], float64(n))
		for k, correlation := range correlations {
			m.a[i][k] = mixA(level, correlation)
			m.b[i][k] = mixB(level, correlation)
		}
	}
	return m
}

// mixA keeps what is common in the middle between left and right.
func mixA(level, correlation float64) [4]float32 {
	ratio := math.Pow(10, level/20)
	right := math.Sqrt(2 / (1 + ratio*ratio))
	left := ratio * right
	alpha := math.Acos(correlation) / 2
	beta := alpha * (right - left) / math.Sqrt2
	return [4]float32{
		float32(left * math.Cos(alpha+beta)), float32(right * math.Cos(beta-alpha)),
		float32(left * math.Sin(alpha+beta)), float32(right * math.Sin(beta-alpha)),
	}
}

// mixB turns the signal to where most of it came from.
func mixB(level, correlation float64) [4]float32 {
	ratio, rho := math.Pow(10, level/20), max(correlation, 0.05)
	alpha := math.Atan2(2*ratio*rho, ratio*ratio-1) / 2
	mean := ratio + 1/ratio
	mu := math.Sqrt(1 + (4*rho*rho-4)/(mean*mean))
	gamma := math.Atan(math.Sqrt((1 - mu) / (1 + mu)))
	sinA, cosA := math.Sincos(alpha)
	sinG, cosG := math.Sincos(gamma)
	return [4]float32{
		float32(math.Sqrt2 * cosA * cosG), float32(math.Sqrt2 * sinA * cosG),
		float32(math.Sqrt2 * -sinA * sinG), float32(math.Sqrt2 * cosA * sinG),
	}
}

func newTurns() *[phases * phases * phases]complex64 {
	t := new([phases * phases * phases]complex64)
	unit := func(phase int) complex128 {
		sin, cos := math.Sincos(2 * math.Pi * float64(phase%phases) / phases)
		return complex(cos, sin)
	}
	for i := range t {
		z := unit(i/phases/phases)/4 + unit(i/phases)/2 + unit(i)
		t[i] = complex64(z / complex(math.Hypot(real(z), imag(z)), 0))
	}
	return t
}

// A mixer has the matrices of the bands, which glide from slot to slot.
type mixer struct {
	now, step, goal [maxBands]matrix
	// The two phases before, of each band: between the channels, and of both.
	between, overall [maxBands]uint16
	turning          bool // some matrix is complex
}

// begin starts with mono on both sides.
func (m *mixer) begin() {
	for b := range m.now {
		m.now[b] = matrix{re: [4]float32{1, 1}}
	}
}

// relay goes on with other bands.
func (m *mixer) relay(means [][]uint8) {
	was := m.now
	m.now = [maxBands]matrix{}
	for i, mean := range means {
		to := &m.now[i]
		for _, b := range mean {
			for k := range to.re {
				to.re[k] += was[b].re[k] / float32(len(mean))
				to.im[k] += was[b].im[k] / float32(len(mean))
			}
		}
	}
	m.between, m.overall = [maxBands]uint16{}, [maxBands]uint16{}
}

// aim lets the matrices glide to those of envelope e of p, over so many slots.
func (m *mixer) aim(l *layout, p *parameters, e, slots int) {
	iid, icc := p.iid.fit(l, p.iidBands, e), p.icc.fit(l, p.iccBands, e)
	ipd, opd := p.ipd.fit(l, p.phaseBands, e), p.opd.fit(l, p.phaseBands, e)
	table, zero := &mixes.a, coarseSteps
	if p.typeB {
		table = &mixes.b
	}
	if p.fine {
		zero = 2*coarseSteps + 1 + fineSteps
	}
	m.turning = false
	part := 1 / float32(max(slots, 1))
	for b := range l.bands {
		goal := &m.goal[b]
		*goal = matrix{re: table[zero+int(iid[b])][icc[b]]}
		if b < l.phased {
			m.turn(b, ipd[b], opd[b])
		}
		now, step := &m.now[b], &m.step[b]
		for k := range goal.re {
			step.re[k] = (goal.re[k] - now.re[k]) * part
			step.im[k] = (goal.im[k] - now.im[k]) * part
		}
		m.turning = m.turning || goal.im != [4]float32{} || now.im != [4]float32{}
	}
}

// turn gives the goal of band b its phases. They are smoothed over three envelopes,
// also where a stream no longer has any.
func (m *mixer) turn(b int, ipd, opd int8) {
	between, overall := m.between[b]*phases+uint16(ipd), m.overall[b]*phases+uint16(opd)
	if between|overall == 0 {
		return
	}
	m.between[b], m.overall[b] = between%(phases*phases), overall%(phases*phases)
	left, difference := turns[overall], turns[between]
	re, im := times(left, complex(real(difference), -imag(difference)))
	right := complex(re, im)
	goal := &m.goal[b]
	for k, turn := range [4]complex64{left, right, left, right} {
		goal.im[k] = goal.re[k] * imag(turn)
		goal.re[k] *= real(turn)
	}
}

// glide goes on by a slot.
func (m *mixer) glide(l *layout) {
	for b := range l.bands {
		now, step := &m.now[b], &m.step[b]
		for k := range now.re {
			now.re[k] += step.re[k]
		}
		if m.turning {
			for k := range now.im {
				now.im[k] += step.im[k]
			}
		}
	}
}

// arrive ends an envelope.
func (m *mixer) arrive() { m.now = m.goal }

// mix makes left and right of in and of what was made of it.
func (m *mixer) mix(l *layout, in *[maxSubbands]complex64, second *decorrelator, left, right *[maxSubbands]complex64) {
	for i := range l.groups {
		g := &l.groups[i]
		h, gain := &m.now[g.band], second.duck.gain[g.band]
		x, y := in[g.from:g.to], second.out[g.from:g.to]
		a, b := left[g.from:g.to], right[g.from:g.to]
		if m.turning && g.band < l.phased {
			h.turned(x, y, a, b, gain, g.mirrored)
			continue
		}
		xa, xb, ya, yb := h.re[0], h.re[1], gain*h.re[2], gain*h.re[3]
		for k, x := range x {
			y := y[k]
			a[k] = complex(xa*real(x)+ya*real(y), xa*imag(x)+ya*imag(y))
			b[k] = complex(xb*real(x)+yb*real(y), xb*imag(x)+yb*imag(y))
		}
	}
}

// turned mixes x and y, the latter with gain, to a and b.
func (h *matrix) turned(x, y, a, b []complex64, gain float32, mirrored bool) {
	side := float32(1)
	if mirrored {
		side = -1
	}
	xa, xb := complex(h.re[0], side*h.im[0]), complex(h.re[1], side*h.im[1])
	ya, yb := complex(gain*h.re[2], side*gain*h.im[2]), complex(gain*h.re[3], side*gain*h.im[3])
	for k, x := range x {
		re, im := times(xa, x)
		re2, im2 := times(ya, y[k])
		a[k] = complex(re+re2, im+im2)
		re, im = times(xb, x)
		re2, im2 = times(yb, y[k])
		b[k] = complex(re+re2, im+im2)
	}
}
