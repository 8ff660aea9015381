package meter

import (
	"fmt"

	"segue/audio"
)

// Kind says what is wrong at a Break.
type Kind uint8

// The kinds of Break.
const (
	Hole    Kind = iota // silence where there should be sound
	Skipped             // the recording goes on further ahead
	Again               // the recording goes back and repeats
	Other               // something else is heard
)

// String is the kind in a word.
func (k Kind) String() string {
	return [...]string{"hole", "skipped", "again", "other"}[k&3]
}

// A Break is a place where a recording leaves its reference.
type Break struct {
	Kind   Kind
	At     int // in the recording
	Length int // of the hole or of what is other; how much was skipped or repeated
}

// String is for reports.
func (b Break) String() string {
	ms := func(n int) float64 { return float64(n) * 1000 / audio.SampleRate }
	return fmt.Sprintf("%v of %.1f ms at %.1f ms", b.Kind, ms(b.Length), ms(b.At))
}

// Breaks compares got with ref, of which it is late by shift to begin with, in
// blocks of 20 ms, and reports where it leaves it: where a block differs by more
// than limit dB (-6 suits coded sound). After each it looks for the way back, up
// to reach samples ahead or behind. Where ref is silent nothing is found.
func Breaks(ref, got []float32, shift int, limit float64, reach int) []Break {
	const block = audio.FrameSamples
	var found []Break
	for at := max(shift, 0); at+block <= len(got)/audio.Channels; at += block {
		from := at - shift
		if from < 0 {
			continue
		}
		if from+block > len(ref)/audio.Channels {
			break
		}
		a, b := stretch(ref, from, block), stretch(got, at, block)
		if power(a) < floorPower || difference(a, b) <= limit {
			continue
		}
		kind := Other
		if power(b) < floorPower {
			kind = Hole
		} else if moved, ok := wayBack(ref, got, at, shift, limit, reach); ok {
			found = append(found, moveOf(at, shift, moved))
			shift = moved
			continue
		}
		if n := len(found); n > 0 && found[n-1].Kind == kind && found[n-1].At+found[n-1].Length == at {
			found[n-1].Length += block
			continue
		}
		found = append(found, Break{kind, at, block})
	}
	return found
}

// wayBack finds the shift nearest to the old one at which the two blocks from
// the next on fit again. (The one at hand may straddle the break.)
func wayBack(ref, got []float32, at, shift int, limit float64, reach int) (int, bool) {
	const look = 2 * audio.FrameSamples
	at += audio.FrameSamples
	if at+look > len(got)/audio.Channels {
		return 0, false
	}
	b := stretch(got, at, look)
	if still := at - shift; still+look <= len(ref)/audio.Channels && difference(stretch(ref, still, look), b) <= limit {
		return 0, false
	}
	best, moved := limit, shift
	for d := -reach; d <= reach; d++ {
		from := at - shift - d
		if from < 0 || from+look > len(ref)/audio.Channels {
			continue
		}
		a := stretch(ref, from, look)
		if glance(a, b) > limit+6 {
			continue
		}
		if e := difference(a, b); e < best {
			best, moved = e, shift+d
		}
	}
	return moved, moved != shift
}

// glance is difference by every twenty-first value, of both channels in turn: enough to see that it is not this.
func glance(a, b []float32) float64 {
	var e, s float64
	for i := 0; i < len(a); i += 21 {
		d := float64(b[i]) - float64(a[i])
		e, s = e+d*d, s+float64(a[i])*float64(a[i])
	}
	return ratio(e, s)
}

func moveOf(at, was, is int) Break {
	if is > was {
		return Break{Again, at, is - was}
	}
	return Break{Skipped, at, was - is}
}
