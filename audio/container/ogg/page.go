// Package ogg takes packets of Opus, Vorbis and FLAC out of Ogg, and puts Opus
// packets into it.
package ogg

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	headerSize = 27
	maxPage    = headerSize + 255 + 255*255

	flagContinued = 1 // the first packet began on a page before
	flagBegin     = 2 // first page of a logical stream
	flagEnd       = 4 // last page of a logical stream

	// What a damaged file may cost before it counts as not Ogg at all.
	maxGarbage  = 16 << 20 // bytes between two good pages
	maxBadPages = 1000     // in a row
)

// A page is one page. Its slices are good until the reader's next call.
type page struct {
	flags    byte
	granule  int64 // position at the end of the last packet completed here; -1 if none is
	serial   uint32
	sequence uint32
	segments []byte // lacing values
	body     []byte
}

// pages reads one page after another, past whatever is damaged.
type pages struct {
	r    *input.Reader
	hole bool  // bytes or pages were lost before the page last read
	from int64 // where in the media the page last read begins
	sum  checksum
}

// next returns the next whole page with a right checksum. At the end it returns
// io.EOF, or audio.ErrTruncated if the last page is cut off.
func (p *pages) next() (page, error) {
	p.hole = false
	garbage, bad := int64(0), 0
	for {
		b, size, err := p.peek()
		if err != nil {
			return page{}, err
		}
		if size > 0 && p.sum.page(b) == binary.LittleEndian.Uint32(b[22:]) {
			p.from = p.r.Pos()
			if b, err = p.r.Next(size); err != nil {
				return page{}, err
			}
			return parsePage(b), nil
		}
		p.hole = true
		if size > 0 {
			bad++
		}
		before := p.r.Pos()
		if err := p.r.Skip(1); err != nil {
			return page{}, err
		}
		found, err := p.r.Find([]byte("OggS"), maxGarbage)
		if err != nil {
			return page{}, err
		}
		garbage += p.r.Pos() - before
		if garbage > maxGarbage || bad > maxBadPages {
			return page{}, fmt.Errorf("ogg: %d bytes without a page: %w", garbage, audio.ErrMalformed)
		}
		if !found {
			if size < 0 { // there was the beginning of a page
				return page{}, audio.ErrTruncated
			}
			return page{}, io.EOF
		}
	}
}

// peek looks at the page that should be next: its bytes and size; 0 if there is
// none; -1 if it begins but the media ends before it does.
func (p *pages) peek() (b []byte, size int, err error) {
	b, err = p.r.Peek(headerSize)
	if len(b) == 0 {
		return nil, 0, err
	}
	if n := min(len(b), 4); string(b[:n]) != "OggS"[:n] || len(b) > 4 && b[4] != 0 {
		return nil, 0, nil
	}
	size = headerSize
	if err == nil {
		size += int(b[26])
		if b, err = p.r.Peek(size); err == nil {
			for _, s := range b[headerSize:] {
				size += int(s)
			}
			b, err = p.r.Peek(size)
		}
	}
	if errors.Is(err, io.EOF) {
		return nil, -1, nil
	}
	return b, size, err
}

func parsePage(b []byte) page {
	body := headerSize + int(b[26])
	return page{
		flags:    b[5],
		granule:  int64(binary.LittleEndian.Uint64(b[6:])),
		serial:   binary.LittleEndian.Uint32(b[14:]),
		sequence: binary.LittleEndian.Uint32(b[18:]),
		segments: b[headerSize:body],
		body:     b[body:],
	}
}
