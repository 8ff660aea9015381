package input

// slabSize is a quarter of a second of Opus at 128 kbit/s: the last piece keeps all of
// it, and so does the first that is still needed. Two of that size fill a span of Go's
// heap.
const slabSize = 4 << 10

// A Slab gives out pieces of larger allocations. A piece is the taker's to keep;
// appending to it copies. The zero value is ready.
type Slab struct{ free []byte }

// Make returns n bytes, not zeroed in any promised way.
func (s *Slab) Make(n int) []byte {
	if n > slabSize/3 {
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
	if len(b) > slabSize/3 {
		return append([]byte(nil), b...) // zeroes nothing first
	}
	c := s.Make(len(b))
	copy(c, b)
	return c
}
