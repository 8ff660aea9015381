package sbr_test

import "segue/audio/codec/aac/sbr"

// A bitWriter writes bit strings.
type bitWriter struct {
	b []byte
	n int
}

func (w *bitWriter) write(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) flag(f bool) bool {
	if f {
		w.write(1, 1)
	} else {
		w.write(0, 1)
	}
	return f
}

// copyBits writes the bits of b from from up to to.
func (w *bitWriter) copyBits(b []byte, from, to int) {
	for i := from; i < to; i++ {
		w.write(int(b[i/8]>>(7-i%8)&1), 1)
	}
}

// codes are the codes of a book, by what they stand for.
func codes(book int) map[int][2]int {
	least, l := sbr.Book(book)
	m := map[int][2]int{}
	code, at := 0, 0
	for i, n := range l.Counts {
		for range n {
			m[int(l.Order[at])-least] = [2]int{code, i + 1}
			code, at = code+1, at+1
		}
		code <<= 1
	}
	return m
}

var books = func() (m [10]map[int][2]int) {
	for i := range m {
		m[i] = codes(i)
	}
	return m
}()

// appendPayload writes a payload as a fill element.
func appendPayload(w *bitWriter, p *bitWriter) {
	n := (p.n + 7) / 8
	w.write(6, 3)
	if n < 15 {
		w.write(n, 4)
	} else {
		w.write(15, 4)
		w.write(n-14, 8)
	}
	w.copyBits(p.b, 0, p.n)
	w.write(0, 8*n-p.n)
}
