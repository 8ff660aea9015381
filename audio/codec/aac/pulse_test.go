package aac

import (
	"math"
	"testing"

	"segue/audio/codec/aac/bits"
)

// TestPulsesGrowAwayFromZero reads a long frame of one band with a pulse on it.
func TestPulsesGrowAwayFromZero(t *testing.T) {
	s := &ics{bands: layouts[4].long, last: 1, groups: 1, length: [8]int{1}, pulses: 2, pulseAt: [4]int{1, 2}, pulseBy: [4]int{3, 2}}
	s.books[0], s.scales[0] = 2, 100
	// Book 2 says -1, 0, 1, 0 somewhere: take its code from the book itself.
	b := shared.books[1]
	for w := range 1 << 9 {
		r := &bits.Reader{B: []byte{byte(w >> 1), byte(w << 7), 0, 0}}
		if v := b.values[b.Next(r)]; v == [4]float32{0, 1, 0, 0} {
			if err := s.readSpectrum(&bits.Reader{B: []byte{byte(w >> 1), byte(w << 7), 0, 0}}); err != nil {
				t.Fatal(err)
			}
			if got, want := s.spec[1]*32768, shared.power[4]; math.Abs(float64(got-want)) > 1e-3 {
				t.Errorf("one and a pulse of three make %v, want %v", got, want)
			}
			if got, want := s.spec[2]*32768, -shared.power[2]; math.Abs(float64(got-want)) > 1e-3 {
				t.Errorf("zero and a pulse of two make %v, want %v", got, want)
			}
			return
		}
	}
	t.Fatal("no such code")
}

func TestPulsesAreReadWhereTheyAre(t *testing.T) {
	s := &ics{bands: layouts[4].long}
	// Two pulses from band 2: 3 on, by 4; 1 on, by 15.
	if err := s.readPulses(&bits.Reader{B: []byte{0b01_000010, 0b00011_010, 0b0_00001_11, 0b11_000000}}); err != nil {
		t.Fatal(err)
	}
	at := int(layouts[4].long[2]) + 3
	if s.pulses != 2 || s.pulseAt[0] != at || s.pulseBy[0] != 4 || s.pulseAt[1] != at+1 || s.pulseBy[1] != 15 {
		t.Errorf("%d pulses at %v by %v", s.pulses, s.pulseAt, s.pulseBy)
	}
	for _, b := range [][]byte{{0b00_111111, 0, 0}, {0b11_110000, 0xff, 0xff, 0xff, 0xff, 0xff}} {
		if err := s.readPulses(&bits.Reader{B: b}); err == nil {
			t.Errorf("%x was taken", b)
		}
	}
}
