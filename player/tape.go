package player

import (
	"context"

	"segue/audio"
)

// A pump makes frames ahead of time. pipeline.Pump is one.
type pump interface {
	Take() (audio.Frame, bool)
	// Ended reports whether no more frames will be made; some may still be there
	// to take. Err then says why, nil at the track's own end.
	Ended() bool
	Err() error
	// Ready is closed when the first frame is there, or none will come.
	Ready() <-chan struct{}
	Close() error
}

// A tape is an opened track: its pump, and what its container says.
type tape struct {
	pump pump
	info audio.Info
	mode func() string

	playing func() string // what a live stream says is on; may be nil
}

// An opener makes frames of media. The media is its own from then on, also when
// it fails. Opening ends with ctx at the latest; life bounds the pump. Where the
// pump encodes it asks bitrate, before each frame.
type opener func(ctx, life context.Context, m *audio.Media, bitrate func() int) (tape, error)
