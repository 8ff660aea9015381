package flac

import (
	"encoding/binary"
	"math/bits"
)

// A bitReader takes bits from b, most significant first, 64 at a time. Beyond the
// end it gives zeros and says so in short, so that only one check is needed at the
// end of a run.
type bitReader struct {
	b     []byte
	at    int    // the next byte of b that does not count into n
	word  uint64 // the next bits, from the top; those after the first n are right or 0
	n     uint   // at most 63
	short bool
}

func (r *bitReader) reset(b []byte) { *r = bitReader{b: b} }

// left is how many bits there are still.
func (r *bitReader) left() int { return (len(r.b)-r.at)*8 + int(r.n) }

// fill brings n to 56 or more, or to all that is left.
func (r *bitReader) fill() {
	if len(r.b)-r.at >= 8 {
		r.word |= binary.BigEndian.Uint64(r.b[r.at:]) >> r.n
		r.at += int(63-r.n) >> 3
		r.n |= 56
		return
	}
	for ; r.n < 56 && r.at < len(r.b); r.at++ {
		r.word |= uint64(r.b[r.at]) << (56 - r.n)
		r.n += 8
	}
}

// uint reads a number of k bits, at most 56.
func (r *bitReader) uint(k uint) uint64 {
	if r.n < k {
		if r.fill(); r.n < k {
			r.end()
			return 0
		}
	}
	v := r.word >> (64 - k)
	r.word <<= k
	r.n -= k
	return v
}

// int reads a number of k bits in two's complement.
func (r *bitReader) int(k uint) int64 {
	return int64(r.uint(k)<<(64-k)) >> (64 - k)
}

// unary counts zeros up to a one, and reads both.
func (r *bitReader) unary() (zeros uint) {
	for {
		z := uint(bits.LeadingZeros64(r.word))
		if z < r.n {
			r.word <<= z + 1
			r.n -= z + 1
			return zeros + z
		}
		zeros += r.n
		r.word, r.n = r.word<<r.n, 0
		if r.at == len(r.b) {
			r.end()
			return zeros
		}
		r.fill()
	}
}

func (r *bitReader) end() {
	r.at, r.word, r.n, r.short = len(r.b), 0, 0, true
}

// rice reads folded numbers of which the last k bits, at most 30, are as they are
// and those before unary. It reports whether all are of 32 bits.
func (r *bitReader) rice(dst []int32, k uint) bool {
	b, at, word, n := r.b, r.at, r.word, r.n
	all := uint64(0)
	for i := range dst {
		z := uint(bits.LeadingZeros64(word))
		if z+1+k > n {
			if len(b)-at >= 8 {
				word |= binary.BigEndian.Uint64(b[at:]) >> (n & 63)
				at += int(63-n) >> 3
				n |= 56
				z = uint(bits.LeadingZeros64(word))
			}
			if z+1+k > n { // long, or near the end
				r.at, r.word, r.n = at, word, n
				u := uint64(r.unary())<<k | r.uint(k)
				at, word, n = r.at, r.word, r.n
				all |= u
				dst[i] = unfold(u)
				continue
			}
		}
		word <<= (z + 1) & 63
		u := uint64(z)<<(k&63) | word>>1>>((63-k)&63)
		word <<= k & 63
		n -= z + 1 + k
		all |= u
		dst[i] = unfold(u)
	}
	r.at, r.word, r.n = at, word, n
	return all>>32 == 0
}

// unfold undoes the folding of signed numbers: 0, -1, 1, -2, …
func unfold(u uint64) int32 { return int32(uint32(u)>>1) ^ -int32(uint32(u)&1) }
