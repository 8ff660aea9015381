package music

import "time"

// Loudness is how loud a track is, as far as somebody knows.
type Loudness struct {
	Told  bool          // false: nothing is known, LUFS and Peak mean nothing
	LUFS  float64       // integrated, ITU-R BS.1770
	Peak  float64       // the highest, 1 is full scale; 0 if not told
	Heard time.Duration // how much of the track it is the level of; 0 if not told
}
