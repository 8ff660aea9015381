package effect

import "math"

// Settings say what is wanted of the sound. They are plain values: compare them
// with ==. The zero value changes nothing. An effect is off until its On is set;
// then all of its fields count, so begin with those of Defaults. The fields' units
// and ranges are what Validate checks and JSON carries.
type Settings struct {
	// Volume is by how many decibels the sound is louder (positive) or softer
	// (negative) than the original; 0 leaves it alone, negative infinity is
	// silence. Percent makes one from what people say. In JSON it is a factor.
	Volume float64

	Equalizer     Equalizer
	Karaoke       Karaoke
	Timescale     Timescale
	Tremolo       Tremolo
	Vibrato       Vibrato
	Rotation      Rotation
	Distortion    Distortion
	ChannelMix    ChannelMix
	LowPass       LowPass
	HighPass      HighPass
	Echo          Echo
	Reverb        Reverb
	Chorus        Chorus
	Compressor    Compressor
	Normalization Normalization
}

// Bands is how many bands the equalizer has.
const Bands = 15

// Equalizer has a gain for each band: -0.25 mutes it, 0 leaves it, 0.25 doubles
// it, 1 is five times as much. The centres are 25, 40, 63, 100, 160, 250, 400, 630,
// 1000, 1600, 2500, 4000, 6300, 10000 and 16000 Hz.
type Equalizer [Bands]float64

// Karaoke takes out what both channels share, but for a band of it.
type Karaoke struct {
	On          bool
	Level       float64 // how much of the other channel is taken away, 0 to 1
	MonoLevel   float64 // how much of the band is kept, 0 to 1
	FilterBand  float64 // Hz, the band's centre
	FilterWidth float64 // Hz
}

// Timescale changes how fast and how high the music is. Speed leaves the pitch,
// Pitch leaves the speed, Rate changes both as a tape does.
type Timescale struct {
	On                 bool
	Speed, Pitch, Rate float64 // factors
}

// Tremolo makes the sound softer and louder.
type Tremolo struct {
	On        bool
	Frequency float64 // Hz
	Depth     float64 // how much is taken away at the softest, 0 to 1
}

// Vibrato makes the pitch go up and down.
type Vibrato struct {
	On        bool
	Frequency float64 // Hz, up to 14
	Depth     float64 // 0 to 1: the delay moves by 2 ms times this
}

// Rotation makes the sound go around the listener ("8D").
type Rotation struct {
	On         bool
	RotationHz float64 // turns in a second; negative is the other way around
}

// Distortion bends the waveform: offset + scale * (sinOffset + sin(x*sinScale)) *
// (cosOffset + cos(x*cosScale)) * (tanOffset + tan(x*tanScale)), clipped to full
// scale. If all are at their defaults it is off, as it is for Lavalink.
type Distortion struct {
	On                  bool
	SinOffset, SinScale float64
	CosOffset, CosScale float64
	TanOffset, TanScale float64
	Offset, Scale       float64
}

// ChannelMix says how much of each channel goes into which.
type ChannelMix struct {
	On                        bool
	LeftToLeft, LeftToRight   float64
	RightToLeft, RightToRight float64
}

// LowPass takes out what is high.
type LowPass struct {
	On        bool
	Smoothing float64 // the more the duller; 1 and less is off
}

// HighPass takes out what is low: all that LowPass with the same Smoothing leaves.
type HighPass struct {
	On        bool
	Smoothing float64 // the less the thinner; 1 and less is off
}

// Echo repeats the sound.
type Echo struct {
	On       bool
	Delay    float64 // ms, up to 2000
	Feedback float64 // how loud each repeat is to the one before, 0 to 0.95
	Mix      float64 // share of the repeats in what is heard, 0 to 1
}

// Reverb puts the sound into a room (Freeverb's).
type Reverb struct {
	On       bool
	Mix      float64 // share of the room in what is heard, 0 to 1
	RoomSize float64 // 0 to 1
	Damping  float64 // how soft the walls are, 0 to 1
	Width    float64 // 0 is a room in mono, 1 a wide one
}

// Chorus lets two more sing along, a little late and never quite in tune.
type Chorus struct {
	On       bool
	Rate     float64 // Hz
	Depth    float64 // 0 to 1: the delay moves by 4 ms times this either way
	Delay    float64 // ms, 1 to 45; the second singer is a fifth later
	Mix      float64 // share of the two in what is heard, 0 to 1
	Feedback float64 // 0 to 0.95
}

// Compressor makes softer what is louder than Threshold.
type Compressor struct {
	On         bool
	Threshold  float64 // dB of full scale
	Ratio      float64 // dB in for a dB out, above Threshold
	Attack     float64 // s
	Release    float64 // s
	MakeupGain float64 // dB
}

// Normalization makes softer whatever is louder than MaxAmplitude.
type Normalization struct {
	On           bool
	MaxAmplitude float64 // 1 is full scale
	Adaptive     bool    // it goes by the loudest so far, and not by the last moments
}

// Neutral reports whether the settings change nothing, so that audio may be
// passed on as it came.
func (s Settings) Neutral() bool {
	if s.Volume != 0 || s.Equalizer != (Equalizer{}) {
		return false
	}
	// Every frame that passes asks this, and nearly all settings have nothing on.
	on := s.Karaoke.On || s.Timescale.On || s.Tremolo.On || s.Vibrato.On || s.Rotation.On || s.Distortion.On ||
		s.ChannelMix.On || s.LowPass.On || s.HighPass.On || s.Echo.On || s.Reverb.On || s.Chorus.On ||
		s.Compressor.On || s.Normalization.On
	return !on || s.Canonical() == Settings{}
}

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

// Canonical gives the one form of settings that sound the same: what is off, or on
// and does nothing, is all zero.
func (s Settings) Canonical() Settings {
	straight := Distortion{On: true, SinScale: 1, CosScale: 1, TanScale: 1, Scale: 1}
	unmixed := ChannelMix{On: true, LeftToLeft: 1, RightToRight: 1}
	if !s.Karaoke.On || s.Karaoke.Level == 0 {
		s.Karaoke = Karaoke{}
	}
	if t := s.Timescale; !t.On || t.Speed == 1 && t.Pitch == 1 && t.Rate == 1 {
		s.Timescale = Timescale{}
	}
	if !s.Tremolo.On || s.Tremolo.Depth == 0 {
		s.Tremolo = Tremolo{}
	}
	if !s.Vibrato.On || s.Vibrato.Depth == 0 {
		s.Vibrato = Vibrato{}
	}
	if !s.Rotation.On || s.Rotation.RotationHz == 0 {
		s.Rotation = Rotation{}
	}
	if !s.Distortion.On || s.Distortion == straight {
		s.Distortion = Distortion{}
	}
	if !s.ChannelMix.On || s.ChannelMix == unmixed {
		s.ChannelMix = ChannelMix{}
	}
	if !s.LowPass.On || s.LowPass.Smoothing <= 1 {
		s.LowPass = LowPass{}
	}
	if !s.HighPass.On || s.HighPass.Smoothing <= 1 {
		s.HighPass = HighPass{}
	}
	if !s.Echo.On || s.Echo.Mix == 0 {
		s.Echo = Echo{}
	}
	if !s.Reverb.On || s.Reverb.Mix == 0 {
		s.Reverb = Reverb{}
	}
	if !s.Chorus.On || s.Chorus.Mix == 0 {
		s.Chorus = Chorus{}
	}
	if !s.Compressor.On || s.Compressor.Ratio == 1 && s.Compressor.MakeupGain == 0 {
		s.Compressor = Compressor{}
	}
	if !s.Normalization.On {
		s.Normalization = Normalization{}
	}
	return s
}

// Defaults has every effect on with the values its fields have where JSON leaves
// them out. The equalizer is flat.
func Defaults() (s Settings) {
	for i := range filters {
		filters[i].defaults(&s)
	}
	return s
}
