package pipeline

import (
	"context"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"segue/audio"
)

// A second input is mixed over the music: an announcement, a sound. The music is
// ducked meanwhile.

const (
	duckIn  = audio.SampleRate / 10 // samples in which the music is ducked
	duckOut = audio.SampleRate / 2  // and comes back
	// layers is how many inputs are mixed over the music at most.
	layers = 4
)

// An overlay is what is mixed over the music.
type overlay struct {
	stream *Stream
	ahead  *ahead
	duck   float64 // factor for the music
	begun  bool
	ended  bool
	pcm    []float32
	done   context.CancelFunc
	tasks  sync.WaitGroup
	busy   atomic.Int32 // how many tasks there are
}

// Overlay mixes s over the music from the next frame on, and makes that softer
// by so many decibels meanwhile. The stream is the Pump's from here on, and that of the
// Pump that follows it; its effects and volume are not used, its Level is. The channel is
// closed when it has been heard, or cannot be any more. It reports false if as many are
// mixed as can be, or the Pump has ended: then the stream is closed at once.
func (p *Pump) Overlay(s *Stream, duck float64) (heard <-chan struct{}, ok bool) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(p.life))
	o := &overlay{stream: s, ahead: newAhead(ctx, nil), duck: math.Pow(10, -max(duck, 0)/20), done: cancel}
	o.ahead.deepen()
	from := s.from
	s.from = eager{o.ahead}
	p.apart.Store(true)
	if p.done.Load() || !p.sounds.own(o) {
		cancel()
		_ = shut(s)
		return ctx.Done(), false
	}
	o.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer o.tasks.Done()
		defer o.busy.Add(-1)
		_ = shut(s)
	})
	o.tasks.Go(func() {
		defer o.busy.Add(-1)
		o.ahead.read(from, nil)
		o.ahead.put(audio.Packet{}, io.EOF) // it was ended; the console may not know
	})
	signal(p.control.nudge)
	return ctx.Done(), true
}

// overlays are those a Pump has to end.
type overlays struct {
	mu    sync.Mutex
	all   []*overlay
	fresh []*overlay // of these, those that are yet to be laid over the music
	over  bool
}

// own makes o one of them, if there is room.
func (s *overlays) own(o *overlay) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = slices.DeleteFunc(s.all, func(o *overlay) bool { return o.busy.Load() == 0 })
	heard := 0
	for _, o := range s.all {
		if o.ahead.ctx.Err() == nil {
			heard++
		}
	}
	if s.over || heard >= layers {
		return false
	}
	o.busy.Store(2)
	s.all, s.fresh = append(s.all, o), append(s.fresh, o)
	return true
}

// take moves those to be laid over the music to what has come.
func (s *overlays) take(come []*overlay) []*overlay {
	s.mu.Lock()
	defer s.mu.Unlock()
	come = append(come, s.fresh...)
	s.fresh = nil
	return come
}

// give makes all of them to's, which goes on with the console. If that is over, they
// are still to be ended here.
func (s *overlays) give(to *overlays) {
	s.mu.Lock()
	defer s.mu.Unlock()
	to.mu.Lock()
	defer to.mu.Unlock()
	if to.over {
		return
	}
	to.all, to.fresh = append(to.all, s.all...), append(to.fresh, s.fresh...)
	s.all, s.fresh = nil, nil
}

// end ends them; wait waits until they have.
func (s *overlays) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	for _, o := range s.all {
		o.done()
	}
}

func (s *overlays) wait() {
	s.mu.Lock()
	all := s.all
	s.mu.Unlock()
	for _, o := range all {
		o.tasks.Wait()
	}
}

// lay puts what has come on top of the music.
func (p *Pump) lay() {
	p.stream.overlays = p.sounds.take(p.stream.overlays)
}

// start makes the stream begin, if its packets are there, and reports whether it
// has.
func (o *overlay) start() bool {
	if o.begun || o.ended {
		return o.begun
	}
	if length, ended := o.ahead.rest(); length == 0 && !o.ahead.stuffed() {
		o.ended = ended || o.ahead.over()
		return false
	}
	s := o.stream
	err := guard(func() error {
		if err := s.look(); err != nil {
			return err
		}
		s.aligned = false
		if err := s.audition(); err != nil {
			return err
		}
		s.coder.in.reset(place{first: -s.skip, zero: s.zero})
		s.coder.level.reset(s.want.Load().level)
		return nil
	})
	o.begun, o.ended = err == nil, err != nil
	return o.begun
}

// add mixes what comes next into pcm. What has not been read in time comes later.
func (o *overlay) add(pcm []float32) {
	if !o.start() {
		return
	}
	if cap(o.pcm) < len(pcm) {
		o.pcm = make([]float32, len(pcm))
	}
	length, _ := o.ahead.rest()
	if need := int64(len(pcm) / audio.Channels); length < need && !o.ahead.over() && !o.ahead.stuffed() {
		return
	}
	n := o.stream.pull(o.pcm[:len(pcm)])
	for i, v := range o.pcm[:n] {
		pcm[i] += v
	}
	o.ended = n < len(pcm)
}

// blend ducks pcm and adds the overlays to it; it reports whether it changed anything.
func (c *console) blend(pcm []float32) (changed bool) {
	if len(c.over) == 0 && c.duck.open() {
		return false
	}
	to, within := 1.0, int64(duckOut)
	for _, o := range c.over {
		to, within = min(to, o.duck), duckIn
	}
	c.duck.aim(to, within)
	c.duck.apply(pcm)
	for _, o := range c.over {
		if o.add(pcm); o.ended {
			o.done()
		}
	}
	c.over = slices.DeleteFunc(c.over, func(o *overlay) bool { return o.ended })
	return true
}

// over reports whether nothing more will be read.
func (a *ahead) over() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ended != nil
}

// stuffed reports whether nothing is read until packets go, whatever they say of how
// long they last.
func (a *ahead) stuffed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.resting && a.n > 0
}
