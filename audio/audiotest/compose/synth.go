package main

import "math"

// A take is a stereo recording in the making, at one sample rate.
type take struct {
	rate        float64
	left, right []float64
}

func newTake(rate int, seconds float64) *take {
	n := int(math.Round(seconds * float64(rate)))
	return &take{rate: float64(rate), left: make([]float64, n), right: make([]float64, n)}
}

// A voice is the sound of one note: its value t seconds after it began, for a
// note of hz that is held for a time and may ring on after it.
type voice func(t, hz, held float64) float64

// play adds a note: where in seconds, which (as a MIDI number, 69 is 440 Hz), how
// long, how loud, and where between left (-1) and right (1). Each note rings at
// most ring seconds after it was let go.
func (k *take) play(v voice, at, note, held, gain, pan, ring float64) {
	hz := 440 * math.Pow(2, (note-69)/12)
	angle := (pan + 1) * math.Pi / 4
	l, r := gain*math.Cos(angle), gain*math.Sin(angle)
	from := int(math.Round(at * k.rate))
	for i := range int((held + ring) * k.rate) {
		if from+i >= len(k.left) {
			return
		}
		s := v(float64(i)/k.rate, hz, held)
		k.left[from+i] += l * s
		k.right[from+i] += r * s
	}
}

// envelope rises over attack seconds, falls towards sustain with time constant
// decay, and after held falls to nothing over release.
func envelope(t, held, attack, decay, sustain, release float64) float64 {
	level := func(t float64) float64 {
		if t < attack {
			return t / attack
		}
		return sustain + (1-sustain)*math.Exp(-(t-attack)/decay)
	}
	switch {
	case t < held:
		return level(t)
	case t < held+release:
		fade := 1 - (t-held)/release
		return level(held) * fade * fade
	}
	return 0
}

func sin(turns float64) float64 { return math.Sin(2 * math.Pi * turns) }

// pluck is a struck string: overtones that fade the faster the higher they are.
func pluck(t, hz, held float64) float64 {
	s := 0.0
	for h := 1.0; h <= 7 && h*hz < 16000; h++ {
		s += sin(h*hz*t*(1+0.0004*h*h)) / h * math.Exp(-t*(1.6+1.3*h))
	}
	return s * envelope(t, held, 0.003, 1, 1, 0.25)
}

// bar is a wooden bar: a tone and its double octave, both short.
func bar(t, hz, held float64) float64 {
	s := sin(hz*t)*math.Exp(-t*7) + 0.35*sin(3.93*hz*t)*math.Exp(-t*22) + 0.1*sin(9.6*hz*t)*math.Exp(-t*45)
	return s * envelope(t, held, 0.0015, 1, 1, 0.4)
}

// pad is a slow chorus of three slightly different tones each.
func pad(t, hz, held float64) float64 {
	s := 0.0
	for i, detune := range [3]float64{-0.0023, 0, 0.0031} {
		for h := 1.0; h <= 4; h++ {
			s += sin(h*hz*(1+detune)*t+float64(i)*0.37) / (h * h) * (0.8 + 0.2*sin(0.21*t*h))
		}
	}
	return s / 3 * envelope(t, held, 0.5, 1, 1, 0.7)
}

// bass is a round low tone with a little growl at its start.
func bass(t, hz, held float64) float64 {
	s := sin(hz*t+0.25*math.Exp(-t*9)*sin(2*hz*t)) + 0.25*sin(2*hz*t)*math.Exp(-t*4)
	return s * envelope(t, held, 0.008, 0.5, 0.6, 0.08)
}

// flute sings: nearly a sine, with vibrato that comes late.
func flute(t, hz, held float64) float64 {
	vibrato := 0.0035 * hz / (2 * math.Pi * 5.2) * math.Min(t/0.4, 1)
	turns := hz*t + vibrato*math.Sin(2*math.Pi*5.2*t)
	s := sin(turns) + 0.28*sin(2*turns) + 0.12*sin(3*turns) + 0.03*sin(5*turns)
	return s * envelope(t, held, 0.05, 0.6, 0.75, 0.18)
}

// kick is a tone that falls to the depth.
func kick(t, _, held float64) float64 {
	return sin(46*t+2.6*(1-math.Exp(-t*28))) * math.Exp(-t*8) * envelope(t, held, 0.001, 1, 1, 0.1)
}

// A hiss is a source of noise, the same each time it is made with one seed.
type hiss uint32

func (h *hiss) next() float64 {
	*h ^= *h << 13
	*h ^= *h >> 17
	*h ^= *h << 5
	return float64(int32(*h)) / (1 << 31)
}

// snare is noise over two low tones.
func snare(seed uint32) voice {
	h, low := hiss(seed), 0.0
	return func(t, _, held float64) float64 {
		n := h.next()
		low += 0.35 * (n - low)
		return (0.7*low*math.Exp(-t*16) + 0.4*(sin(186*t)+0.6*sin(283*t))*math.Exp(-t*26)) * envelope(t, held, 0.001, 1, 1, 0.1)
	}
}

// hat is noise without its lows, gone after decay seconds.
func hat(seed uint32, decay float64) voice {
	h, low := hiss(seed), 0.0
	return func(t, _, held float64) float64 {
		n := h.next()
		low += 0.55 * (n - low)
		return (n - low) * math.Exp(-t/decay) * envelope(t, held, 0.0005, 1, 1, 0.05)
	}
}

// echo adds what was heard delay seconds ago, softened, changing sides.
func (k *take) echo(delay, amount float64) {
	n := int(delay * k.rate)
	var l, r float64
	for i := n; i < len(k.left); i++ {
		l += 0.4 * (k.left[i-n] - l)
		r += 0.4 * (k.right[i-n] - r)
		k.left[i] += amount * r
		k.right[i] += amount * l
	}
}

// hall adds a room: four echoes fed back into each other (a feedback delay
// network with a Hadamard mix), a little different on each side.
func (k *take) hall(amount, feedback float64) {
	var lines [4][]float64
	for i, ms := range [4]float64{29.7, 37.1, 41.1, 43.7} {
		lines[i] = make([]float64, int(ms/1000*k.rate))
	}
	var soft [4]float64
	for i := range k.left {
		var out [4]float64
		for j := range lines {
			soft[j] += 0.45 * (lines[j][i%len(lines[j])] - soft[j])
			out[j] = soft[j]
		}
		a, b, c, d := out[0]+out[1], out[0]-out[1], out[2]+out[3], out[2]-out[3]
		for j, v := range [4]float64{a + c, b + d, a - c, b - d} {
			in := k.left[i]
			if j%2 == 1 {
				in = k.right[i]
			}
			lines[j][i%len(lines[j])] = in + feedback*v/2
		}
		k.left[i] += amount * (out[0] + out[2])
		k.right[i] += amount * (out[1] + out[3])
	}
}

// finish brings the peak to level, bends what is near it, fades the ends, and
// gives 16-bit samples, interleaved. Rounding hides what different processors
// make of the last bits, but for one in thousands.
func (k *take) finish(level, fadeIn, fadeOut float64) []int16 {
	peak := 1e-9
	for i := range k.left {
		peak = math.Max(peak, math.Max(math.Abs(k.left[i]), math.Abs(k.right[i])))
	}
	bend := func(v float64) float64 { return math.Tanh(1.4*v/peak) / math.Tanh(1.4) }
	n := len(k.left)
	pcm := make([]int16, 0, 2*n)
	for i := range n {
		t, left := float64(i)/k.rate, float64(n-1-i)/k.rate
		g := level * math.Min(1, t/fadeIn) * math.Min(1, left/fadeOut)
		pcm = append(pcm, quantise(g*bend(k.left[i])), quantise(g*bend(k.right[i])))
	}
	return pcm
}

func quantise(v float64) int16 { return int16(math.Round(32767 * v)) }
