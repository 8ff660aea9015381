package framecache

import (
	"errors"
	"sync/atomic"

	"segue/audio"
)

const (
	// row is how many frames are handed over at once: a second's, for waking the
	// writer costs as much as a frame that passes.
	row = 50
	// rows bound what a slow disk may owe: 16 seconds at the pace of music, for cards
	// and busy disks hold a write up for that long.
	rows = 16
)

// Why a recording is not kept.
var (
	errDropped = errors.New("not a whole play of the music as it is")
	errClosed  = errors.New("the program is ending")
	errSlow    = errors.New("the disk is slower than the music")
)

// A Recording takes down the frames of a play that may turn out to be whole. It
// belongs to the goroutine that makes the frames, which ends it by Keep or Drop.
// None of its methods waits or allocates, and all may be called on nil.
type Recording struct {
	full   chan *batch // to the writer; closed by Keep and Drop
	free   chan *batch // and back
	now    *batch      // nil: to be taken from free
	over   bool
	count  int64       // frames
	length int64       // of the music, in samples at 48 kHz; -1: not to be kept. The writer's once full is closed
	why    error       // if not to be kept; likewise
	done   atomic.Bool // full is closed, or about to be
	dead   atomic.Bool // the writer is gone
}

// A batch is frames on their way to the writer.
type batch struct {
	frames [row][]byte
	n      int
}

// Record begins a recording of media of that audio.Media.Version, encoded for that
// many bit/s; level is by how many decibels it is made louder, and info what its
// container says, which are kept with it. It returns nil
// if there is nothing to be recorded: live media, media that refer to others, which
// a version says nothing of, and what is being recorded already.
func (c *Cache) Record(version string, bitrate int, level float64, info audio.Info) *Recording {
	if c == nil || version == "" || info.Live || info.Container == "hls" {
		return nil
	}
	k := c.key(version, bitrate)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed || c.busy[k.name()] {
		return nil
	}
	c.busy[k.name()] = true
	r := &Recording{full: make(chan *batch, rows), free: make(chan *batch, rows), now: new(batch), length: -1}
	for range rows - 1 {
		r.free <- new(batch)
	}
	c.tasks.Go(func() {
		err := c.write(r, k, known{level, info})
		r.dead.Store(true)
		c.mu.Lock()
		delete(c.busy, k.name())
		c.mu.Unlock()
		c.account(err)
	})
	return r
}

// account counts what a recording came to.
func (c *Cache) account(err error) {
	switch {
	case err == nil:
		c.kept.Add(1)
	case errors.Is(err, errDropped), errors.Is(err, errClosed):
		c.given.Add(1)
	default:
		c.failed.Add(1)
		if c.o.Lost != nil {
			c.o.Lost(err)
		}
	}
}

// Add takes the next frame, which nobody may change from then on. It reports false
// if the recording is over.
func (r *Recording) Add(opus []byte) bool {
	if r == nil || r.over {
		return false
	}
	if r.dead.Load() {
		r.finish(errDropped) // the writer has said why
		return false
	}
	if r.now == nil {
		select {
		case r.now = <-r.free:
		default:
			r.finish(errSlow)
			return false
		}
	}
	r.now.frames[r.now.n] = opus
	r.now.n++
	r.count++
	if r.now.n == row {
		r.full <- r.now // there is room for all there are
		r.now = nil
	}
	return true
}

// Keep ends the recording: it is whole, and the music is so many samples at 48 kHz
// long; what the last frame holds beyond that is padding.
func (r *Recording) Keep(length int64) {
	if r == nil || r.over {
		return
	}
	if length <= (r.count-1)*audio.FrameSamples || length > r.count*audio.FrameSamples {
		r.finish(errDropped) // frames and music do not go together
		return
	}
	if r.now != nil && r.now.n > 0 {
		r.full <- r.now
	}
	r.length = length
	r.finish(nil)
}

// Drop ends the recording: it is not to be kept.
func (r *Recording) Drop() {
	if r != nil && !r.over {
		r.finish(errDropped)
	}
}

func (r *Recording) finish(why error) {
	r.why, r.over, r.now = why, true, nil
	r.done.Store(true)
	close(r.full)
}
