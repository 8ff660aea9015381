package pipeline

import (
	"context"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"segue/audio"
)

// A control is what a Pump has been asked for besides how it shall sound. What is
// asked is done by the goroutine that makes the frames.
type control struct {
	nudge  chan struct{} // has one when that goroutine should look
	fade   atomic.Int64  // samples
	quiet  atomic.Bool   // it rests: what there was to be heard is in frames
	cut    atomic.Bool   // the music shall end now
	follow atomic.Pointer[follower]
	sought atomic.Pointer[sought]
	invite chan invitation // to share what is played

	parked bool
	primed atomic.Pointer[Stream] // has been looked at, and can begin; nil: none has
	gone   atomic.Bool            // it is known how frames begin
	begin  chan *departed         // how: after what; nil is by themselves
}

// Hold fades the sound out and then makes no more frames, or goes on and fades in.
func (p *Pump) Hold(on bool) {
	if on {
		p.apart.Store(true)
	}
	p.swap.Lock()
	p.now().Hold(on, toTime(p.control.fade.Load()))
	p.swap.Unlock()
	signal(p.control.nudge)
}

// Held reports whether a Hold has been fulfilled and all frames have been taken.
func (p *Pump) Held() bool { return p.control.quiet.Load() && len(p.frames) == 0 }

// Fade says within what time Hold and Seek fade out and in from now on.
func (p *Pump) Fade(d time.Duration) { p.control.fade.Store(toSamples(max(d, 0))) }

// Go makes a parked Pump begin by itself.
func (p *Pump) Go() { p.set(nil) }

// set says how frames begin, and reports whether that was not known before.
func (p *Pump) set(d *departed) bool {
	if !p.control.gone.CompareAndSwap(false, true) {
		return false
	}
	p.control.begin <- d // there is room for one
	return true
}

// run makes frames until there are no more.
func (p *Pump) run(ctx context.Context) {
	if p.start(ctx) {
		err := guard(func() error { p.play(ctx); return nil })
		p.fine(ctx, err)
	}
	if !p.left {
		p.measured = p.stream.Measured()
	}
	if f := p.control.follow.Load(); f != nil && ctx.Err() == nil {
		f.next.Go() // unless it has gone on already
	}
	p.done.Store(true)
	p.unlist()
	if t := p.tap.Load(); t != nil {
		p.send(t, nil)
	}
	p.account.done()
	close(p.frames)
	p.getReady()
}

// getReady tells those who wait for the first frame.
func (p *Pump) getReady() {
	if !p.isReady {
		p.isReady = true
		close(p.ready)
	}
}

// start waits until frames may begin.
func (p *Pump) start(ctx context.Context) bool {
	if !p.control.parked {
		return true
	}
	if guard(func() error { return errors.Join(p.trimStart(), p.stream.prime()) }) == nil {
		p.control.primed.Store(p.stream)
	} // else Next will say the same
	p.getReady()
	for {
		select {
		case d := <-p.control.begin:
			if d == nil {
				return true
			}
			p.unlist() // how it begins is its own
			if p.guest.Load() {
				p.tap.Load().live(p.stream)
			}
			err := guard(func() error { return p.stream.join(d) })
			return p.fine(ctx, err)
		case i := <-p.control.invite:
			p.accept(i)
		case <-ctx.Done():
			return false
		}
	}
}

// play makes frames.
func (p *Pump) play(ctx context.Context) {
	if !p.guest.Load() {
		p.record = p.stream.recorder()
	}
	defer func() { p.record.drop() }()
	if !p.control.parked {
		if !p.fine(ctx, guard(p.trimStart)) {
			return
		}
	}
	for p.waitForRoom(ctx) {
		p.lay()
		p.trimEnd()
		if q := p.control.sought.Swap(nil); q != nil {
			p.record.drop()
			p.account.begun.Store(false)
			if !p.fine(ctx, guard(func() error { return p.arrive(q) })) {
				return
			}
		}
		if p.stream.holding() {
			if p.control.cut.Load() || !p.rest(ctx) {
				return
			}
			continue
		}
		if p.leave() {
			return
		}
		passing := p.Mode() == Passthrough
		f, err := guarded(p.stream.Next)
		if err != nil {
			if p.control.sought.Load() != nil {
				continue // on from there
			}
			p.record.ended(err)
			p.fine(ctx, err)
			return
		}
		p.record.took(f)
		p.note(f)
		p.frames <- f // there is room, and nobody else fills it
		p.account.made(passing && p.Mode() == Transcode)
		p.getReady()
	}
}

// fine notes err as the reason of the end, if it is one.
func (p *Pump) fine(ctx context.Context, err error) bool {
	if err != nil && !errors.Is(err, io.EOF) && ctx.Err() == nil {
		p.err = err
	}
	return err == nil
}

// rest waits until something is asked for; false when ctx has ended. The stream has been
// looked at then, so that it can seek.
func (p *Pump) rest(ctx context.Context) bool {
	_, _ = guarded(p.stream.Lead) // Next will say the same
	p.control.quiet.Store(true)
	defer p.control.quiet.Store(false)
	for {
		select {
		case <-p.control.nudge:
			return true
		case i := <-p.control.invite:
			i <- nil
		case <-ctx.Done():
			return false
		}
	}
}

// Take returns the next frame, or false when none is ready. It never blocks. The
// first makes a parked Pump begin by itself.
func (p *Pump) Take() (audio.Frame, bool) {
	if !p.control.gone.Load() {
		p.Go()
	}
	select {
	case f, ok := <-p.frames:
		left := len(p.frames)
		signal(p.room)
		if ok {
			p.account.took(left, p.done.Load())
		} else {
			p.account.missed(true, false)
		}
		p.report(left)
		return f, ok
	default:
		if !p.control.quiet.Load() {
			p.account.missed(p.done.Load(), p.ahead().short.Load())
			p.report(0)
		}
		return audio.Frame{}, false
	}
}
