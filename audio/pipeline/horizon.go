package pipeline

import (
	"time"

	"segue/audio"
	"segue/audio/governor"
)

const (
	// near is how far ahead packets are read, in samples at 48 kHz, where none has
	// ever been waited for: what can be had at once need not be held, for its source
	// holds it, be it a file, or the system's buffer of a connection that is faster
	// than the music.
	near = 4 * audio.SampleRate
	// deep is the most: long enough for a server to think, short enough to be had
	// in a moment.
	deep = 10 * audio.SampleRate
	// slow is the wait that tells a source from one that can be had at once.
	slow = 30 * time.Millisecond
	// further is by how many times the longest wait there was it is read further
	// ahead than near. Who was waited for for a second may well take ten.
	further = 6
	// early is how far is read while nobody listens yet: a track made ready before
	// its turn shall not hold what the one that plays needs.
	early = 2 * audio.SampleRate
	// spared is the part of any of these that is read however little memory there
	// is for it.
	spared = 4
	// deepBytes bounds all of them in memory, whatever the packets claim to last.
	deepBytes = 2 << 20
	// refill is the part at which reading goes on: in rows of packets, not one at a
	// time.
	refill = 0.75
)

// A horizon is how far ahead of what is heard packets are read: by how slow their
// source is, and by what of the memory for all there is for one. It is a value.
type horizon struct {
	wanted bool          // somebody listens
	far    int64         // what is read at least, whatever there is of memory, but for deepBytes
	wait   time.Duration // the longest there was for a packet
	share  int           // bytes there are for one stream, or deepBytes; half, while nobody listens
}

// review takes in how memory stands; a nil g has no limits.
func (h *horizon) review(g *governor.Governor) {
	h.share = deepBytes
	if g != nil {
		h.share = min(g.Share(), deepBytes)
	}
}

// waited takes in for how long a packet was waited.
func (h *horizon) waited(d time.Duration) { h.wait = max(h.wait, d) }

// depth is how far ahead packets are read if there is memory, in samples at 48 kHz.
func (h *horizon) depth() int64 {
	switch {
	case !h.wanted:
		return early
	case h.wait < slow:
		return max(near, h.far)
	case h.wait >= time.Second:
		return max(deep, h.far)
	}
	return max(min(near+further*toSamples(h.wait), deep), h.far)
}

// full reports whether packets that last so many samples at 48 kHz and take so many
// bytes are enough.
func (h *horizon) full(length int64, bytes int) bool {
	depth, share := h.depth(), h.share
	if !h.wanted {
		share /= 2
	}
	return length >= depth || bytes >= deepBytes || bytes >= share && length >= max(depth/spared, h.far)
}

// low reports whether there is so much less than enough that it is time to read on.
func (h *horizon) low(length int64, bytes int) bool {
	return !h.full(int64(float64(length)/refill), int(float64(bytes)/refill))
}
