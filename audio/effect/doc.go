// Package effect changes sound as listeners ask for it: equalizer, karaoke,
// speed and pitch, and so on, under the names, ranges and defaults that Lavalink
// (github.com/lavalink-devs/Lavalink, "filters") gave them, so that settings made
// for it work here. Effects it does not have (highPass, echo, reverb, chorus,
// compressor, normalization) take NodeLink's and LavaDSPX's names.
//
// Settings say what is wanted, a Chain does it. The order is Lavalink's, with the
// others at the places in brackets:
//
//	lowPass, [highPass], channelMix, rotation, distortion, vibrato, [chorus],
//	tremolo, timescale, karaoke, equalizer, [compressor, echo, reverb,
//	normalization]
//
// Volume follows, and is not the Chain's; so does a limiter. Effects do not clip,
// but for distortion, which is clipped to full scale by definition.
//
// Limits that Lavalink does not have: speed, pitch, rate, speed/pitch and
// rate*pitch are 0.1 to 10, frequencies no more than half the sampling rate, an
// echo's and a chorus's feedback 0.95 at most.
//
// Every change glides: parameters move, and an effect switched on or off is
// cross-faded with the sound without it, over 24 ms.
package effect
