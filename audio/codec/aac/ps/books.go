package ps

import "segue/audio/codec/aac/bits"

// A leaf is a code word of a book: what it stands for, and how long it is.
type leaf struct {
	value  int8
	length uint8 // bits
}

// The books of ISO/IEC 14496-3, subpart 8, written as their trees' leaves from left
// to right, of each its value and its length. That says all: a code is where its leaf
// begins.
var (
	intensityTime = newBook(
		0, 1, -1, 2, 1, 3, -2, 4, 2, 5, -3, 6, 3, 7, -4, 8, 4, 9, -5, 10, 5, 11, -6, 12, 6, 13, 7, 14, -7, 15, 8, 17, -8, 17,
		9, 19, -14, 19, -13, 19, -12, 19, -11, 20, -10, 20, -9, 20, 10, 20, 11, 20, 12, 20, 13, 20, 14, 20,
	)
	intensityFreq = newBook(
		0, 1, 1, 3, -1, 3, 2, 4, -2, 4, 3, 5, -3, 5, -4, 6, 4, 6, 5, 6, -5, 7, 6, 8, -6, 9, -7, 10, 7, 11, 8, 13, -8, 13,
		9, 14, 10, 14, -9, 15, 11, 15, -10, 16, -11, 17, -14, 17, -13, 17, -12, 17, 12, 17, 13, 18, 14, 18,
	)
	fineTime = newBook(
		1, 2, -4, 7, 4, 7, -3, 6, 3, 6, 5, 8, -6, 9, 6, 9, 9, 11, 11, 12, -21, 15, -20, 15, 18, 15, 19, 15, -13, 13, -7, 10,
		7, 10, 13, 13, -19, 15, -18, 15, -26, 16, 26, 16, -28, 16, -27, 16, 29, 16, 30, 16, 27, 16, 28, 16, -30, 16, -29, 16,
		-25, 16, 25, 16, -24, 16, 24, 16, -17, 15, -15, 14, -10, 12, 10, 12, -8, 11, 8, 11, 15, 14, 17, 15, -23, 16, 23, 16,
		-12, 13, 12, 13, -14, 14, 14, 14, -22, 16, 22, 16, -16, 15, 16, 15, 20, 16, 21, 16, -11, 13, -9, 12, -5, 9, -2, 5,
		2, 5, -1, 3, 0, 1,
	)
	fineFreq = newBook(
		-2, 4, 2, 4, -1, 3, 1, 3, -3, 5, 3, 5, -4, 6, 4, 6, -5, 7, 5, 7, -6, 8, 6, 8, 7, 9, 10, 11, -11, 12, 11, 12, -8, 10,
		8, 10, -21, 17, 21, 17, -19, 17, 19, 17, -17, 16, 17, 16, -14, 14, -12, 13, 12, 13, 14, 14, -18, 17, 18, 17, -26, 18,
		-25, 18, -28, 18, -27, 18, -15, 15, -9, 11, 9, 11, 15, 15, -22, 18, 22, 18, -24, 18, -23, 18, 25, 18, 26, 18, 23, 18,
		24, 18, -13, 14, 13, 14, 29, 18, 30, 18, 27, 18, 28, 18, -30, 18, -29, 18, -20, 18, 20, 18, -16, 16, 16, 16, -10, 12,
		-7, 10, 0, 1,
	)
	coherenceTime = newBook(
		0, 1, 1, 2, -1, 3, 2, 4, -2, 5, 3, 6, -3, 7, 4, 8, -4, 9, 5, 10, -5, 11, 6, 12, -6, 13, -7, 14, 7, 14,
	)
	coherenceFreq = newBook(
		0, 1, 1, 2, -1, 3, 2, 4, -2, 5, 3, 6, -3, 7, 4, 8, 5, 9, -4, 10, 6, 11, -5, 12, 7, 13, -6, 14, -7, 14,
	)
	phaseTime = newBook(
		5, 4, 4, 5, 3, 5, 2, 4, 6, 4, 1, 3, 7, 3, 0, 1,
	)
	phaseFreq = newBook(
		1, 3, 4, 4, 5, 4, 3, 4, 6, 4, 2, 4, 7, 4, 0, 1,
	)
	overallTime = newBook(
		5, 4, 2, 4, 6, 4, 4, 5, 3, 5, 1, 3, 7, 3, 0, 1,
	)
	overallFreq = newBook(
		7, 3, 1, 3, 3, 4, 6, 4, 2, 4, 5, 5, 4, 5, 0, 1,
	)
)

// fastBits is how long the codes are that are looked up at once.
const fastBits = 8

// A book decodes what leaves list.
type book struct {
	fast   [1 << fastBits]leaf // of length 0 where the code is longer
	starts []uint32            // of the leaves, as the upper bits of a word
	leaves []leaf
}

func newBook(values ...int8) *book {
	b := new(book)
	start := uint32(0)
	for i := 0; i < len(values); i += 2 {
		l := leaf{values[i], uint8(values[i+1])}
		b.starts, b.leaves = append(b.starts, start), append(b.leaves, l)
		if l.length <= fastBits {
			for k := range uint32(1) << (fastBits - l.length) {
				b.fast[start>>(32-fastBits)+k] = l
			}
		}
		start += 1 << (32 - l.length)
	}
	return b
}

// next reads a code. The books are complete, so there always is one.
func (b *book) next(r *bits.Reader) int {
	w := r.Look()
	l := b.fast[w>>(32-fastBits)]
	if l.length == 0 {
		i := len(b.starts) - 1
		for b.starts[i] > w {
			i--
		}
		l = b.leaves[i]
	}
	r.Pos += int(l.length)
	return int(l.value)
}
