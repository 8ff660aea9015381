package pipeline

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

const (
	// edge is by how many frames who joins a live station is behind who is
	// furthest: its pump wants some at once, and would drive all others on.
	edge = 3
	// tardy is by how many frames one may be behind there. Who was silent for
	// longer does not want what was sent meanwhile.
	tardy = 50
	// retry is after how many frames a fork that was not possible is tried anew.
	retry = 5
)

// A tap is one listener's place in a share: a demuxer of frames that need no more
// than to be passed.
type tap struct {
	share   *Share
	o       Options
	open    func(context.Context, Options) (*Stream, error)
	closing func() error
	bitrate func() int // of what is encoded for this listener; may be nil
	sound   atomic.Pointer[wish]
	mode    atomic.Uint32  // how the frame last read came about
	some    chan struct{}  // has one when frames may have come
	gone    chan struct{}  // closed by Close
	short   *atomic.Bool   // the pump waits for packets, not for time
	stash   []audio.Packet // the reader's: read, and to be read again

	// Guarded by the share's lock.
	left   bool
	line   *line
	next   int64 // number of the line's frame to be read next
	trying *line // made to part to; t listens to it as soon as it has a frame
	again  int64 // not before this frame is it tried again to part
	last   cut   // read last
	warm   bool  // what is read next follows that
	begun  bool  // something was read
	pts    int64 // of the next packet
	tries  int   // to find a good moment to go over to another line
	far    int64 // how far ahead packets are to be read at least
	moved  bool  // frames from elsewhere are there

	passed, transcoded atomic.Int64
}

func newTap(a Ask) *tap {
	t := &tap{o: a.Options, bitrate: a.Options.Bitrate, some: make(chan struct{}, 1), gone: make(chan struct{})}
	t.closing = sync.OnceValue(t.leave)
	t.sound.Store(&wish{effects: a.Options.Settings})
	return t
}

// levelled takes in how loud it is to be, once it is known what is played.
func (t *tap) levelled(a Ask, i audio.Info) {
	level := a.Options.level(i)
	t.want(func(w *wish) { w.level = level })
}

// member lets frames be made until life ends.
func (t *tap) member(life context.Context, a Ask) *Member {
	return &Member{launch(life, life, t.stream(), a.Park, nil), t, t.share.info}
}

// stream returns one that passes what is read, whose times are the music's.
func (t *tap) stream() *Stream {
	of, o := t.share.of, t.o
	o.Settings, o.Level, o.Kept, o.origin = effect.Settings{}, nil, nil, origin{}
	o.Measure, o.Trim = 0, false // of the music itself
	o.Encoder, o.Decoder, o.Tables = of.o.Encoder, of.o.Decoder, of.o.Tables
	s := New(t, t, o)
	s.rules, s.tail, s.from, s.playing = of.rules, of.tail, t, of.playing
	s.dated = true
	return s
}

// want changes the wish. It may be called from any goroutine.
func (t *tap) want(change func(*wish)) {
	for {
		was := t.sound.Load()
		w := *was
		change(&w)
		if w == *was || t.sound.CompareAndSwap(was, &w) {
			return
		}
	}
}

// wish is how t wants the music now.
func (t *tap) wish() wish {
	w := *t.sound.Load()
	if t.bitrate != nil && !(w.plain() && t.share.passes) {
		w.bitrate = max(t.bitrate(), 0)
	}
	return w
}

// ReadPacket waits for the next frame, the end, or Close.
func (t *tap) ReadPacket() (audio.Packet, error) {
	if len(t.stash) > 0 {
		p := t.stash[0]
		t.stash = t.stash[1:]
		return p, nil
	}
	for {
		p, ok, err := t.read()
		if ok || err != nil {
			return p, err
		}
		t.short.Store(t.dry())
		t.wait(nil) // once it is closed, read says so
		t.short.Store(false)
	}
}

func (t *tap) read() (p audio.Packet, ok bool, err error) {
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	if t.left {
		return p, false, errLeft
	}
	t.tune()
	t.hurry()
	l := t.line
	if t.trying != nil {
		l = t.trying
	}
	switch {
	case t.trying == nil && t.next < l.oldest():
		return p, false, errBehind // of what is live
	case t.trying == nil && t.next < l.made:
		return t.take(), true, nil
	case l.ended != nil: // of one that is tried for, tune has seen it
		return p, false, l.ended
	case t.trying == nil:
		l.order(t.next + 1)
	}
	if t.moved {
		return p, false, errMoved
	}
	l.waiting = append(l.waiting, t.some)
	return p, false, nil
}

// take makes a packet of the next frame.
func (t *tap) take() audio.Packet {
	c := t.line.at(t.next)
	if !t.begun && t.next == 0 {
		t.pts = min(c.begin, 0) // padding before the music
		if t.line.alone != nil {
			t.pts = c.begin
		}
	}
	p := audio.Packet{Data: c.Opus, PTS: t.pts, Duration: frameSamples}
	length := c.end - c.begin
	if length < 0 || length > 10*frameSamples {
		length = frameSamples
	}
	t.pts += length
	t.last, t.warm, t.begun = *c, true, true
	t.next++
	t.mode.Store(uint32(c.mode))
	if c.mode == Transcode {
		t.transcoded.Add(1)
	} else {
		t.passed.Add(1)
	}
	return p
}

// tune sees to it that the line is as it is wanted.
func (t *tap) tune() {
	w := t.wish()
	if t.trying != nil {
		if t.trying.wish != w {
			t.trying.want(w)
		}
		t.part()
		return
	}
	switch l := t.line; {
	case l.wish == w:
		t.meet()
	case l.taps == 1:
		l.want(w)
	case t.next >= t.again:
		t.try(w)
	}
}

// try begins a line of t's own, to go on where t is.
func (t *tap) try(w wish) {
	sh, old := t.share, t.line
	var l *line
	switch {
	case t.warm:
		l = t.fork(t.last.stand, old.wish, w, !t.last.bent)
	case t.next > old.oldest():
		l = t.fork(old.at(t.next-1).stand, w, w, false)
	case old.whole:
		l = sh.beginning(w)
	}
	if l == nil && !t.warm && sh.live {
		l = sh.anew(w) // rather than as others want it
	}
	if l == nil {
		t.again = t.next + retry
		return
	}
	l.order(1)
	t.trying = l
	t.part()
}

// fork returns a line that goes on from st, and that sounded as was before; nil if
// that is not possible just now. heard is whether the listener heard what comes
// before.
func (t *tap) fork(st stand, was, w wish, heard bool) *line {
	sh := t.share
	c, begin, ok := sh.feed.place(st, heard)
	if !ok {
		return nil
	}
	l := sh.line(c, t.line.epoch, w)
	sh.start(l, func() (*Stream, error) {
		s := sh.of.twin(c, l.options(), was)
		return s, s.goOnFrom(st, begin, heard)
	})
	return l
}

// part goes over to the line that was tried for, if that has a frame.
func (t *tap) part() {
	l := t.trying
	switch {
	case l.made > 0:
	case l.ended == nil:
		return
	case errors.Is(l.ended, errNotHere) || errors.Is(l.ended, errBehind):
		t.trying, t.again = nil, t.next+retry
		l.leave()
		return
	}
	t.line.leave()
	t.line, t.next, t.trying, t.again, t.tries = l, 0, nil, 0, 0
}

// meet goes over to another line with the same wish, if there is one that more
// listen to and that the listener's decoder will not tell from this one.
func (t *tap) meet() {
	l := t.line
	if !t.warm || !l.steady() {
		return
	}
	for _, o := range t.share.lines {
		if o == l || o.wish != l.wish || o.epoch != l.epoch || !o.steady() || o.taps < l.taps || o.taps == l.taps && !t.share.older(o, l) {
			continue
		}
		n, ok := o.find(t.last.end)
		if !ok {
			if newest := o.at(o.made - 1).end; newest < t.last.end && newest+retry*frameSamples >= t.last.end {
				o.order(o.made + (t.last.end-newest)/frameSamples + 2) // soon
			}
			continue
		}
		if t.share.live && o.made-n > tardy/2 {
			continue // they are far ahead, and there who is late leaves music out
		}
		if c := o.at(n); c.aligned != t.last.aligned || !t.alike(c) {
			continue
		}
		o.taps++
		l.leave()
		t.line, t.next, t.tries = o, n+1, 0
		return
	}
}

// alike reports whether the frame last read leaves the listener's decoder as c
// would have; after patience frames that does not matter any more. Where one passes
// and the other does not yet, the stream itself knows best when to hand back.
func (t *tap) alike(c *cut) bool {
	if t.tries++; t.tries > 2*patience {
		return true
	}
	if c.mode != t.last.mode {
		return false
	}
	theirs, ok := t.share.of.tail(c.Opus)
	ours, known := t.share.of.tail(t.last.Opus)
	return !ok || !known || theirs == ours || t.tries > patience
}

// hurry leaves out what it is too late for.
func (t *tap) hurry() {
	l := t.line
	switch {
	case t.trying != nil:
	case t.share.live && (t.next == l.made && errors.Is(l.ended, errBehind) || l.ended == nil && t.share.feed.stale(l.cursor)):
		t.share.seat(t)
		l.leave()
	case t.share.live && l.made-t.next > tardy:
		t.next, t.warm = l.made-edge, false
	case t.share.live && t.next < l.oldest() && l.ended == nil:
		t.try(l.wish)
	case !t.share.live && (t.next < l.oldest() || t.next == l.made && errors.Is(l.ended, errBehind)):
		if t.try(l.wish); t.trying == nil && t.line == l {
			t.tryAlone()
		}
	}
}

// wait waits for frames; false if t is closed or that is enough.
func (t *tap) wait(enough <-chan time.Time) bool {
	select {
	case <-t.some:
		return true
	case <-t.gone:
	case <-enough:
	}
	return false
}

// Codec says that what is read are frames.
func (t *tap) Codec() audio.CodecInfo {
	return audio.CodecInfo{Name: "opus", SampleRate: audio.SampleRate, Channels: audio.Channels}
}

// Info is what the container of what is shared tells.
func (t *tap) Info() audio.Info { return t.share.info }

// Seek is refused: who seeks does not hear what the others hear.
func (t *tap) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }

// Close leaves the share, and ends a read that waits. Who is last closes the media.
func (t *tap) Close() error { return t.closing() }

func (t *tap) leave() error {
	sh := t.share
	sh.mu.Lock()
	t.left = true
	close(t.gone)
	if t.trying != nil {
		t.trying.leave()
	}
	if t.line != nil {
		t.line.leave()
	}
	sh.taps--
	last := sh.taps == 0
	sh.over = sh.over || last
	sh.mu.Unlock()
	if !last {
		return nil
	}
	return sh.end()
}
