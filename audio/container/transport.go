package container

import (
	"segue/audio/container/latm"
)

// lookMPEGTS looks for transport packets that follow each other, from the
// beginning or, where a broadcast was joined, from somewhere near it. What they
// carry may look like something else, so it counts for more than frames do.
func lookMPEGTS(head []byte) int {
	const (
		packet  = 188
		inARow  = 4
		sync    = 0x47
		nearest = packet + 16
	)
	best := 0
	for at := 0; at < min(len(head), nearest); at++ {
		if head[at] != sync {
			continue
		}
		for _, stride := range []int{packet, packet + 4, packet + 16} {
			n := 1
			for n < inARow && at+n*stride < len(head) && head[at+n*stride] == sync {
				n++
			}
			switch whole := at+n*stride == len(head); { // with the last packet
			case n == inARow:
				return likely + hinted + 1
			case (at == 0 || at == 4) && n >= 2 && at+n*stride >= len(head):
				if best = max(best, maybe); n == inARow-1 || whole {
					best = likely
				}
			}
		}
	}
	return best
}

// lookLATM counts LOAS frames that follow each other, from the beginning or from
// somewhere near it.
func lookLATM(head []byte) int {
	for at := 0; at+latm.HeaderSize <= len(head) && at < 4096; at++ {
		n, b := 0, head[at:]
		for {
			size, ok := latm.ParseHeader(b)
			if !ok {
				break
			}
			if n++; size >= len(b) {
				b = nil
				break
			}
			b = b[size:]
		}
		switch {
		case n >= 3:
			return likely
		case n == 2 && at == 0 && b == nil:
			return maybe
		}
	}
	return 0
}
