//go:build libopus && bare

package opus

// This file is for a benchmark only, hence its own tag: libopus as a C program
// would use it, to be held against the way through our interface. (Tests cannot
// contain C.)

// #include <opus.h>
//
// // bare_encode encodes so many frames of 960 samples in stereo, again and again
// // those of pcm, and returns the bytes of all packets.
// static int bare_encode(OpusEncoder *e, const float *pcm, int has, int frames, unsigned char *out, int size) {
// 	int total = 0;
// 	for (int i = 0; i < frames; i++) total += opus_encode_float(e, pcm + (i % has) * 1920, 960, out, size);
// 	return total;
// }
//
// // bare_decode decodes so many packets, again and again those of data, which
// // lie one behind the other.
// static int bare_decode(OpusDecoder *d, const unsigned char *data, const int *sizes, int has, int packets, float *out) {
// 	int total = 0;
// 	const unsigned char *at = data;
// 	for (int i = 0; i < packets; i++) {
// 		if (i % has == 0) at = data;
// 		total += opus_decode_float(d, at, sizes[i % has], out, 5760, 0);
// 		at += sizes[i % has];
// 	}
// 	return total;
// }
import "C"

import (
	"segue/audio"
)

// bareEncode encodes frames of pcm, round and round, in one call of C.
func bareEncode(e *Encoder, pcm []float32, frames int) (bytes int) {
	var out [MaxPacket]byte
	has := len(pcm) / audio.FrameSamples / audio.Channels
	return int(C.bare_encode(e.raw.c(), (*C.float)(&pcm[0]), C.int(has), C.int(frames), (*C.uchar)(&out[0]), MaxPacket))
}

// bareDecode decodes packets of data, round and round, in one call of C.
func bareDecode(d *decoder, data []byte, sizes []int32, packets int) (samples int) {
	var out [MaxDuration * audio.Channels]float32
	return int(C.bare_decode(d.raw.c(), (*C.uchar)(&data[0]), (*C.int)(&sizes[0]), C.int(len(sizes)), C.int(packets), (*C.float)(&out[0])))
}
