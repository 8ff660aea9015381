package delivery

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// errShort is a structure that ends before it should.
var errShort = errors.New("structure ends too early")

// writer builds the presentation language of RFC 8446 section 3 with the
// variable-size vectors of RFC 9420 section 2.1.2.
type writer struct{ b []byte }

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *writer) raw(b []byte) { w.b = append(w.b, b...) }

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

// reader takes such structures apart. After the first error every read gives
// zero values; look at err once, at the end.
type reader struct {
	b   []byte
	off int
	err error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.b)-r.off {
		r.fail(errShort)
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

func (r *reader) vec() []byte {
	first := r.u8()
	if r.err != nil {
		return nil
	}
	n := int(first & 0x3f)
	more, least := 0, 0
	switch first >> 6 {
	case 0:
	case 1:
		more, least = 1, 1<<6
	case 2:
		more, least = 3, 1<<14
	default:
		r.fail(errors.New("vector length has the forbidden prefix 11"))
		return nil
	}
	for _, b := range r.take(more) {
		n = n<<8 | int(b)
	}
	if n < least {
		r.fail(fmt.Errorf("vector length %d is not in its shortest form", n))
	}
	return r.take(n)
}

func (r *reader) rest() []byte { return r.b[r.off:] }

// end returns the first error, or one for bytes left over.
func (r *reader) end() error {
	if r.err == nil && r.off != len(r.b) {
		return fmt.Errorf("%d bytes follow the structure", len(r.b)-r.off)
	}
	return r.err
}
