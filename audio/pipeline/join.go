package pipeline

import (
	"math"
)

// Where one piece of music follows another, or another part of the same one, the
// listener's decoder goes on; so does the console, with all that waits in it. The
// music that is left becomes a tail of what follows.

// A departed is what is left of a stream: the console that went on, and the music
// that would have come next.
type departed struct {
	console *console
	from    puller
	left    int64 // samples of that, at most
	fade    int64 // samples in which it is faded out; 0: it ends by itself
	gap     int64 // samples before what follows begins
	exact   bool  // to the sample, even if frames are then not in line with packets
	held    slide // how both are faded, for a hold
}

// immerse makes the next frame one that is encoded by a console that is wet, and
// stays so.
func (s *Stream) immerse() error {
	if s.mode == Passthrough && (!s.begun || !s.aligned) {
		if err := s.begin(); err != nil {
			return err
		}
	}
	if s.mode == Passthrough {
		p, err := s.read()
		if err != nil {
			return err
		}
		at := p.PTS
		if p.Codec != nil {
			at = s.end
		}
		s.unget(p)
		if err := s.enter(at); err != nil {
			return err
		}
	}
	c := s.coder
	c.over, s.overlays = append(c.over, s.overlays...), s.overlays[:0]
	c.staying = true
	c.aim(s.want.Load())
	return nil
}

// join makes s, of which no frame has been made, follow what departed, whose
// console it takes. It begins to be heard after a gap; exactly so, if it is to
// follow to the sample, else so that its frames are in line with its packets.
func (s *Stream) join(d *departed) error {
	if !s.begun {
		if err := s.look(); err != nil {
			return err
		}
	}
	at := s.origin
	if s.aligned {
		p, err := s.read()
		if err != nil {
			return err
		}
		s.unget(p)
		at = p.PTS
	}
	return s.goOn(at, max(at, s.floor)-d.gap, d)
}

// goOn is enter with a console that others have used: the next packet's place is at, and what the
// console takes next is what is at begin, or, if the stream is aligned and that need not be exact, a
// little before.
func (s *Stream) goOn(at, begin int64, d *departed) error {
	if err := s.audition(); err != nil {
		return err
	}
	d.console.reopen()
	skip, heard := s.skip, int64(0)
	s.warmup = s.warmup[:0]
	if s.aligned {
		s.warmup, heard = s.past.all(s.warmup)
		s.past.forget()
		skip = 0
		if !d.exact {
			begin -= mod(begin-int64(d.console.enc.Lookahead())-d.console.taken-at, frameSamples)
		}
	}
	c := &coder{console: d.console, in: s.coder.in, gauge: s.gauge}
	c.follow(at, begin, heard, skip, s.floor, s.zero)
	c.led, c.patient = s.aligned && d.exact, true
	c.level.reset(s.want.Load().level)
	c.rise.reset(1)
	c.fade = d.held
	t := &tail{from: d.from, left: d.left}
	t.fade.reset(1)
	if d.fade > 0 {
		t.fade.aim(0, d.fade)
		c.rise.reset(0)
		c.rise.aim(1, d.fade)
	}
	if d.left > 0 {
		c.tails = append(c.tails, t)
	}
	s.coder, s.mode, s.joined = c, Transcode, true
	for _, p := range s.warmup {
		if _, err := c.feed(p, true); err != nil {
			return err
		}
	}
	return nil
}

// follow puts the timeline of a coder whose console goes on at a place, as start
// does. What the console takes next is what is at begin.
func (c *coder) follow(at, begin, heard, skip, music, zero int64) {
	c.in.reset(place{first: at - heard - skip, origin: at - heard, music: music, zero: zero})
	c.music, c.fed, c.at = music, at-heard, begin
	c.clock.reset(begin - c.taken)
	c.clock.set(c.taken, begin)
	c.next = begin - c.held() - int64(c.enc.Lookahead())
	if gap := c.fed - c.at; gap > 0 {
		c.silence(gap)
	}
}

// mod is the remainder that is never negative.
func mod(a, b int64) int64 { return (a%b + b) % b }

// loudness is the root of the mean square of pcm.
func loudness(pcm []float32) float64 {
	sum := 0.0
	for _, v := range pcm {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64(max(len(pcm), 1)))
}
