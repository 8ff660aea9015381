package pipeline

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/audio/governor"
)

const (
	// fewest is how many packets there is room for at first.
	fewest = 32
	// overhead is what a packet costs beside its data.
	overhead = 64
)

// An ahead holds packets between the goroutine that reads them and the one that
// plays them.
type ahead struct {
	ctx   context.Context    // ends all waiting
	gov   *governor.Governor // nil: memory is no matter
	some  chan struct{}      // has one when packets may have come
	room  chan struct{}      // has one when packets may have gone
	seeks chan *seek         // has one when packets from elsewhere are wanted

	short atomic.Bool // somebody waits for the next packet

	mu       sync.Mutex
	away     chan struct{} // closed when packets from elsewhere are there
	ring     []audio.Packet
	first, n int
	horizon  horizon
	resting  bool  // nothing is read until packets go
	length   int64 // of all in the ring
	bytes    int
	lowest   Depth // least there was, since somebody listens
	total    int64 // bytes of packets read
	ended    error
	reading  time.Time // when the wait for the packet being read began; zero if none is

	brim
	opening    bool           // what is taken is kept, for who may share it
	taken      []audio.Packet // all that was
	takenBytes int
}

func newAhead(ctx context.Context, g *governor.Governor) *ahead {
	return &ahead{
		ctx: ctx, gov: g, some: make(chan struct{}, 1), room: make(chan struct{}, 1), seeks: make(chan *seek, 1),
		away: make(chan struct{}),
	}
}

// read fills the ring from d until the context ends. What is asked of it besides,
// serve does.
func (a *ahead) read(d packets, serve func(*seek)) {
	if a.gov != nil {
		a.gov.Opened()
		defer a.gov.Closed()
	}
	rest := func() {}
	if r, ok := d.(resting); ok {
		rest = r.Rest
	}
	for a.waitForRoom(rest) {
		select {
		case q := <-a.seeks:
			serve(q)
		default:
			a.put(guarded(d.ReadPacket))
		}
	}
}

// resting is what packets may come from that take memory for reading on: Rest lets go
// of that while nobody will for a while.
type resting interface{ Rest() }

// waitForRoom returns false when the context has ended. Where the wait may be long,
// it calls rest first.
func (a *ahead) waitForRoom(rest func()) bool {
	for {
		a.mu.Lock()
		a.horizon.review(a.gov)
		full := a.ended != nil || a.n > 0 && a.horizon.full(a.length, a.bytes)
		long := full && (a.ended != nil || !a.horizon.wanted)
		if a.resting = full; !full {
			a.reading = time.Now()
		}
		a.mu.Unlock()
		if long {
			rest()
		}
		if a.ctx.Err() != nil {
			return false
		}
		if !full || len(a.seeks) > 0 {
			return true
		}
		select {
		case <-a.room:
		case <-a.ctx.Done():
			return false
		}
	}
}

func (a *ahead) put(p audio.Packet, err error) {
	a.mu.Lock()
	a.horizon.waited(time.Since(a.reading))
	a.reading = time.Time{}
	if err != nil {
		a.ended = err
	} else {
		a.push(p)
		a.total += int64(len(p.Data))
	}
	a.mu.Unlock()
	signal(a.some)
}

func (a *ahead) grow() {
	bigger := make([]audio.Packet, len(a.ring)+max(len(a.ring)/2, fewest))
	for i := range a.n {
		bigger[i] = a.ring[(a.first+i)%len(a.ring)]
	}
	a.ring, a.first = bigger, 0
}

// ReadPacket waits for the next packet, the end, or the context.
func (a *ahead) ReadPacket() (audio.Packet, error) {
	for {
		if p, ok, err := a.take(); ok || err != nil {
			return p, err
		}
		a.short.Store(true)
		select {
		case <-a.some:
		case <-a.moved():
			return audio.Packet{}, errMoved
		case <-a.ctx.Done():
			return audio.Packet{}, context.Cause(a.ctx)
		}
		a.short.Store(false)
	}
}

func (a *ahead) take() (p audio.Packet, ok bool, err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n == 0 {
		return p, false, a.ended
	}
	p, a.ring[a.first] = a.ring[a.first], audio.Packet{}
	a.first = (a.first + 1) % len(a.ring)
	a.n--
	a.length -= lasting(p)
	a.bytes -= len(p.Data) + overhead
	if a.opening {
		a.keep(p)
	}
	if a.ended == nil && a.horizon.wanted {
		a.lowest.least(a.now())
	}
	if a.resting && a.ended == nil && (a.n == 0 || a.horizon.low(a.length, a.bytes)) {
		a.resting = false
		signal(a.room)
	}
	return p, true, nil
}

// moved is closed when packets from elsewhere are to replace those that are there.
func (a *ahead) moved() chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.away
}

// replace makes the packets of q all that have been read.
func (a *ahead) replace(q *sought) {
	a.mu.Lock()
	defer a.mu.Unlock()
	clear(a.ring)
	a.first, a.n, a.length, a.bytes, a.ended = 0, 0, 0, 0, q.ended
	a.away = make(chan struct{})
	for _, p := range q.packets {
		a.push(p)
	}
}

// push adds p; the caller has the lock.
func (a *ahead) push(p audio.Packet) {
	if a.n == len(a.ring) {
		a.grow()
	}
	a.ring[(a.first+a.n)%len(a.ring)] = p
	a.n++
	a.length += lasting(p)
	a.see(&p, a.total == 0)
	a.bytes += len(p.Data) + overhead
}

// now is what the ring holds; the caller has the lock.
func (a *ahead) now() Depth { return Depth{Packets: a.n, Bytes: a.bytes, Ahead: toTime(a.length)} }

// deepen makes it read as far ahead as somebody who listens needs.
func (a *ahead) deepen() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.horizon.wanted {
		a.horizon.wanted = true
		a.lowest = a.now()
		signal(a.room)
	}
}

// held is what the ring holds, the least it held, the bytes read into it, and how
// long the packet now being read has been waited for.
func (a *ahead) held() (now, lowest Depth, total int64, waiting time.Duration) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.reading.IsZero() {
		waiting = time.Since(a.reading)
	}
	lowest = a.lowest
	if !a.horizon.wanted {
		lowest = a.now()
	}
	return a.now(), lowest, a.total, waiting
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// lasting is how many samples of p are to be heard, as far as it says.
func lasting(p audio.Packet) int64 { return max(p.Duration-p.TrimEnd, 0) }
