package ps

import (
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio/codec/aac/bits"
)

// A writer writes bits.
type writer struct {
	b []byte
	n int
}

func (w *writer) flag(v bool) {
	n := 0
	if v {
		n = 1
	}
	w.put(n, 1)
}

func (w *writer) put(v, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// code writes the code of value, found by what all codes before it take.
func (w *writer) code(b *book, value int) {
	start := 0
	for _, l := range b.leaves {
		if int(l.value) == value {
			w.put(start>>(32-l.length), int(l.length))
			return
		}
		start += 1 << (32 - l.length)
	}
	panic("no such value")
}

// A scene is what a ps_data says, as an encoder means it.
type scene struct {
	header           bool
	iidMode, iccMode int // -1: none
	more             bool
	class, count     int // count as it is written
	borders          []int
	iid, icc         [][]int // by envelope and band
	phased           bool
	ipd, opd         [][]int
	inTime           []bool // of each row, in the order they are written
}

func (s *scene) envelopes() int {
	if s.class == 0 {
		return []int{0, 1, 2, 4}[s.count]
	}
	return s.count + 1
}

// table writes rows of values; before is the last of the frame before.
func (w *writer) table(rows [][]int, before []int, freq, time *book, modulo int, inTime func() bool) {
	for _, row := range rows {
		t := inTime()
		w.flag(t)
		for b, v := range row {
			switch {
			case t:
				v -= before[b]
			case b > 0:
				v -= row[b-1]
			}
			if modulo > 0 {
				v = (v%modulo + modulo) % modulo
			}
			book := freq
			if t {
				book = time
			}
			w.code(book, v)
		}
		before = row
	}
}

// write writes s, which follows before.
func (w *writer) write(s, before *scene) {
	w.flag(s.header)
	if s.header {
		for _, mode := range []int{s.iidMode, s.iccMode} {
			if w.flag(mode >= 0); mode >= 0 {
				w.put(mode, 3)
			}
		}
		w.flag(s.more)
	}
	w.put(s.class, 1)
	w.put(s.count, 2)
	for _, b := range s.borders {
		w.put(b-1, 5)
	}
	at := 0
	inTime := func() bool { at++; return s.inTime[at-1] }
	tail := func(rows [][]int) []int {
		if len(rows) == 0 {
			return make([]int, 34)
		}
		return rows[len(rows)-1]
	}
	if s.iidMode >= 3 {
		w.table(s.iid, tail(before.iid), fineFreq, fineTime, 0, inTime)
	} else if s.iidMode >= 0 {
		w.table(s.iid, tail(before.iid), intensityFreq, intensityTime, 0, inTime)
	}
	if s.iccMode >= 0 {
		w.table(s.icc, tail(before.icc), coherenceFreq, coherenceTime, 0, inTime)
	}
	if !s.more {
		return
	}
	var x writer
	x.put(0, 2)
	x.flag(s.phased)
	ipd, opd := tail(before.ipd), tail(before.opd)
	for e := range s.ipd {
		x.table(s.ipd[e:e+1], ipd, phaseFreq, phaseTime, 8, inTime)
		x.table(s.opd[e:e+1], opd, overallFreq, overallTime, 8, inTime)
		ipd, opd = s.ipd[e], s.opd[e]
	}
	x.put(0, 1)
	if size := len(x.b); size < 15 {
		w.put(size, 4)
	} else {
		w.put(15, 4)
		w.put(size-15, 8)
	}
	for _, b := range x.b {
		w.put(int(b), 8)
	}
}

// imagine makes a random scene that may follow before.
func imagine(rng *rand.Rand, before *scene, header bool, iidMode, iccMode int, more bool) *scene {
	s := &scene{header: header, iidMode: iidMode, iccMode: iccMode, more: more, class: rng.IntN(2), count: rng.IntN(4)}
	same := before.iidMode == iidMode && before.iccMode == iccMode
	if !same && s.class == 0 && s.count == 0 {
		s.count = 1 // what held on might be none of the values there are now
	}
	n := s.envelopes()
	if s.class == 1 {
		for _, b := range rng.Perm(32)[:n] {
			s.borders = append(s.borders, b+1)
		}
		slices.Sort(s.borders)
	}
	table := func(bands, least, most int) (rows [][]int) {
		for range n {
			row := make([]int, bands)
			for b := range row {
				row[b] = least + rng.IntN(most-least+1)
			}
			rows = append(rows, row)
		}
		return rows
	}
	count := []int{10, 20, 34, 10, 20, 34}
	if iidMode >= 0 {
		steps := 7
		if iidMode >= 3 {
			steps = 15
		}
		s.iid = table(count[iidMode], -steps, steps)
	}
	if iccMode >= 0 {
		s.icc = table(count[iccMode], 0, 7)
	}
	if s.phased = more && iidMode >= 0 && rng.IntN(8) > 0; s.phased {
		s.ipd = table([]int{5, 11, 17}[iidMode%3], 0, 7)
		s.opd = table([]int{5, 11, 17}[iidMode%3], 0, 7)
	}
	for range 4 * n {
		s.inTime = append(s.inTime, same && rng.IntN(2) == 1)
	}
	if n == 0 {
		s.iid, s.icc = before.iid, before.icc // they hold on
		if s.phased {
			s.ipd, s.opd = before.ipd, before.opd
		}
	}
	return s
}

// bytes is s as it is written.
func (s *scene) bytes(before *scene) []byte {
	var w writer
	t := *s
	if s.envelopes() == 0 {
		t.iid, t.icc, t.ipd, t.opd = nil, nil, nil, nil
	}
	w.write(&t, before)
	return w.b
}

func read(t testing.TB, d *Decoder, b []byte) {
	t.Helper()
	if err := d.Read(&bits.Reader{B: b}); err != nil {
		t.Fatal(err)
	}
}
