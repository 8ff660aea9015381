package aac

import "encoding/binary"

// bits reads a bit string, most significant bit first. Beyond the end it gives
// zeros, and over reports that.
type bits struct {
	b   []byte
	pos int // in bits
}

// look returns the next 32 bits and consumes none.
func (r *bits) look() uint32 {
	i := r.pos >> 3
	if i+8 <= len(r.b) {
		return uint32(binary.BigEndian.Uint64(r.b[i:]) << (r.pos & 7) >> 32)
	}
	var v uint64
	for k := range 8 {
		v <<= 8
		if i+k < len(r.b) {
			v |= uint64(r.b[i+k])
		}
	}
	return uint32(v << (r.pos & 7) >> 32)
}

// read returns the next n bits, at most 32.
func (r *bits) read(n int) int {
	v := r.look() >> (32 - n)
	r.pos += n
	return int(v)
}

func (r *bits) flag() bool { return r.read(1) == 1 }

// align goes on to the next whole byte.
func (r *bits) align() { r.pos = (r.pos + 7) &^ 7 }

// over reports whether more was read than there is.
func (r *bits) over() bool { return r.pos > 8*len(r.b) }

// left is how many bits are not read yet.
func (r *bits) left() int { return 8*len(r.b) - r.pos }
