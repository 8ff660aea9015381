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
	// cutLimit is how long a fade may take beyond its time.
	cutLimit = time.Second
	// settled is how long a track is heard before the next is opened, so that a skip
	// is answered at once: who passes over many in a row opens only those.
	settled = 3 * time.Second
	// lead is how long before the end the next track is opened at the latest: longer
	// than a slow site takes.
	lead = 20 * time.Second
	// fresh is how old the next track may be then if its bytes only flow forward: a
	// connection on which nobody reads is not kept for ever.
	fresh = time.Minute
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

	opens time.Time // when opening it began
	cut   bool      // it was told to end
	left  func()    // called when it is not heard any more; may be nil
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
	if s.next != nil && s.next.entry.ID != e.ID {
		s.dropNext()
	}
	l := s.next
	s.next = nil
	if l == nil {
		l = s.open(e, s.old != nil)
	}
	l.since = time.Now()
	s.cur = l
	s.present()
}

// open starts opening e, to be parked if something else is heard before it.
func (s *state) open(e queue.Entry, park bool) *load {
	life, cancel := context.WithCancel(s.ctx)
	l := &load{entry: e, cancel: cancel, opens: time.Now()}
	s.task(func() {
		t, err := s.openTrack(life, e.Track, park)
		if !s.post(func(s *state) { s.opened(l, t, err) }) && err == nil {
			_ = t.pump.Close()
		}
	})
	return l
}

// openTrack runs as a task. Whatever a foreign file does to a demuxer must not
// take the other guilds down.
func (s *state) openTrack(life context.Context, t music.Track, park bool) (_ tape, err error) {
	var m *audio.Media
	defer func() {
		if r := recover(); r != nil {
			err = rescued(r, t, m)
		}
	}()
	ctx, cancel := context.WithTimeout(life, openLimit)
	defer cancel()
	if share := s.p.reg.share; share != nil {
		return s.openShared(ctx, life, t, park, share)
	}
	m, err = s.o.Library.Open(ctx, t)
	if err != nil {
		return tape{}, err
	}
	key := measuredAs(t, m.Version)
	forward, measured := m.Seeker == nil, s.knownLoudness(life, key)
	sound := *s.p.sound.Load()
	of := func(info audio.Info) float64 { return level(sound, t, info, measured) }
	opened, err := s.p.reg.open(ctx, life, m, wish{
		sound: sound, level: of, bitrate: s.p.bitrate, park: park, measure: s.measure(sound, t, measured, m.Live),
	})
	opened.forward, opened.key, opened.measured = forward, key, measured
	return opened, err
}

// rescued is the error of a panic r while t was opened, whose media, if there are any
// already, it closes.
func rescued(r any, t music.Track, m *audio.Media) error {
	err := fmt.Errorf("opening %s: panic: %v\n%s", t.ID, r, debug.Stack())
	if m != nil {
		_ = m.Close()
	}
	return err
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
	cue, eve := int64(0), int64(0) // short, or of unknown length: get the next one ready at once
	if d := t.info.Duration; d > lead {
		cue, eve = int64(settled/tick), int64((d-lead)*audio.SampleRate/time.Second)
	}
	l.reel = newReel(t, cue, eve)
	s.tune(l) // what is wanted may have changed meanwhile
	if l == s.cur {
		s.present()
	}
}

// present puts the current load on the deck if it can be. While an old one is still
// heard, that goes over into the current one when its first frame can be there.
func (s *state) present() {
	l := s.cur
	if l == nil || l.reel == nil || s.paused {
		return
	}
	old := s.old
	if old == nil {
		l.reel.pump.Go()
		s.deck.play(l.reel)
		return
	}
	if old.left != nil { // the connection that hears it is being left
		return
	}
	if old.cut {
		s.deck.follow(old.reel, l.reel, true)
		return
	}
	select {
	case <-l.reel.pump.Ready():
		s.endOld()
	default:
		life := s.ctx
		s.task(func() {
			select {
			case <-l.reel.pump.Ready():
				s.post(func(s *state) {
					if s.cur == l {
						s.endOld()
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
		s.dropNext()
	}
	if s.next != nil && l.reel.ending.Load() && s.stale(s.next) {
		s.dropNext()
	}
	if more && s.next == nil && (l.reel.cued.Load() || l.reel.ending.Load()) && !l.live() {
		s.next = s.open(e, true)
	}
	var follow *reel
	if s.next != nil {
		follow = s.next.reel
	}
	l.reel.follow(follow, s.sound.Crossfade)
	s.deck.follow(l.reel, follow, more)
}

// stale reports whether the next load has waited for longer than its source may.
func (s *state) stale(l *load) bool {
	return l.reel != nil && l.reel.forward && time.Since(l.opens) > fresh
}

// dropNext closes the load after the current one.
func (s *state) dropNext() {
	s.part(s.cur, s.next)
	s.part(s.old, s.next)
	s.drop(s.next)
	s.next = nil
}

// drop cancels and closes a load; nil is fine.
func (s *state) drop(l *load) {
	if l == nil {
		return
	}
	l.cancel()
	r := l.reel
	if r == nil {
		return
	}
	s.spent.add(r.pump.Stats())
	s.task(func() {
		_ = r.pump.Close()
		s.keepLoudness(r.key, r.measured, r.pump.Measured())
	})
}

// hear takes in what the deck did since the last look.
func (s *state) hear() {
	if s.old != nil && s.old.reel.over.Load() {
		s.dropOld()
	}
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
			s.giveUp()
			return
		}
		e, more = s.queue.Skip(1) // a looped track that is broken does not come back
	}
	if !more {
		s.silence()
		s.emit(QueueEmpty{})
		return
	}
	s.cur = nil
	s.drop(l)
	s.begin(e)
}

func (s *state) giveUp() {
	s.queue.Finish()
	s.gaveUp = true
	s.silence()
	s.emit(GaveUp{Failures: s.failures, Left: s.queue.Len()})
	s.log.Warn("gave up after failures in a row", "failures", s.failures, "left", s.queue.Len())
	s.failures = 0
}
