package mpegts

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	packetSize = 188
	syncByte   = 0x47
	maxGarbage = 1 << 20 // bytes without a packet, or of a stream without a frame
	inARow     = 3       // packets that follow each other until they are believed
)

// gaps are the bytes there may be between two packets: none; the time stamp of
// M2TS, which Blu-ray and camcorders write; the check bytes of a broadcast.
var gaps = [...]int{0, 4, 16}

// packets are the transport packets in some bytes.
type packets struct {
	r    *input.Reader
	gap  int  // bytes between two packets
	far  bool // the gap comes before the next packet
	lost bool // bytes were passed over since this was last made false
}

// next returns the next packet, of packetSize bytes that are the reader's. At the
// end it returns io.EOF, or audio.ErrTruncated within a packet.
func (t *packets) next() ([]byte, error) {
	n := packetSize
	if t.far {
		n += t.gap
	}
	if b := t.r.Ahead(); len(b) >= n && b[n-packetSize] == syncByte {
		t.r.Advance(n)
		t.far = true
		return b[n-packetSize : n], nil
	}
	for {
		b, err := t.r.Next(n)
		if err != nil {
			return nil, t.ending(n)
		}
		if p := b[n-packetSize:]; p[0] == syncByte {
			t.far = true
			return p, nil
		}
		if err := t.r.Jump(t.r.Pos() - int64(n)); err != nil {
			return nil, err
		}
		if err := t.sync(); err != nil {
			return nil, err
		}
		n = packetSize
	}
}

// ending says what it means that fewer than n bytes are left.
func (t *packets) ending(n int) error {
	b, err := t.r.Peek(n)
	if !errors.Is(err, io.EOF) {
		return err
	}
	if before := n - packetSize; len(b) > before && b[before] == syncByte {
		return audio.ErrTruncated
	}
	return io.EOF
}

// sync goes to the next packet that others follow, or the end.
func (t *packets) sync() error {
	const window = 4096
	t.lost, t.far = true, false
	for passed := 0; passed < maxGarbage; {
		b, err := t.r.Peek(window)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		at, gap, ok := find(b, err != nil)
		if ok {
			t.gap = gap
			return t.r.Skip(int64(at))
		}
		if err != nil {
			return io.EOF
		}
		passed += at
		if err := t.r.Skip(int64(at)); err != nil {
			return err
		}
	}
	return fmt.Errorf("mpegts: %d bytes without a packet: %w", maxGarbage, audio.ErrMalformed)
}

// find returns where in b packets begin and what is between them; if none do, how
// many bytes need not be looked at again. At the end fewer packets will do.
func find(b []byte, end bool) (at, gap int, ok bool) {
	for {
		i := bytes.IndexByte(b[at:], syncByte)
		if i < 0 {
			return len(b), 0, false
		}
		at += i
		for _, gap := range gaps {
			n := 1
			for ; n < inARow && at+n*(packetSize+gap) < len(b) && b[at+n*(packetSize+gap)] == syncByte; n++ {
			}
			if n == inARow || end && at+packetSize <= len(b) && at+n*(packetSize+gap) >= len(b) {
				return at, gap, true
			}
		}
		if !end && at+(inARow-1)*(packetSize+gaps[len(gaps)-1]) >= len(b) {
			return at, 0, false
		}
		at++
	}
}
