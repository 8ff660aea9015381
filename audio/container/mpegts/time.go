package mpegts

import (
	"segue/audio"
	"segue/audio/container/input"
)

const (
	ticks  = 90000                  // of PTS in a second
	jitter = audio.SampleRate / 10  // by how much time stamps may be off, in samples at 48 kHz
	drift  = 16                     // the part of it that is believed each time
	maxGap = 600 * audio.SampleRate // the longest that is taken for something missing
	wrap   = 1 << 33                // where PTS begin anew
)

// timing tells when frames are.
type timing struct {
	clock  input.Clock // when the next frame is
	each   int64       // samples of the frame before, at the clock's rate
	timed  bool        // last and offset are known
	last   int64       // PTS met last, without the wraps
	offset int64       // by how much PTS, in samples at 48 kHz, are ahead of clock

	hole, broken bool  // since last
	dated        bool  // first is known
	first        int64 // PTS of time 0
	placing      bool  // the clock is to be set by the next PTS
	uneven       bool  // PTS alone do not tell the time
}

// date reads what a mark says about the frame that begins behind it, and reports
// whether that follows nothing before.
func (t *timing) date(m mark, grain int64) (jump bool) {
	t.hole, t.broken = t.hole || m.hole, t.broken || m.broken
	if m.pts < 0 {
		return false
	}
	hole, broken := t.hole, t.broken
	t.hole, t.broken = false, false
	if !t.timed {
		t.begin(m.pts, grain)
		return false
	}
	diff := (m.pts - t.last) & (wrap - 1)
	if diff >= wrap/2 {
		diff -= wrap
	}
	t.last += diff
	at, now := scale(t.last), t.clock.Now()
	diff = at - t.offset - now
	frame := input.Scale(max(t.each, 1), t.clock.Rate)
	switch missing := hole && diff > frame/2; {
	case diff >= -jitter && diff <= jitter && !missing:
		t.offset += diff / drift
		return false
	case diff > 0 && diff <= maxGap && !broken:
		t.clock.Advance((diff + frame/2) / frame * max(t.each, 1))
	default:
		t.uneven = true
	}
	t.offset = at - t.clock.Now()
	return true
}

// begin starts with a PTS of the frame that is now.
func (t *timing) begin(pts, grain int64) {
	if t.placing {
		t.place(t.since(pts), grain)
	}
	t.timed, t.last = true, pts
	t.offset = scale(pts) - t.clock.Now()
	if !t.dated {
		t.dated, t.first = true, pts-input.MulDiv(t.clock.Now(), ticks, audio.SampleRate)
	}
}

// since is when pts is, in samples at 48 kHz from the beginning: up to a day after
// it, or a little before.
func (t *timing) since(pts int64) int64 {
	const before = 3600 * ticks
	d := (pts - t.first) & (wrap - 1)
	if d >= wrap-before {
		d -= wrap
	}
	return scale(d)
}

// place sets the clock to now, or rather to the beginning of a frame there, as it
// was counted from the beginning: PTS are rounded.
func (t *timing) place(now, grain int64) {
	if grain == 0 {
		grain = max(t.each, 1)
	}
	n := input.Unscale(max(now, 0), t.clock.Rate)
	t.clock = input.Clock{Rate: t.clock.Rate}
	t.clock.Advance((n + grain/2) / grain * grain)
	t.placing = false
}
