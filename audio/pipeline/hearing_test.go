package pipeline

import (
	"fmt"
	"math"

	"segue/audio"
	"segue/audio/effect"
)

// A hearing judges frames.
type hearing struct {
	q       *sequence
	frames  int    // ever heard
	since   int    // of those, at the beginning of the track
	track   *track // being heard
	before  *track // it may not have quite ended; nil if it has
	brief   bool   // so was that one that silence follows it, for no longer than an encoder looks ahead
	i       int64  // the next sample of the track, or of the one before
	clear   int    // frame from which on all is to be as it should
	slowest int64  // the longest fade that may be at work
	fastest int64  // the shortest such
	jumped  bool   // i is not known
	target  int64  // of the last seek; -1: none
	wild    int    // frame at which effects that are not to be foretold are off; -1: never on
	bent    bool   // a timescale was one of them
	gain    float32
	last    float32
	abrupt  int // frame until which there may be steps: one track ended, another began
}

func (h *hearing) begin(k *track, smooth bool) {
	h.since, h.track = h.frames, k
	if !smooth || k.aligned() { // or it is, after silence for up to a frame
		h.abrupt = h.frames + 2
	}
	if h.before == nil && !h.jumped {
		switch h.i = 0; {
		case k.aligned():
			h.i = -k.skip
		case h.brief:
			h.i = -lookahead
		}
	}
}

// end is called when no frame of the track is left.
func (h *hearing) end(cut bool, overlap int64) {
	h.brief = h.frames-h.since <= brinkFrames+1 || h.frames-h.q.followed <= brinkFrames+1+shallow
	switch {
	case cut || overlap > 0 || h.jumped || h.wild >= 0 || h.frames < h.clear:
		h.jumps(overlap)
	case h.track.broken:
	case h.i < h.track.total()-lookahead-2*frameSamples-delayed:
		h.q.fail("it ended after %d of %d samples", h.i, h.track.total())
	case h.i < h.track.total():
		h.before = h.track
	}
	if h.before == nil && !h.jumped {
		h.clear = max(h.clear, h.frames)
	}
	h.target = -1
}

// disturb says that for so many samples more it is not known how loud it is.
func (h *hearing) disturb(samples int64) {
	if h.frames >= h.clear {
		h.fastest = frameSamples
	}
	h.fastest = min(h.fastest, samples)
	h.slowest = max(h.slowest, samples, h.q.fade)
	h.clear = max(h.clear, h.frames+shallow+5+int(h.slowest/frameSamples))
}

// jumps says that the music goes on elsewhere.
func (h *hearing) jumps(fade int64) {
	h.disturb(fade)
	h.jumped = true
}

// aims says that the sound becomes another one.
func (h *hearing) aims(was, is effect.Settings) {
	plain := func(e effect.Settings) bool { e.Volume = 0; return e == effect.Settings{} }
	if float32(was.Gain()) != float32(is.Gain()) {
		h.disturb(frameSamples)
	}
	h.gain = float32(is.Gain())
	if is.Timescale.On {
		h.bent = true
	}
	if !plain(is) {
		h.wild = math.MaxInt
	} else if h.wild == math.MaxInt {
		h.wild = h.frames + shallow + 2
	}
}

// frame judges f, the next.
func (h *hearing) frame(f audio.Frame) {
	pcm := unpack(f.Opus)
	if len(pcm) != frameLen {
		h.q.fail("frame %d has %d samples", h.frames, len(pcm))
	}
	left := make([]float32, 0, audio.FrameSamples)
	for k := 0; k < len(pcm); k += 2 {
		if v := float64(pcm[k]); math.IsNaN(v) || math.IsInf(v, 0) || h.wild < 0 && pcm[k] != -pcm[k+1] {
			h.q.fail("frame %d has %v and %v", h.frames, pcm[k], pcm[k+1])
		}
		left = append(left, pcm[k])
	}
	switch {
	case h.wild >= 0:
		h.settles(f, left)
	case h.frames < h.clear:
		h.steady(left)
		h.pass()
	default:
		h.slowest = h.q.fade
		if h.jumped {
			h.land(f, left)
		}
		if err := h.exact(f, left); err != nil {
			h.q.fail("frame %d at %d: %v", h.frames, f.Pos, err)
		}
	}
	h.last = left[len(left)-1]
	h.frames++
}

// pass lets a frame pass in which all is as it should but for its loudness.
func (h *hearing) pass() {
	k := h.track
	if h.before != nil {
		k = h.before
	}
	if h.i += frameSamples; h.i > k.total() {
		h.jumped = true
	}
}

// settles judges a frame of which it is not known whether effects are still at work.
func (h *hearing) settles(f audio.Frame, left []float32) {
	const long = 200 // frames
	was := *h
	if h.frames >= max(h.clear, h.wild) {
		if h.jumped || h.bent {
			h.i = int64(left[0]/h.gain) - h.track.base - 1
		}
		at := h.i
		if err := h.exact(f, left); err == nil && at > -frameSamples {
			if d := at - f.Pos; h.bent && (d > 1200 || d < -1200) {
				h.q.fail("frame %d says it is at %d, and is at %d", h.frames, f.Pos, at)
			}
			h.wild, h.jumped, h.bent = -1, false, false
			return
		}
		*h = was
		if h.frames > h.wild+long {
			h.q.fail("effects still at work after %d frames", long)
		}
	}
	if h.pass(); h.bent {
		h.jumped = true
	}
}

// steady fails if there are steps in a frame that fades do not explain.
func (h *hearing) steady(left []float32) {
	if h.fastest == 0 || h.frames < h.abrupt || h.before != nil {
		return
	}
	at := h.i
	if h.jumped {
		at = max(h.target, 0) + int64(h.frames-h.since)*frameSamples
	}
	if h.near(at) {
		return
	}
	const voices = 4 // fading at once
	most := float64(h.track.at(h.track.total())) * (voices*math.Pi/2/float64(h.fastest) + 1.0/960)
	last := h.last
	for i, v := range left {
		if d := math.Abs(float64(v - last)); d > most && h.frames > 0 {
			h.q.fail("frame %d, sample %d: from %v to %v", h.frames, i, last, v)
		}
		last = v
	}
}

// near reports whether sample at is where the music begins or ends, soon or just now.
func (h *hearing) near(at int64) bool {
	return at < 2*frameSamples || at+h.slowest+3*frameSamples > h.track.total()
}

// land finds out where the music goes on after a jump.
func (h *hearing) land(f audio.Frame, left []float32) {
	h.i, h.jumped, h.before = f.Pos, false, nil
	if f.Pos == 0 { // or in the pre-skip
		h.i = int64(left[0]/h.gain) - h.track.base - 1
		if left[0] == 0 {
			for n, v := range left {
				if v != 0 {
					h.i = -int64(n)
					break
				}
			}
		}
	}
	const late = 3 * frameSamples
	if h.target >= 0 && (f.Pos < h.target-late || f.Pos > h.target+int64(h.frames-h.since+2)*frameSamples) {
		h.q.fail("frame %d is at %d after a seek to %d", h.frames, f.Pos, h.target)
	}
	if n := int64(h.frames-h.since) * frameSamples; h.target < 0 && (f.Pos < n-late || f.Pos > n+frameSamples) {
		h.q.fail("frame %d of the track is at %d", h.frames-h.since, f.Pos)
	}
}

// exact reports what is not as it should be in a frame.
func (h *hearing) exact(f audio.Frame, left []float32) error {
	if h.i >= 0 && h.before == nil && f.Pos != h.i {
		return fmt.Errorf("it begins with %d", h.i)
	}
	for n, v := range left {
		if h.before != nil && h.i >= h.before.total() {
			h.before, h.i = nil, 0
			if v == 0 { // the one before was filled up, then
				h.i = -int64(len(left) - n)
			}
		}
		k := h.track
		if h.before != nil {
			k = h.before
		}
		if h.brief && h.i < 0 && v == k.at(0)*h.gain {
			h.i = 0
		}
		out := h.i < 0 || h.i >= k.total()
		if want := k.at(h.i) * h.gain; v != want && !(out && v == 0) {
			return fmt.Errorf("sample %d is %v, want %v", n, v, want)
		}
		h.i++
	}
	return nil
}
