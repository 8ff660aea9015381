package player

import (
	"context"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/pipeline"
	"segue/music"
)

// A pump makes frames ahead of time: pipeline.Pump as the player sees it. But for
// Seek and Close none of its methods wait.
type pump interface {
	Take() (audio.Frame, bool)
	// Ended reports whether no more frames will be made; some may still be there
	// to take. Err then says why, nil at the track's own end.
	Ended() bool
	Err() error
	// Ready is closed when the first frame is there, or, of a pump that is parked,
	// can be; or none will come.
	Ready() <-chan struct{}
	Close() error

	// Go makes a pump that is parked begin. So do what it follows, and Take.
	Go()
	// Want and Level say how it shall sound from the next frame on, Fade within what
	// time Hold and Seek fade.
	Want(s effect.Settings)
	Level(db float64)
	Fade(d time.Duration)
	// Hold fades out and then makes no frames, or goes on and fades in.
	Hold(on bool)
	// Seek goes on at to. It waits until that can be.
	Seek(ctx context.Context, to time.Duration) error
	// Follow says that the music of next, which is parked, joins the end of this
	// one's and overlaps it by so much; nil is nothing.
	Follow(next pump, overlap time.Duration)
	// Cut ends the music now: what follows is faded into within that time, or else
	// the music is faded out.
	Cut(fade time.Duration)
	// Overlay mixes l over the music, which is softer by so many decibels meanwhile. l is
	// its own from then on. The channel is closed when l has been heard, or when the
	// pump is closed; it reports false, and closes l, if that cannot be.
	Overlay(l layer, duck float64) (heard <-chan struct{}, ok bool)

	Stats() pipeline.PumpStats
	// Measured is how loud the music was found to be. It is for after Close.
	Measured() levelling.Measurement
}

// A tape is an opened track: its pump, and what its container says.
type tape struct {
	pump pump
	info audio.Info
	mode func() string

	playing func() string // what a live stream says is on; may be nil
	forward bool          // it cannot be asked for a part of the media again

	key      music.TrackID         // what its loudness is kept under; empty: it is not
	measured levelling.Measurement // an earlier time
}

// An opener makes frames of media. The media is its own from then on, also when
// it fails. Opening ends with ctx at the latest; life bounds the pump.
type opener func(ctx, life context.Context, m *audio.Media, w wish) (tape, error)

// A wish is how a track shall sound from its first frame on.
type wish struct {
	sound   Sound
	level   func(audio.Info) float64 // by how many decibels it is to be louder
	bitrate func() int               // asked before each frame that is encoded
	park    bool                     // it waits until it may begin
	measure pipeline.Measure
}
