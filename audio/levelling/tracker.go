package levelling

import (
	"math"

	"segue/audio"
	"segue/audio/loudness"
)

const (
	least   = 10 * audio.SampleRate // samples per channel: less tells nothing
	endless = 60 * audio.SampleRate // of what has no end, or none known, are enough
	ending  = audio.SampleRate      // of silence cut off, or a length told roughly
)

// A Measurement is what a Tracker makes of a piece, to be kept for the next time.
type Measurement struct {
	Level
	Heard int64 // how much of the piece it is the level of: samples per channel
}

// Better reports whether m tells more of the same piece than other.
func (m Measurement) Better(other Measurement) bool {
	return m.Told && (!other.Told || m.Heard > other.Heard)
}

// A Tracker measures a piece while it is played. It is for one goroutine at a time,
// takes the same memory, some 30 KiB, however long the piece is, and allocates nothing
// after NewTracker.
type Tracker struct {
	meter    *loudness.Meter
	length   int64 // samples per channel; 0 if not known
	furthest int64 // where in the piece measuring ended
	heard    int64 // samples per channel measured
}

// NewTracker returns a tracker for a piece of that many samples per channel, 0 if it
// has no end or none is known.
func NewTracker(length int64) *Tracker {
	return &Tracker{meter: loudness.New(), length: max(length, 0)}
}

// Begin forgets everything, for another piece of that length.
func (t *Tracker) Begin(length int64) {
	t.meter.Reset()
	*t = Tracker{meter: t.meter, length: max(length, 0)}
}

// Add hears what the piece holds from pos on, in samples per channel, before anything
// is done to it. What lies before the furthest place heard so far counts only once, as
// it comes again when somebody seeks back.
func (t *Tracker) Add(pos int64, pcm []float32) {
	n := int64(len(pcm) / audio.Channels)
	known := min(max(t.furthest-pos, 0), n)
	if known == n {
		return
	}
	t.meter.Add(pcm[known*audio.Channels : n*audio.Channels])
	t.heard += n - known
	t.furthest = pos + n
}

// Measurement is what has been found so far. It is Told once 10 s have been heard
// and half of the piece, or a minute where its length is not known; its Peak is told
// only of a piece heard from beginning to end, since what is not heard may be higher.
func (t *Tracker) Measurement() Measurement {
	m := Measurement{Heard: t.heard}
	lufs := t.meter.Integrated()
	if t.heard < least || 2*t.heard < t.length || t.length == 0 && t.heard < endless || math.IsInf(lufs, -1) {
		return m
	}
	m.Level = Level{Told: true, LUFS: lufs}
	if t.length > 0 && t.heard+ending >= t.length {
		m.Peak = math.Pow(10, t.meter.TruePeak()/20)
	}
	return m
}
