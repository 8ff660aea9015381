package pipeline

import (
	"context"
	"time"

	"segue/audio"
)

// Who is the first to play a track plays it by himself. Only when another one wants it
// too, soon enough, does that become a share: what the first one's stream has read and
// made until then is kept for that.

const (
	// openFrames is for how many frames from its beginning a track may become a share.
	openFrames = 100
	// openPackets and openBytes bound what is kept for that.
	openPackets, openBytes = 512, 512 << 10
	// openTime is for how long one may that has not begun.
	openTime = 2500 * time.Millisecond
	// patience with who shares, which may wait for packets.
	inviting = 500 * time.Millisecond
)

// An intro is how a track began.
type intro struct {
	tap    *tap  // what the one who plays it will hear it through
	cuts   []cut // all frames
	since  time.Time
	forget func() // is told when it is too late to share it
	root   context.Context
	facts  Facts
}

// An invitation asks for the share of what is played; nil if that cannot be shared.
type invitation chan *Share

// invite returns the share of what p plays, which it becomes now if need be; nil if
// that cannot be, or not in time.
func (p *Pump) invite(ctx context.Context) *Share {
	late := time.NewTimer(inviting)
	defer late.Stop()
	i := make(invitation, 1)
	select {
	case p.control.invite <- i:
		return <-i
	case <-late.C:
	case <-p.life.Done():
	case <-ctx.Done():
	}
	return nil
}

// accept answers an invitation. It is called between two frames.
func (p *Pump) accept(i invitation) {
	sh, err := guarded(func() (*Share, error) { return p.share(), nil })
	if err != nil {
		sh = nil
	}
	i <- sh
	if p.control.primed.Load() != p.stream && p.control.parked && !p.control.gone.Load() {
		if guard(p.stream.prime) == nil { // else Next will say the same
			p.control.primed.Store(p.stream)
		}
	}
}

// note keeps f, the frame just made, for who will share it.
func (p *Pump) note(f audio.Frame) {
	b := p.begins
	if b == nil {
		return
	}
	read, whole := p.medium.opened()
	if !whole || len(b.cuts) == openFrames || p.apart.Load() {
		p.unlist()
		return
	}
	if b.cuts == nil {
		b.cuts = make([]cut, 0, openFrames)
	}
	b.cuts = append(b.cuts, cut{f, p.stream.stand(f, int64(len(read)))})
}

// unlist says that what p plays will not be shared any more. Only the goroutine that
// makes frames, or who has waited for it, may do that.
func (p *Pump) unlist() {
	if p.begins != nil {
		p.begins.forget()
		p.begins = nil
		p.medium.shutOpening()
	}
}

// share makes a share of what p plays, and p its first listener, or returns the one
// there is; nil if that cannot be.
func (p *Pump) share() *Share {
	if t := p.tap.Load(); t != nil {
		return t.share
	}
	p.swap.Lock()
	defer p.swap.Unlock()
	b, s := p.begins, p.stream
	if b == nil || p.apart.Load() || len(b.cuts) == 0 && time.Since(b.since) > openTime || s.failed != nil || s.coder != nil && s.coder.staying {
		return nil
	}
	read, whole := p.medium.opened()
	if !whole {
		return nil
	}
	ctx, cancel := context.WithCancel(b.root)
	f := newFeed(ctx, s, false)
	f.from, f.lent = lender{p.medium.ahead}, true
	if !f.begin(read) || !p.medium.lend() {
		cancel()
		return nil
	}
	p.begins = nil // it stays listed
	p.medium.shutOpening()
	p.medium.deepen()
	t, l := b.tap, newLine()
	sh := &Share{
		feed: f, of: s, facts: b.facts, info: s.Info(), passes: s.rules.passable(s.codec),
		close: p.medium.end, forget: b.forget, cancel: cancel, taps: 1,
	}
	t.share, t.line = sh, l
	c := f.cursor(int64(len(read)))
	s.from, s.close, s.o.Bitrate = c, c.Close, l.bitrate
	l.set(sh, c, 0, t.wish())
	l.taps, l.whole, l.record = 1, true, p.record
	l.keeps = p.record.s == nil
	p.record = recorder{}
	l.made = int64(copy(l.ring[:], b.cuts))
	l.asked, l.since, l.before = l.made, l.made, s.before
	t.passed.Add(s.count.passed.Load())
	t.transcoded.Add(s.count.transcoded.Load())
	sh.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer sh.tasks.Done()
		p.medium.stop() // frees a read that is waiting
	})
	o := t.goOn(b.cuts)
	sh.mu.Lock()
	sh.tasks.Go(f.run)
	sh.start(l, func() (*Stream, error) { return s, nil })
	sh.mu.Unlock()
	p.control.primed.Store(nil)
	p.become(o)
	p.tap.Store(t)
	p.guest.Store(true)
	if p.life.Err() != nil { // nobody else closes it
		_ = guard(t.Close)
	}
	return sh
}

// goOn returns a stream of t that goes on after those frames of its line, which were heard.
func (t *tap) goOn(cuts []cut) *Stream {
	s := t.stream()
	n := len(cuts)
	if n == 0 {
		return s
	}
	t.last, t.next, t.warm, t.begun = cuts[n-1], int64(n), true, true
	t.pts = t.last.end
	t.mode.Store(uint32(t.last.mode))
	s.begun, s.aligned, s.joined = true, true, true
	s.end, s.heard, s.last = t.pts, t.pts, t.pts
	at := t.pts - int64(min(n, remembered))*frameSamples
	for _, c := range cuts[max(n-remembered, 0):] {
		s.past.add(timed{Packet: audio.Packet{Data: c.Opus, PTS: at, Duration: frameSamples}, length: frameSamples, ok: true})
		at += frameSamples
	}
	return s
}

// live has s, which has read no more than the beginning of what t hears, know what a
// decoder should have heard before.
func (t *tap) live(s *Stream) {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	if l := t.line; l.before != nil && t.begun && len(s.held) > 0 && s.held[0].PTS == t.pts-t.next*frameSamples && t.next <= warm {
		s.past.add(timed{Packet: audio.Packet{Data: l.before, PTS: s.held[0].PTS - frameSamples, Duration: frameSamples}, length: frameSamples, ok: true})
	}
}

// become makes s what frames are made by. The caller has the lock of swap.
func (p *Pump) become(s *Stream) {
	was := p.stream.want.Load()
	s.ask(func(w *wanted) { w.hold, w.fade = was.hold, was.fade })
	p.stream = s
	p.shown.Store(s)
	if t, ok := s.from.(*tap); ok {
		a := newAhead(p.life, s.o.Governor)
		t.short = &a.short
		p.reads.Store(a)
	}
}

// listen makes p hear t through s.
func (p *Pump) listen(t *tap, s *Stream) {
	a := newAhead(p.life, s.o.Governor)
	t.short = &a.short
	p.reads.Store(a)
	p.tap.Store(t)
	p.guest.Store(true)
}

// begin takes in packets that have been read and taken already; false if their times do not go
// on without gaps, and who has taken them knows others.
func (f *feed) begin(packets []audio.Packet) bool {
	for _, p := range packets {
		f.reading = time.Now()
		f.put(p, nil)
		if f.shift != 0 {
			return false
		}
	}
	for f.front < f.next {
		f.pass(f.at(f.front))
	}
	return true
}

// opened is all that was taken, if that was kept.
func (a *ahead) opened() (packets []audio.Packet, whole bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.taken, a.opening
}

// shutOpening keeps no more of that.
func (a *ahead) shutOpening() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opening, a.taken = false, nil
}

// keep keeps p for who may share it; the caller has the lock.
func (a *ahead) keep(p audio.Packet) {
	if a.takenBytes += len(p.Data); len(a.taken) == openPackets || a.takenBytes > openBytes {
		a.opening, a.taken = false, nil
		return
	}
	a.taken = append(a.taken, p)
}
