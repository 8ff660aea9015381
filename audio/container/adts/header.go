package adts

import (
	"segue/audio/codec/aac"
	"segue/audio/codec/aac/bits"
)

// HeaderSize is how many bytes ParseHeader needs.
const HeaderSize = 7

// MaxFrame is more than the size of any frame, in bytes.
const MaxFrame = 1 << 13

// rates are the sampling frequencies by their index (ISO/IEC 14496-3, table 1.18).
var rates = [...]int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350}

// A Header is the header of a frame.
type Header struct {
	Object   int // audio object type
	Index    int // of the sampling frequency
	Channels int // channel configuration; 0: the frame itself tells
	Size     int // of the frame with its header, in bytes
	Length   int // of the header with its checksum, in bytes
	Blocks   int // of sound in the frame
	CRC      bool
}

// ParseHeader reads the header b begins with, and reports whether it is one.
func ParseHeader(b []byte) (h Header, ok bool) {
	if len(b) < HeaderSize || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return h, false
	}
	h = Header{
		Object: int(b[2]>>6) + 1, Index: int(b[2] >> 2 & 15), Channels: int(b[2]&1)<<2 | int(b[3]>>6),
		Size: int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5), Length: HeaderSize, Blocks: int(b[6]&3) + 1,
		CRC: b[1]&1 == 0,
	}
	if h.CRC {
		h.Length += 2 * h.Blocks // where each block but the first is, and the checksum
	}
	return h, h.Index < len(rates) && h.Size > h.Length
}

// Alike reports whether h and o can be of one stream.
func (h Header) Alike(o Header) bool {
	return h.Object == o.Object && h.Index == o.Index && h.Channels == o.Channels
}

// Rate is the sampling frequency in Hz, of the core where there is an extension.
func (h Header) Rate() int { return rates[h.Index] }

// Samples is how many samples per channel at Rate the frame has.
func (h Header) Samples() int64 { return int64(h.Blocks) * aac.FrameSamples }

// places appends to dst the raw data blocks of frame, which begins with h, if it
// tells where they are.
func (h Header) places(dst [][]byte, frame []byte) ([][]byte, bool) {
	body := frame[h.Length:h.Size]
	if h.Blocks == 1 || !h.CRC {
		return append(dst, body), h.Blocks == 1
	}
	const checksum = 2 // bytes behind each block
	from := 0
	for i := range h.Blocks {
		to := len(body)
		if at := HeaderSize + 2*i; i < h.Blocks-1 {
			to = int(frame[at])<<8 | int(frame[at+1])
		}
		if to-checksum <= from || to > len(body) {
			return dst, false
		}
		dst = append(dst, body[from:to-checksum])
		from = to
	}
	return dst, true
}

// A Splitter takes frames apart. The zero value is ready.
type Splitter struct {
	reader *aac.Splitter // of frames like those before that do not tell; nil before
	like   Header
}

// Split appends to dst the raw data blocks of frame, which begins with h and has
// its size; they are parts of it. Where nothing tells where they are, and they
// cannot be read either, all are one. Each lasts as long as the others.
func (s *Splitter) Split(dst [][]byte, h Header, frame []byte) [][]byte {
	if blocks, ok := h.places(dst, frame); ok {
		return blocks
	}
	body := frame[h.Length:h.Size]
	if s.reader == nil || !h.Alike(s.like) {
		r, err := aac.NewSplitter(h.Config(frame))
		if err != nil {
			return append(dst, body)
		}
		s.reader, s.like = r, h
	}
	if blocks, ok := s.reader.Split(dst, body, h.Blocks); ok {
		return blocks
	}
	return append(dst, body)
}

// Config is the AudioSpecificConfig that says what h says. If that leaves the
// channels to the frame, they are taken from the program_config_element frame
// begins with; where there is none the configuration names no channels.
func (h Header) Config(frame []byte) []byte {
	c := []byte{byte(h.Object<<3 | h.Index>>1), byte(h.Index<<7 | h.Channels<<3)}
	if h.Channels != 0 || len(frame) < h.Size {
		return c
	}
	r := &bits.Reader{B: frame[h.Length:h.Size]}
	const program = 5 // number of the element
	if r.Read(3) != program {
		return c
	}
	start := r.Pos
	n := SkipProgram(r)
	if r.Over() {
		return c
	}
	end := r.Pos
	for r.Pos = start; n > 0; n -= 8 {
		k := min(n, 8)
		c = append(c, byte(r.Read(k)<<(8-k)))
	}
	r.Align()
	return append(c, r.B[r.Pos>>3:end>>3]...)
}

// SkipProgram reads a program_config_element (ISO/IEC 14496-3, 4.4.1.1), in which
// bytes are aligned to the beginning of r. It returns the number of bits before
// the alignment; a comment, in whole bytes, comes after that.
func SkipProgram(r *bits.Reader) int {
	start := r.Pos
	r.Read(4 + 2 + 4)
	elements := 0
	for range 3 { // front, side, back: whether it is a pair, and a tag
		elements += 5 * r.Read(4)
	}
	elements += 4 * r.Read(2) // low frequencies
	elements += 4 * r.Read(3) // data
	elements += 5 * r.Read(4) // coupling
	for _, n := range []int{4, 4, 3} {
		if r.Flag() { // a mix-down
			r.Read(n)
		}
	}
	r.Pos += elements
	n := r.Pos - start
	r.Align()
	r.Pos += 8 * r.Read(8)
	return n
}
