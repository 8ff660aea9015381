package pipeline

import (
	"context"
	"errors"
	"time"

	"segue/audio"
)

// ErrEnded is what a Seek meets that comes too late: the Pump makes no more frames.
var ErrEnded = errors.New("the music has ended")

// errMoved is what ends the reading of packets that are left for others.
var errMoved = errors.New("packets from elsewhere are there")

// ready packets make a seek, so that the music goes on without a hole.
const (
	enough      = 12                   // packets
	enoughBytes = 256 << 10            // of them
	enoughTime  = audio.SampleRate / 2 // that they last
)

// A seek is asked of the goroutine that reads.
type seek struct {
	target int64
	landed chan error // room for one
}

// A sought is where packets go on.
type sought struct {
	target  int64
	packets []audio.Packet
	ended   error // after those
	line    *line // nil; or frames instead of packets, a warm-up of them before the target
	taken   chan struct{}
}

// Seek makes the music go on at to, or just before it where packets pass, with a
// cross-fade from where it was, as soon as packets are there: what has been read
// ahead is heard until then. Where it goes on, frames say. Media that cannot seek
// give an error that wraps audio.ErrNotSeekable, and the music goes on as it was.
func (p *Pump) Seek(ctx context.Context, to time.Duration) error {
	p.apart.Store(true)
	a := p.ahead()
	q := &seek{target: toSamples(max(to, 0)), landed: make(chan error, 1)}
	select {
	case a.seeks <- q:
	case <-a.ctx.Done():
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	signal(a.room)
	select {
	case err := <-q.landed:
		return err
	case <-a.ctx.Done():
		return ErrEnded
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rewind takes the demuxer to where target can be decoded from. It is for who reads.
func (s *Stream) rewind(target int64) error {
	if !s.known.Load() {
		return audio.ErrNotSeekable // nothing has been read yet
	}
	if _, err := s.demux.Seek(toTime(max(target-lead, 0))); err != nil {
		return err
	}
	s.framing.restart(target + s.zeroed.Load())
	return nil
}

// move reads packets of s from where q wants them, and waits until they are taken. It is
// for who reads.
func (p *Pump) move(q *seek, s *Stream, from packets, a *ahead) {
	p.account.seeking.Store(true)
	defer p.account.seeking.Store(false)
	if err := guard(func() error { return s.rewind(q.target) }); err != nil {
		q.landed <- err
		return
	}
	got := &sought{target: q.target, taken: make(chan struct{})}
	length, bytes := int64(0), 0
	for len(got.packets) < enough && length < enoughTime && bytes < enoughBytes && a.ctx.Err() == nil {
		k, err := guarded(from.ReadPacket)
		if err != nil {
			got.ended = err
			break
		}
		got.packets = append(got.packets, k)
		length += k.Duration
		bytes += len(k.Data)
	}
	away := a.moved() // another one once they are taken
	p.control.sought.Store(got)
	signal(p.control.nudge)
	close(away) // ends the wait for packets that will not come
	q.landed <- nil
	select {
	case <-got.taken:
	case <-a.ctx.Done():
	}
}

// arrive makes the stream go on where packets were sought.
func (p *Pump) arrive(q *sought) error {
	s := p.stream
	if q.line != nil {
		p.tap.Load().unmove()
	}
	var d *departed
	if s.joined && s.failed == nil && !s.holding() {
		d = p.tape(p.control.fade.Load())
	}
	if q.line != nil {
		return p.settle(q, d)
	}
	s.from, p.trimmed = p.ahead(), false
	p.ahead().replace(q)
	close(q.taken)
	return s.moveTo(q.target, d)
}

// tape leaves where the stream is, with so many samples of what would have come, or as
// many as there are; nil if that cannot be. A hold goes on over what follows.
func (p *Pump) tape(samples int64) *departed {
	s := p.stream
	if !p.hasten(samples) || s.immerse() != nil {
		return nil
	}
	held := s.coder.fade
	s.coder.fade.reset(1)
	pcm := make([]float32, samples*audio.Channels)
	pcm = pcm[:s.pull(pcm)]
	left := int64(len(pcm) / audio.Channels)
	return &departed{console: s.coder.console, from: &taped{pcm}, left: left, fade: left, held: held}
}

// moveTo makes what the demuxer has been moved to, for target, the next to be heard.
func (s *Stream) moveTo(target int64, d *departed) error {
	s.forget()
	s.anew()
	at, err := s.arrive(target)
	switch {
	case err != nil:
		return err
	case s.failed != nil: // beyond the end
		return nil
	case d == nil:
		return s.enter(at)
	}
	return s.goOn(at, at, d)
}
