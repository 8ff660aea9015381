package player

import (
	"sync/atomic"
	"time"

	"segue/audio"
)

const (
	tick = 20 * time.Millisecond

	// stuckAfter is how long a track may give nothing while frames are asked
	// for. Counted in ticks, so a voice connection that holds back (no epoch
	// yet) does not make its track look stuck.
	stuckAfter = 10 * time.Second
	stuckTicks = int64(stuckAfter / tick)
)

// A reel is a track that has been opened and makes frames.
type reel struct {
	tape
	cue   int64         // how many frames are heard before the next track is got ready
	eve   int64         // position, in samples, from which the end is near
	alone lineup        // this reel and nothing after it
	turn  chan struct{} // holds one while somebody seeks

	// The player's goroutine's alone.
	after   *reel         // what the pump was told that follows
	overlap time.Duration // and by how much

	// Written by whoever calls Take, read by the player's goroutine.
	began  atomic.Bool
	cued   atomic.Bool
	ending atomic.Bool
	stuck  atomic.Bool
	over   atomic.Bool  // no frame will come any more
	pos    atomic.Int64 // where the next frame begins, in samples
	frames atomic.Int64 // handed over
	dry    atomic.Int64 // asked for in vain, since the last frame
}

func newReel(t tape, cue, eve int64) *reel {
	r := &reel{tape: t, cue: cue, eve: eve, turn: make(chan struct{}, 1)}
	r.alone.now = r
	return r
}

// follow says what comes after r, nil for nothing, and how much both overlap.
func (r *reel) follow(next *reel, overlap time.Duration) {
	if r.after == next && (next == nil || r.overlap == overlap) {
		return
	}
	r.after, r.overlap = next, overlap
	if next == nil {
		r.pump.Follow(nil, 0)
		return
	}
	r.pump.Follow(next.pump, overlap)
}

// A lineup is what to play now and what right after it. It is never changed,
// only replaced.
type lineup struct {
	now, next *reel
	more      bool // something is to follow now, even if next is not known yet
}

// A deck is what a voice connection plays. The player's goroutine says what is
// lined up; Take moves on by itself, within one call, so that there is no gap
// from track to track. Nothing in it waits: the two sides meet in one atomic
// pointer.
type deck struct {
	line    atomic.Pointer[lineup]
	held    atomic.Bool // paused
	flowing atomic.Bool // music is being heard: a tick without a frame is a hole in it
	frames  atomic.Uint64
	nulled  atomic.Uint64
	wake    chan struct{} // one token: some reel has news
}

func newDeck() *deck {
	d := &deck{wake: make(chan struct{}, 1)}
	d.line.Store(&lineup{})
	return d
}

// Take returns the next frame of what is lined up. It never blocks and never
// allocates. While paused it goes on with what plays, which fades out, but to nothing
// else.
func (d *deck) Take() (audio.Frame, bool) {
	held := d.held.Load()
	for {
		l := d.line.Load()
		r := l.now
		if r == nil {
			d.flowing.Store(false)
			return audio.Frame{}, false
		}
		// Asked before taking: frames made in between are found by the Take.
		ended := r.pump.Ended()
		f, ok := r.pump.Take()
		if ok {
			d.took(r, f)
			return f, true
		}
		if !ended {
			if !held {
				d.missed(r)
			}
			return audio.Frame{}, false
		}
		if !r.over.Swap(true) {
			d.ring()
		}
		if held {
			return audio.Frame{}, false
		}
		if l.next == nil {
			if l.more {
				d.hole()
			}
			return audio.Frame{}, false
		}
		d.line.CompareAndSwap(l, &l.next.alone) // if it fails, the player was quicker
	}
}

func (d *deck) took(r *reel, f audio.Frame) {
	pos := f.Pos + audio.FrameSamples
	r.pos.Store(pos)
	heard := r.frames.Add(1)
	r.dry.Store(0)
	d.frames.Add(1)
	d.flowing.Store(true)
	if !r.began.Load() {
		r.began.Store(true)
		d.ring()
	}
	if heard >= r.cue && !r.cued.Load() {
		r.cued.Store(true)
		d.ring()
	}
	if pos >= r.eve && !r.ending.Load() {
		r.ending.Store(true)
		d.ring()
	}
}

func (d *deck) missed(r *reel) {
	d.hole()
	if r.dry.Add(1) >= stuckTicks && !r.stuck.Load() {
		r.stuck.Store(true)
		d.ring()
	}
}

// hole counts a tick without a frame if music was being heard.
func (d *deck) hole() {
	if d.flowing.Load() {
		d.nulled.Add(1)
	}
}

// ring tells the player's goroutine to look at its reels.
func (d *deck) ring() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// change replaces the lineup by what f makes of it, again if Take moved on
// meanwhile. f returns nil to leave it.
func (d *deck) change(f func(lineup) *lineup) {
	for {
		old := d.line.Load()
		l := f(*old)
		if l == nil || d.line.CompareAndSwap(old, l) {
			return
		}
	}
}

// play makes r what is heard from the next tick on, unless it already is; nil
// means silence.
func (d *deck) play(r *reel) {
	d.change(func(l lineup) *lineup {
		if l.now == r {
			return nil
		}
		return &lineup{now: r}
	})
}

// follow says what comes after now, and whether anything will. It reports false
// if the deck has already moved on from now.
func (d *deck) follow(now, next *reel, more bool) (ok bool) {
	d.change(func(l lineup) *lineup {
		ok = l.now == now
		if !ok || l.next == next && l.more == more {
			return nil
		}
		return &lineup{now: now, next: next, more: more}
	})
	return ok
}

// unfollow takes next out if it is lined up to come after now; something still is to.
func (d *deck) unfollow(now, next *reel) {
	d.change(func(l lineup) *lineup {
		if l.now != now || l.next != next {
			return nil
		}
		return &lineup{now: now, more: true}
	})
}

// hold pauses or goes on. What goes on begins anew: until its first frame there is no
// hole.
func (d *deck) hold(on bool) {
	d.flowing.Store(false)
	d.held.Store(on)
}
