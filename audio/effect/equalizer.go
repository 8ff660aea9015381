package effect

import (
	"math"
	"sync"

	"github.com/tphakala/simd/f32"

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
//
// All bands of a channel go together, by blocks. A band is a one-pole filter of
// complex numbers, s[n+1] = z s[n] + x[n], whose sound is a x[n] + Re(k s[n]). So
// what a block sounds like, and the states after it, are sums over the states before
// it and its samples: a matrix, which processors are quick at. The gains are in the
// rows that make sound.
type equalizer struct {
	// Rows of 64 bytes first: arithmetic is slower where it is not aligned.
	sound [2][eqBlock * eqSeen]float32     // a row for each sample of a block
	seen  [audio.Channels][eqSeen]float32  // states before the block, then its samples so far
	heard [audio.Channels][eqBlock]float32 // what the bands make of the last of them
	mixed [eqBlock * audio.Channels]float32
	at    int       // samples of the block that have come
	gains [2]params // those that sound was made for

	tables *eqTables
}

const (
	// eqBlock is how many samples are filtered at a time, and room for the states,
	// two numbers each.
	eqBlock = 32
	// eqSeen is how many numbers tell all that a block is made of.
	eqSeen = 2 * eqBlock
)

func newEqualizer() kernel { return &equalizer{tables: eqShared()} }

func (s *Settings) equalizerParams() (on bool, p params) {
	return s.Equalizer != Equalizer{}, params(s.Equalizer)
}

func (e *equalizer) reset() { e.seen, e.at = [audio.Channels][eqSeen]float32{}, 0 }

func (e *equalizer) flush() {
	for c := range e.seen {
		states := e.seen[c][:eqBlock]
		for i, v := range states {
			states[i] = float32(settle(float64(v)))
		}
	}
}

func (e *equalizer) run(pcm []float32, p *params) { e.move(pcm, p, p) }

// move lets the gains go from from to to in a straight line.
func (e *equalizer) move(pcm []float32, from, to *params) {
	first := 0
	if e.gains[1] == *from {
		first = 1
	}
	last := first
	e.prepare(first, from)
	if *to != *from {
		last = 1 - first
		e.prepare(last, to)
	}
	steps := float32(len(pcm) / audio.Channels)
	for done := 0; len(pcm) > 1; {
		n := min(len(pcm)/audio.Channels, eqBlock-e.at)
		part := pcm[:n*audio.Channels]
		pcm = pcm[len(part):]
		e.put(part)
		e.hear(n, first)
		if last != first {
			was := e.heard
			e.hear(n, last)
			for c := range e.heard {
				for i, v := range was[c][:n] {
					e.heard[c][i] = v + (e.heard[c][i]-v)*float32(done+i+1)/steps
				}
			}
		}
		f32.Interleave2(e.mixed[:len(part)], e.heard[0][:n], e.heard[1][:n])
		f32.Add(part, part, e.mixed[:len(part)])
		e.advance(n)
		done += n
	}
}

// prepare makes the rows of sound for gains, if they are not.
func (e *equalizer) prepare(which int, gains *params) {
	if e.gains[which] == *gains {
		return
	}
	e.gains[which] = *gains
	var each, response [eqBlock]float32
	for i, g := range gains {
		each[2*i], each[2*i+1] = float32(g), float32(g)
		f32.AddScaled(response[:], float32(g), e.tables.response[i][:])
	}
	for n := range eqBlock {
		row := e.sound[which][n*eqSeen:][:eqSeen]
		f32.Mul(row[:eqBlock], e.tables.ringing[n*eqBlock:][:eqBlock], each[:])
		copy(row[eqBlock:], response[eqBlock-1-n:])
	}
}

// put adds samples to the block.
func (e *equalizer) put(pcm []float32) {
	from, to := eqBlock+e.at, eqBlock+e.at+len(pcm)/audio.Channels
	f32.Deinterleave2(e.seen[0][from:to], e.seen[1][from:to], pcm)
}

// hear sets heard to what the bands make of the last n samples put.
func (e *equalizer) hear(n, which int) {
	rows := e.sound[which][e.at*eqSeen:]
	for c := range e.heard {
		f32.DotProductStrided(e.heard[c][:n], rows, e.seen[c][:], n, eqSeen, eqSeen)
	}
}

// advance goes on by n samples.
func (e *equalizer) advance(n int) {
	if e.at += n; e.at < eqBlock {
		return
	}
	e.at = 0
	for c := range e.seen {
		f32.DotProductStrided(e.mixed[:eqBlock], e.tables.states[:], e.seen[c][:], eqBlock, eqSeen, eqSeen)
		copy(e.seen[c][:], e.mixed[:eqBlock])
	}
}

// eqTables is what equalizers share. It never changes.
type eqTables struct {
	states   [eqBlock * eqSeen]float32  // a row for each number of the states after a block
	ringing  [eqBlock * eqBlock]float32 // a row for each sample: what it has of the states before, all gains 1
	response [Bands][eqBlock]float32    // of each band to an impulse, the last first
}

var eqShared = sync.OnceValue(func() *eqTables {
	t := &eqTables{}
	q := math.Cbrt(2) / (math.Cbrt(4) - 1)
	for i, hz := range bandHz {
		w := 2 * math.Pi * hz / audio.SampleRate
		b := (1 - math.Tan(w/(2*q))) / (1 + math.Tan(w/(2*q)))
		a, c := 4*(1-b)/2, (1+b)*math.Cos(w)
		z := complex(c/2, math.Sqrt(b-c*c/4))
		k := complex(a*c, (a*c*real(z)-a*(c*c-b-1))/imag(z)) // the response goes a, a c, a (c^2 - b - 1)
		power := complex(1, 0)
		for n := range eqBlock {
			t.ringing[n*eqBlock+2*i] = float32(real(k * power))
			t.ringing[n*eqBlock+2*i+1] = float32(-imag(k * power))
			t.states[2*i*eqSeen+eqSeen-1-n] = float32(real(power))
			t.states[(2*i+1)*eqSeen+eqSeen-1-n] = float32(imag(power))
			if n+1 < eqBlock {
				t.response[i][eqBlock-2-n] = float32(real(k * power))
			}
			power *= z
		}
		t.response[i][eqBlock-1] = float32(a)
		t.states[2*i*eqSeen+2*i], t.states[2*i*eqSeen+2*i+1] = float32(real(power)), float32(-imag(power))
		t.states[(2*i+1)*eqSeen+2*i], t.states[(2*i+1)*eqSeen+2*i+1] = float32(imag(power)), float32(real(power))
	}
	return t
})
