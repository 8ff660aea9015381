package effect

import "math"

// Settings say what is wanted of the sound. They are plain values: compare them
// with ==. The zero value changes nothing.
type Settings struct {
	// Volume is by how many decibels the sound is louder (positive) or softer
	// (negative) than the original; 0 leaves it alone, negative infinity is
	// silence. Percent makes one from what people say.
	Volume float64
}

// Neutral reports whether the settings change nothing, so that audio may be
// passed on as it came.
func (s Settings) Neutral() bool { return s == Settings{} }

// Gain is the factor by which Volume multiplies samples: 1 at 0 dB, 0 at silence.
// A Volume that is not a number counts as 0 dB.
func (s Settings) Gain() float64 {
	if math.IsNaN(s.Volume) {
		return 1
	}
	return math.Pow(10, s.Volume/20)
}

// Percent gives the Volume for an amplitude of p percent of the original: 100 is
// 0 dB, 50 is -6.02 dB, 0 and less is silence.
func Percent(p float64) float64 {
	switch {
	case p == 100:
		return 0
	case p > 0:
		return 20 * math.Log10(p/100)
	}
	return math.Inf(-1)
}
