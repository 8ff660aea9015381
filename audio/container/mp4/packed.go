package mp4

import (
	"fmt"
	"math"

	"segue/audio"
)

// A packed is a list of numbers that takes no more room for each than those near
// it need: 2, 4 or 8 bytes.
type packed struct {
	rising bool // they grow: count from the first of a page
	pages  []packedPage
	n      int
	bytes  int
}

// A packedPage has pageSize numbers less base, in one of three widths.
type packedPage struct {
	base  int64
	two   []uint16
	four  []uint32
	eight []int64
}

func (l *packed) add(v int64) error {
	if l.n >= maxEntries {
		return fmt.Errorf("mp4: more than %d entries in a table: %w", maxEntries, audio.ErrLimit)
	}
	k := l.n / pageSize
	if k == len(l.pages) {
		l.pages = append(l.pages, packedPage{})
	}
	p := &l.pages[k]
	if l.n%pageSize == 0 {
		*p = packedPage{two: p.two[:0], four: p.four[:0], eight: p.eight[:0]}
		if l.rising {
			p.base = v
		}
	}
	l.bytes += p.add(v - p.base)
	l.n++
	return nil
}

// add returns by how many bytes the page has grown.
func (p *packedPage) add(v int64) int {
	switch {
	case len(p.four)+len(p.eight) == 0 && v >= 0 && v <= math.MaxUint16:
		p.two = append(p.two, uint16(v))
		return 2
	case len(p.eight) == 0 && v >= 0 && v <= math.MaxUint32:
		n := len(p.two)
		for _, x := range p.two {
			p.four = append(p.four, uint32(x))
		}
		p.two, p.four = p.two[:0], append(p.four, uint32(v))
		return 4 + 2*n
	default:
		n := 6*len(p.two) + 4*len(p.four)
		for _, x := range p.two {
			p.eight = append(p.eight, int64(x))
		}
		for _, x := range p.four {
			p.eight = append(p.eight, int64(x))
		}
		p.two, p.four, p.eight = p.two[:0], p.four[:0], append(p.eight, v)
		return 8 + n
	}
}

func (l *packed) at(i int) int64 {
	p := &l.pages[i/pageSize]
	i %= pageSize
	switch {
	case i < len(p.two):
		return p.base + int64(p.two[i])
	case i < len(p.four):
		return p.base + int64(p.four[i])
	}
	return p.base + p.eight[i]
}

// empty forgets all numbers and keeps room for a page.
func (l *packed) empty() {
	l.n, l.bytes = 0, 0
	if len(l.pages) > 1 {
		l.pages = l.pages[:1:1]
	}
}
