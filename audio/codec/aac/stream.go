package aac

import (
	"fmt"
	"math"

	"segue/audio"
	"segue/audio/codec/aac/bits"
)

// Code books that are none.
const (
	zeroBook    = 0
	noiseBook   = 13
	outOfPhase  = 14 // intensity stereo, from here
	inPhase     = 15
	maxBands    = 128 // of all groups together: 8 short windows of 15, or 51
	noiseOffset = 90
)

// An ics is an individual_channel_stream (ISO/IEC 14496-3, 4.4.2.7): what one
// channel's frame says.
type ics struct {
	sequence, shape int
	last            int      // bands per group that are coded
	bands           []uint16 // where they begin
	groups          int
	length          [8]int // windows in each group
	books           [maxBands]uint8
	scales          [maxBands]int16 // factor, noise energy or intensity position
	pulses          int
	pulseAt         [4]int
	pulseBy         [4]int
	tns             [8]shaping
	shaped          bool
	spec            [long]float32
	seeds           [maxBands]uint32 // of noise, for the other channel
}

func malformed(what string) error { return fmt.Errorf("aac: %s: %w", what, audio.ErrMalformed) }

// readInfo reads an ics_info.
func (s *ics) readInfo(r *bits.Reader, l *layout) error {
	r.Read(1)
	s.sequence, s.shape = r.Read(2), r.Read(1)
	s.groups, s.length = 1, [8]int{1}
	if s.sequence == eightShort {
		s.bands, s.last = l.short, r.Read(4)
		for range 7 {
			if r.Flag() {
				s.length[s.groups-1]++
			} else {
				s.length[s.groups] = 1
				s.groups++
			}
		}
	} else {
		s.bands, s.last = l.long, r.Read(6)
		if r.Flag() {
			return fmt.Errorf("aac: prediction: %w", audio.ErrUnsupported)
		}
	}
	if s.last >= len(s.bands) {
		return malformed("more bands than there are")
	}
	return nil
}

// copyInfo takes the ics_info of a common window.
func (s *ics) copyInfo(o *ics) {
	s.sequence, s.shape, s.last, s.bands = o.sequence, o.shape, o.last, o.bands
	s.groups, s.length = o.groups, o.length
}

// read reads all but the ics_info, if common, and leaves the spectrum in spec,
// scaled. Noise and intensity bands are empty there.
func (s *ics) read(r *bits.Reader, l *layout, common bool) error {
	gain := r.Read(8)
	if !common {
		if err := s.readInfo(r, l); err != nil {
			return err
		}
	}
	if err := s.readSections(r); err != nil {
		return err
	}
	if err := s.readScales(r, gain); err != nil {
		return err
	}
	if s.pulses = 0; r.Flag() {
		if err := s.readPulses(r); err != nil {
			return err
		}
	}
	if s.shaped = r.Flag(); s.shaped {
		if err := s.readShaping(r); err != nil {
			return err
		}
	}
	if r.Flag() {
		return fmt.Errorf("aac: gain control: %w", audio.ErrUnsupported)
	}
	return s.readSpectrum(r)
}

func (s *ics) readSections(r *bits.Reader) error {
	width := 5
	if s.sequence == eightShort {
		width = 3
	}
	for g := range s.groups {
		for band := 0; band < s.last; {
			book, n := r.Read(4), 0
			more := 1<<width - 1
			for more == 1<<width-1 {
				more = r.Read(width)
				if n += more; n > s.last || r.Over() {
					return malformed("section too long")
				}
			}
			if book == 12 || band+n > s.last {
				return malformed("section")
			}
			for end := band + n; band < end; band++ {
				s.books[g*s.last+band] = uint8(book)
			}
		}
	}
	return nil
}

func (s *ics) readScales(r *bits.Reader, gain int) error {
	noise, position, first := gain-noiseOffset, 0, true
	for i := range s.groups * s.last {
		switch s.books[i] {
		case zeroBook:
			s.scales[i] = 0
		case outOfPhase, inPhase:
			position += shared.scale.Next(r) - 60
			s.scales[i] = int16(min(max(position, -155), 100))
		case noiseBook:
			if first {
				noise, first = noise+r.Read(9)-256, false
			} else {
				noise += shared.scale.Next(r) - 60
			}
			s.scales[i] = int16(min(max(noise, -100), 155))
		default:
			gain += shared.scale.Next(r) - 60
			if gain < 0 || gain > 255 {
				return malformed("scale factor")
			}
			s.scales[i] = int16(gain)
		}
	}
	return nil
}

func (s *ics) readPulses(r *bits.Reader) error {
	if s.sequence == eightShort {
		return malformed("pulses in short windows")
	}
	s.pulses = r.Read(2) + 1
	start := r.Read(6)
	if start >= len(s.bands)-1 {
		return malformed("pulse")
	}
	at := int(s.bands[start])
	for i := range s.pulses {
		at += r.Read(5)
		if at >= long {
			return malformed("pulse")
		}
		s.pulseAt[i], s.pulseBy[i] = at, r.Read(4)
	}
	return nil
}

// readSpectrum reads the numbers of all bands and scales them.
func (s *ics) readSpectrum(r *bits.Reader) error {
	clear(s.spec[:])
	window := 0
	for g := range s.groups {
		for band := range s.last {
			book := int(s.books[g*s.last+band])
			if book == zeroBook || book > 11 {
				continue
			}
			for w := range s.length[g] {
				at := (window + w) * short
				v := s.spec[at+int(s.bands[band]) : at+int(s.bands[band+1])]
				switch {
				case book < 5:
					shared.books[book-1].fours(r, v)
				case book < 11:
					shared.books[book-1].twos(r, v)
				case !shared.escaped(r, v):
					return malformed("escape")
				}
			}
			if r.Over() {
				return malformed("frame cut off")
			}
		}
		window += s.length[g]
	}
	for i := range s.pulses {
		x := &s.spec[s.pulseAt[i]]
		n := int(math.Round(math.Pow(math.Abs(float64(*x)), 0.75))) + s.pulseBy[i]
		*x = float32(math.Copysign(float64(shared.power[min(n, maxQuant)]), pulseSign(*x)))
	}
	s.scale()
	return nil
}

// pulseSign is the way in which a pulse grows: away from zero, and down from it.
func pulseSign(x float32) float64 {
	if x > 0 {
		return 1
	}
	return -1
}

func (s *ics) scale() {
	s.each(func(i, from, to int) {
		if b := s.books[i]; b == zeroBook || b > 11 {
			return
		}
		gain := shared.gain[s.scales[i]]
		v := s.spec[from:to]
		for k := range v {
			v[k] *= gain
		}
	})
}

// each calls f for every band of every window: its number among the books, and
// where it is in the spectrum.
func (s *ics) each(f func(i, from, to int)) {
	window := 0
	for g := range s.groups {
		for w := range s.length[g] {
			at := (window + w) * short
			for band := range s.last {
				f(g*s.last+band, at+int(s.bands[band]), at+int(s.bands[band+1]))
			}
		}
		window += s.length[g]
	}
}
