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
	s.setPaused(on)
	s.log.Info("pause", "on", on)
	return nil
}

// setPaused holds what is heard, and lets nothing else be heard, or goes on.
func (s *state) setPaused(on bool) {
	if on == s.paused {
		return
	}
	s.paused = on
	s.deck.hold(on)
	l := s.cur
	switch {
	case on && s.old != nil:
		s.endOld() // fading; what follows it waits for the end of the pause
	case l == nil || l.reel == nil:
	case on && !l.reel.began.Load():
		s.deck.play(nil)
	default:
		l.reel.pump.Hold(on)
	}
	if !on {
		s.present()
	}
}

func (s *state) skip(n int) (queue.Entry, error) {
	was := s.cur
	if was == nil {
		return queue.Entry{}, invalid("player.nothing_playing")
	}
	s.failures = 0
	s.emit(TrackEnded{Entry: was.entry, Reason: Replaced, Played: was.played()})
	s.log.Info("track ended", "entry", was.entry.ID, "reason", Replaced.String())
	s.replace()
	e, ok := s.queue.Skip(n)
	if !ok {
		s.dropNext()
		s.endOld()
		return queue.Entry{}, nil
	}
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
		s.silence()
	}
	s.queue.Finish()
}

// silence ends what plays, fading if it is heard, and with it everything that was
// lined up. With nothing left to hold a pause is over, or the next Enqueue would not
// be heard.
func (s *state) silence() {
	s.replace()
	s.dropNext()
	s.endOld()
}

// replace takes the current load off: there is none then, and no pause. If it is
// being heard it becomes the old one, else it is closed.
func (s *state) replace() {
	l := s.cur
	heard := s.heard(l)
	s.cur = nil
	if s.paused || s.conn == nil {
		s.dropOld()
		s.deck.play(nil)
		s.setPaused(false)
	}
	switch {
	case !heard && s.old == nil:
		s.deck.play(nil)
		s.drop(l)
	case !heard:
		s.part(s.old, l)
		s.drop(l)
	case s.old != nil: // heard already, while the one before it fades
		s.dropOld()
		fallthrough
	default:
		s.old = l
		s.deck.follow(l.reel, nil, true)
		s.oldEnds.Reset(oldLimit)
	}
}

// part has nothing follow old that comes from l.
func (s *state) part(old, l *load) {
	if old == nil || old.reel == nil || l == nil || l.reel == nil {
		return
	}
	if old.reel.after == l.reel {
		old.reel.follow(nil, 0)
	}
	s.deck.unfollow(old.reel, l.reel)
}

// heard reports whether frames of l reach listeners now.
func (s *state) heard(l *load) bool {
	return l != nil && l.reel != nil && l.reel.began.Load() && !l.reel.over.Load() && !s.paused && s.conn != nil
}

// endOld has the old one fade out, or into the current one if that is there, from now
// on.
func (s *state) endOld() {
	l := s.old
	if l == nil || l.cut {
		return
	}
	l.cut = true
	var next *reel
	if s.cur != nil && !s.paused {
		next = s.cur.reel
	}
	if next == nil && s.sound.Fade == 0 {
		s.dropOld()
		return
	}
	l.reel.follow(next, s.sound.Fade)
	s.deck.follow(l.reel, next, next != nil)
	l.reel.pump.Cut(s.sound.Fade)
	s.oldEnds.Reset(s.sound.Fade + cutLimit)
}

// oldOver is called when the old one has had its time.
func (s *state) oldOver() {
	if s.old != nil && s.old.cut {
		s.log.Warn("a fade did not end in time")
		s.dropOld()
		return
	}
	s.endOld()
}

// dropOld ends the old one's afterlife at once; the current one follows as it is.
func (s *state) dropOld() {
	if s.old == nil {
		return
	}
	l := s.old
	s.old = nil
	s.oldEnds.Stop()
	if l.left != nil {
		l.left()
	}
	if s.cur != nil && !s.paused {
		s.deck.play(s.cur.reel) // nil while it is being opened
	} else {
		s.deck.play(nil)
	}
	s.drop(l)
	s.present()
}
