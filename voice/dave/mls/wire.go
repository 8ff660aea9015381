package mls

import (
	"encoding/binary"
	"errors"
	"fmt"
)

var errMalformed = errors.New("mls: malformed message")

// malformed says what in a message could not be read.
func malformed(what string) error { return fmt.Errorf("%w: %s", errMalformed, what) }

// writer appends the TLS presentation language of section 2.1.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

// vec writes a variable-size vector (section 2.1.2).
func (w *writer) vec(b []byte) {
	switch n := len(b); {
	case n < 1<<6:
		w.u8(uint8(n))
	case n < 1<<14:
		w.u16(uint16(n) | 0x4000)
	default:
		w.u32(uint32(n) | 0x8000_0000)
	}
	w.raw(b)
}

// reader reads it. The first error sticks; everything read after it is zero.
// What it returns points into the bytes it reads.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(what string) {
	if r.err == nil {
		r.err = malformed(what)
	}
}

func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.b)-r.off {
		r.fail("truncated")
	}
	if r.err != nil {
		return nil
	}
	v := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return v
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// length reads the header of a variable-size vector, which must be the
// shortest one for its value (section 2.1.2).
func (r *reader) length() int {
	if r.err != nil || r.off >= len(r.b) {
		r.fail("truncated")
		return 0
	}
	n, least := 0, 0
	switch r.b[r.off] >> 6 {
	case 0:
		n = int(r.u8())
	case 1:
		n, least = int(r.u16()&0x3fff), 1<<6
	case 2:
		n, least = int(r.u32()&0x3fff_ffff), 1<<14
	default:
		r.fail("length prefix")
	}
	if n < least {
		r.fail("length not minimal")
	}
	return n
}

func (r *reader) vec() []byte { return r.take(r.length()) }

// optional reads the presence octet of an optional value.
func (r *reader) optional() bool {
	v := r.u8()
	if v > 1 {
		r.fail("optional")
	}
	return v == 1
}

// each calls f for as long as a vector read from r has bytes left.
func (r *reader) each(f func(*reader)) {
	v := &reader{b: r.vec()}
	for r.err == nil && v.off < len(v.b) {
		f(v)
		if r.err == nil {
			r.err = v.err
		}
	}
}

// since returns what was read from offset start on.
func (r *reader) since(start int) []byte {
	if r.err != nil {
		return nil
	}
	return r.b[start:r.off:r.off]
}

// end is the error of the reader, or that bytes are left.
func (r *reader) end() error {
	if r.off != len(r.b) {
		r.fail("trailing bytes")
	}
	return r.err
}
