package mp3

import (
	"math"
	"strings"
)

const (
	rootBits = 9       // looked up at once
	link     = 1 << 31 // an entry that leads on to another table
	escape   = 15      // a value that linbits are added to
)

// A book decodes pairs or quadruples. An entry holds the length of the codeword in
// bits 0-4, how many signs each value has in 8-11, and the values in fours of bits
// from 12. A link holds where to look in 0-15, with how many more bits in 16-20.
type book []uint32

// newBook builds a book of tuples of n values, of so many bits each.
func newBook(code string, n, width int) book {
	type leaf struct {
		at    uint32 // the codeword, left-aligned
		depth int
		entry uint32
	}
	var leaves []leaf
	at := uint64(0)
	for token := range strings.FieldsSeq(code) {
		depth := digit(token[0])
		values := 0
		for _, c := range []byte(token[1:]) {
			values = values<<4 | digit(c)
		}
		entry := uint32(depth)
		for i := range n {
			v := uint32(values>>((n-1-i)*width)) & (1<<width - 1)
			entry |= v<<(12+4*i) | min(v, 1)<<(8+i)
		}
		leaves = append(leaves, leaf{uint32(at), depth, entry})
		at += 1 << (32 - depth)
	}
	b := make(book, 1<<rootBits)
	for len(leaves) > 0 {
		prefix, depth, k := leaves[0].at>>(32-rootBits), 0, 0
		for k < len(leaves) && leaves[k].at>>(32-rootBits) == prefix {
			depth = max(depth, leaves[k].depth)
			k++
		}
		if depth <= rootBits {
			l := leaves[0]
			for i := range uint32(1) << (rootBits - l.depth) {
				b[prefix+i] = l.entry
			}
			leaves = leaves[1:]
			continue
		}
		more, from := depth-rootBits, len(b)
		b[prefix] = link | uint32(more)<<16 | uint32(from)
		for _, l := range leaves[:k] {
			for range 1 << (depth - l.depth) {
				b = append(b, l.entry)
			}
		}
		leaves = leaves[k:]
	}
	return b
}

func digit(c byte) int {
	if c >= 'a' {
		return int(c-'a') + 10
	}
	return int(c - '0')
}

// huffman is all that decoding a granule's lines needs. It never changes.
type huffman struct {
	pairs   [32]book // nil where there is none: all values are 0
	linbits [32]int
	quads   [2]book
	power   [8192 + escape]float32 // i to the 4/3
	signed  [32]float32            // the same for small values: 2i, and 2i+1 for -i
}

func newHuffman() *huffman {
	h := &huffman{quads: [2]book{newBook(quadsA, 4, 1), newBook(quadsB, 4, 1)}}
	for i, code := range [16]string{
		"", code1, code2, code3, "", code5, code6, code7, code8, code9, code10, code11, code12, code13, "", code15,
	} {
		if code != "" {
			h.pairs[i] = newBook(code, 2, 4)
		}
	}
	small, large := newBook(code16, 2, 4), newBook(code24, 2, 4)
	for i, n := range [16]int{1, 2, 3, 4, 6, 8, 10, 13, 4, 5, 6, 7, 8, 9, 11, 13} {
		h.pairs[16+i], h.linbits[16+i] = small, n
		if i >= 8 {
			h.pairs[16+i] = large
		}
	}
	for i := range h.power {
		h.power[i] = float32(math.Pow(float64(i), 4.0/3))
	}
	for i := range 16 {
		h.signed[2*i], h.signed[2*i+1] = h.power[i], 0-h.power[i]
	}
	return h
}

// lines decodes the lines of a granule up to bit end, and returns how many there
// are; those behind are 0.
func (h *huffman) lines(r *bits, g *granule, end int, out *[lineCount + 4]float32) int {
	n := 0
	for i, to := range g.regions {
		if h.pairs[g.tables[i]] == nil {
			clear(out[n:to])
			n = max(n, to)
			continue
		}
		if n = h.region(r, g.tables[i], end, out, n, to); n < to {
			break // cut off
		}
	}
	n = h.quadruples(r, h.quads[g.count1], end, out, n)
	clear(out[n:])
	return n
}

// region decodes pairs with one table from line n on and returns where it ended.
func (h *huffman) region(r *bits, table, end int, out *[lineCount + 4]float32, n, to int) int {
	b, linbits := h.pairs[table], h.linbits[table]
	root, from := (*[1 << rootBits]uint32)(b), n
	for ; n < to && r.pos < end; n += 2 {
		w := r.ahead()
		e := root[w>>(64-rootBits)]
		if e >= link {
			e = b[e&0xffff+uint32(w<<rootBits>>((64-e>>16)&63))]
		}
		x, y := e>>12&15, e>>16&15
		pair := (*[2]float32)(out[n:])
		if linbits > 0 && max(x, y) == escape {
			r.pos += int(e & 31)
			pair[0] = h.large(r, x, linbits)
			pair[1] = h.large(r, y, linbits)
		} else {
			w <<= e & 31
			pair[0] = h.signed[x<<1|uint32(w>>63)]
			w <<= e >> 8 & 1
			pair[1] = h.signed[y<<1|uint32(w>>63)]
			r.pos += int(e&31 + e>>8&1 + e>>9&1)
		}
	}
	if n > from && r.pos > end {
		n -= 2 // the last one was not all there
	}
	return n
}

// large reads what follows the codeword for a value of a table with linbits.
func (h *huffman) large(r *bits, x uint32, linbits int) float32 {
	if x == 0 {
		return 0
	}
	v := h.power[x]
	if x == escape {
		v = h.power[escape+r.take(linbits)]
	}
	if r.flag() {
		return -v
	}
	return v
}

// quadruples decodes small lines from n on and returns where it ended.
func (h *huffman) quadruples(r *bits, b book, end int, out *[lineCount + 4]float32, n int) int {
	root := (*[1 << rootBits]uint32)(b)
	for n < lineCount && r.pos < end {
		w := r.ahead()
		e := root[w>>(64-rootBits)]
		w <<= e & 31
		quad := (*[4]float32)(out[n:])
		v := e >> 12 & 1
		quad[0] = h.signed[v<<1|uint32(w>>63)]
		w <<= v
		v = e >> 16 & 1
		quad[1] = h.signed[v<<1|uint32(w>>63)]
		w <<= v
		v = e >> 20 & 1
		quad[2] = h.signed[v<<1|uint32(w>>63)]
		w <<= v
		v = e >> 24 & 1
		quad[3] = h.signed[v<<1|uint32(w>>63)]
		r.pos += int(e&31 + e>>8&1 + e>>9&1 + e>>10&1 + e>>11&1)
		if r.pos > end {
			break
		}
		n += 4
	}
	return min(n, lineCount)
}
