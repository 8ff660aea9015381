package input

// slabSize is half a second of Opus at 128 kbit/s: the last piece keeps all of it.
// Six of that size are in a span of Go's heap, where 8 KiB would have one to itself
// and take half as long again.
const slabSize = 6784

// A Slab gives out pieces of larger allocations. A piece is the taker's to keep;
// appending to it copies. The zero value is ready.
type Slab struct{ free []byte }

// Make returns n bytes, not zeroed in any promised way.
func (s *Slab) Make(n int) []byte {
	if n > slabSize/4 {
		return make([]byte, n)
	}
	if n > len(s.free) {
		s.free = make([]byte, slabSize)
	}
	b := s.free[:n:n]
	s.free = s.free[n:]
	return b
}

// Copy returns a copy of b.
func (s *Slab) Copy(b []byte) []byte {
	if len(b) > slabSize/4 {
		return append([]byte(nil), b...) // zeroes nothing first
	}
	c := s.Make(len(b))
	copy(c, b)
	return c
}
