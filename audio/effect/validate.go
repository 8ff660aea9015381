package effect

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

const (
	loudest      = 5.0 // factor of volume
	mutedBand    = -0.25
	fullBand     = 1.0
	mostProblems = 64 // no more are told of
)

// A Problem is something that cannot be had.
type Problem struct {
	Field string // as JSON names it: "tremolo.depth", "equalizer[3].gain"
	Value string // what it was, "" if there is no such field
	Range string // what it may be
}

// String is for people.
func (p Problem) String() string {
	if p.Value == "" {
		return p.Field + ": " + p.Range
	}
	return p.Field + " is " + p.Value + ", want " + p.Range
}

// An Invalid is the error for settings that cannot be had, with all reasons.
type Invalid struct{ Problems []Problem }

// Error names every problem.
func (e *Invalid) Error() string {
	all := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		all[i] = p.String()
	}
	return "effects: " + strings.Join(all, "; ")
}

func (e *Invalid) add(name, value, want string) {
	if len(e.Problems) < mostProblems {
		e.Problems = append(e.Problems, Problem{name, value, want})
	}
}

// orNil is e as an error, nil if there is no problem.
func (e *Invalid) orNil() error {
	if len(e.Problems) == 0 {
		return nil
	}
	return e
}

// Validate returns nil, or an *Invalid with everything that is out of range. What
// is off is not looked at.
func (s Settings) Validate() error {
	var e Invalid
	s.check(&e)
	return e.orNil()
}

func (s *Settings) check(e *Invalid) {
	if g := math.Pow(10, s.Volume/20); !(g <= loudest*(1+1e-9)) {
		e.add("volume", number(g), between(0, loudest, false))
	}
	for i, g := range s.Equalizer {
		if !(g >= mutedBand && g <= fullBand) {
			e.add(fmt.Sprintf("equalizer[%d].gain", i), number(g), between(mutedBand, fullBand, false))
		}
	}
	for i := range filters {
		f := &filters[i]
		if !*f.on(s) {
			continue
		}
		for _, n := range f.fields {
			if v := *n.of(s); !n.allows(v) {
				e.add(f.name+"."+n.name, number(v), n.span())
			}
		}
	}
	if t := s.Timescale; t.On && t.Speed > 0 && t.Pitch > 0 && t.Rate > 0 {
		if v := t.Speed / t.Pitch; v < slowest || v > fastest {
			e.add("timescale.speed/pitch", number(v), between(slowest, fastest, false))
		}
		if v := t.Rate * t.Pitch; v < slowest || v > fastest {
			e.add("timescale.rate*pitch", number(v), between(slowest, fastest, false))
		}
	}
}

func (n *field) allows(v float64) bool {
	return v >= n.least && v <= n.most && !(n.above && v == n.least)
}

func (n *field) span() string { return between(n.least, n.most, n.above) }

// nearest is what comes closest to v in the field's range.
func (n *field) nearest(v float64) float64 {
	least := n.least
	if n.above {
		least += 1e-3
	}
	if math.IsNaN(v) {
		return n.byDefault
	}
	return max(least, min(n.most, v))
}

// within is s with everything brought into its range, in canonical form and
// without volume: what a Chain can do.
func (s Settings) within() Settings {
	s.Volume = 0
	for i, g := range s.Equalizer {
		if math.IsNaN(g) {
			g = 0
		}
		s.Equalizer[i] = max(mutedBand, min(fullBand, g))
	}
	for i := range filters {
		for _, n := range filters[i].fields {
			if v := n.of(&s); *filters[i].on(&s) && !n.allows(*v) {
				*v = n.nearest(*v)
			}
		}
	}
	return s.Canonical()
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', 6, 64) }

func between(least, most float64, above bool) string {
	if above {
		return "above " + number(least) + ", up to " + number(most)
	}
	return number(least) + " to " + number(most)
}
