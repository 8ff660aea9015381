package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/governor"
)

const (
	// back is how much of what has been read by all is kept, in samples at
	// 48 kHz: what the slowest listener of a line may ask a fork to begin with.
	back = 4 * audio.SampleRate
	// farBack is the same for a line that is slower than the others.
	farBack = 12 * audio.SampleRate
	// feedBytes bounds all packets of a feed in memory, whatever they claim to last:
	// twice deepBytes behind who is furthest, who may hear it faster than the others.
	feedBytes = 6 << 20
	// drained is how much of a live station nobody listens to just now is let go
	// at a time, so that it is not old when somebody does again.
	drained = time.Second
)

var (
	// errBehind is what reading gives where the packets are gone already.
	errBehind = errors.New("too far behind the others")
	// errLeft is what reading gives who has stopped.
	errLeft = errors.New("left the share")
)

// A feed reads one opened media for many streams, each of which has a cursor.
type feed struct {
	demux audio.Demuxer // only for its Codec and Info
	from  packets       // the reader's
	live  bool
	lent  bool            // from is read ahead for it, and accounted for, already
	ctx   context.Context // ends all waiting
	room  chan struct{}   // has one when packets may have been taken

	mu      sync.Mutex
	ring    []fed
	first   int64 // number of the oldest packet there is
	next    int64 // number of the packet to be read next
	front   int64 // number of the packet the furthest cursor reads next
	read    sum   // all before next
	taken   sum   // all before front
	codec   audio.CodecInfo
	cursors []*cursor
	own     copies
	expect  int64 // PTS of the packet to be read next, if it follows the one before
	shift   int64 // by which PTS are less than the container has them
	brim
	ended   error
	horizon horizon
	gov     *governor.Governor // of the memory; may be nil
	moved   time.Time          // when the front moved last
	reading time.Time          // when the wait for the packet being read began; zero if none is
}

// A sum counts packets' samples at 48 kHz and bytes from the very first on.
type sum struct{ length, bytes int64 }

// A fed packet knows what came before it.
type fed struct {
	audio.Packet
	before sum
}

func newFeed(ctx context.Context, s *Stream, live bool) *feed {
	return &feed{
		demux: s.demux, from: s.from, live: live, moved: time.Now(), ctx: ctx, gov: s.o.Governor, horizon: horizon{wanted: true},
		room: make(chan struct{}, 1), ring: make([]fed, 128), codec: s.demux.Codec(),
	}
}

// run reads until the media ends or the context does.
func (f *feed) run() {
	if f.gov != nil && !f.lent {
		f.gov.Opened()
		defer f.gov.Closed()
	}
	for f.waitForRoom() {
		p, err := guarded(f.from.ReadPacket)
		f.put(p, err)
		if err != nil {
			return
		}
	}
}

// waitForRoom returns false when the context has ended.
func (f *feed) waitForRoom() bool {
	for {
		f.mu.Lock()
		f.horizon.review(f.gov)
		full := f.full()
		if !full {
			f.reading = time.Now()
		}
		f.mu.Unlock()
		if f.ctx.Err() != nil {
			return false
		}
		if !full {
			return true
		}
		if !f.wait() {
			return false
		}
	}
}

// wait waits for room; of a live station nobody listens to it makes some, at the
// pace of the music.
func (f *feed) wait() bool {
	var old <-chan time.Time
	if f.live {
		f.mu.Lock()
		t := time.NewTimer(time.Until(f.moved.Add(drained)))
		f.mu.Unlock()
		defer t.Stop()
		old = t.C
	}
	select {
	case <-f.room:
	case <-old:
		f.drain(toSamples(drained))
	case <-f.ctx.Done():
		return false
	}
	return true
}

// full reports whether enough has been read ahead; the caller has the lock.
func (f *feed) full() bool {
	return f.next > f.front && f.horizon.full(f.ahead())
}

// ahead is what has been read and taken by nobody; the caller has the lock.
func (f *feed) ahead() (length int64, bytes int) {
	return f.read.length - f.taken.length, int(f.read.bytes - f.taken.bytes)
}

// drain lets go so many samples that nobody has read.
func (f *feed) drain(samples int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.moved) < drained {
		return // somebody listens after all
	}
	for until := f.taken.length + samples; f.front < f.next && f.taken.length < until; {
		f.pass(f.at(f.front))
	}
	f.trim()
}

func (f *feed) put(p audio.Packet, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.horizon.waited(time.Since(f.reading))
	f.reading = time.Time{}
	if err != nil {
		f.ended = err
	} else {
		if f.next-f.first == int64(len(f.ring)) {
			f.grow()
		}
		f.stamp(&p)
		f.see(&p, f.next == 0)
		p.Data = f.own.keep(p.Data)
		*f.at(f.next) = fed{p, f.read}
		f.next++
		f.read.length += p.Duration
		f.read.bytes += int64(len(p.Data) + overhead)
		f.trim()
	}
	for _, c := range f.cursors {
		signal(c.some)
	}
}

// stamp makes times go on without gaps within one stream. Who decodes counts
// samples, and so must who joins him.
func (f *feed) stamp(p *audio.Packet) {
	const rounding = 2 // of times that are no whole samples at 48 kHz
	if gap := p.PTS - f.expect; p.Codec != nil || f.next == 0 {
		f.shift = 0
	} else if gap > rounding || gap < -rounding {
		f.shift += gap
	}
	f.expect = p.PTS + p.Duration
	if p.Duration <= 0 { // who knows
		f.expect = p.PTS
	}
	p.PTS -= f.shift
}

func (f *feed) at(n int64) *fed { return &f.ring[n%int64(len(f.ring))] }

func (f *feed) grow() {
	bigger := make([]fed, 2*len(f.ring))
	for n := f.first; n < f.next; n++ {
		bigger[n%int64(len(bigger))] = *f.at(n)
	}
	f.ring = bigger
}

// trim lets go what nobody needs any more; the caller has the lock.
func (f *feed) trim() {
	keep := f.taken.length - back
	for _, c := range f.cursors {
		if c.next >= f.first && c.next < f.next {
			keep = min(keep, f.at(c.next).before.length-2*lead)
		}
	}
	keep = max(keep, f.taken.length-farBack)
	for f.first < f.front {
		p := f.at(f.first)
		if p.before.length+p.Duration > keep && f.read.bytes-p.before.bytes <= feedBytes {
			return
		}
		if p.Codec != nil {
			f.codec = *p.Codec
		}
		*p = fed{}
		f.first++
	}
}

// pass accounts for the packet at the front having been read; the caller has the
// lock.
func (f *feed) pass(p *fed) {
	was := f.horizon.low(f.ahead())
	f.moved = time.Now()
	f.front++
	f.taken.length += p.Duration
	f.taken.bytes += int64(len(p.Data) + overhead)
	if !was && f.horizon.low(f.ahead()) {
		signal(f.room)
	}
}

// stale reports whether c would read what was sent long ago, because nobody has
// listened through it for a while. Who is only slow is not meant.
func (f *feed) stale(c *cursor) bool {
	const long = 2 * audio.SampleRate
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case c.next < f.first:
		return true
	case c.next >= f.front || time.Since(c.moved) < drained:
		return false
	}
	return f.taken.length-f.at(c.next).before.length > long
}

// dry reports whether all that has come has been read, and more is to come.
func (f *feed) dry() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.front == f.next && f.ended == nil
}

// held is what has been read ahead of the furthest, and how long the packet now
// being read has been waited for.
func (f *feed) held() (d Depth, waiting time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.reading.IsZero() {
		waiting = time.Since(f.reading)
	}
	length, bytes := f.ahead()
	return Depth{Packets: int(f.next - f.front), Bytes: bytes, Ahead: toTime(length)}, waiting
}

// failed reports whether nothing will be read any more.
func (f *feed) failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended != nil
}

// edge returns a cursor that reads what is live, begins as much earlier as a decoder
// has to hear before, and says how the packets are coded there.
func (f *feed) edge() (*cursor, audio.CodecInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.front
	for n > f.first && f.taken.length-f.at(n-1).before.length <= lead {
		n--
	}
	codec := f.codec
	for i := f.first; i < n; i++ {
		if p := f.at(i); p.Codec != nil {
			codec = *p.Codec
		}
	}
	return f.cursor(n), codec
}
