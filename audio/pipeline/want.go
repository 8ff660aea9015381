package pipeline

import (
	"math"

	"segue/audio/effect"
)

// A wanted is what is wanted of the sound, worked out once. It is never changed,
// only replaced.
type wanted struct {
	effects effect.Settings
	gain    float64 // of the volume
	level   float64 // of the piece
	neutral bool    // effects and volume change nothing
}

func newWanted(e effect.Settings, level float64) *wanted {
	return &wanted{effects: e, gain: e.Gain(), level: level, neutral: e.Neutral()}
}

// plain reports whether nothing is to be changed.
func (w *wanted) plain() bool { return w.neutral && w.level == 1 }

// Want changes what is wanted of the sound from the next frame on.
func (s *Stream) Want(e effect.Settings) {
	for {
		was := s.want.Load()
		if was.effects == e || s.want.CompareAndSwap(was, newWanted(e, was.level)) {
			return
		}
	}
}

// Level makes the piece louder by so many decibels than it is, before anything else is done
// to it; 0 leaves it alone. Before the first frame that is so from the beginning;
// after it, the sound slides there within two seconds. What is no number counts as
// 0.
func (s *Stream) Level(db float64) {
	level := math.Pow(10, min(max(db, -60), 60)/20)
	if math.IsNaN(db) {
		level = 1
	}
	for {
		was := s.want.Load()
		if was.level == level || s.want.CompareAndSwap(was, newWanted(was.effects, level)) {
			return
		}
	}
}
