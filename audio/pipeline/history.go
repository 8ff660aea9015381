package pipeline

import "segue/audio"

// remembered is how many packets a history holds: a warm-up of those that last
// 10 ms. Shorter ones are made longer before they come here, but where they are
// damaged.
const remembered = warm * 2

// A timed is a packet and the samples per channel it decodes to at 48 kHz.
type timed struct {
	audio.Packet
	length int64 // 0 if only the decoder can tell
	ok     bool  // it looks like a packet of its codec
}

// A history is the last packets the listener has heard: as many as a warm-up
// takes and no more, for each keeps alive what was read together with it.
type history struct {
	ring   [remembered]timed
	first  int   // ever forgotten; the oldest is at first % remembered
	count  int   // ever added; the newest is at (count-1) % remembered
	length int64 // of all that are remembered
}

func (h *history) add(p timed) {
	if h.count-h.first == remembered {
		h.drop()
	}
	h.ring[h.count%remembered] = p
	h.count++
	h.length += p.length
	for h.length-h.ring[h.first%remembered].length >= warm*frameSamples {
		h.drop()
	}
}

// drop forgets the oldest.
func (h *history) drop() {
	oldest := &h.ring[h.first%remembered]
	h.length -= oldest.length
	*oldest = timed{}
	h.first++
}

func (h *history) forget() { *h = history{} }

// all appends the packets to dst, oldest first, and reports how many samples at
// 48 kHz they last: a warm-up, or less if less has been heard.
func (h *history) all(dst []timed) ([]timed, int64) {
	for i := h.first; i < h.count; i++ {
		dst = append(dst, h.ring[i%remembered])
	}
	return dst, h.length
}
