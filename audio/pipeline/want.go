package pipeline

import (
	"math"
	"time"

	"segue/audio/effect"
)

// A wanted is what is wanted of the sound, worked out once. It is never changed,
// only replaced.
type wanted struct {
	effects effect.Settings
	gain    float64 // of the volume
	level   float64 // of the piece
	neutral bool    // effects and volume change nothing
	hold    bool    // nothing is to be heard
	fade    int64   // samples in which that, or its end, comes
}

// plain reports whether nothing is to be changed.
func (w *wanted) plain() bool { return w.neutral && w.level == 1 && !w.hold }

// ask replaces what is wanted by what f makes of it.
func (s *Stream) ask(f func(*wanted)) {
	for {
		was := s.want.Load()
		w := *was
		f(&w)
		if w == *was || s.want.CompareAndSwap(was, &w) {
			return
		}
	}
}

// Want changes what is wanted of the sound from the next frame on.
func (s *Stream) Want(e effect.Settings) {
	gain, neutral := e.Gain(), e.Neutral()
	s.ask(func(w *wanted) { w.effects, w.gain, w.neutral = e, gain, neutral })
}

// Level makes the piece louder by so many decibels than it is, before anything
// else is done to it; 0 leaves it alone. Before the first frame that is so from the
// beginning; after it, the sound slides there within two seconds. What is no number
// counts as 0.
func (s *Stream) Level(db float64) {
	level := factor(sensible(db) - s.o.baked)
	s.ask(func(w *wanted) { w.level = level })
}

// sensible is db, if that is a number, within what levels can be.
func sensible(db float64) float64 {
	if math.IsNaN(db) {
		return 0
	}
	return min(max(db, -60), 60)
}

// factor is what samples are multiplied with to be db louder.
func factor(db float64) float64 { return math.Pow(10, db/20) }

// Hold fades the sound out within fade, or in again.
func (s *Stream) Hold(on bool, fade time.Duration) {
	n := toSamples(fade)
	s.ask(func(w *wanted) { w.hold, w.fade = on, n })
}

// holding reports whether a Hold has been fulfilled: the listener's decoder has heard
// the last of what was faded out, or nothing at all.
func (s *Stream) holding() bool {
	const past = 2 // frames that the limiter and the encoder hold back, and more
	return s.want.Load().hold && (!s.joined || s.mode == Transcode && s.coder.silent > past)
}
