package sbr

import "segue/audio/codec/aac/bits"

const (
	timeSlots    = 16 // of a frame: two of the filter bank each
	maxEnvelopes = 5
)

// Classes of grids: whether a frame's first and last border lie on the frame's.
const (
	fixFix = iota
	fixVar
	varFix
	varVar
)

// A grid says when envelopes and noise floors begin and end (ISO/IEC 14496-3,
// 4.6.18.3.3).
type grid struct {
	envelopes int
	borders   [maxEnvelopes + 1]int // in time slots
	high      [maxEnvelopes]bool    // whether an envelope has all bands, or half of them
	floors    int
	middle    int // border between two noise floors, in time slots
	attack    int // envelope that begins with one, or -1; may be envelopes: the next frame's first
	coarse    bool
}

// end is the last border.
func (g *grid) end() int { return g.borders[g.envelopes] }

// readGrid reads an sbr_grid. coarse is what the header says of amplitudes.
func readGrid(r *bits.Reader, coarse bool) (g grid, ok bool) {
	g = grid{coarse: coarse, attack: -1}
	class, pointer := r.Read(2), 0
	first, last, lead, trail := 0, timeSlots, 0, 0
	switch class {
	case fixFix:
		return readFixed(r, g)
	case fixVar:
		last += r.Read(2)
		trail = r.Read(2)
	case varFix:
		first = r.Read(2)
		lead = r.Read(2)
	case varVar:
		first = r.Read(2)
		last += r.Read(2)
		lead, trail = r.Read(2), r.Read(2)
	}
	g.envelopes = lead + trail + 1
	if g.envelopes > maxEnvelopes {
		return g, false
	}
	g.borders[0], g.borders[g.envelopes] = first, last
	for i := range lead {
		g.borders[i+1] = g.borders[i] + 2*r.Read(2) + 2
	}
	for i := range trail {
		at := g.envelopes - i
		g.borders[at-1] = g.borders[at] - 2*r.Read(2) - 2
	}
	pointer = r.Read([...]int{0, 1, 2, 2, 3, 3}[g.envelopes])
	if pointer > g.envelopes+1 {
		return g, false
	}
	for i := range g.envelopes {
		at := i
		if class == fixVar {
			at = g.envelopes - 1 - i
		}
		g.high[at] = r.Flag()
	}
	for i := range g.envelopes {
		if g.borders[i] >= g.borders[i+1] {
			return g, false
		}
	}
	g.point(class, pointer)
	return g, true
}

// point finds what the pointer of a grid says: the attack, and the border between
// noise floors.
func (g *grid) point(class, pointer int) {
	switch {
	case class != varFix && pointer > 0:
		g.attack = g.envelopes + 1 - pointer
	case class == varFix && pointer > 1:
		g.attack = pointer - 1
	}
	g.floors = min(g.envelopes, 2)
	at := g.envelopes - max(pointer-1, 1)
	if class == varFix {
		switch pointer {
		case 0:
			at = 1
		case 1:
			at = g.envelopes - 1
		default:
			at = pointer - 1
		}
	}
	g.middle = g.borders[min(max(at, 0), g.envelopes)]
}

// readFixed reads the rest of a grid of equal envelopes.
func readFixed(r *bits.Reader, g grid) (grid, bool) {
	g.envelopes = 1 << r.Read(2)
	if g.envelopes > 4 {
		return g, false
	}
	if g.envelopes == 1 {
		g.coarse = false
	}
	high := r.Flag()
	for i := range g.envelopes {
		g.borders[i+1] = (i + 1) * timeSlots / g.envelopes
		g.high[i] = high
	}
	g.floors = min(g.envelopes, 2)
	g.middle = g.borders[g.envelopes/2]
	return g, true
}
