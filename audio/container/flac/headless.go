package flac

import (
	"bytes"
	"encoding/binary"

	"segue/audio/codec/flac"
)

const maxStarts = 32 // headers looked at; in music nearly all of them are frames

// Looks says how much head, the beginning of some media, looks like FLAC without
// a fLaC marker, as it comes to those who join a broadcast: whole if a frame in it
// has the right checksum and another one follows, begins if it starts with a
// frame's header.
func Looks(head []byte) (whole, begins bool) {
	_, begins = flac.ParseFrameHeader(head)
	var starts []int
	for at := 0; at < len(head); at++ {
		i := bytes.IndexByte(head[at:], 0xff)
		if i < 0 {
			break
		}
		at += i
		if _, ok := flac.ParseFrameHeader(head[at:]); !ok {
			continue
		}
		for _, from := range starts {
			if flac.CRC16(0, head[from:at]) == 0 {
				return true, begins
			}
		}
		if starts = append(starts, at); len(starts) > maxStarts {
			break
		}
	}
	return false, begins
}

// infer makes a STREAMINFO of the next frame, where there is none. Time begins
// with that frame.
func (d *Demuxer) infer() error {
	h, _, err := d.frame()
	if err != nil || h.Rate == 0 || h.Bits == 0 {
		return malformed("no STREAMINFO, and no frame that does without")
	}
	b := make([]byte, flac.StreamInfoSize)
	least, most := h.Block, h.Block
	if h.Variable || h.Block > 65535 {
		least, most = 16, 65535
	}
	binary.BigEndian.PutUint16(b, uint16(least))
	binary.BigEndian.PutUint16(b[2:], uint16(most))
	binary.BigEndian.PutUint64(b[10:], uint64(h.Rate)<<44|uint64(h.Channels-1)<<41|uint64(h.Bits-1)<<36)
	if d.stream, err = flac.ParseStreamInfo(b); err != nil {
		return err
	}
	d.codec.Private = b
	d.origin = d.count(h)
	return nil
}
