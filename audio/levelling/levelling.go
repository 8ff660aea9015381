package levelling

import (
	"fmt"
	"math"

	"segue/audio"
	"segue/audio/limiter"
)

// The levels that others aim at, in LUFS.
const (
	ReplayGain = -18.0 // what audio.Gain is relative to
	YouTube    = -14.0 // what loudnessDb is relative to
)

// A Level is how loud a piece is.
type Level struct {
	Told bool    // false: nothing is known, LUFS and Peak mean nothing
	LUFS float64 // integrated
	Peak float64 // the highest, 1 is full scale; 0 if not told
}

// FromGain is the level of a piece for which a file asks for g.
func FromGain(g audio.Gain) Level {
	return Level{Told: g.Told, LUFS: ReplayGain - float64(g.DB), Peak: float64(g.Peak)}
}

// FromRelative is the level of a piece that is db louder than reference, in LUFS.
func FromRelative(db, reference float64) Level {
	return Level{Told: true, LUFS: reference + db}
}

// credible reports whether the level is told and can be that of music.
func (l Level) credible() bool { return l.Told && l.LUFS >= -70 && l.LUFS <= 10 }

// A Piece is all that is known of how loud a piece is.
type Piece struct {
	Measured Level // by a Tracker, an earlier time
	Track    Level // by its file
	Album    Level // the album's it is from, by its file
	Service  Level // by the place it is from
}

// A Mode says when pieces are levelled. The zero Mode is Auto.
type Mode uint8

const (
	Auto Mode = iota // Auto levels what is far from the target
	Off              // Off levels nothing
	On               // On levels everything
)

// String is "auto", "off" or "on".
func (m Mode) String() string {
	switch m {
	case Auto:
		return "auto"
	case Off:
		return "off"
	case On:
		return "on"
	}
	return fmt.Sprintf("mode %d", uint8(m))
}

// MarshalText writes "auto", "off" or "on".
func (m Mode) MarshalText() ([]byte, error) {
	if m > On {
		return nil, fmt.Errorf("levelling: %v is none of auto, off, on", m)
	}
	return []byte(m.String()), nil
}

// UnmarshalText reads what MarshalText writes.
func (m *Mode) UnmarshalText(text []byte) error {
	for _, k := range []Mode{Auto, Off, On} {
		if k.String() == string(text) {
			*m = k
			return nil
		}
	}
	return fmt.Errorf("levelling: mode %.20q is none of auto, off, on", text)
}

// Rules say how pieces are levelled. They are plain values: compare them with ==.
// Begin with Defaults.
type Rules struct {
	Mode        Mode
	Album       bool    // the pieces of an album keep their proportions
	Target      float64 // LUFS, -30 to -6
	Tolerance   float64 // dB from the target that Auto leaves alone, 0 to 12
	MaxBoost    float64 // dB, 0 to 24
	MaxLimiting float64 // dB that a limiter may have to take from the highest peak, 0 to 12
}

// Defaults returns the rules for whoever has said nothing.
func Defaults() Rules {
	return Rules{Mode: Auto, Target: -14, Tolerance: 3, MaxBoost: 12, MaxLimiting: 4}
}

// Validate returns an error that names a field, its value and its range, or nil.
func (r Rules) Validate() error {
	if r.Mode > On {
		return fmt.Errorf("levelling: %v is none of auto, off, on", r.Mode)
	}
	for _, f := range []struct {
		name           string
		value, low, up float64
	}{
		{"target", r.Target, -30, -6},
		{"tolerance", r.Tolerance, 0, 12},
		{"maxBoost", r.MaxBoost, 0, 24},
		{"maxLimiting", r.MaxLimiting, 0, 12},
	} {
		if !(f.value >= f.low && f.value <= f.up) {
			return fmt.Errorf("levelling: %s is %v, not from %v to %v", f.name, f.value, f.low, f.up)
		}
	}
	return nil
}

// Evidence says which of the levels of a piece counted.
type Evidence uint8

const (
	Nothing  Evidence = iota // Nothing is known of the piece, or levelling is off
	Measured                 // Measured is Piece.Measured
	Track                    // Track is Piece.Track
	Album                    // Album is Piece.Album
	Service                  // Service is Piece.Service
)

// A Decision is what becomes of a piece.
type Decision struct {
	DB    float64  // by how much it is louder; exactly 0: leave it alone
	By    Evidence // because of what
	Short float64  // dB that it stays below the target, for the sake of its peaks
}

const (
	worth  = 1.0 // dB: Auto leaves alone what could be bettered by less
	subtle = 0.1 // dB: no meter is surer than that
)

// Decide says what becomes of a piece under valid rules. DB is from -40 to MaxBoost.
func Decide(r Rules, p Piece) Decision {
	level, by := p.believed(r.Album)
	if r.Mode == Off || by == Nothing {
		return Decision{}
	}
	wanted := r.Target - level.LUFS
	most := min(r.MaxBoost, limiter.Ceiling+r.MaxLimiting-p.peak(by))
	db := min(wanted, max(most, 0))
	least := subtle
	if r.Mode == Auto {
		if math.Abs(wanted) <= r.Tolerance {
			return Decision{By: by}
		}
		least = worth
	}
	if math.Abs(db) < least {
		db = 0
	}
	return Decision{DB: db, By: by, Short: max(0, wanted-db)}
}

// believed is the level that counts, and which it is.
func (p Piece) believed(album bool) (Level, Evidence) {
	switch {
	case album && p.Album.credible():
		return p.Album, Album
	case p.Measured.credible():
		return p.Measured, Measured
	case p.Track.credible():
		return p.Track, Track
	case p.Service.credible():
		return p.Service, Service
	}
	return Level{}, Nothing
}

// peak is how high the piece reaches in dBTP, or the album if that counts, by whoever
// tells: most music reaches full scale, so that is what is taken for granted otherwise.
func (p Piece) peak(by Evidence) float64 {
	levels := []Level{p.Measured, p.Track, p.Service}
	if by == Album {
		levels = []Level{p.Album} // all its pieces shall get the same gain
	}
	for _, l := range levels {
		if l.Told && l.Peak > 0 && l.Peak <= 1e3 {
			return 20 * math.Log10(l.Peak)
		}
	}
	return 0
}
