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
//
// // bare_transcode decodes so many packets, one after the other and round again from
// // the one at *next, and encodes each as a frame.
// static int bare_transcode(OpusDecoder *d, OpusEncoder *e, const unsigned char *data, const int *at, int has, int *next, int packets, float *pcm, unsigned char *out, int size) {
// 	int total = 0;
// 	for (int i = 0; i < packets; i++) {
// 		int n = *next;
// 		if (opus_decode_float(d, data + at[n], at[n + 1] - at[n], pcm, 960, 0) != 960) return -1;
// 		total += opus_encode_float(e, pcm, 960, out, size);
// 		*next = (n + 1) % has;
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

// bareTranscode decodes and encodes again so many packets of 20 ms in one call of C.
// data holds packets one behind the other, at where each begins and the last ends;
// next is which is first, and is moved on.
func bareTranscode(d *decoder, e *Encoder, data []byte, at []int32, next *int32, packets int) (bytes int) {
	var pcm [audio.FrameSamples * audio.Channels]float32
	var out [MaxPacket]byte
	return int(C.bare_transcode(d.raw.c(), e.raw.c(), (*C.uchar)(&data[0]), (*C.int)(&at[0]), C.int(len(at)-1), (*C.int)(next), C.int(packets), (*C.float)(&pcm[0]), (*C.uchar)(&out[0]), MaxPacket))
}
