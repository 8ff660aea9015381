package mp3

import "encoding/binary"

const (
	maxReservoir = 511 // bytes that Layer III may reach back
	overread     = 256 // bytes that reading may look past the end of the data
	bufferSize   = maxReservoir + MaxPacket + overread
)

// bits reads numbers, highest bit first, out of data that is followed by zeros.
// Whoever reads sees to it that he stops before overread bytes of them.
type bits struct {
	data [bufferSize]byte
	pos  int // in bits
	end  int // in bits, of what is real
}

// ahead is what follows, left-aligned; at least the first 57 bits are true.
func (r *bits) ahead() uint64 {
	return binary.BigEndian.Uint64(r.data[r.pos>>3:]) << (r.pos & 7)
}

// take reads n bits, at most 32.
func (r *bits) take(n int) int {
	v := r.ahead() >> (64 - n)
	r.pos += n
	return int(v)
}

// flag reads one bit.
func (r *bits) flag() bool { return r.take(1) == 1 }

// load begins at bit 0 of b, which must not be longer than a frame and reservoir.
func (r *bits) load(b []byte) {
	n := copy(r.data[:], b)
	clear(r.data[n : n+overread])
	r.pos, r.end = 0, 8*n
}
