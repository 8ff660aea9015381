package ogg

import (
	"encoding/binary"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/codec/opus"
)

// Head is the identification header of Opus in Ogg.
type Head = opus.Head

// pageSpan is how much audio goes on one page, in samples at 48 kHz: a second,
// as RFC 7845, 4 advises.
const pageSpan = 48000

// A Writer writes one stream of Opus in Ogg (RFC 7845).
type Writer struct {
	w        io.Writer
	serial   uint32
	sequence uint32
	written  int64 // granule position of the last page
	granule  int64 // of the last packet
	segments []byte
	body     []byte
	page     []byte
	sum      checksum
	err      error
}

// NewWriter writes the headers for head to w. comments are like "TITLE=Prelude".
// The writer does not close w.
func NewWriter(w io.Writer, head Head, comments []string) (*Writer, error) {
	o := &Writer{w: w, serial: 0x53454755} // "SEGU": alone in its file, it may be constant
	o.add(head.Append(nil))
	o.flush(flagBegin, 0)
	tags := commentHeader([]byte("OpusTags"), "segue", comments)
	if len(tags) > 255*254 {
		return nil, fmt.Errorf("ogg: comments of %d bytes: %w", len(tags), audio.ErrLimit)
	}
	o.add(tags)
	o.flush(0, 0)
	return o, o.err
}

// WritePacket adds a packet. granule is the number of samples at 48 kHz that a
// decoder has given after it, pre-skip included. The packet is copied.
func (o *Writer) WritePacket(packet []byte, granule int64) error {
	if len(packet) > 255*254 {
		return fmt.Errorf("ogg: packet of %d bytes: %w", len(packet), audio.ErrLimit)
	}
	if len(o.segments) > 0 && (len(o.segments)+len(packet)/255+1 > 255 || granule-o.written > pageSpan) {
		o.flush(0, o.granule)
	}
	o.add(packet)
	o.granule = granule
	return o.err
}

// Close writes what is left and marks the end. end is the granule position at
// which the music ends; what the last packets hold beyond it is padding. It is at
// most the granule of the last packet, and well within a second of it. The
// writer's own w stays open.
func (o *Writer) Close(end int64) error {
	o.flush(flagEnd, min(end, o.granule))
	if o.err == nil {
		o.err = io.ErrClosedPipe
		return nil
	}
	return o.err
}

func (o *Writer) add(packet []byte) {
	for n := len(packet); ; n -= 255 {
		o.segments = append(o.segments, byte(min(n, 255)))
		if n < 255 {
			break
		}
	}
	o.body = append(o.body, packet...)
}

func (o *Writer) flush(flags byte, granule int64) {
	p := append(o.page[:0], "OggS\x00"...)
	p = append(p, flags)
	p = binary.LittleEndian.AppendUint64(p, uint64(granule))
	p = binary.LittleEndian.AppendUint32(p, o.serial)
	p = binary.LittleEndian.AppendUint32(p, o.sequence)
	p = append(p, 0, 0, 0, 0, byte(len(o.segments)))
	p = append(p, o.segments...)
	p = append(p, o.body...)
	binary.LittleEndian.PutUint32(p[22:], o.sum.page(p))
	o.page, o.segments, o.body = p, o.segments[:0], o.body[:0]
	o.sequence++
	o.written = granule
	if o.err == nil {
		_, o.err = o.w.Write(p)
	}
}
