//go:build libopus && !gopus

package opus

// The library is linked statically, so that the program needs none where it runs.

// #cgo linux CFLAGS: -I/usr/include/opus
// #cgo linux LDFLAGS: -l:libopus.a -lm
// #cgo !linux pkg-config: --static opus
// #include <opus.h>
//
// // cgo cannot call what takes a varying number of arguments.
// static int encoder_set(OpusEncoder *e, int request, opus_int32 value) { return opus_encoder_ctl(e, request, value); }
// static int encoder_get(OpusEncoder *e, int request) {
// 	opus_int32 value = 0;
// 	return opus_encoder_ctl(e, request, &value) == OPUS_OK ? value : 0;
// }
// static void encoder_reset(OpusEncoder *e) { opus_encoder_ctl(e, OPUS_RESET_STATE); }
// static void decoder_reset(OpusDecoder *d) { opus_decoder_ctl(d, OPUS_RESET_STATE); }
import "C"

import (
	"errors"
	"unsafe"

	"segue/audio"
)

var build = C.GoString(C.opus_get_version_string()) + " (C)"

// A rawEncoder is libopus's own state, kept in Go's memory: it holds offsets into
// itself and addresses of the library's tables, nothing of Go's, and nobody has
// to free it.
type rawEncoder struct{ state []uint64 }

func (r *rawEncoder) c() *C.OpusEncoder { return (*C.OpusEncoder)(unsafe.Pointer(&r.state[0])) }

func newRawEncoder() (rawEncoder, error) {
	r := rawEncoder{make([]uint64, (C.opus_encoder_get_size(audio.Channels)+7)/8)}
	if err := failure(C.opus_encoder_init(r.c(), audio.SampleRate, audio.Channels, C.OPUS_APPLICATION_AUDIO)); err != nil {
		return r, err
	}
	return r, errors.Join(
		r.set(C.OPUS_SET_VBR_REQUEST, 1),
		r.set(C.OPUS_SET_VBR_CONSTRAINT_REQUEST, 0),
		r.set(C.OPUS_SET_SIGNAL_REQUEST, C.OPUS_SIGNAL_MUSIC),
	)
}

func (r *rawEncoder) set(request C.int, value int) error {
	return failure(C.encoder_set(r.c(), request, C.opus_int32(value)))
}

func (r *rawEncoder) encode(dst []byte, pcm []float32) (int, error) {
	n := C.opus_encode_float(r.c(), (*C.float)(&pcm[0]), audio.FrameSamples, (*C.uchar)(&dst[0]), C.opus_int32(len(dst)))
	return int(n), failure(C.int(n))
}

func (r *rawEncoder) lookahead() int      { return int(C.encoder_get(r.c(), C.OPUS_GET_LOOKAHEAD_REQUEST)) }
func (r *rawEncoder) reset()              { C.encoder_reset(r.c()) }
func (r *rawEncoder) setBitrate(bps int)  { _ = r.set(C.OPUS_SET_BITRATE_REQUEST, bps) }  // it takes what lies in range
func (r *rawEncoder) setComplexity(c int) { _ = r.set(C.OPUS_SET_COMPLEXITY_REQUEST, c) } // it takes 0 to 10

func (r *rawEncoder) setAlone(on bool) {
	value := 0
	if on {
		value = 1
	}
	_ = r.set(C.OPUS_SET_PREDICTION_DISABLED_REQUEST, value) // it takes 0 and 1
}

// A rawDecoder is like a rawEncoder.
type rawDecoder struct{ state []uint64 }

func (r *rawDecoder) c() *C.OpusDecoder { return (*C.OpusDecoder)(unsafe.Pointer(&r.state[0])) }

func newRawDecoder() (rawDecoder, error) {
	r := rawDecoder{make([]uint64, (C.opus_decoder_get_size(audio.Channels)+7)/8)}
	return r, failure(C.opus_decoder_init(r.c(), audio.SampleRate, audio.Channels))
}

func (r *rawDecoder) decode(dst []float32, data []byte) (int, error) {
	var packet *C.uchar
	if len(data) > 0 {
		packet = (*C.uchar)(&data[0])
	}
	n := C.opus_decode_float(r.c(), packet, C.opus_int32(len(data)), (*C.float)(&dst[0]), C.int(len(dst)/audio.Channels), 0)
	return int(n), failure(C.int(n))
}

func (r *rawDecoder) reset() { C.decoder_reset(r.c()) }

// failure is the error that a result of the library's stands for, if it does.
func failure(code C.int) error {
	if code >= 0 {
		return nil
	}
	return errors.New(C.GoString(C.opus_strerror(code)))
}
