package player

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"segue/audio/pipeline"
	"segue/music"
	"segue/queue"
)

// Options is what players need from outside.
type Options struct {
	Library  Library
	Voice    Voice
	Store    Store            // nil: nothing is kept
	Pipeline pipeline.Options // how tracks become frames; its Bitrate and Settings are the player's to set
	Bitrate  int              // most bit/s to encode with, whatever a voice channel carries; 0: no limit of ours
	Log      *slog.Logger     // nil: no log
	Limit    int              // entries up next per guild; 0: no limit
	Idle     time.Duration    // with nothing to play, leave after this long; 0: 5 minutes, negative: never
	Events   int              // events kept for a slow reader; 0: 256
}

// ErrClosed is what every method returns after the registry was closed.
var ErrClosed error = &music.Error{Kind: music.Unavailable, Code: "player.closed"}

// A Registry holds the players of all guilds that are active.
type Registry struct {
	ctx     context.Context // the players' root
	o       Options
	open    opener // instead of share, in tests
	layer   layerer
	share   sharer
	events  chan Event
	dropped atomic.Uint64
	loops   sync.WaitGroup // one per running player
	end     chan struct{}  // closed by Close

	mu      sync.Mutex
	players map[music.GuildID]*Player
	last    queue.EntryID // above every id of players that are gone
	ended   chan struct{} // nil until Close; closed when every player has ended
}

// NewRegistry makes a registry without players. When ctx ends, so do they; Close
// is still needed to wait for them.
func NewRegistry(ctx context.Context, o Options) *Registry {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Store == nil {
		o.Store = forgetful{}
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Events <= 0 {
		o.Events = 256
	}
	return &Registry{
		ctx:     ctx,
		o:       o,
		layer:   openLayer(o.Pipeline),
		share:   shareAll(pipeline.NewHub(ctx), o.Library, o.Pipeline),
		events:  make(chan Event, o.Events),
		end:     make(chan struct{}),
		players: make(map[music.GuildID]*Player),
	}
}

// Player returns the guild's player, and starts one if it has none.
func (r *Registry) Player(g music.GuildID) *Player {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p, ok := r.players[g]; ok {
		return p
	}
	p := &Player{guild: g, reg: r, gone: make(chan struct{})}
	if r.ended != nil || r.ctx.Err() != nil {
		close(p.gone)
		return p
	}
	p.inbox = make(chan func(*state))
	r.players[g] = p
	s := newState(p, r.last)
	r.loops.Go(func() { s.run() })
	return p
}

// Find returns the guild's player if it has one.
func (r *Registry) Find(g music.GuildID) (*Player, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.players[g]
	return p, ok
}

// Len is how many guilds have a player.
func (r *Registry) Len() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.players)
}

// Events is the news of all players. A slow reader never holds up a player: the
// oldest events are dropped and counted. The channel is closed when all players
// have ended after Close.
func (r *Registry) Events() <-chan Event { return r.events }

// Dropped is how many events nobody read in time.
func (r *Registry) Dropped() uint64 { return r.dropped.Load() }

// Close ends every player, leaves their voice channels, and waits for all of it
// or for ctx, whose error it then returns. It may be called again to wait longer.
func (r *Registry) Close(ctx context.Context) error {
	r.mu.Lock()
	if r.ended == nil {
		r.ended = make(chan struct{})
		close(r.end)
		go func() { // ends with the last player
			r.loops.Wait()
			close(r.events)
			close(r.ended)
		}()
	}
	ended := r.ended
	r.mu.Unlock()
	select {
	case <-ended:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// forget takes a player out that is about to end. From then on its guild gets a
// new one.
func (r *Registry) forget(p *Player, last queue.EntryID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.players[p.guild] == p {
		delete(r.players, p.guild)
	}
	r.last = max(r.last, last)
}

// emit hands an event on without waiting.
func (r *Registry) emit(e Event) {
	for {
		select {
		case r.events <- e:
			return
		default:
		}
		select {
		case <-r.events:
			r.dropped.Add(1)
		default:
		}
	}
}
