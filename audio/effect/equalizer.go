package effect

import (
	"math"

	"segue/audio"
)

// bandHz are the centres of the equalizer's bands.
var bandHz = [Bands]float64{25, 40, 63, 100, 160, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10000, 16000}

// Equalizer's form is lavaplayer's: beside the sound itself, fifteen band-passes
//
//	B(z) = a (1 - z^-2) / (1 - c z^-1 + b z^-2)
//	b = (1 - tan(w/2Q)) / (1 + tan(w/2Q)), a = (1-b)/2, c = (1+b) cos w
//
// of peak 1, two thirds of an octave wide (Q = 2.145), each times four times its
// gain: H = 1 + 4 sum g B. That is what its table of coefficients holds, to 7
// digits. Neighbours overlap, so several at once come to more than their sum.
type equalizer struct {
	bands [Bands + 1]band // the last stays silent
	x     [2 * audio.Channels]float64
	diff  [eqBlock * audio.Channels]float64
	sum   [eqBlock * audio.Channels]float64
}

// eqBlock is how many samples are filtered at a time: what the fastest cache holds.
const eqBlock = 192

// A band is one band-pass, without its factor a.
type band struct {
	a, b, c        float64
	l1, l2, r1, r2 float64
	sounding       bool // its state is not zero
}

func newEqualizer() kernel {
	e := &equalizer{}
	q := math.Cbrt(2) / (math.Cbrt(4) - 1)
	for i, hz := range bandHz {
		w := 2 * math.Pi * hz / audio.SampleRate
		t := math.Tan(w / (2 * q))
		b := (1 - t) / (1 + t)
		e.bands[i] = band{a: (1 - b) / 2, b: b, c: (1 + b) * math.Cos(w)}
	}
	return e
}

func (s *Settings) equalizerParams() (on bool, p params) {
	return s.Equalizer != Equalizer{}, params(s.Equalizer)
}

func (e *equalizer) reset() {
	for i := range e.bands {
		e.bands[i].silence()
	}
	clear(e.x[:])
}

func (b *band) silence() { b.l1, b.l2, b.r1, b.r2, b.sounding = 0, 0, 0, 0, false }

func (e *equalizer) flush() {
	for i := range e.bands {
		b := &e.bands[i]
		b.l1, b.l2, b.r1, b.r2 = settle(b.l1), settle(b.l2), settle(b.r1), settle(b.r2)
	}
}

func (e *equalizer) run(pcm []float32, p *params) {
	for len(pcm) > 1 {
		part := pcm[:min(len(pcm), len(e.diff))]
		pcm = pcm[len(part):]
		e.move(part, p, p)
	}
}

// move takes at most eqBlock samples.
func (e *equalizer) move(pcm []float32, from, to *params) {
	var wanted [Bands + 1]int
	n := 0
	for i := range from {
		if from[i] != 0 || to[i] != 0 {
			wanted[n] = i
			n++
		} else if e.bands[i].sounding {
			e.bands[i].silence()
		}
	}
	if n%2 == 1 {
		wanted[n] = Bands
		n++
	}
	e.differ(pcm)
	diff, sum := e.diff[:len(pcm)], e.sum[:len(pcm)]
	clear(sum)
	for i := 0; i < n; i += 2 {
		a, b := wanted[i], wanted[i+1]
		if to == from {
			e.pair(a, b, e.gain(a, from), e.gain(b, from), diff, sum)
			continue
		}
		steps := float64(len(pcm) / audio.Channels)
		ga, gb := e.gain(a, from), e.gain(b, from)
		da, db := (e.gain(a, to)-ga)/steps, (e.gain(b, to)-gb)/steps
		for i := 0; i+1 < len(diff); i += audio.Channels {
			ga, gb = ga+da, gb+db
			e.pair(a, b, ga, gb, diff[i:i+audio.Channels], sum[i:i+audio.Channels])
		}
	}
	for i, v := range sum {
		pcm[i] += float32(v)
	}
}

// gain is what the i-th band counts for, its own factor included.
func (e *equalizer) gain(i int, p *params) float64 {
	if i == Bands {
		return 0
	}
	return 4 * p[i] * e.bands[i].a
}

// differ sets diff to x[n] - x[n-2].
func (e *equalizer) differ(pcm []float32) {
	d, x := e.diff[:len(pcm)], &e.x
	for i := 0; i+1 < len(pcm); i += 2 {
		l, r := float64(pcm[i]), float64(pcm[i+1])
		d[i], d[i+1] = l-x[2], r-x[3]
		x[2], x[3], x[0], x[1] = x[0], x[1], l, r
	}
}

// pair adds to sum what two bands make of diff, at gains ga and gb. Two at a time
// keep the processor busy: each alone waits for its own last value.
func (e *equalizer) pair(first, second int, ga, gb float64, diff, sum []float64) {
	a, b := &e.bands[first], &e.bands[second]
	ab, ac, bb, bc := a.b, a.c, b.b, b.c
	al1, al2, ar1, ar2 := a.l1, a.l2, a.r1, a.r2
	bl1, bl2, br1, br2 := b.l1, b.l2, b.r1, b.r2
	sum = sum[:len(diff)]
	for i := 1; i < len(diff); i += 2 {
		d := diff[i-1]
		va, vb := d+ac*al1-ab*al2, d+bc*bl1-bb*bl2
		sum[i-1] += ga*va + gb*vb
		al2, al1, bl2, bl1 = al1, va, bl1, vb
		d = diff[i]
		va, vb = d+ac*ar1-ab*ar2, d+bc*br1-bb*br2
		sum[i] += ga*va + gb*vb
		ar2, ar1, br2, br1 = ar1, va, br1, vb
	}
	a.l1, a.l2, a.r1, a.r2, a.sounding = al1, al2, ar1, ar2, true
	b.l1, b.l2, b.r1, b.r2, b.sounding = bl1, bl2, br1, br2, true
}
