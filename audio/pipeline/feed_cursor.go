package pipeline

import (
	"context"
	"sync"
	"time"

	"segue/audio"
)

// A cursor reads a feed. Its methods are for one goroutine, but for Close.
type cursor struct {
	feed *feed
	some chan struct{} // has one when packets may have come
	done chan struct{} // closed by Close
	once sync.Once

	// Guarded by the feed's lock.
	next  int64     // number of the packet to be read next
	moved time.Time // when one was read
}

// cursor returns one that reads packet n next; the caller has the lock.
func (f *feed) cursor(n int64) *cursor {
	c := &cursor{feed: f, some: make(chan struct{}, 1), done: make(chan struct{}), next: n, moved: time.Now()}
	f.cursors = append(f.cursors, c)
	return c
}

// ReadPacket waits for the next packet, the end, or Close.
func (c *cursor) ReadPacket() (audio.Packet, error) {
	for {
		p, ok, err := c.take()
		if ok || err != nil {
			return p, err
		}
		select {
		case <-c.some:
		case <-c.done:
			return audio.Packet{}, errLeft
		case <-c.feed.ctx.Done():
			return audio.Packet{}, context.Cause(c.feed.ctx)
		}
	}
}

func (c *cursor) take() (_ audio.Packet, ok bool, err error) {
	f := c.feed
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case c.next < f.first:
		return audio.Packet{}, false, errBehind
	case c.next == f.next:
		return audio.Packet{}, false, f.ended
	}
	p := f.at(c.next)
	if c.next == f.front {
		f.pass(p)
	}
	c.next++
	c.moved = time.Now()
	return p.Packet, true, nil
}

// number is that of the packet to be read next.
func (c *cursor) number() int64 {
	c.feed.mu.Lock()
	defer c.feed.mu.Unlock()
	return c.next
}

// Close ends reading, and a read that waits. It may be called more than once and
// from any goroutine.
func (c *cursor) Close() error {
	c.once.Do(func() {
		close(c.done)
		f := c.feed
		f.mu.Lock()
		defer f.mu.Unlock()
		for i, o := range f.cursors {
			if o == c {
				last := len(f.cursors) - 1
				f.cursors[i], f.cursors[last] = f.cursors[last], nil
				f.cursors = f.cursors[:last]
				break
			}
		}
	})
	return nil
}

// Codec, Info and Seek make a demuxer of a cursor.
func (c *cursor) Codec() audio.CodecInfo { return c.feed.demux.Codec() }

// Info is what the container tells about the whole.
func (c *cursor) Info() audio.Info { return c.feed.demux.Info() }

// Seek is refused: who seeks does not hear what the others hear.
func (c *cursor) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }

// piece is how many bytes of packets are allocated at once: the last of them keeps all.
const piece = 4 << 10

// copies is where packets are copied to.
type copies struct{ last []byte }

// keep copies b to where only packets are that are played next to it: where it is,
// all of a page of its container may be kept for it.
func (o *copies) keep(b []byte) []byte {
	if len(b) > piece/4 {
		return b
	}
	if len(b) > cap(o.last)-len(o.last) {
		o.last = make([]byte, 0, piece)
	}
	n := len(o.last)
	o.last = append(o.last, b...)
	return o.last[n:len(o.last):len(o.last)]
}
