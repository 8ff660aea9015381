package player

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"segue/audio"
	"segue/music"
	"segue/queue"
)

const (
	// openLimit bounds finding and probing a track: a slow server or a child
	// process is given up after this.
	openLimit = 30 * time.Second
	// oldLimit is how long a skipped track may be heard while the next is opened.
	oldLimit = 3 * time.Second
	// lead is how long before the end the next track is opened: longer than a
	// slow site takes, shorter than addresses and idle connections live.
	lead = 20 * time.Second
	// watchLimit is how long Enqueue waits to see a track begin.
	watchLimit = 5 * time.Second
	// tolerated failures in a row, before the player gives up.
	tolerated = 5
)

// A load is an entry being opened or played. Its address is its generation: an
// answer for a load that is no longer wanted finds nobody and is closed.
type load struct {
	entry  queue.Entry
	since  time.Time // when it became current
	cancel context.CancelFunc
	reel   *reel        // nil while opening
	err    *music.Error // why it will never have a reel
	told   bool         // TrackStarted was sent
}

func (l *load) played() time.Duration {
	if l.reel == nil {
		return 0
	}
	return time.Duration(l.reel.frames.Load()) * tick
}

// live reports whether it goes on for as long as somebody sends, as far as is known.
func (l *load) live() bool { return l.entry.Track.Live || l.reel != nil && l.reel.info.Live }

func (l *load) duration() time.Duration {
	t := l.entry.Track
	if t.Duration == 0 && !t.Live && l.reel != nil {
		return l.reel.info.Duration
	}
	return t.Duration
}

// samples turns a position at 48 kHz into time.
func samples(n int64) time.Duration {
	return time.Duration(n) * time.Second / audio.SampleRate
}

// begin makes e, already the queue's current entry, what plays.
func (s *state) begin(e queue.Entry) {
	l := s.next
	s.next = nil
	if l != nil && l.entry.ID != e.ID {
		s.drop(l)
		l = nil
	}
	if l == nil {
		l = s.open(e)
	}
	l.since = time.Now()
	s.cur = l
	s.present()
}

// open starts opening e.
func (s *state) open(e queue.Entry) *load {
	life, cancel := context.WithCancel(s.ctx)
	l := &load{entry: e, cancel: cancel}
	s.task(func() {
		t, err := s.openTrack(life, e.Track)
		if !s.post(func(s *state) { s.opened(l, t, err) }) && err == nil {
			_ = t.pump.Close()
		}
	})
	return l
}

// openTrack runs as a task. Whatever a foreign file does to a demuxer must not
// take the other guilds down.
func (s *state) openTrack(life context.Context, t music.Track) (_ tape, err error) {
	var m *audio.Media
	defer func() {
		if r := recover(); r != nil {
			if m != nil {
				_ = m.Close()
			}
			err = fmt.Errorf("opening %s: panic: %v\n%s", t.ID, r, debug.Stack())
		}
	}()
	ctx, cancel := context.WithTimeout(life, openLimit)
	defer cancel()
	m, err = s.o.Library.Open(ctx, t)
	if err != nil {
		return tape{}, err
	}
	return s.p.reg.open(ctx, life, m, s.p.bitrate)
}

// opened takes in what open came to.
func (s *state) opened(l *load, t tape, err error) {
	if l != s.cur && l != s.next { // nobody wants it any more
		if err == nil {
			s.task(func() { _ = t.pump.Close() })
		}
		return
	}
	if err != nil {
		l.err = trackError(err)
		return // settle goes on
	}
	cue := int64(0) // unknown length: get the next one ready at once
	if d := t.info.Duration; d > lead {
		cue = int64((d - lead) * audio.SampleRate / time.Second)
	}
	l.reel = newReel(t, cue)
	if l == s.cur {
		s.present()
	}
}

// present puts the current load on the deck if it can be. While a skipped track
// is still heard, it waits for its first frame.
func (s *state) present() {
	l := s.cur
	if l == nil || l.reel == nil {
		return
	}
	if s.old == nil {
		s.deck.play(l.reel)
		return
	}
	select {
	case <-l.reel.pump.Ready():
		s.dropOld()
	default:
		life := s.ctx
		s.task(func() {
			select {
			case <-l.reel.pump.Ready():
				s.post(func(s *state) {
					if s.cur == l {
						s.dropOld()
					}
				})
			case <-life.Done():
			}
		})
	}
}

// prepare opens the entry after the current one when it is time, and lines it up.
func (s *state) prepare() {
	l := s.cur
	if l == nil || l.reel == nil {
		return
	}
	e, more := s.queue.Peek()
	if s.next != nil && (!more || s.next.entry.ID != e.ID) {
		if !s.deck.follow(l.reel, nil, more) && l.reel.over.Load() {
			s.hear() // the deck has just moved on to it
			return
		}
		s.drop(s.next)
		s.next = nil
	}
	if more && s.next == nil && l.reel.cued.Load() && !l.live() {
		s.next = s.open(e)
	}
	var follow *reel
	if s.next != nil {
		follow = s.next.reel
	}
	s.deck.follow(l.reel, follow, more)
}

// drop cancels and closes a load; nil is fine.
func (s *state) drop(l *load) {
	if l == nil {
		return
	}
	l.cancel()
	if r := l.reel; r != nil {
		s.task(func() { _ = r.pump.Close() })
	}
}

// hear takes in what the deck did since the last look.
func (s *state) hear() {
	for s.cur != nil {
		l := s.cur
		if l.err != nil {
			s.over(l, LoadFailed, l.err)
			continue
		}
		r := l.reel
		if r == nil {
			return
		}
		if r.began.Load() && !l.told {
			s.started(l)
		}
		switch {
		case r.over.Load():
			err := r.pump.Err()
			switch {
			case err != nil:
				s.over(l, LoadFailed, trackError(err))
			case !l.told:
				s.over(l, LoadFailed, errEmpty)
			default:
				s.over(l, Finished, nil)
			}
		case r.stuck.Load():
			s.over(l, Stuck, nil)
		default:
			return
		}
	}
}

func (s *state) started(l *load) {
	l.told = true
	s.seen(l, nil)
	s.failures = 0
	s.tracks++
	took := time.Since(l.since)
	s.emit(TrackStarted{
		Entry: l.entry, Duration: l.duration(), Info: l.reel.info, Mode: l.reel.mode(), Took: took,
	})
	s.log.Info("track started", "entry", l.entry.ID, "track", l.entry.Track.ID, "took", took)
}

// seen tells the Enqueue that watches l, if one does, what became of it, and
// reports whether it heard of a failure: its context may have ended.
func (s *state) seen(l *load, err *music.Error) (heard bool) {
	w := s.watching
	if w == nil || w.watch != l.entry.ID {
		return false
	}
	if err != nil {
		heard = w.answer(err)
	}
	s.unwatch()
	return heard
}

// unwatch lets the Enqueue that watches return, if one does. While the channel is
// being joined it still waits for that.
func (s *state) unwatch() {
	w := s.watching
	if w == nil {
		return
	}
	s.watching = nil
	s.watchEnds.Stop()
	if s.join == nil || !slices.Contains(s.join.waiters, w) {
		w.answer(nil)
	}
}

// over ends the current load by itself and goes on with the queue.
func (s *state) over(l *load, why Reason, err *music.Error) {
	switch why {
	case LoadFailed:
		if !s.seen(l, err) {
			s.emit(TrackFailed{Entry: l.entry, Err: err})
		}
	case Stuck:
		s.emit(TrackStuck{Entry: l.entry, For: stuckAfter})
	}
	s.emit(TrackEnded{Entry: l.entry, Reason: why, Played: l.played()})
	log := s.log.With("entry", l.entry.ID, "reason", why.String(), "played", l.played())
	if err != nil {
		log = log.With("err", err)
	}
	log.Info("track ended")

	var e queue.Entry
	more := false
	if why == Finished {
		e, more = s.queue.Advance()
	} else {
		s.failed++
		if !l.told {
			s.failures++
		}
		if s.failures >= tolerated {
			s.giveUp(l)
			return
		}
		e, more = s.queue.Skip(1) // a looped track that is broken does not come back
	}
	s.cur = nil
	if !more {
		s.silence(l)
		s.emit(QueueEmpty{})
		return
	}
	s.drop(l)
	s.begin(e)
}

func (s *state) giveUp(l *load) {
	s.queue.Finish()
	s.cur, s.gaveUp = nil, true
	s.silence(l)
	s.emit(GaveUp{Failures: s.failures, Left: s.queue.Len()})
	s.log.Warn("gave up after failures in a row", "failures", s.failures, "left", s.queue.Len())
	s.failures = 0
}
