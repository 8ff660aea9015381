// Package resample brings PCM of any rate and channel count to the engine's
// format: stereo at 48 kHz.
//
// The filter is a polyphase windowed sinc (Kaiser, 110 dB): 64 taps per phase,
// passing 92.5 % of the lower Nyquist frequency; when the rate goes down the
// taps are stretched in proportion, so nothing folds back. Its group delay is
// taken out: output sample k is the input at time k/48000.
package resample
