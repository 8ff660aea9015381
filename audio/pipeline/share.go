package pipeline

import (
	"context"
	"slices"
	"sync"

	"segue/audio"
	"segue/audio/levelling"
)

// A Share is media opened once and played for many. There are as many lines as
// listeners differ in what they want; a frame is made once a line. Who changes his
// mind parts with a line of his own, which goes on where he is, as the splice does;
// when his wish is that of another line again, he comes back to it.
//
// One lock guards it all. Nothing waits while it is held.
type Share struct {
	feed   *feed
	of     *Stream // the first line's; all others are made as it was
	info   audio.Info
	facts  Facts
	live   bool
	passes bool // packets may pass where nothing is to be changed
	close  func() error
	forget func() // takes it out of its hub
	cancel context.CancelFunc
	tasks  sync.WaitGroup

	mu     sync.Mutex
	lines  []*line // that somebody listens to, in the order they were begun
	epochs int
	taps   int
	over   bool // nobody listens, nor ever will

	measured levelling.Measurement // best of all lines that have ended
}

// newShare shares s, which is its own from here on, for t and others. The bit rate
// of its encoder comes from first.
func newShare(ctx context.Context, s *Stream, first *line, t *tap, live bool, forget func()) *Share {
	ctx, cancel := context.WithCancel(ctx)
	sh := &Share{
		feed: newFeed(ctx, s, live), of: s, info: s.Info(), live: live, passes: s.rules.passable(s.codec),
		close: s.close, forget: forget, cancel: cancel, taps: 1,
	}
	sh.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer sh.tasks.Done()
		_ = sh.close() // frees a read that is waiting; end reports the error
	})
	sh.mu.Lock()
	defer sh.mu.Unlock()
	t.share, t.line = sh, first
	c := sh.feed.cursor(0)
	s.from, s.close, s.o.Bitrate = c, c.Close, first.bitrate
	first.set(sh, c, 0, t.wish())
	first.taps, first.whole = 1, true
	sh.tasks.Go(sh.feed.run)
	sh.start(first, func() (*Stream, error) { return s, nil })
	return sh
}

// line returns one that has not begun, for one listener. The caller has the lock.
func (sh *Share) line(c *cursor, epoch int, w wish) *line {
	l := newLine()
	l.set(sh, c, epoch, w)
	l.taps = 1
	return l
}

// start lets a line begin. The caller has the lock.
func (sh *Share) start(l *line, begin func() (*Stream, error)) {
	sh.lines = append(sh.lines, l)
	sh.tasks.Go(func() { l.run(begin) })
}

// beginning returns a line from the beginning of the music, or nil if that is gone.
// The caller has the lock.
func (sh *Share) beginning(w wish) *line {
	f := sh.feed
	f.mu.Lock()
	if f.first > 0 || f.taken.length > kept*frameSamples {
		f.mu.Unlock()
		return nil
	}
	c := f.cursor(0)
	f.mu.Unlock()
	l := sh.line(c, 0, w)
	l.whole = true
	sh.start(l, func() (*Stream, error) { return sh.of.twin(c, l.options(), w), nil })
	return l
}

// anew returns a line from what is live now. The caller has the lock.
func (sh *Share) anew(w wish) *line {
	c, codec := sh.feed.edge()
	sh.epochs++
	l := sh.line(c, sh.epochs, w)
	sh.start(l, func() (*Stream, error) {
		s := sh.of.twin(c, l.options(), w)
		return s, s.goOnLive(codec)
	})
	return l
}

// seat gives t a place: at the edge of what is live, or at the beginning of a track.
// It is false if a track has gone on too far. The caller has the lock.
func (sh *Share) seat(t *tap) bool {
	w := t.wish()
	var best *line
	for _, l := range sh.lines {
		switch {
		case l.ended != nil || l == t.line:
		case sh.live && sh.feed.stale(l.cursor):
		case !sh.live && (l.wish != w || !l.whole || l.made > kept):
		case best == nil || l.wish == w && best.wish != w:
			best = l
		}
	}
	switch {
	case best != nil:
		best.taps++
	case sh.live:
		best = sh.anew(w)
	default:
		if best = sh.beginning(w); best == nil {
			return false
		}
	}
	t.line, t.next, t.warm, t.again = best, 0, false, 0
	if sh.live {
		t.next = max(best.made-edge, 0)
	}
	return true
}

// join lets t in, or reports that it comes too late.
func (sh *Share) join(t *tap, a Ask) bool {
	t.levelled(a, sh.info)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.over || sh.live && sh.feed.failed() {
		return false
	}
	t.share = sh
	if !sh.seat(t) {
		return false
	}
	sh.taps++
	return true
}

// older reports whether line a was begun before b.
func (sh *Share) older(a, b *line) bool { return slices.Index(sh.lines, a) < slices.Index(sh.lines, b) }

// remove takes a line out that nobody listens to. The caller has the lock.
func (sh *Share) remove(l *line) {
	sh.lines = slices.DeleteFunc(sh.lines, func(o *line) bool { return o == l })
}

// end closes the media and waits for all that was done with them.
func (sh *Share) end() error {
	sh.forget()
	sh.cancel()
	sh.tasks.Wait()
	return sh.close()
}
