// Package testdata carries the music the program ships: pieces made for it by
// audio/audiotest/compose, with nobody's rights but its own.
package testdata

import "embed"

// Sounds holds the pieces under sounds/: lantern.opus (Ogg Opus, 24 s, which
// passes through untouched) and clockwork.wav (44.1 kHz, 4.4 s, which has to be
// resampled and encoded).
//
//go:embed sounds
var Sounds embed.FS

// The pieces' names in Sounds.
const (
	Lantern   = "sounds/lantern.opus"
	Clockwork = "sounds/clockwork.wav"
)
