package player

import (
	"segue/music"
	"segue/queue"
)

// enqueue is Enqueue on the player's goroutine.
func (s *state) enqueue(r Request, tracks []music.Track) (*waiter, error) {
	if !s.joined() && r.Voice == 0 {
		return nil, invalid("player.no_voice")
	}
	added, err := s.queue.Add(r.By, tracks...)
	if err != nil {
		return nil, err
	}
	if r.Text != 0 {
		s.text = r.Text
	}
	s.gaveUp, s.failures = false, 0
	w := &waiter{entries: added, done: make(chan error, 1)}
	if r.Watch && s.cur == nil && len(added) == 1 && s.queue.Len() == 1 && s.watching == nil {
		w.watch = added[0].ID
		s.watching = w
		s.watchEnds.Reset(watchLimit)
	}
	switch {
	case s.conn == nil:
		s.connect(r.Voice, w)
	case w != s.watching:
		w.answer(nil)
	}
	return w, nil
}

func (s *state) pause(on bool) error {
	switch {
	case s.cur == nil:
		return invalid("player.nothing_playing")
	case !on && !s.joined():
		return invalid("player.no_voice")
	case on == s.paused:
		return nil
	}
	if on {
		s.dropOld() // it would be heard again for a moment otherwise
	}
	s.setPaused(on)
	s.log.Info("pause", "on", on)
	return nil
}

func (s *state) setPaused(on bool) {
	s.paused = on
	s.deck.hold(on)
}

func (s *state) skip(n int) (queue.Entry, error) {
	if s.cur == nil {
		return queue.Entry{}, invalid("player.nothing_playing")
	}
	if s.paused || s.conn == nil {
		s.dropOld()
		s.deck.play(nil)
		s.setPaused(false)
	}
	s.failures = 0
	was := s.cur
	s.emit(TrackEnded{Entry: was.entry, Reason: Replaced, Played: was.played()})
	s.log.Info("track ended", "entry", was.entry.ID, "reason", Replaced.String())
	e, ok := s.queue.Skip(n)
	if !ok {
		s.cur = nil
		s.silence(was)
		return queue.Entry{}, nil
	}
	s.keepOld(was)
	s.begin(e)
	return e, nil
}

// stop ends everything but the voice connection.
func (s *state) stop(why Reason) {
	s.queue.Clear()
	s.halt(why)
}

// halt ends what plays; what is up next stays.
func (s *state) halt(why Reason) {
	if l := s.cur; l != nil {
		s.emit(TrackEnded{Entry: l.entry, Reason: why, Played: l.played()})
		s.log.Info("track ended", "entry", l.entry.ID, "reason", why.String())
		s.cur = nil
		s.silence(l)
	}
	s.queue.Finish()
}

// silence closes l, and with it everything that was lined up. With nothing left
// to hold a pause is over, or the next Enqueue would not be heard.
func (s *state) silence(l *load) {
	s.deck.play(nil)
	s.setPaused(false)
	s.drop(l)
	s.drop(s.next)
	s.next = nil
	s.dropOld()
}

// keepOld lets the skipped track be heard until the next one is ready, if it is
// being heard.
func (s *state) keepOld(l *load) {
	if s.old != nil {
		s.drop(l) // skipped before it was heard: the one before it is still there
		return
	}
	if l.reel == nil || !l.reel.began.Load() || s.paused || s.conn == nil {
		s.deck.play(nil)
		s.drop(l)
		return
	}
	s.old = l
	s.deck.follow(l.reel, nil, true)
	s.oldEnds.Reset(oldLimit)
}

// dropOld ends the skipped track's afterlife; the current one follows as it is.
func (s *state) dropOld() {
	if s.old == nil {
		return
	}
	l := s.old
	s.old = nil
	s.oldEnds.Stop()
	if s.cur != nil {
		s.deck.play(s.cur.reel) // nil while it is being opened
	} else {
		s.deck.play(nil)
	}
	s.drop(l)
}
