package limiter

import (
	"math"

	"segue/audio"
	"segue/audio/loudness"

	"github.com/tphakala/simd/f32"
)

const (
	// Ceiling is the highest true peak EBU R 128 permits, in dBTP.
	Ceiling = -1.0
	// Latency is how many samples per channel the limiter looks ahead: 5 ms.
	Latency = ring * block

	block = 16             // samples per channel, as many as the filter sees to each side
	past  = 2 * block      // samples per channel remembered before the next to come out
	piece = loudness.Piece // samples per channel taken in at once

	loudest = 1e6 // what is louder, or no number, is no sound
)

// A Limiter keeps sound of the engine's format below a ceiling. It is an
// audio.Effect, for one goroutine at a time, and allocates nothing after New.
type Limiter struct {
	ceiling float32
	over    *loudness.Oversampler
	law     law

	pcm    []float32 // the past, then all that has not come out
	looked int       // samples per channel after the past that law has heard of
	gains  []float32 // where the block of the next sample begins, and each later one
	at     int       // of that block has come out, samples per channel
	early  int       // gains to come that are for blocks before the first

	channels [audio.Channels][loudness.Taps - 1 + piece]float32
	peaks    [piece / block]float32
}

// New returns a limiter to ceiling dBTP, which is 0 at most and -60 at least: what
// is outside, or no number, becomes the nearest, or Ceiling.
func New(ceiling float64) *Limiter {
	if math.IsNaN(ceiling) {
		ceiling = Ceiling
	}
	l := &Limiter{
		ceiling: float32(math.Pow(10, min(max(ceiling, -60), 0)/20)),
		over:    loudness.NewOversampler(),
		pcm:     make([]float32, 0, (past+Latency+piece)*audio.Channels),
		gains:   make([]float32, 0, piece/block+2),
	}
	l.Reset()
	return l
}

// Latency is how many samples per channel stay inside: always as many, once so many
// went in.
func (l *Limiter) Latency() int { return Latency }

// Reset forgets everything heard so far, and what has not come out of it.
func (l *Limiter) Reset() {
	l.law = newLaw()
	l.pcm = l.pcm[:past*audio.Channels]
	clear(l.pcm)
	l.gains, l.at = l.gains[:0], 0
	// The sound may reach high just before its first sample: the last block of the
	// silence before is looked at too.
	l.looked, l.early = -block, window+1
}

// Idle reports whether everything that is inside, and all that follows while it
// stays below the ceiling, comes out bit by bit as it went in. Then the limiter may
// be left out from any sample on.
func (l *Limiter) Idle() bool { return l.law.calm >= settled }

// Process takes src in, whole samples of both channels, and appends to dst what
// comes out: first to last each sample that went in, so that the first to come out
// is the first that went in, while the last Latency samples wait inside for what
// follows. What is no number, or louder than 120 dB of full scale, becomes silence.
// dst and src must not overlap.
func (l *Limiter) Process(dst, src []float32) []float32 {
	for len(src) > 1 {
		n := min(len(src)/audio.Channels, piece) * audio.Channels
		l.pcm = append(l.pcm, src[:n]...)
		hush(l.pcm[len(l.pcm)-n:])
		l.look()
		dst = l.give(dst)
		src = src[n:]
	}
	return dst
}

// Flush appends to dst what waits inside, as if silence followed, and resets.
func (l *Limiter) Flush(dst []float32) []float32 {
	var silence [Latency * audio.Channels]float32
	dst = l.Process(dst, silence[:])
	l.Reset()
	return dst
}

// hush silences what is no sound.
func hush(pcm []float32) {
	if f32.SumOfSquares(pcm) < loudest*loudest {
		return
	}
	for i, v := range pcm {
		if !(v < loudest && v > -loudest) {
			pcm[i] = 0
		}
	}
}

// look tells the law of all blocks that are in, with what the filter sees of what follows.
func (l *Limiter) look() {
	n := (len(l.pcm)/audio.Channels - past - l.looked - block) / block
	if n <= 0 {
		return
	}
	from := past + l.looked - (loudness.Taps/2 - 1)
	pcm := l.pcm[from*audio.Channels:][:(loudness.Taps-1+n*block)*audio.Channels]
	peaks := l.peaks[:n]
	clear(peaks)
	if f32.MaxAbs(pcm)*l.over.Reach() > l.ceiling {
		l.measure(peaks, pcm)
	}
	for _, p := range peaks {
		gain := l.law.next(l.need(p))
		if l.early > 0 {
			l.early--
			continue
		}
		l.gains = append(l.gains, gain)
	}
	l.looked += n * block
}

// measure raises peaks to the true peaks of the blocks of pcm, which begins and
// ends with what the filter sees around them.
func (l *Limiter) measure(peaks, pcm []float32) {
	n := len(pcm) / audio.Channels
	f32.Deinterleave2(l.channels[0][:n], l.channels[1][:n], pcm)
	for c := range l.channels {
		x := l.channels[c][:n]
		if f32.MaxAbs(x)*l.over.Reach() <= l.ceiling || l.over.Most(x) <= l.ceiling {
			continue
		}
		// Where it begins and ends to matter, to within a few blocks.
		const stride = 5
		first, end := 0, len(peaks)
		for first < end && l.below(x, first, min(first+stride, end)) {
			first = min(first+stride, end)
		}
		for first < end && l.below(x, max(end-stride, first), end) {
			end = max(end-stride, first)
		}
		if first < end {
			l.raise(peaks[first:end], x[first*block:end*block+loudness.Taps-1])
		}
	}
}

// below reports whether no peak of these blocks of x can be above the ceiling.
func (l *Limiter) below(x []float32, first, end int) bool {
	return l.over.Most(x[first*block:end*block+loudness.Taps-1]) <= l.ceiling
}

// raise raises peaks to the true peaks of the blocks of one channel.
func (l *Limiter) raise(peaks, x []float32) {
	quarter, middle, last := l.over.Between(x)
	x = x[loudness.Taps/2-1:]
	for i := range peaks {
		from, to := i*block, (i+1)*block
		peaks[i] = max(peaks[i], f32.MaxAbs(x[from:to]), f32.MaxAbs(quarter[from:to]), f32.MaxAbs(middle[from:to]), f32.MaxAbs(last[from:to]))
	}
}

// need is by how many decibels a block with that peak has to be lower.
func (l *Limiter) need(peak float32) float64 {
	if peak <= l.ceiling {
		return 0
	}
	x := 20 * math.Log10(float64(peak/l.ceiling))
	return x + min(x, margin)
}

// give appends to dst all but the last Latency samples.
func (l *Limiter) give(dst []float32) []float32 {
	n := len(l.pcm)/audio.Channels - past - Latency
	if n <= 0 {
		return dst
	}
	rest, used := l.pcm[past*audio.Channels:][:n*audio.Channels], 0
	for len(rest) > 0 {
		k := min(len(rest)/audio.Channels, block-l.at)
		dst = append(dst, rest[:k*audio.Channels]...)
		scale(dst[len(dst)-k*audio.Channels:], l.gains[used], l.gains[used+1], l.at)
		rest = rest[k*audio.Channels:]
		if l.at += k; l.at == block {
			l.at = 0
			used++
		}
	}
	l.gains = append(l.gains[:0], l.gains[used:]...)
	l.pcm = append(l.pcm[:0], l.pcm[n*audio.Channels:]...)
	l.looked -= n
	return dst
}

// scale multiplies pcm, which begins at samples into a block, by what goes from one
// gain to the other within the block.
func scale(pcm []float32, from, to float32, at int) {
	if from == 1 && to == 1 {
		return
	}
	step := (to - from) / block
	for ; len(pcm) > 1; pcm = pcm[2:] {
		g := from + float32(at)*step
		pcm[0] *= g
		pcm[1] *= g
		at++
	}
}
