package pipeline

import (
	"context"
	"time"

	"segue/audio/levelling"
)

// Who plays a track that others play too, but is not where they are, opens the media
// for himself: with a line that reads these, and that nobody else ever listens to.

// openLimit bounds that.
const openLimit = 30 * time.Second

// A solo is what such a line reads.
type solo struct {
	ctx   context.Context
	stop  context.CancelFunc
	ahead *ahead // nil until it is open; guarded by the share's lock
}

// alone returns a line that begins at to, or at the packet that holds it. The caller has
// the lock.
func (t *tap) alone(to time.Duration) *line {
	sh := t.share
	l := newLine()
	sh.epochs++
	l.set(sh, nil, sh.epochs, t.wish())
	l.taps = 1
	ctx, stop := context.WithCancel(sh.feed.ctx)
	l.alone = &solo{ctx: ctx, stop: stop}
	far := t.far
	sh.start(l, func() (*Stream, error) { return l.openAlone(t.open, to, far) })
	return l
}

// openAlone opens the media once more.
func (l *line) openAlone(open func(context.Context, Options) (*Stream, error), to time.Duration, far int64) (*Stream, error) {
	sh, ctx := l.share, l.alone.ctx
	o := sh.of.o
	o.Bitrate, o.Level, o.Kept, o.origin, o.baked, o.Measure = l.bitrate, nil, nil, origin{}, 0, MeasureNothing
	sh.mu.Lock()
	w := l.wish
	sh.mu.Unlock()
	o.Settings = w.effects
	limited, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	s, err := open(limited, o)
	if err != nil {
		return nil, err
	}
	sh.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer sh.tasks.Done()
		_ = shut(s)
	})
	s.Level(w.level)
	if to > 0 {
		if _, err := s.Seek(to); err != nil {
			return nil, err
		}
	}
	a := newAhead(ctx, o.Governor)
	a.horizon.wanted, a.horizon.far = true, far
	from := s.from
	s.from = a
	sh.mu.Lock()
	l.alone.ahead = a
	sh.mu.Unlock()
	sh.tasks.Go(func() { a.read(from, nil) })
	return s, nil
}

// tryAlone begins a line of t's own where t is. The caller has the lock.
func (t *tap) tryAlone() {
	at := time.Duration(0)
	if t.begun {
		at = toTime(t.last.end)
	}
	l := t.alone(at)
	l.order(1)
	t.trying = l
}

// dry reports whether packets are waited for.
func (t *tap) dry() bool {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	l := t.line
	if t.trying != nil {
		l = t.trying
	}
	if l.alone == nil {
		return t.share.feed.dry()
	}
	a := l.alone.ahead
	if a == nil {
		return true
	}
	length, ended := a.rest()
	return length == 0 && !ended
}

// learn takes in how loud a line found the music to be. The caller has the lock.
func (sh *Share) learn(m levelling.Measurement) {
	if m.Better(sh.measured) {
		sh.measured = m
	}
}
