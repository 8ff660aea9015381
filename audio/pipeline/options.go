package pipeline

import (
	"segue/audio"
	"segue/audio/effect"
	"segue/audio/resample"
)

// Options is what a stream needs from outside.
type Options struct {
	// Encoder makes an Opus encoder. It is called at most once per stream, and
	// only if something has to be encoded.
	Encoder func() (audio.Encoder, error)

	// Decoder makes the decoder for a codec. It is called at most once per
	// stream, and only if something has to be decoded; nil is codec.NewDecoder.
	Decoder func(audio.CodecInfo) (audio.Decoder, error)

	// Tables is where streams share their resampling filters; nil is a new one.
	Tables *resample.Tables

	// Settings hold from the first frame on, until Want says otherwise.
	Settings effect.Settings
}
