package effect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// MarshalJSON gives Lavalink's "filters" object: only what is not neutral is in it.
func (s Settings) MarshalJSON() ([]byte, error) {
	s = s.Canonical()
	b := []byte{'{'}
	next := func(name string) {
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = append(strconv.AppendQuote(b, name), ':')
	}
	if s.Volume != 0 {
		next("volume")
		b = strconv.AppendFloat(b, s.Gain(), 'g', 12, 64)
	}
	if s.Equalizer != (Equalizer{}) {
		next("equalizer")
		b = append(b, '[')
		for i, g := range s.Equalizer {
			if g != 0 {
				b = fmt.Appendf(b, `{"band":%d,"gain":%v},`, i, g)
			}
		}
		b[len(b)-1] = ']'
	}
	for i := range filters {
		f := &filters[i]
		if !*f.on(&s) {
			continue
		}
		next(f.name)
		b = append(b, '{')
		for _, n := range f.fields {
			next(n.name)
			b = strconv.AppendFloat(b, *n.of(&s), 'g', -1, 64)
		}
		for _, c := range f.flags {
			next(c.name)
			b = strconv.AppendBool(b, *c.of(&s))
		}
		b = append(b, '}')
	}
	b = append(b, '}')
	if !json.Valid(b) { // a number that is none
		return nil, s.Validate()
	}
	return b, nil
}

// UnmarshalJSON reads Lavalink's "filters" object. What is absent or null is off,
// all of it if the whole is null; fields left out of an effect take its defaults.
// Names are matched whatever their case. What is unknown, of the wrong type or out
// of range gives an *Invalid with all of it, and leaves s as it was. The settings
// are in canonical form.
func (s *Settings) UnmarshalJSON(b []byte) error {
	var e Invalid
	var got Settings
	if !(member{value: b}).null() {
		for _, m := range members(b, "", &e) {
			got.read(m, &e)
		}
	}
	if len(e.Problems) == 0 {
		got.check(&e)
	}
	if err := e.orNil(); err != nil {
		return err
	}
	*s = got.Canonical()
	return nil
}

// A member is one of an object's.
type member struct {
	name  string
	value json.RawMessage
}

func (m member) null() bool { return bytes.Equal(m.value, []byte("null")) }

// members lists those of the object b in order of name; where is its name.
func members(b []byte, where string, e *Invalid) (all []member) {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(b, &object); err != nil || object == nil {
		if where == "" {
			where = "filters"
		}
		e.add(where, shown(b), "an object")
		return nil
	}
	for name, value := range object {
		all = append(all, member{name, value})
	}
	slices.SortFunc(all, func(a, b member) int { return strings.Compare(a.name, b.name) })
	return all
}

// read takes in one member of the whole.
func (s *Settings) read(m member, e *Invalid) {
	switch {
	case strings.EqualFold(m.name, "volume"):
		if !m.null() {
			s.Volume = volume(m.value, e)
		}
		return
	case strings.EqualFold(m.name, "equalizer"):
		if !m.null() {
			s.bands(m.value, e)
		}
		return
	case strings.EqualFold(m.name, "pluginFilters"):
		if !m.null() {
			for _, p := range members(m.value, m.name, e) {
				e.add(m.name+"."+p.name, "", "there is no such effect")
			}
		}
		return
	}
	for i := range filters {
		if f := &filters[i]; strings.EqualFold(m.name, f.name) {
			if !m.null() {
				f.read(s, m.value, e)
			}
			return
		}
	}
	e.add(m.name, "", "there is no such effect")
}

// volume is in decibels what b says as a factor.
func volume(b []byte, e *Invalid) float64 {
	v := decimal(b, "volume", between(0, loudest, false), e)
	if v < 0 || v > loudest {
		e.add("volume", number(v), between(0, loudest, false))
	}
	if v == 1 {
		return 0
	}
	return Percent(100 * v)
}

// read takes in the filter's object.
func (f *filter) read(s *Settings, b []byte, e *Invalid) {
	f.defaults(s)
	for _, m := range members(b, f.name, e) {
		where := f.name + "." + m.name
		if i := slices.IndexFunc(f.fields, func(n field) bool { return strings.EqualFold(n.name, m.name) }); i >= 0 {
			if !m.null() {
				*f.fields[i].of(s) = decimal(m.value, where, f.fields[i].span(), e)
			}
		} else if i := slices.IndexFunc(f.flags, func(c flag) bool { return strings.EqualFold(c.name, m.name) }); i >= 0 {
			if json.Unmarshal(m.value, f.flags[i].of(s)) != nil {
				e.add(where, shown(m.value), "true or false")
			}
		} else {
			e.add(where, "", "there is no such field")
		}
	}
}

// bands takes in the equalizer's list. A band named twice has its last gain.
func (s *Settings) bands(b []byte, e *Invalid) {
	var list []json.RawMessage
	if json.Unmarshal(b, &list) != nil {
		e.add("equalizer", shown(b), "a list of bands")
		return
	}
	for i, entry := range list {
		where := fmt.Sprintf("equalizer[%d]", i)
		band, gain := -1.0, fullBand // Lavalink's default
		for _, m := range members(entry, where, e) {
			switch {
			case strings.EqualFold(m.name, "band"):
				band = decimal(m.value, where+".band", "0 to 14", e)
			case strings.EqualFold(m.name, "gain"):
				gain = decimal(m.value, where+".gain", between(mutedBand, fullBand, false), e)
			default:
				e.add(where+"."+m.name, "", "there is no such field")
			}
		}
		if !(gain >= mutedBand && gain <= fullBand) {
			e.add(where+".gain", number(gain), between(mutedBand, fullBand, false))
		}
		if band != math.Trunc(band) || band < 0 || band >= Bands {
			e.add(where+".band", number(band), "0 to 14")
			continue
		}
		s.Equalizer[int(band)] = gain
	}
}

// decimal is the number b is.
func decimal(b []byte, where, want string, e *Invalid) (v float64) {
	var p *float64
	if json.Unmarshal(b, &p) != nil || p == nil {
		e.add(where, shown(b), want)
		return 0
	}
	return *p
}

// shown is b as an error may repeat it.
func shown(b []byte) string {
	const most = 40
	if len(b) > most {
		return string(b[:most]) + "…"
	}
	return string(b)
}
