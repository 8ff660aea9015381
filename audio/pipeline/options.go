package pipeline

import (
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/framecache"
	"segue/audio/governor"
	"segue/audio/resample"
)

// Options is what a stream needs from outside.
type Options struct {
	// Encoder makes an Opus encoder. It is called at most once per stream, and
	// only if something has to be encoded.
	Encoder func() (audio.Encoder, error)

	// Decoder makes the decoder for a codec. It is called only if
	// something has to be decoded, and once for each stream in the media that is
	// coded another way; nil is codec.NewDecoder.
	Decoder func(audio.CodecInfo) (audio.Decoder, error)

	// Tables is where streams share their resampling filters; nil is a new one.
	Tables *resample.Tables

	// Bitrate is asked before each frame that is encoded, from the stream's own
	// goroutine: the bit/s wanted, 0 for as before. It must not wait. Nil, and
	// an encoder that cannot change its bit rate, keep what that began with.
	Bitrate func() int

	// Governor says before each frame that is encoded how hard to try, and hears
	// how that goes. Nil leaves it to the encoder.
	Governor *governor.Governor

	// Kept is where a Pump keeps the frames of whole plays, and where Open finds
	// them again; nil keeps none.
	Kept *framecache.Cache

	// Fade is how long it takes to fade out and in when a Pump holds, seeks, or is
	// cut.
	Fade time.Duration

	// Ring is how long what echoes may sound on at most when the music has ended; 0 is
	// not at all.
	Ring time.Duration

	// Measure says whether a Pump finds out how loud the music is.
	Measure Measure

	// Trim leaves out silence at both ends of the music; a Pump does that.
	Trim bool

	// Settings hold from the first frame on, until Want says otherwise.
	Settings effect.Settings

	// Level says by how many decibels a piece is to be made louder from its first
	// frame on, given what its container says. Open asks it, maybe twice; nil is 0.
	Level func(audio.Info) float64

	origin origin  // of the media, from Open on
	baked  float64 // by how many decibels the media are louder than the music they were made of
}
