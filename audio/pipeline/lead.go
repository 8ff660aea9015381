package pipeline

import (
	"errors"
	"io"
	"math"
	"time"

	"segue/audio"
)

// How a Pump hands over to another: with a cross-fade, or to the sample. What
// follows has been parked meanwhile.

// margin is how much more of the packets is read ahead than a cross-fade lasts.
const margin = 2 * audio.SampleRate

// scarce is how little is read ahead where more may not come in time for a cross-fade.
const scarce = audio.SampleRate

// A follower is what comes next.
type follower struct {
	next    *Pump
	overlap int64 // samples
}

// Follow says that the music of next, which was parked, joins the end of this
// Pump's and overlaps it by so much: 0 is to the sample. If next turns out not to be
// ready, or is nil, this one ends as if nothing followed. It replaces what was said
// before.
func (p *Pump) Follow(next *Pump, overlap time.Duration) {
	if next == nil {
		p.control.follow.Store(nil)
		return
	}
	n := toSamples(max(overlap, 0))
	p.control.follow.Store(&follower{next, n})
	if n > 0 {
		p.reach(n + margin)
	}
}

// Cut ends the music now: what follows is faded into within that time, or else it is
// faded out.
func (p *Pump) Cut(fade time.Duration) {
	p.apart.Store(true)
	p.Fade(fade)
	p.control.cut.Store(true)
	if p.control.follow.Load() == nil {
		p.Hold(true)
	}
	signal(p.control.nudge)
}

// leave hands over if it is time, and reports whether that was done.
func (p *Pump) leave() bool {
	f := p.control.follow.Load()
	if f == nil || f.next.control.primed.Load() == nil || f.next.control.gone.Load() {
		if p.control.cut.Load() && f != nil {
			p.control.follow.Store(nil)
			p.Hold(true)
		}
		return false
	}
	if !p.comeHome(f) {
		return false
	}
	s, from := p.stream, p.stream.from
	d, err := guarded(func() (*departed, error) { return p.part(f) })
	if errors.Is(err, errLate) && p.control.cut.Load() { // nothing to fade it into
		p.control.follow.Store(nil)
		f.next.Go()
		p.Hold(true)
	}
	if err != nil || d == nil {
		s.from = from
		return false
	}
	p.measured, s.gauge, s.coder.gauge = s.Measured(), nil, nil
	p.left = f.next.set(d) // then all of s is the other's
	if !p.left {
		s.from, s.coder.staying = from, false
		return false
	}
	p.sounds.give(&f.next.sounds)
	return true
}

// part gives what is left of the stream if it is time to leave it, else nil.
func (p *Pump) part(f *follower) (*departed, error) {
	s, next := p.stream, f.next.control.primed.Load()
	length, ended := p.ahead().rest()
	rest := int64(math.MaxInt64)
	if ended || length > 0 && length < scarce {
		rest = s.rest(length)
	}
	if fade := p.control.fade.Load(); p.control.cut.Load() {
		if !p.hasten(fade) {
			return nil, errLate
		}
		return s.depart(fade, rest)
	}
	switch {
	case !ended:
	case f.overlap > 0 && due(rest, f.overlap):
		s.from = eager{p.ahead()}
		return s.depart(rest, rest)
	case f.overlap == 0 && s.yields(next, rest):
		return s.yield(next)
	}
	return nil, nil
}

// due reports whether, with so many samples still to be heard, it is time for a cross-fade
// of that many: a frame later there may be next to nothing for a short one.
func due(rest, overlap int64) bool { return rest <= overlap || rest-frameSamples < overlap/2 }

// yields reports whether, with so many samples still to be heard, it is time to see
// to it that next follows to the sample.
func (s *Stream) yields(next *Stream, rest int64) bool {
	return rest <= brinkFrames*frameSamples && s.joined && !s.declined && (next.exact || s.overlaid())
}

// overlaid reports whether something is mixed over the music, which does not end with it.
func (s *Stream) overlaid() bool {
	return len(s.overlays) > 0 || s.mode == Transcode && len(s.coder.over) > 0
}

// depart leaves s with a cross-fade of so many samples, or of as many as there are: rest
// have not been heard.
func (s *Stream) depart(fade, rest int64) (*departed, error) {
	passed := s.mode == Passthrough
	if err := s.immerse(); err != nil {
		return nil, err
	}
	if passed { // the encoder has begun to live through them
		rest -= int64(s.coder.enc.Lookahead())
	}
	fade = max(min(fade, rest), 1)
	return &departed{console: s.coder.console, from: s, left: fade, fade: fade, held: still()}, nil
}

// yield leaves s with its last sample, when there is no whole frame left.
func (s *Stream) yield(next *Stream) (*departed, error) {
	if err := s.immerse(); err != nil {
		return nil, err
	}
	c := s.coder
	need := min(max(c.lacks(), least), most)
	if err := s.fill(need); err != nil || !c.ended || !c.short(need) || s.turning || c.full() {
		return nil, err
	}
	pcm := c.pcm[c.head:]
	exact := next.exact
	if before := c.pcm[max(len(c.pcm)-brink*audio.Channels, 0):]; next.aligned && loudness(before) < audible {
		exact = false
	}
	if !exact && len(c.over) == 0 {
		s.declined = true // and let what follows pass
		c.staying = false
		return nil, nil
	}
	left := int64(len(pcm) / audio.Channels)
	return &departed{console: c.console, from: s, left: max(left, c.trailing()), gap: left, exact: exact, held: still()}, nil
}

// rest is how many samples of the stream have not been heard, if so many have been
// read ahead and no more come.
func (s *Stream) rest(ahead int64) int64 {
	for _, p := range s.held {
		ahead += p.length - p.TrimEnd
	}
	if s.mode == Transcode {
		ahead += s.coder.fed - s.coder.at - s.coder.in.dropping()
	}
	return ahead
}

// prime gets s ready to begin at once: it waits for the first packets, and finds out
// whether what comes before should be followed to the sample.
func (s *Stream) prime() error {
	if !s.begun {
		if err := s.look(); err != nil {
			return err
		}
	}
	if err := s.audition(); err != nil {
		return err
	}
	s.exact = true
	if s.aligned || s.recordable() { // else nothing is lost by it
		s.exact = s.beginsLoud()
	}
	if s.aligned {
		s.coder = nil // may be none is needed
	}
	return nil
}

// beginsLoud reports whether there is music from the first sample on.
func (s *Stream) beginsLoud() bool {
	c := s.coder
	c.in.reset(place{first: -s.skip, zero: s.zero})
	var run []timed
	var pcm []float32
	for len(pcm) < brink*audio.Channels && len(run) < warm {
		p, err := s.read()
		if err != nil {
			break
		}
		run = append(run, p)
		if p.Codec != nil {
			break
		}
		if pcm, _, err = c.in.take(pcm, p); err != nil {
			break
		}
	}
	s.held = append(run, s.held...)
	return loudness(pcm[:min(len(pcm), brink*audio.Channels)]) > audible
}

const (
	// brink is how many samples at the end of a piece, and at the beginning of the
	// next, tell whether there is music: 10 ms.
	brink = audio.SampleRate / 100
	// audible is what music is above, as a factor.
	audible = 1e-3 // 60 dB below full scale
	// brinkFrames is how many frames before its end a stream that passes begins to be
	// encoded, to be followed to the sample.
	brinkFrames = 4
)

// errLate is what an eager source has where packets have not come.
var errLate = errors.New("packets have not come")

// hasten lets packets be read without waiting for them, for so many samples if they
// are there. It is false if there are too few to leave with.
func (p *Pump) hasten(samples int64) bool {
	t, ok := p.stream.from.(*tap)
	if !ok {
		p.stream.from = eager{p.ahead()}
		return true
	}
	h := t.hoard(samples)
	if h != nil {
		p.stream.from = h
	}
	return h != nil
}

// eager gives what has been read ahead, and never waits.
type eager struct{ *ahead }

func (e eager) ReadPacket() (audio.Packet, error) {
	p, ok, err := e.take()
	if !ok && err == nil {
		err = errLate
	}
	return p, err
}

// reach makes it read so far ahead.
func (a *ahead) reach(samples int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if samples != a.horizon.far {
		a.horizon.far = samples
		signal(a.room)
	}
}

// rest is how long the packets last that are there, and whether no more come.
func (a *ahead) rest() (samples int64, ended bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.length, errors.Is(a.ended, io.EOF)
}
