// Package meter compares and describes sound: how far a recording is from what
// it should be, whether something is missing or repeated in it, which tone it
// is. All PCM is in the engine's format, interleaved stereo at 48 kHz; places,
// lengths and shifts are in samples per channel. It has no opinions: callers
// judge the figures.
package meter
