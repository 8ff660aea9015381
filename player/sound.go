package player

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/music"
)

// The bounds of a Sound.
const (
	MaxCrossfade = 12 * time.Second
	MaxFade      = 2 * time.Second
)

// A Sound is what a guild wants of its sound. It is a plain value: compare it with
// ==. Begin with DefaultSound.
type Sound struct {
	Effects   effect.Settings // volume included
	Levelling levelling.Mode
	Crossfade time.Duration // how long the end of a track and the beginning of the next are heard together
	Fade      time.Duration // how long the sound takes to go and come on pause, resume, stop, skip and seek
	Trim      bool          // the silence at a track's ends is left out, from the next track on
}

// DefaultSound is that of a guild that never chose: every track as it is, gapless,
// levelled where it is far too loud or too soft.
func DefaultSound() Sound { return Sound{Fade: 60 * time.Millisecond} }

// Validate returns nil, or a *music.Error with the code sound.invalid whose
// arguments are the first field that is out of range, its value and its range.
func (s Sound) Validate() error {
	var all []effect.Problem
	if err := s.Effects.Validate(); err != nil {
		all = append(all, problems("effects.", err)...)
	}
	if s.Levelling > levelling.On {
		all = append(all, effect.Problem{Field: "levelling", Value: s.Levelling.String(), Range: "auto, off or on"})
	}
	for _, f := range []struct {
		name    string
		d, most time.Duration
	}{{"crossfade", s.Crossfade, MaxCrossfade}, {"fade", s.Fade, MaxFade}} {
		if f.d < 0 || f.d > f.most {
			all = append(all, effect.Problem{Field: f.name, Value: inSeconds(f.d), Range: "0 to " + inSeconds(f.most) + " s"})
		}
	}
	return invalidSound(all)
}

// problems lists what err says of settings, each field with a prefix.
func problems(prefix string, err error) []effect.Problem {
	e, ok := errors.AsType[*effect.Invalid](err)
	if !ok {
		return []effect.Problem{{Field: prefix, Value: err.Error()}}
	}
	all := slices.Clone(e.Problems)
	for i := range all {
		all[i].Field = prefix + all[i].Field
	}
	return all
}

// invalidSound tells of the first problem, and in its cause of all; nil if there is none.
func invalidSound(all []effect.Problem) error {
	if len(all) == 0 {
		return nil
	}
	p := all[0]
	if p.Value == "" {
		return &music.Error{Kind: music.Invalid, Code: "sound.unknown", Args: []any{p.Field}, Err: &effect.Invalid{Problems: all}}
	}
	return &music.Error{
		Kind: music.Invalid, Code: "sound.invalid", Args: []any{p.Field, p.Value, p.Range}, Err: &effect.Invalid{Problems: all},
	}
}

func inSeconds(d time.Duration) string { return strconv.FormatFloat(d.Seconds(), 'g', -1, 64) }

// spoken is a Sound as JSON has it; times are in seconds.
type spoken struct {
	Effects   effect.Settings `json:"effects"`
	Levelling levelling.Mode  `json:"levelling"`
	Crossfade float64         `json:"crossfade"`
	Fade      float64         `json:"fade"`
	Trim      bool            `json:"trim"`
}

// MarshalJSON writes all of it: "effects" is Lavalink's "filters" object,
// "levelling" one of auto, off and on, "crossfade" and "fade" are in seconds, "trim" is
// true or false.
func (s Sound) MarshalJSON() ([]byte, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return json.Marshal(spoken{s.Effects, s.Levelling, s.Crossfade.Seconds(), s.Fade.Seconds(), s.Trim})
}

// UnmarshalJSON reads what MarshalJSON writes. What is left out is as DefaultSound
// has it. What is unknown, of the wrong type or out of range gives the error of
// Validate, or one with the code sound.unknown and the field, and leaves s as it was.
func (s *Sound) UnmarshalJSON(b []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(b, &fields); err != nil {
		return invalidSound([]effect.Problem{{Field: "sound", Value: "no object", Range: "an object"}})
	}
	got := DefaultSound()
	var all []effect.Problem
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		all = append(all, got.read(name, fields[name])...)
	}
	if len(all) == 0 {
		if err := got.Validate(); err != nil {
			return err
		}
		*s = got
	}
	return invalidSound(all)
}

// read takes in one field of JSON.
func (s *Sound) read(name string, b json.RawMessage) []effect.Problem {
	wrong := func(want string) []effect.Problem {
		return []effect.Problem{{Field: name, Value: fmt.Sprintf("%.40s", b), Range: want}}
	}
	switch name {
	case "effects":
		if err := json.Unmarshal(b, &s.Effects); err != nil {
			return problems("effects.", err)
		}
	case "levelling":
		if json.Unmarshal(b, &s.Levelling) != nil {
			return wrong("auto, off or on")
		}
	case "crossfade":
		if !readSeconds(b, &s.Crossfade, MaxCrossfade) {
			return wrong("0 to " + inSeconds(MaxCrossfade) + " s")
		}
	case "fade":
		if !readSeconds(b, &s.Fade, MaxFade) {
			return wrong("0 to " + inSeconds(MaxFade) + " s")
		}
	case "trim":
		if bytes.Equal(b, []byte("null")) || json.Unmarshal(b, &s.Trim) != nil {
			return wrong("true or false")
		}
	default:
		return []effect.Problem{{Field: name, Range: "there is no such field"}}
	}
	return nil
}

// readSeconds reads a time of at most most, and reports whether it is one.
func readSeconds(b []byte, d *time.Duration, most time.Duration) bool {
	var v *float64
	if json.Unmarshal(b, &v) != nil || v == nil || !(*v >= 0 && *v <= most.Seconds()) {
		return false
	}
	*d = time.Duration(*v*1e6+0.5) * time.Microsecond
	return true
}
