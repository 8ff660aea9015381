package pipeline

import (
	"segue/audio"
	"segue/audio/effect"
)

// What echoes sounds on when the music has ended. It is let, with silence to sound on
// over, until it is not heard any more or Options.Ring is over.

// faint is below what level, as a factor, what sounds on is not heard: 60 dB below
// full scale.
const faint = 1e-3

// A ring is how far that is.
type ring struct {
	lasted int64 // samples per channel of silence after the music
	still  int64 // of these, the last, over which nothing was heard
}

// hang is for how many samples echoes may be silent and come back; 0 if nothing sounds
// on.
func hang(e effect.Settings) int64 {
	const room = audio.SampleRate / 5 // longer than between any two of a room's first echoes
	e = e.Canonical()
	samples := int64(0)
	if e.Echo.On {
		samples = room + int64(e.Echo.Delay*audio.SampleRate/1000)
	}
	if e.Reverb.On || e.Chorus.On {
		samples = max(samples, room)
	}
	return samples
}

// ring appends silence to the music that has ended, all of which has been taken, if
// something still sounds on.
func (s *Stream) ring() {
	c := s.coder
	if !c.ended || c.head < len(c.pcm) || s.turning || c.ring.lasted >= toSamples(s.o.Ring) {
		return
	}
	if loudness(c.changed) >= faint {
		c.ring.still = 0
	}
	if c.ring.still >= hang(s.want.Load().effects) {
		return
	}
	n := min(max(c.lacks(), least), most)
	c.silence(n)
	c.ring.lasted += n
	c.ring.still += n
}
