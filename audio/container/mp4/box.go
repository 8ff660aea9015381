package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"segue/audio"
)

const (
	maxBoxes = 1 << 16 // before the first sample, and between two
	maxDepth = 12
	forever  = math.MaxInt64 // the end of a box that reaches to the end of the media
)

// A box is a box's header.
type box struct {
	kind string
	end  int64 // in the media
}

func malformed(what string) error { return fmt.Errorf("mp4: %s: %w", what, audio.ErrMalformed) }

// cut says that the media ended within something.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("mp4: %w", audio.ErrTruncated)
	}
	return err
}

// header reads the header of the box that begins here, within one that ends at
// end. At the end of the media it returns io.EOF.
func (d *Demuxer) header(end int64) (box, error) {
	if d.boxes++; d.boxes > maxBoxes {
		return box{}, fmt.Errorf("mp4: more than %d boxes: %w", maxBoxes, audio.ErrLimit)
	}
	start := d.r.Pos()
	h, err := d.r.Next(8)
	if err != nil {
		return box{}, err
	}
	size, b := int64(binary.BigEndian.Uint32(h)), box{kind: string(h[4:8])}
	switch size {
	case 0:
		b.end = end
		return b, nil
	case 1:
		if h, err = d.r.Next(8); err != nil {
			return box{}, err
		}
		size = int64(binary.BigEndian.Uint64(h))
	}
	b.end = start + size
	if size < d.r.Pos()-start || b.end < 0 || b.end > end {
		return box{}, malformed("box " + fmt.Sprintf("%q", b.kind) + " of an impossible size")
	}
	return b, nil
}

// within calls f for each box up to end and then skips what f left of it.
func (d *Demuxer) within(end int64, depth int, f func(b box, depth int) error) error {
	if depth > maxDepth {
		return malformed("boxes too deep")
	}
	for end-d.r.Pos() >= 8 {
		b, err := d.header(end)
		if err != nil {
			return cut(err)
		}
		if err := f(b, depth+1); err != nil {
			return err
		}
		if err := d.leave(b); err != nil {
			return err
		}
	}
	return nil
}

// leave skips what is left of b.
func (d *Demuxer) leave(b box) error {
	if d.r.Pos() > b.end {
		return malformed(fmt.Sprintf("box %q is shorter than its content", b.kind))
	}
	return cut(d.r.Skip(b.end - d.r.Pos()))
}

// fields reads n bytes of b, which are good until the next read.
func (d *Demuxer) fields(b box, n int) ([]byte, error) {
	if int64(n) > b.end-d.r.Pos() {
		return nil, malformed(fmt.Sprintf("box %q is too short", b.kind))
	}
	h, err := d.r.Next(n)
	return h, cut(err)
}

// entries reads a table: a count after skip bytes, then as many entries of size
// bytes, each given to f.
func (d *Demuxer) entries(b box, skip, size int, f func(e []byte) error) error {
	h, err := d.fields(b, skip+4)
	if err != nil {
		return err
	}
	const together = 512
	for left := int(binary.BigEndian.Uint32(h[skip:])); left > 0; left -= together {
		e, err := d.fields(b, min(left, together)*size)
		if err != nil {
			return err
		}
		for ; len(e) > 0; e = e[size:] {
			if err := f(e[:size]); err != nil {
				return err
			}
		}
	}
	return nil
}
