package pipeline

import (
	"context"
	"sync"
	"sync/atomic"

	"segue/audio"
	"segue/audio/levelling"
)

const (
	// shallow is how many frames wait for the sender at most: with the one that is
	// made next, what is wanted is heard within 60 ms.
	shallow = 2
)

// A Pump makes a stream's frames ahead of time. All its methods may be called
// from any goroutine. Who starts it closes it.
type Pump struct {
	stream *Stream // the one that makes frames; whose goroutine does that may change it
	life   context.Context
	cancel context.CancelFunc
	tasks  sync.WaitGroup
	medium *medium // nil: the media were never its own

	swap   sync.Mutex             // held while stream changes, and by who wants something of the sound
	shown  atomic.Pointer[Stream] // stream, for all others
	reads  atomic.Pointer[ahead]  // what that reads, unless it is a tap
	tap    atomic.Pointer[tap]    // its place in a share; nil: it has none
	guest  atomic.Bool            // frames come from there
	apart  atomic.Bool            // more was asked for than to play as is wanted
	begins *intro                 // nil: nobody may share it any more
	record recorder

	frames   chan audio.Frame // closed after the last
	room     chan struct{}    // has one when few frames may be left
	ready    chan struct{}
	done     atomic.Bool  // frames is closed, err is final
	err      error        // read only once done
	isReady  bool         // ready is closed
	asked    atomic.Int32 // for frames, since the first was encoded
	account  accounts
	control  control
	sounds   overlays
	measured levelling.Measurement // final once done
	closed   atomic.Bool
	trimmed  bool // the end has been looked at
	left     bool // what is left of the stream is the follower's
}

// Start runs s in two goroutines until it ends, ctx ends, or the Pump is
// closed. The stream belongs to the Pump from here on; only its Want, Mode, Playing
// and Stats may still be used.
func Start(ctx context.Context, s *Stream) *Pump { return launch(ctx, ctx, s, false, nil) }

// Park is Start of a Pump that reads ahead but makes no frames, until it follows
// another, or Go or Take is called. It is Ready when it could.
func Park(ctx context.Context, s *Stream) *Pump { return launch(ctx, ctx, s, true, nil) }

// launch starts a Pump that lives until ctx ends. Its media may live until root does,
// if they are shared meanwhile; begins says whether they may be.
func launch(ctx, root context.Context, s *Stream, parked bool, begins *intro) *Pump {
	ctx, cancel := context.WithCancel(ctx)
	p := &Pump{
		stream: s, life: ctx, cancel: cancel, begins: begins,
		frames: make(chan audio.Frame, shallow), room: make(chan struct{}, 1), ready: make(chan struct{}),
	}
	p.shown.Store(s)
	p.control.invite = make(chan invitation)
	p.control.nudge, p.control.begin = make(chan struct{}, 1), make(chan *departed, 1)
	p.control.parked = parked
	p.control.gone.Store(!parked)
	p.Fade(s.o.Fade)
	if t, shared := s.from.(*tap); shared { // which reads ahead
		p.listen(t, s)
	} else {
		p.medium = p.readAhead(root, s)
	}
	p.tasks.Add(1)
	context.AfterFunc(ctx, func() {
		defer p.tasks.Done()
		p.sounds.end()
		p.release() // frees a read that is waiting; Close reports the error
	})
	p.tasks.Go(func() { p.run(ctx) })
	return p
}

// now is the stream that makes frames, for who does not make them.
func (p *Pump) now() *Stream { return p.shown.Load() }

// ahead is what has been read for that; nothing while others read for it.
func (p *Pump) ahead() *ahead { return p.reads.Load() }

// waitForRoom returns false when ctx has ended.
func (p *Pump) waitForRoom(ctx context.Context) bool {
	for len(p.frames) == shallow {
		select {
		case <-p.room:
			p.ahead().deepen()
		case i := <-p.control.invite:
			p.accept(i)
		case <-ctx.Done():
			return false
		}
	}
	return ctx.Err() == nil
}

// report tells the governor that a frame was asked for and how many are left. A
// pump that has just begun, waits for packets or comes to its end says nothing
// of how encoding keeps up.
func (p *Pump) report(left int) {
	const begun = 10 // times asked: what keeps up is ahead by then
	g := p.now().o.Governor
	if g == nil || p.Mode() != Transcode || p.done.Load() {
		return
	}
	if p.asked.Load() < begun {
		p.asked.Add(1)
		return
	}
	g.Taken(left == 0 && !p.ahead().short.Load())
}

// Mode reports how the frame last made came about.
func (p *Pump) Mode() Mode {
	m := p.now().Mode()
	if m == Passthrough && p.guest.Load() {
		m = Mode(p.tap.Load().mode.Load()) // what passes was made by others
	}
	return m
}

// Playing is what a live stream says is on just now, or "".
func (p *Pump) Playing() string {
	on, _ := guarded(func() (string, error) { return p.now().Playing(), nil })
	return on
}

// Ready is closed when the first frame can be taken, or there will be none.
func (p *Pump) Ready() <-chan struct{} { return p.ready }

// Ended reports whether all frames there will ever be have been taken.
func (p *Pump) Ended() bool { return p.done.Load() && len(p.frames) == 0 }

// Err is why the stream ended before its time; nil while it has not, if it
// came to its end, and if it was stopped.
func (p *Pump) Err() error {
	if !p.done.Load() {
		return nil
	}
	return p.err
}

// Close stops the Pump, closes the media, waits for both goroutines, and
// returns what closing the media did. Frames already made can still be taken.
func (p *Pump) Close() error {
	p.cancel()
	p.tasks.Wait()
	p.sounds.wait()
	p.unlist()
	defer p.closed.Store(true)
	if t := p.tap.Load(); t != nil {
		return guard(t.Close)
	}
	return p.medium.end()
}

// release lets go what is read for the Pump, once nothing more will be.
func (p *Pump) release() {
	if t := p.tap.Load(); t != nil {
		_ = guard(t.Close)
		return
	}
	p.medium.leave()
}
