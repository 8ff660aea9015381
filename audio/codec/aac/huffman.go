package aac

import "segue/audio/codec/aac/bits"

import "math"

const (
	escape   = 16   // in book 11: the number follows
	maxQuant = 8191 // the largest escape
)

// A book of the spectrum: what its indices stand for.
type book struct {
	*bits.Book
	values [][4]float32 // by index: what it stands for, to the power 4/3
	signed bool         // values have their signs; else signs follow the code
	pair   bool
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
	scale *bits.Book
	power [maxQuant + 1]float32 // n^(4/3)
	gain  [256]float32          // of a scale factor, to full scale 1
	bank  *bank
}

var shared = newTables()

func newTables() *tables {
	t := &tables{scale: bits.NewBook(scaleListing), bank: newBank()}
	for i := range t.power {
		t.power[i] = float32(math.Pow(float64(i), 4.0/3))
	}
	for i := range t.gain {
		t.gain[i] = float32(math.Exp2(float64(i-100)/4) / 32768)
	}
	for i, s := range shapes {
		b := &book{Book: bits.NewBook(spectrumListings[i]), pair: s.pair, signed: s.least < 0}
		b.values = make([][4]float32, b.Size())
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
		v := &b.values[b.Next(r)]
		dst[0], dst[1], dst[2], dst[3] = v[0], v[1], v[2], v[3]
		if !b.signed {
			signs(r, dst[:4])
		}
	}
}

// twos fills dst, whose length is even.
func (b *book) twos(r *bits.Reader, dst []float32) {
	for ; len(dst) >= 2; dst = dst[2:] {
		v := &b.values[b.Next(r)]
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
		v := &b.values[b.Next(r)]
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
