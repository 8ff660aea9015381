package pipeline

import (
	"time"

	"segue/audio"
)

// hoarding is how long who leaves waits for music to fade out with: less than
// the frames last that his pump has made.
const hoarding = 30 * time.Millisecond

// A hoard is frames that were read before they are needed. Reading it never waits.
type hoard struct{ packets []audio.Packet }

func (h *hoard) ReadPacket() (p audio.Packet, err error) {
	if len(h.packets) == 0 {
		return p, errLate
	}
	p, h.packets = h.packets[0], h.packets[1:]
	return p, nil
}

// hoard reads so many samples, and what stands in codecs and limiter besides, or what
// there is of them soon; nil if that is next to nothing.
func (t *tap) hoard(samples int64) *hoard {
	const few = 4 // frames
	soon := time.NewTimer(hoarding)
	defer soon.Stop()
	h := &hoard{t.stash}
	t.stash = nil
	for need := few + (samples+frameSamples-1)/frameSamples; int64(len(h.packets)) < need; {
		p, ok, err := t.read()
		if ok {
			h.packets = append(h.packets, p)
			continue
		}
		if err != nil || !t.wait(soon.C) {
			break
		}
	}
	if len(h.packets) < few {
		t.stash = h.packets // still to be heard
		return nil
	}
	return h
}
