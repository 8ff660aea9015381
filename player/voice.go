package player

import (
	"context"
	"sync/atomic"
	"time"

	"segue/music"
	"segue/queue"
)

const (
	joinLimit  = 20 * time.Second // gateway, voice gateway, UDP, DAVE, with one retry
	leaveLimit = 5 * time.Second  // half of what a container is given to end
)

// A join is a voice channel being joined. Its address is its generation.
type join struct {
	cancel  context.CancelFunc
	waiters []*waiter
	undone  chan struct{} // closed when nothing is left of it, if it came to nothing
}

// A waiter is an Enqueue that returns when the channel is joined, or not, and
// when what it queued is heard, if that was one track whose turn came at once.
type waiter struct {
	entries []queue.Entry
	watch   queue.EntryID // to be heard; 0: none
	over    atomic.Bool   // answered, or nobody waits any more
	done    chan error    // room for one
}

// answer tells the waiter, once, and reports whether it hears that.
func (w *waiter) answer(err error) bool {
	first := w.over.CompareAndSwap(false, true)
	if first {
		w.done <- err
	}
	return first
}

// wait gives the answer, or what ended ctx if that came first.
func (w *waiter) wait(ctx context.Context) (answered bool, err error) {
	select {
	case err := <-w.done:
		return true, err
	case <-ctx.Done():
		if w.over.CompareAndSwap(false, true) {
			return false, context.Cause(ctx)
		}
		return true, <-w.done // it is being answered
	}
}

// connect joins c unless that is under way; w hears how it went.
func (s *state) connect(c music.ChannelID, w *waiter) {
	if s.join != nil {
		s.join.waiters = append(s.join.waiters, w)
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	j := &join{cancel: cancel, waiters: []*waiter{w}, undone: make(chan struct{})}
	s.join = j
	left, g := s.leaving, s.p.guild
	s.task(func() {
		if left != nil {
			<-left // leaveLimit bounds it, or the Join before this one
		}
		jctx, stop := context.WithTimeout(ctx, joinLimit)
		defer stop()
		conn, err := s.o.Voice.Join(jctx, g, c)
		if !s.post(func(s *state) { s.wasJoined(j, conn, err) }) {
			j.undo(conn, err)
		}
	})
}

// undo leaves what was joined too late.
func (j *join) undo(conn Conn, err error) {
	defer close(j.undone)
	if err == nil {
		closeConn(conn)
	}
}

// wasJoined takes in what connect came to.
func (s *state) wasJoined(j *join, conn Conn, err error) {
	if s.join != j { // nobody wants it any more
		s.task(func() { j.undo(conn, err) })
		return
	}
	s.join = nil
	j.cancel()
	if err != nil {
		s.log.Warn("voice not joined", "err", err)
		s.refuse(j, voiceError(err))
		return
	}
	s.conn = conn
	conn.Play(s.deck)
	for _, w := range j.waiters {
		if w != s.watching {
			w.answer(nil)
		}
	}
	if s.watching != nil {
		s.watchEnds.Reset(watchLimit)
	}
	s.log.Info("voice joined", "channel", conn.Channel().String())
}

// refuse takes back what was queued by those who waited for a channel.
func (s *state) refuse(j *join, err error) {
	for _, w := range j.waiters {
		for _, e := range w.entries {
			if l := s.cur; l != nil && l.entry.ID == e.ID {
				s.emit(TrackEnded{Entry: e, Reason: Stopped})
				s.silence()
			}
			s.queue.Remove(e.ID)
		}
		w.answer(err)
	}
}

// cancelJoin gives up joining, if that is under way. It may have been joined by
// now all the same: s.leaving tells when that is undone.
func (s *state) cancelJoin(why error) {
	j := s.join
	if j == nil {
		return
	}
	s.join, s.leaving = nil, j.undone
	j.cancel()
	s.refuse(j, why)
}

// leave leaves the voice channel, or stops joining it, when what is heard has faded.
// s.leaving tells when.
func (s *state) leave() {
	s.cancelJoin(&music.Error{Kind: music.Unavailable, Code: "voice.left"})
	conn := s.conn
	if conn == nil {
		return
	}
	s.conn = nil
	left := make(chan struct{})
	s.leaving = left
	var faded chan struct{}
	if s.old != nil { // its timer bounds that
		faded = make(chan struct{})
		s.old.left = func() { conn.Play(nil); close(faded) }
	} else {
		conn.Play(nil)
	}
	s.task(func() {
		defer close(left)
		if faded != nil {
			<-faded
		}
		closeConn(conn)
	})
}

// closeConn outlives the player's context on purpose: leaving is its last deed.
func closeConn(c Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
	defer cancel()
	_ = c.Close(ctx)
}

// lost is closed when the connection is gone.
func (s *state) lost() <-chan struct{} {
	if s.conn == nil {
		return nil
	}
	return s.conn.Done()
}

// voiceLost keeps everything but the connection: see the package comment.
func (s *state) voiceLost() {
	conn := s.conn
	s.conn = nil
	s.dropOld()
	s.emit(VoiceLost{Channel: conn.Channel(), Err: conn.Err()})
	s.log.Warn("voice lost", "err", conn.Err())
	left := make(chan struct{})
	s.leaving = left
	s.task(func() {
		defer close(left)
		closeConn(conn)
	})
}
