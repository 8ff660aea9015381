package bits

const (
	fast    = 9  // codes up to here are looked up at once: 2 KiB a book
	longest = 20 // no code is longer
)

// A Listing is a Huffman code book written down canonically: how many codes there
// are of each length, from one bit on, and the indices they stand for in the order
// of the codes, which count upwards. Lengths are up to 20, indices up to 4095.
type Listing struct {
	Counts []uint16
	Order  []uint16
}

// A Book decodes the codes of a listing, which must be complete: any bits are a
// code. It never changes.
type Book struct {
	fast  [1 << fast]uint16 // index<<4 | length; 0: the code is longer
	longs [longest + 1]span // by length
	order []uint16
}

// A span is the codes of one length.
type span struct{ first, count, offset uint32 }

// NewBook makes the book of a listing.
func NewBook(l Listing) *Book {
	b := &Book{order: l.Order}
	code, offset := uint32(0), uint32(0)
	for i, n := range l.Counts {
		length := i + 1
		b.longs[length] = span{code, uint32(n), offset}
		for k := range uint32(n) {
			if length > fast {
				break
			}
			from := (code + k) << (fast - length)
			for at := range uint32(1) << (fast - length) {
				b.fast[from+at] = l.Order[offset+k]<<4 | uint16(length)
			}
		}
		code, offset = (code+uint32(n))<<1, offset+uint32(n)
	}
	return b
}

// Size is how many indices there are.
func (b *Book) Size() int { return len(b.order) }

// Next reads one code and returns its index.
func (b *Book) Next(r *Reader) int {
	w := r.Look()
	if e := b.fast[w>>(32-fast)]; e != 0 {
		r.Pos += int(e & 15)
		return int(e >> 4)
	}
	for length := fast + 1; length <= longest; length++ {
		s := &b.longs[length]
		if k := w>>(32-length) - s.first; k < s.count {
			r.Pos += length
			return int(b.order[s.offset+k])
		}
	}
	r.Pos += longest
	return 0
}
