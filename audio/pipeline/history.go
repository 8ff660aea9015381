package pipeline

import "segue/audio"

// remembered is how many packets a history holds: 80 ms of the shortest there
// are, 2.5 ms.
const remembered = 32

// A timed is a packet and the samples per channel it decodes to at 48 kHz.
type timed struct {
	audio.Packet
	length int64 // 0 if only the decoder can tell
	ok     bool  // it looks like a packet of its codec
}

// A history is the last packets the listener has heard.
type history struct {
	ring  [remembered]timed
	count int // ever added; the newest is at (count-1) % remembered
}

func (h *history) add(p timed) {
	h.ring[h.count%remembered] = p
	h.count++
}

func (h *history) forget() { *h = history{} }

// last appends to dst the newest packets, oldest first, that together last
// samples at 48 kHz, or all there are if that is less, and reports how long they last.
func (h *history) last(dst []timed, samples int64) ([]timed, int64) {
	n, total := 0, int64(0)
	for n < min(h.count, remembered) && total < samples {
		n++
		total += h.ring[(h.count-n)%remembered].length
	}
	for ; n > 0; n-- {
		dst = append(dst, h.ring[(h.count-n)%remembered])
	}
	return dst, total
}
