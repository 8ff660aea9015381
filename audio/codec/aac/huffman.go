package aac

import "segue/audio/codec/aac/bits"

import "math"

const (
	fastBits = 9    // codes up to here are looked up at once: 2 KiB a book
	maxLong  = 20   // no code is longer
	escape   = 16   // in book 11: the number follows
	maxQuant = 8191 // the largest escape
)

// A book decodes the codes of a listing.
type book struct {
	fast   [1 << fastBits]uint16 // index<<4 | length; 0: the code is longer
	longs  [maxLong]span         // by length
	order  []uint16
	values [][4]float32 // by index: what it stands for, to the power 4/3
	signed bool         // values have their signs; else signs follow the code
	pair   bool
}

// A span is the codes of one length.
type span struct{ first, count, offset uint32 }

func newBook(l listing) *book {
	b := &book{order: l.order}
	code, offset := uint32(0), uint32(0)
	for i, n := range l.counts {
		length := i + 1
		b.longs[length] = span{code, uint32(n), offset}
		for k := range uint32(n) {
			if length > fastBits {
				break
			}
			from := (code + k) << (fastBits - length)
			for at := range uint32(1) << (fastBits - length) {
				b.fast[from+at] = l.order[offset+k]<<4 | uint16(length)
			}
		}
		code, offset = (code+uint32(n))<<1, offset+uint32(n)
	}
	return b
}

// next reads one code. All books are complete, so there always is one.
func (b *book) next(r *bits.Reader) int {
	w := r.Look()
	if e := b.fast[w>>(32-fastBits)]; e != 0 {
		r.Pos += int(e & 15)
		return int(e >> 4)
	}
	for length := fastBits + 1; length < maxLong; length++ {
		s := &b.longs[length]
		if k := w>>(32-length) - s.first; k < s.count {
			r.Pos += length
			return int(b.order[s.offset+k])
		}
	}
	r.Pos += maxLong
	return 0
}

// shapes are how the indices of books 1 to 11 make numbers.
var shapes = [11]struct {
	modulo, least int
	pair          bool
}{
	{3, -1, false},
	{3, -1, false},
	{3, 0, false},
	{3, 0, false},
	{9, -4, true},
	{9, -4, true},
	{8, 0, true},
	{8, 0, true},
	{13, 0, true},
	{13, 0, true},
	{17, 0, true},
}

// tables are what all decoders share. They never change.
type tables struct {
	books [11]*book
	scale *book
	power [maxQuant + 1]float32 // n^(4/3)
	gain  [256]float32          // of a scale factor, to full scale 1
	bank  *bank
}

var shared = newTables()

func newTables() *tables {
	t := &tables{scale: newBook(scaleListing), bank: newBank()}
	for i := range t.power {
		t.power[i] = float32(math.Pow(float64(i), 4.0/3))
	}
	for i := range t.gain {
		t.gain[i] = float32(math.Exp2(float64(i-100)/4) / 32768)
	}
	for i, s := range shapes {
		b := newBook(spectrumListings[i])
		b.pair, b.signed = s.pair, s.least < 0
		b.values = make([][4]float32, len(b.order))
		dims := 4
		if s.pair {
			dims = 2
		}
		for index := range b.values {
			rest := index
			for k := dims - 1; k >= 0; k-- {
				n := rest%s.modulo + s.least
				rest /= s.modulo
				b.values[index][k] = float32(math.Copysign(float64(t.power[max(n, -n)]), float64(n)))
			}
		}
		t.books[i] = b
	}
	return t
}

// fours fills dst, whose length is a multiple of four.
func (b *book) fours(r *bits.Reader, dst []float32) {
	for ; len(dst) >= 4; dst = dst[4:] {
		v := &b.values[b.next(r)]
		dst[0], dst[1], dst[2], dst[3] = v[0], v[1], v[2], v[3]
		if !b.signed {
			signs(r, dst[:4])
		}
	}
}

// twos fills dst, whose length is even.
func (b *book) twos(r *bits.Reader, dst []float32) {
	for ; len(dst) >= 2; dst = dst[2:] {
		v := &b.values[b.next(r)]
		dst[0], dst[1] = v[0], v[1]
		if !b.signed {
			signs(r, dst[:2])
		}
	}
}

// escaped fills dst as twos does, with book 11. It reports whether all numbers
// were ones that can be.
func (t *tables) escaped(r *bits.Reader, dst []float32) bool {
	b, limit := t.books[10], t.power[escape]
	for ; len(dst) >= 2; dst = dst[2:] {
		v := &b.values[b.next(r)]
		dst[0], dst[1] = v[0], v[1]
		signs(r, dst[:2])
		for i, x := range v[:2] {
			if x != limit {
				continue
			}
			n := 4
			for r.Flag() {
				if n++; n > 12 {
					return false
				}
			}
			x = t.power[1<<n+r.Read(n)]
			dst[i] = float32(math.Copysign(float64(x), float64(dst[i])))
		}
	}
	return true
}

// signs reads a sign for each number of v that is not zero.
func signs(r *bits.Reader, v []float32) {
	w := r.Look()
	for i, x := range v {
		if x == 0 {
			continue
		}
		v[i] = math.Float32frombits(math.Float32bits(x) | w&(1<<31))
		w <<= 1
		r.Pos++
	}
}
