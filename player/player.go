// Package player is one guild's music: its queue, its track, its voice
// connection. One goroutine owns a guild's state; everybody else asks it.
//
// When the voice connection is lost (kicked, channel deleted, a failure that
// could not be mended), the current entry, its position and the queue stay until
// the idle time is over: the next Enqueue with a voice channel goes on where the
// music stopped. Being dragged to another channel changes nothing.
package player

import (
	"context"
	"sync/atomic"

	"segue/audio"
	"segue/music"
	"segue/queue"
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

// A Request says who asks and where: the voice channel to join if none is
// joined yet, and the text channel that news of the music goes to.
type Request struct {
	By    music.UserID
	Voice music.ChannelID // 0: the person is in none
	Text  music.ChannelID // 0: leave it as it was
	Watch bool            // see the track begin, or hear why not: see Enqueue
}

// A Player is one guild's music. Its methods may be called from any goroutine;
// each runs on the player's own, one at a time, and none waits for network
// except where it says so. A Player stays valid for ever: when its guild went
// idle and its goroutine ended, the next call starts afresh with an empty queue.
//
// An error of the context means that nothing was done, unless a method says
// otherwise. After the registry was closed every method returns ErrClosed.
type Player struct {
	guild music.GuildID
	reg   *Registry
	inbox chan func(*state) // unbuffered: what was sent is being run
	gone  chan struct{}     // closed when the inbox is no longer read

	carried atomic.Int64          // bit/s the voice channel carries, 0 if nobody has said
	sound   atomic.Pointer[Sound] // as the player's goroutine wants it
}

// Guild is whose music this is.
func (p *Player) Guild() music.GuildID { return p.guild }

// minBitrate is the least bit/s to encode with: below, music loses one of its
// channels and then its treble. Voice channels may be set to 8000.
const minBitrate = 24_000

// Carry says how many bit/s the voice channel we are in carries: what has to be
// encoded is encoded with that, at least 24,000, from the next frame on. It
// neither waits nor fails; a player that ends forgets it.
func (p *Player) Carry(bps int) { p.carried.Store(int64(bps)) }

// bitrate is what to encode with, in bit/s; 0: nobody has said.
func (p *Player) bitrate() int {
	bps := int(p.carried.Load())
	if bps <= 0 {
		return 0
	}
	bps = max(bps, minBitrate)
	if most := p.reg.o.Bitrate; most > 0 {
		bps = min(bps, most)
	}
	return bps
}

// Enqueue puts tracks at the end of the queue and plays them when their turn
// comes, at once if nothing is playing. If no voice channel is joined it joins
// r.Voice, opening the first track meanwhile, and returns when that is done.
// With no tracks it only does that: rejoin, and go on with what is queued. With
// r.Watch it also waits, at most 5 s, until a single track whose turn has come is
// heard; if that fails instead, the error is returned and no TrackFailed is sent.
//
// Errors: queue.full (nothing was queued), player.no_voice (nothing was queued:
// r.Voice is needed but 0), or why joining failed (what was queued is taken out
// again). If ctx ends while joining, the entries are returned with its error and
// stay queued.
func (p *Player) Enqueue(ctx context.Context, r Request, tracks ...music.Track) ([]queue.Entry, error) {
	w, err := ask(ctx, p, func(s *state) (*waiter, error) { return s.enqueue(r, tracks) })
	if err != nil {
		return nil, err
	}
	answered, err := w.wait(ctx)
	if answered && err != nil {
		return nil, err
	}
	return w.entries, err
}

// Pause holds the music where it is. Pausing twice is no error; pausing nothing
// is player.nothing_playing.
func (p *Player) Pause(ctx context.Context) error {
	return tell(ctx, p, func(s *state) error { return s.pause(true) })
}

// Resume goes on where Pause held the music. Resuming what is not paused is no
// error; with nothing to resume it is player.nothing_playing, without a voice
// channel player.no_voice.
func (p *Player) Resume(ctx context.Context) error {
	return tell(ctx, p, func(s *state) error { return s.pause(false) })
}

// Skip ends the current entry, passes over n-1 more, and returns the new current
// entry, or a zero one when the queue is empty. It ends a pause. The old track is
// heard until the new one is ready, for at most 3 s, and fades. With nothing current
// the error is player.nothing_playing.
func (p *Player) Skip(ctx context.Context, n int) (queue.Entry, error) {
	return ask(ctx, p, func(s *state) (queue.Entry, error) { return s.skip(n) })
}

// Stop ends the current entry, clears the queue, and stays in the voice channel.
func (p *Player) Stop(ctx context.Context) error {
	return tell(ctx, p, func(s *state) error { s.stop(Stopped); return nil })
}

// Leave stops and leaves the voice channel, and returns when it has been left.
// Leaving none is no error. If ctx ends first the leaving goes on.
func (p *Player) Leave(ctx context.Context) error {
	left, err := ask(ctx, p, func(s *state) (<-chan struct{}, error) {
		s.stop(Stopped)
		s.leave()
		return s.leaving, nil
	})
	if err != nil || left == nil {
		return err
	}
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Status is a copy of how things stand.
func (p *Player) Status(ctx context.Context) (Status, error) {
	return ask(ctx, p, func(s *state) (Status, error) { return s.status(), nil })
}
