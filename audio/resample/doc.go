// Package resample brings PCM of any rate and channel count to the engine's format.
package resample
