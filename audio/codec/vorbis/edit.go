package vorbis

// The library that decodes reads the classes of a floor of type 1 up to the
// greatest number one of its partitions has, and where there is no partition still
// one (Vorbis I, 7.2.2, reads none). Such a floor is a straight line: libvorbis has
// it for the low-frequency channel of 5.1. The library is told it with a partition
// of one point that lies on the line.

// An editor copies a header up to where it is changed.
type editor struct {
	data   []byte
	at     int // bits in it
	copied int // bits of the header dealt with
}

// copyTo copies what of b has not been up to the bit at.
func (e *editor) copyTo(b []byte, at int) {
	r := bitReader{data: b, at: e.copied}
	for r.at < at {
		n := min(8, at-r.at)
		e.write(r.read(n), n)
	}
	e.copied = at
}

// write appends an integer of n bits, least significant bit first.
func (e *editor) write(v uint32, n int) {
	for ; n > 0; n, v = n-1, v>>1 {
		if e.at%8 == 0 {
			e.data = append(e.data, 0)
		}
		e.data[e.at/8] |= byte(v&1) << (e.at % 8)
		e.at++
	}
}

// bend puts the point in the floor of b without partitions whose count of them is
// at the bit count; behind it are 2 bits of multiplier and 4 of width.
func (e *editor) bend(b []byte, count, width int) {
	e.copyTo(b, count)
	e.write(1, 5) // partition,
	e.write(0, 4) // of class 0,
	e.write(0, 3) // which has one point,
	e.write(0, 2) // no subclasses,
	e.write(0, 8) // and no book: the point is where the line is
	e.copied += 5
	e.copyTo(b, count+5+2+4)
	e.write(1, width)
}
