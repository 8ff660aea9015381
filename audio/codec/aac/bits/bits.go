// Package bits reads the bit strings AAC and its extensions are written in.
package bits

import "encoding/binary"

// A Reader reads a bit string, most significant bit first. Beyond the end it
// gives zeros, and Over reports that.
type Reader struct {
	B   []byte
	Pos int // in bits
}

// Look returns the next 32 bits and consumes none.
func (r *Reader) Look() uint32 {
	i := r.Pos >> 3
	if i+8 <= len(r.B) {
		return uint32(binary.BigEndian.Uint64(r.B[i:]) << (r.Pos & 7) >> 32)
	}
	var v uint64
	for k := range 8 {
		v <<= 8
		if i+k < len(r.B) {
			v |= uint64(r.B[i+k])
		}
	}
	return uint32(v << (r.Pos & 7) >> 32)
}

// Read returns the next n bits, at most 32.
func (r *Reader) Read(n int) int {
	v := r.Look() >> (32 - n)
	r.Pos += n
	return int(v)
}

// Flag reads one bit.
func (r *Reader) Flag() bool { return r.Read(1) == 1 }

// Align goes on to the next whole byte.
func (r *Reader) Align() { r.Pos = (r.Pos + 7) &^ 7 }

// Over reports whether more was read than there is.
func (r *Reader) Over() bool { return r.Pos > 8*len(r.B) }

// Left is how many bits are not read yet.
func (r *Reader) Left() int { return 8*len(r.B) - r.Pos }
