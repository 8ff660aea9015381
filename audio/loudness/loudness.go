// Package loudness measures how loud PCM of the engine's format is, as people hear
// it (ITU-R BS.1770-4, EBU R 128).
package loudness

import (
	"math"

	"segue/audio"
)

const (
	hop       = audio.SampleRate / 10 // samples per channel from one block to the next
	blockHops = 4                     // 400 ms: a block, and what is momentary
	shortHops = 30                    // 3 s: what is short-term

	absoluteGate = -70.0 // LUFS: quieter blocks are not music
	relativeGate = -10.0 // LU below the mean of the others
	offset       = -0.691

	wildest = 1e6 // mean square: more is no sound
)

// A Meter measures interleaved stereo at 48 kHz. It takes the same memory however
// much it hears, and allocates nothing after New. It is for one goroutine at a time.
type Meter struct {
	left, right weighting
	sum         float64 // of squares in the hop that goes on
	heard       int     // samples per channel of it

	hops [shortHops]float64 // mean squares of the last ones, around
	next int                // where the coming one goes
	full int                // how many there are

	blocks histogram
	peak   truePeak
}

// New returns a meter that has heard nothing.
func New() *Meter { return &Meter{peak: truePeak{over: NewOversampler()}} }

// Reset forgets everything heard so far.
func (m *Meter) Reset() { *m = Meter{peak: truePeak{over: m.peak.over}} }

// Add hears pcm, which holds whole samples of both channels, any number of them.
// 100 ms with something that is no number, or no sound, count as silence.
func (m *Meter) Add(pcm []float32) {
	m.peak.add(pcm)
	for len(pcm) > 1 {
		n := min(len(pcm)/audio.Channels, hop-m.heard)
		m.sum += squares(&m.left, &m.right, pcm[:n*audio.Channels])
		m.heard += n
		pcm = pcm[n*audio.Channels:]
		m.left.settle()
		m.right.settle()
		if m.heard == hop {
			m.endHop()
		}
	}
}

// endHop takes in 100 ms more.
func (m *Meter) endHop() {
	mean := m.sum / hop
	m.sum, m.heard = 0, 0
	if !(mean < wildest) {
		mean, m.left, m.right = 0, weighting{}, weighting{}
	}
	m.hops[m.next] = mean
	m.next = (m.next + 1) % shortHops
	m.full = min(m.full+1, shortHops)
	if m.full >= blockHops {
		m.blocks.add(m.last(blockHops))
	}
}

// last is the mean square of the last n hops.
func (m *Meter) last(n int) float64 {
	sum := 0.0
	for i := 1; i <= n; i++ {
		sum += m.hops[(m.next-i+shortHops)%shortHops]
	}
	return sum / float64(n)
}

// Momentary is the loudness of the last 400 ms in LUFS, renewed every 100 ms:
// -Inf for silence, and before there is so much.
func (m *Meter) Momentary() float64 { return m.recent(blockHops) }

// ShortTerm is the loudness of the last 3 s in LUFS, renewed every 100 ms: -Inf
// for silence, and before there is so much.
func (m *Meter) ShortTerm() float64 { return m.recent(shortHops) }

func (m *Meter) recent(hops int) float64 {
	if m.full < hops {
		return math.Inf(-1)
	}
	return lufs(m.last(hops))
}

// Integrated is the loudness of everything heard in LUFS, but for what is so quiet
// that it does not count: -Inf if that leaves nothing, as it does before 400 ms.
func (m *Meter) Integrated() float64 { return m.blocks.gated() }

// TruePeak is how far the signal reaches between its samples in dB of full scale,
// as four times oversampling shows it: -Inf for silence.
func (m *Meter) TruePeak() float64 { return 20 * math.Log10(float64(m.peak.max)) }

// lufs is the loudness of a mean square of weighted samples, summed over channels.
func lufs(mean float64) float64 { return offset + 10*math.Log10(mean) }
