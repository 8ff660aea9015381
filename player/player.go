// Package player is one guild's music: its queue, its track, its voice
// connection. One goroutine owns a guild's state; everybody else asks it.
package player

import (
	"context"

	"segue/audio"
	"segue/music"
)

// Library opens tracks. Package source provides one.
type Library interface {
	Open(ctx context.Context, t music.Track) (*audio.Media, error)
}

// Voice joins voice channels. Package voice provides one.
type Voice interface {
	// Join connects to c, or moves there if the guild is already connected. It
	// returns when frames can be heard, or with a *music.Error that says why not.
	Join(ctx context.Context, g music.GuildID, c music.ChannelID) (Conn, error)
}

// Conn is a joined voice channel. It survives resumes, server moves and being
// dragged to another channel.
type Conn interface {
	// Play makes f what is heard from the next tick on; nil means silence.
	Play(f audio.Frames)
	// Channel is where we are now.
	Channel() music.ChannelID
	// Done is closed when the connection is gone for good; Err then says why.
	Done() <-chan struct{}
	// Err is nil until Done is closed, and after a Close of ours.
	Err() error
	// Close leaves the channel and frees everything.
	Close(ctx context.Context) error
}
