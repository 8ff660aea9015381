package player

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"segue/music"
	"segue/queue"
)

// state is everything about one guild. Only the player's goroutine touches it,
// and nothing done there waits: what takes time runs as a task and comes back
// through post.
type state struct {
	p     *Player
	o     *Options
	log   *slog.Logger
	ctx   context.Context // ends with the player
	quit  context.CancelFunc
	tasks sync.WaitGroup

	queue    *queue.Queue
	text     music.ChannelID
	deck     *deck
	cur      *load // of the queue's current entry
	next     *load // of the entry after it, once it is time
	old      *load // skipped, heard until cur is ready
	paused   bool
	gaveUp   bool // too many failures; until somebody asks again
	failures int  // in a row
	tracks   uint64
	failed   uint64

	conn    Conn
	join    *join         // under way
	leaving chan struct{} // closed when the last connection was left; nil: never had one

	idle    *time.Timer // stopped while there is something to play
	idling  bool
	oldEnds *time.Timer // bound on old

	sound     Sound
	recalling <-chan struct{} // closed when the store has said what sound should be; nil: it has
	unknown   bool            // it could not
	notes     notes
	spent     Counters // of pumps that are closed

	laying int               // sounds being opened to be laid over the music
	sounds []<-chan struct{} // closed when a sound has been heard

	watching  *waiter     // the Enqueue that wants to see its track begin; nil: none
	watchEnds *time.Timer // bound on that

	retired bool
}

func newState(p *Player, last queue.EntryID) *state {
	s := &state{
		p:       p,
		o:       &p.reg.o,
		log:     p.reg.o.Log.With("guild", p.guild.String()),
		queue:   queue.Restore(queue.Snapshot{Last: last}, p.reg.o.Limit),
		deck:    newDeck(),
		idle:    time.NewTimer(time.Hour),
		oldEnds: time.NewTimer(time.Hour),

		watchEnds: time.NewTimer(time.Hour),
		sound:     DefaultSound(),
	}
	s.idle.Stop()
	s.oldEnds.Stop()
	s.watchEnds.Stop()
	s.ctx, s.quit = context.WithCancel(p.reg.ctx)
	sound := s.sound
	s.p.sound.Store(&sound)
	return s
}

// run is the player's goroutine.
func (s *state) run() {
	s.recall()
	s.settle()
	for !s.retired {
		select {
		case f := <-s.p.inbox:
			s.hear()
			f(s)
		case <-s.deck.wake:
		case <-s.lost():
			s.voiceLost()
		case <-s.oldEnds.C:
			s.oldOver()
		case <-s.watchEnds.C:
			s.unwatch()
		case <-s.idle.C:
			s.idleOver()
		case <-s.p.reg.end:
			s.retired = true
		case <-s.ctx.Done():
			s.retired = true
		}
		if !s.retired {
			s.settle()
		}
	}
	s.finish()
}

// finish gives back everything, and waits for it.
func (s *state) finish() {
	s.p.reg.forget(s.p, s.queue.Snapshot().Last)
	close(s.p.gone)
	s.stop(Cleanup)
	s.dropOld() // nobody waits for it to fade
	s.cancelJoin(ErrClosed)
	s.leave()
	s.quit()
	s.idle.Stop()
	s.oldEnds.Stop()
	s.unwatch()
	s.watchEnds.Stop()
	s.tasks.Wait()
}

// settle brings what is done in line with what is wanted, after anything that
// happened.
func (s *state) settle() {
	s.hear()
	if s.cur == nil && !s.gaveUp && s.joined() && s.queue.Len() > 0 {
		e, _ := s.queue.Advance()
		s.begin(e)
	}
	if w := s.watching; w != nil && (s.cur == nil || s.cur.entry.ID != w.watch || s.paused) {
		s.unwatch() // stopped, skipped, or not heard for a while
	}
	s.prepare()
	s.settleIdle()
}

// joined reports whether there is a voice connection, or soon will be.
func (s *state) joined() bool { return s.conn != nil || s.join != nil }

// settleIdle starts the idle time when there is nothing to play, and stops it
// when there is. A paused track is something to play.
func (s *state) settleIdle() {
	busy := s.cur != nil && s.joined() || s.join != nil
	switch {
	case s.o.Idle < 0:
	case busy && s.idling:
		s.idle.Stop()
		s.idling = false
	case !busy && !s.idling:
		s.idle.Reset(s.o.Idle)
		s.idling = true
	}
}

// idleOver leaves; without a connection to leave it ends the player.
func (s *state) idleOver() {
	s.idling = false
	if s.notes.busy() { // who asks next must read what is being written
		return
	}
	if s.conn == nil {
		s.retired = true
		return
	}
	s.emit(IdleLeft{Channel: s.conn.Channel(), After: s.o.Idle})
	s.log.Info("left, nothing to play", "after", s.o.Idle)
	s.leave()
	left := s.leaving
	s.task(func() {
		<-left
		s.post(func(s *state) { s.retired = s.cur == nil && !s.joined() && !s.notes.busy() })
	})
}

// task runs f beside the player, which waits for it before it ends.
func (s *state) task(f func()) { s.tasks.Go(f) }

// post runs f on the player's goroutine, or reports false if that has ended; the
// caller then frees what it brought.
func (s *state) post(f func(*state)) bool {
	select {
	case s.p.inbox <- f:
		return true
	case <-s.p.gone:
		return false
	}
}

func (s *state) emit(n News) {
	s.p.reg.emit(Event{Guild: s.p.guild, Text: s.text, News: n})
}

func (s *state) status() Status {
	st := Status{
		Guild:    s.p.guild,
		Text:     s.text,
		Paused:   s.paused,
		Sound:    s.sound,
		Next:     s.queue.Up(),
		History:  s.queue.History(),
		Loop:     s.queue.Loop(),
		Counters: s.counters(),
	}
	if s.conn != nil {
		st.Voice = s.conn.Channel()
	}
	st.Current, _ = s.queue.Current()
	st.Duration = st.Current.Track.Duration
	st.Loading = st.Current.ID != 0
	if l := s.cur; l != nil && l.reel != nil && l.reel.began.Load() {
		st.Loading = false
		st.Position = samples(l.reel.pos.Load())
		st.Played = l.played()
		st.Duration = l.duration()
		st.Info, st.Mode = l.reel.info, l.reel.mode()
		if l.reel.playing != nil {
			st.OnAir = l.reel.playing()
		}
		st.Engine = l.reel.pump.Stats()
	}
	return st
}

// counters adds up what was counted since the player began.
func (s *state) counters() Counters {
	c := s.spent
	c.Frames, c.Nulled, c.Tracks, c.Failed = s.deck.frames.Load(), s.deck.nulled.Load(), s.tracks, s.failed
	for _, l := range []*load{s.old, s.cur, s.next} {
		if l != nil && l.reel != nil {
			c.add(l.reel.pump.Stats())
		}
	}
	return c
}
