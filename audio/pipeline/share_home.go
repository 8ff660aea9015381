package pipeline

import (
	"context"
	"errors"
	"io"
	"time"

	"segue/audio"
)

// homeward is how many samples before it is needed a stream of its own is asked for.
const homeward = 10 * frameSamples

// comeHome has p make frames itself again when the end is so near that what follows
// joins it. It is false while the frames are others' and stay so.
func (p *Pump) comeHome(f *follower) bool {
	if !p.guest.Load() || p.control.cut.Load() {
		return true
	}
	t, s := p.tap.Load(), p.stream
	if next := f.next.control.primed.Load(); f.overlap == 0 && (next == nil || !next.exact && !s.overlaid()) {
		return false // it follows when this has ended
	}
	rest, ended := t.rest()
	if !ended || rest > max(f.overlap, brinkFrames*frameSamples)+homeward {
		return false
	}
	if s.mode != Passthrough || len(s.held) > 0 || len(t.stash) > 0 {
		return false
	}
	own, a, record := t.home()
	if own == nil {
		return false
	}
	p.swap.Lock()
	defer p.swap.Unlock()
	w := t.wish()
	own.Want(w.effects)
	own.Level(w.level)
	p.become(own)
	p.reads.Store(a)
	p.guest.Store(false)
	p.record = record
	t.away()
	return true
}

// home returns a stream that goes on where t is, what it reads, which are all packets
// there are, and what takes its frames down; nil if that cannot be just now.
func (t *tap) home() (*Stream, *ahead, recorder) {
	sh := t.share
	sh.mu.Lock()
	l := t.line
	if t.left || t.trying != nil || !t.warm || t.next < t.again || l.ended != nil || l.made != t.next || l.asked != l.made || l.stream == nil {
		sh.mu.Unlock()
		return nil, nil, recorder{}
	}
	if l.taps == 1 {
		l.taken = true
		l.halt()
		sh.mu.Unlock()
		<-l.done
		l.stream.o.Bitrate = t.bitrate
		if l.alone != nil {
			return l.stream, l.alone.ahead, l.record
		}
		a := sh.feed.rest(l.cursor)
		l.stream.from = a
		_ = l.cursor.Close()
		return l.stream, a, l.record
	}
	st, was := t.last.stand, l.wish
	c, begin, ok := sh.feed.place(st, !st.bent)
	sh.mu.Unlock()
	t.again = t.next + retry
	if !ok {
		return nil, nil, recorder{}
	}
	o := sh.of.o
	o.Bitrate, o.Kept, o.origin, o.Measure = t.bitrate, nil, origin{}, MeasureNothing
	s, a := sh.of.twin(c, o, was), sh.feed.rest(c)
	s.from = a
	_ = c.Close()
	if guard(func() error { return s.goOnFrom(st, begin, !st.bent) }) != nil {
		return nil, nil, recorder{}
	}
	return s, a, recorder{}
}

// away has t listen to no line.
func (t *tap) away() {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	if t.left {
		return
	}
	t.line.leave()
	t.line = nil
}

// rest is all that c would read of a feed that has come to its end.
func (f *feed) rest(c *cursor) *ahead {
	f.mu.Lock()
	defer f.mu.Unlock()
	a := newAhead(f.ctx, nil)
	a.horizon.wanted, a.ended = true, f.ended
	for n := max(c.next, f.first); n < f.next; n++ {
		a.push(f.at(n).Packet)
	}
	return a
}

// rest is how many samples t has not read, and whether that is known: the end has been
// read ahead.
func (t *tap) rest() (samples int64, ended bool) {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	l := t.line
	if t.share.live || t.left || t.trying != nil || !t.warm {
		return 0, false
	}
	until := int64(0)
	if l.alone == nil {
		until, ended = t.share.feed.end()
	} else if l.alone.ahead != nil {
		until, ended = l.alone.ahead.end()
	}
	return until - t.last.zero - t.last.end, ended
}

// end is where the last packet ends, by the container's time; false if that has not been
// read, or what is read is not one stream.
func (f *feed) end() (until int64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.until, errors.Is(f.ended, io.EOF) && !f.chained
}

func (a *ahead) end() (until int64, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.until, errors.Is(a.ended, io.EOF) && !a.chained
}

// A brim is where what was read ends so far.
type brim struct {
	until   int64
	chained bool // it is of more than one stream
}

func (e *brim) see(p *audio.Packet, first bool) {
	e.until = p.PTS + lasting(*p)
	e.chained = e.chained || p.Codec != nil && !first
}

// reach makes it read so far ahead.
func (p *Pump) reach(samples int64) {
	p.ahead().reach(samples)
	if t := p.tap.Load(); t != nil {
		t.reach(samples)
	}
}

func (t *tap) reach(samples int64) {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	t.far = samples
	if l := t.line; l != nil && l.alone != nil && l.alone.ahead != nil {
		l.alone.ahead.reach(samples)
	}
	f := t.share.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.live && samples > f.horizon.far {
		f.horizon.far = samples
		signal(f.room)
	}
}

// seekAlone makes the music go on at to, which only p hears from then on.
func (p *Pump) seekAlone(ctx context.Context, t *tap, to time.Duration) error {
	to = max(to, 0)
	if p.done.Load() {
		return ErrEnded
	}
	p.account.seeking.Store(true)
	defer p.account.seeking.Store(false)
	l := t.beginAlone(max(to-toTime(lead), 0))
	if err := p.awaits(ctx, l); err != nil {
		t.drop(l)
		return err
	}
	p.send(t, &sought{target: toSamples(to), line: l, taken: make(chan struct{})})
	if p.done.Load() {
		p.send(t, nil)
		return ErrEnded
	}
	return nil
}

// send has the goroutine that makes frames go on at q instead of what was sought before; nil is
// nowhere.
func (p *Pump) send(t *tap, q *sought) {
	if was := p.control.sought.Swap(q); was != nil && was.line != nil {
		t.drop(was.line)
	}
	if q == nil {
		return
	}
	signal(p.control.nudge)
	t.share.mu.Lock()
	t.moved = true
	t.share.mu.Unlock()
	signal(t.some)
}

func (t *tap) beginAlone(to time.Duration) *line {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	l := t.alone(to)
	l.order(warm + 2)
	return l
}

// drop leaves a line t has not listened to.
func (t *tap) drop(l *line) {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	l.leave()
}

// awaits returns when l has a frame, or is beyond the end.
func (p *Pump) awaits(ctx context.Context, l *line) error {
	some := make(chan struct{}, 1)
	for {
		l.share.mu.Lock()
		made, ended := l.made, l.ended
		l.waiting = append(l.waiting, some)
		l.share.mu.Unlock()
		switch {
		case made > 0, errors.Is(ended, io.EOF):
			return nil
		case ended != nil:
			return ended
		}
		select {
		case <-some:
		case <-p.life.Done():
			return ErrEnded
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// settle makes p go on with the line that was sought, after d.
func (p *Pump) settle(q *sought, d *departed) error {
	t := p.tap.Load()
	if !t.goTo(q.line) {
		return errLeft
	}
	s := t.stream()
	p.swap.Lock()
	p.become(s)
	p.guest.Store(true)
	p.swap.Unlock()
	return s.moveTo(q.target, d)
}

// goTo makes t listen to l; false if it has left.
func (t *tap) goTo(l *line) bool {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	if t.left {
		l.leave()
		return false
	}
	if t.trying != nil {
		t.trying.leave()
	}
	if t.line != nil {
		t.line.leave()
	}
	t.line, t.trying, t.next, t.again, t.tries = l, nil, 0, 0, 0
	t.warm, t.begun, t.stash = false, false, nil
	return true
}

// unmove lets frames be read from where t is.
func (t *tap) unmove() {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	t.moved = false
}
