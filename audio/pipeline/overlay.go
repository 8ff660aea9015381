package pipeline

import (
	"context"
	"io"
	"math"
	"slices"

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
}

// Overlay mixes s over the music from the next frame on, and makes that softer
// by so many decibels meanwhile. The stream is the Pump's from here on; its effects and
// volume are not used, its Level is. The channel is closed when it has been heard, or cannot be
// any more. It reports false if as many are mixed as can be, or the Pump has ended:
// then the stream is closed at once.
func (p *Pump) Overlay(s *Stream, duck float64) (heard <-chan struct{}, ok bool) {
	ctx, cancel := context.WithCancel(p.ahead.ctx)
	o := &overlay{stream: s, ahead: newAhead(ctx, nil), duck: math.Pow(10, -max(duck, 0)/20), done: cancel}
	o.ahead.deepen()
	from := s.from
	s.from = eager{o.ahead}
	taken := false
	if !p.done.Load() {
		select {
		case p.control.over <- o:
			taken = true
		default:
		}
	}
	if !taken {
		cancel()
		_ = shut(s)
		return ctx.Done(), false
	}
	p.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer p.tasks.Done()
		_ = shut(s)
	})
	p.tasks.Go(func() {
		o.ahead.read(from, nil)
		o.ahead.put(audio.Packet{}, io.EOF) // nothing more will come: the Pump may have handed over
		<-ctx.Done()
	})
	signal(p.control.nudge)
	return ctx.Done(), true
}

// lay puts what has come on top of the music.
func (p *Pump) lay() {
	for len(p.stream.overlays) < layers {
		select {
		case o := <-p.control.over:
			p.stream.overlays = append(p.stream.overlays, o)
		default:
			return
		}
	}
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
