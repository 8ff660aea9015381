package pipeline

import "segue/audio"

// Options is what a stream needs from outside.
type Options struct {
	// Encoder makes an Opus encoder. It is called at most once per stream, and
	// only if something has to be encoded.
	Encoder func() (audio.Encoder, error)
}
