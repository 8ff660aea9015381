// Package vorbis decodes Vorbis packets, and knows how long they are without
// decoding them.
package vorbis

import (
	"encoding/binary"
	"fmt"

	"segue/audio"
)

// Headers are the three packets a Vorbis stream begins with (Vorbis I, 4.2).
type Headers struct{ Ident, Comment, Setup []byte }

// IsHeader reports whether packet is one of the three, rather than audio.
func IsHeader(packet []byte) bool {
	return len(packet) >= 7 && packet[0]&1 == 1 && string(packet[1:7]) == "vorbis"
}

// Lace joins the headers as Matroska's CodecPrivate does, which is what
// audio.CodecInfo.Private holds for Vorbis.
func (h Headers) Lace() []byte {
	b := []byte{2}
	for _, n := range []int{len(h.Ident), len(h.Comment)} {
		for ; n >= 255; n -= 255 {
			b = append(b, 255)
		}
		b = append(b, byte(n))
	}
	b = append(b, h.Ident...)
	b = append(b, h.Comment...)
	return append(b, h.Setup...)
}

// Unlace takes apart what Lace made. The parts share the memory of private.
// The error wraps audio.ErrMalformed.
func Unlace(private []byte) (Headers, error) {
	if len(private) == 0 || private[0] != 2 {
		return Headers{}, malformed("not three laced headers")
	}
	b := private[1:]
	var sizes [2]int
	for i := range sizes {
		for {
			if len(b) == 0 {
				return Headers{}, malformed("header lengths cut off")
			}
			c := b[0]
			b = b[1:]
			sizes[i] += int(c)
			if c != 255 {
				break
			}
		}
	}
	if sizes[0]+sizes[1] > len(b) {
		return Headers{}, malformed("headers cut off")
	}
	rest := b[sizes[0]:]
	return Headers{Ident: b[:sizes[0]], Comment: rest[:sizes[1]], Setup: rest[sizes[1]:]}, nil
}

// A Stream is what the headers say about the packets after them.
type Stream struct {
	Rate, Channels int

	blocks   [2]int // samples: short and long
	long     []bool // by mode
	modeBits int
	last     int    // block size of the packet before; 0 if there was none
	edited   []byte // the setup header behind its name, if the library must be given another
}

// Open reads the headers (the comments are not looked at) and checks everything
// a decoder must be able to rely on, so that no header makes it ask for more
// than a few megabytes. The error wraps audio.ErrMalformed, audio.ErrLimit or
// audio.ErrUnsupported.
func Open(h Headers) (*Stream, error) {
	s := &Stream{}
	if err := s.readIdent(h.Ident); err != nil {
		return nil, err
	}
	if !IsHeader(h.Setup) || h.Setup[0] != 5 {
		return nil, malformed("no setup header")
	}
	if err := s.readSetup(h.Setup[7:]); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Stream) readIdent(b []byte) error {
	if !IsHeader(b) || b[0] != 1 || len(b) < 30 {
		return malformed("no identification header")
	}
	if binary.LittleEndian.Uint32(b[7:]) != 0 {
		return fmt.Errorf("vorbis: a version after I: %w", audio.ErrUnsupported)
	}
	s.Channels = int(b[11])
	s.Rate = int(binary.LittleEndian.Uint32(b[12:]))
	s.blocks = [2]int{1 << (b[28] & 15), 1 << (b[28] >> 4)}
	switch {
	case s.Channels == 0 || s.Rate == 0 || s.blocks[0] < 64 || s.blocks[1] > 8192 ||
		s.blocks[0] > s.blocks[1] || b[29]&1 == 0:
		return malformed("impossible identification header")
	case s.Channels > 8 || s.Rate > 768_000:
		return fmt.Errorf("vorbis: %d channels at %d Hz: %w", s.Channels, s.Rate, audio.ErrLimit)
	}
	return nil
}

// Samples is how many samples per channel, at the stream's rate, a decoder gives
// when packet follows the packets asked about before: 0 for the first one, and
// for anything that is not audio.
func (s *Stream) Samples(packet []byte) int {
	if len(packet) == 0 || packet[0]&1 != 0 {
		return 0
	}
	mode := int(packet[0]>>1) & (1<<s.modeBits - 1)
	if mode >= len(s.long) {
		return 0
	}
	block := s.blocks[0]
	if s.long[mode] {
		block = s.blocks[1]
	}
	n := 0
	if s.last != 0 {
		n = s.last/4 + block/4
	}
	s.last = block
	return n
}

// Restart forgets the packet before: the next one has nothing to overlap with.
func (s *Stream) Restart() { s.last = 0 }

func malformed(what string) error {
	return fmt.Errorf("vorbis: %s: %w", what, audio.ErrMalformed)
}
