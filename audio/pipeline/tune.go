package pipeline

import (
	"time"

	"segue/audio"
	"segue/audio/governor"
)

// adjustable is what an encoder may know besides: to be told, between two
// frames, how to go on.
type adjustable interface {
	SetBitrate(bps int)
	SetComplexity(c int)
}

// A tuner tells an encoder what is wanted of it when that changes, and the
// governor how long it took.
type tuner struct {
	to         adjustable // nil: it cannot be told
	bitrate    func() int // nil: it keeps its own
	governor   *governor.Governor
	rate       int // bit/s it has been told; 0: none
	complexity int // it has been told; -1: none
}

func newTuner(enc audio.Encoder, o *Options) tuner {
	to, _ := enc.(adjustable)
	return tuner{to: to, bitrate: o.Bitrate, governor: o.Governor, complexity: -1}
}

// begin is called before a frame is encoded; end with what it returned after.
func (t *tuner) begin() (began time.Time) {
	if t.to != nil && t.bitrate != nil {
		if rate := t.bitrate(); rate > 0 && rate != t.rate {
			t.to.SetBitrate(rate)
			t.rate = rate
		}
	}
	if t.governor == nil {
		return began
	}
	if c := t.governor.Complexity(); t.to != nil && c != t.complexity {
		t.to.SetComplexity(c)
		t.complexity = c
	}
	return time.Now()
}

func (t *tuner) end(began time.Time) {
	if t.governor != nil {
		t.governor.Encoded(began)
	}
}
