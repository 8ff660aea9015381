package pipeline

import (
	"sync/atomic"

	"segue/audio"
	"segue/audio/effect"
)

// kept is how many of its frames a line remembers: 2.5 s, for those who are
// slower, and those who come a little later.
const kept = 128

// A wish is how one listener wants the music.
type wish struct {
	effects effect.Settings
	level   float64 // dB by which the piece is louder
	bitrate int     // bit/s of what has to be encoded; 0 leaves it to the encoder
}

func (w *wish) plain() bool { return w.effects.Neutral() && w.level == 0 }

// mixes reports whether two streams that sound as w wants will sound alike some
// day, whatever they did before, and how many frames that takes.
func (w *wish) mixes() (frames int64, ok bool) {
	e := w.effects
	if e.Timescale.On || e.Tremolo.On || e.Vibrato.On || e.Rotation.On || e.Chorus.On {
		return 0, false // each has a rhythm of its own
	}
	volume := effect.Settings{Volume: e.Volume}
	switch {
	case e.Echo.On || e.Reverb.On || e.Compressor.On || e.Normalization.On:
		return 500, true
	case e != volume:
		return 100, true
	case w.level != 0:
		return swell/frameSamples + settle + 2, true
	}
	return settle + 2, true
}

// A cut is a frame of a line, and where its stream was after it.
type cut struct {
	audio.Frame
	stand
}

// A line is one stream of a share: frames that are made once for all who want them
// so. A goroutine makes each when the first listener asks for it.
type line struct {
	share *Share
	epoch int // lines of one epoch count time alike
	rate  atomic.Int64
	ask   chan struct{} // has one when more frames were asked for
	stop  chan struct{} // closed when nobody listens any more

	// Guarded by the share's lock.
	cursor  *cursor
	stream  *Stream // nil until it has begun
	wish    wish
	since   int64 // how many frames were made before wish was so
	made    int64
	asked   int64 // how many are to be made
	ring    [kept]cut
	taps    int             // that listen, or soon will
	waiting []chan struct{} // told of the next frame
	ended   error           // why there are no more frames; nil: there are
	over    bool            // nobody listens
	taken   bool            // its stream is somebody's own
	whole   bool            // its first frame is the beginning of the music
	alone   *solo           // what it reads, instead of the feed; may be nil

	before []byte // what a decoder should have heard before its first frame; may be nil

	keeps  bool          // its frames are to be kept, from the first on
	record recorder      // its goroutine's
	done   chan struct{} // closed when that has ended
}

func newLine() *line {
	return &line{ask: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
}

// set says what the line is of.
func (l *line) set(sh *Share, c *cursor, epoch int, w wish) {
	l.share, l.cursor, l.epoch, l.wish = sh, c, epoch, w
	l.rate.Store(int64(w.bitrate))
}

// options are those of the line's stream.
func (l *line) options() Options {
	o := l.share.of.o
	o.Bitrate = l.bitrate
	return o
}

// bitrate is what to encode with. It is asked from the stream's goroutine.
func (l *line) bitrate() int { return int(l.rate.Load()) }

// run makes frames for as long as somebody listens. What begins the stream may wait
// for packets.
func (l *line) run(begin func() (*Stream, error)) {
	defer close(l.done)
	s, err := guarded(begin)
	l.begun(s)
	for err == nil && l.wait() {
		if l.keeps {
			l.keeps, l.record = false, s.recorder()
		}
		var f audio.Frame
		if f, err = guarded(s.Next); err == nil {
			l.record.took(f)
			l.put(cut{f, s.stand(f, l.read())}, s.before)
		}
	}
	l.record.ended(err)
	l.share.mu.Lock()
	defer l.share.mu.Unlock()
	if !l.taken {
		l.record.drop()
		l.close()
		if s != nil {
			l.share.learn(s.Measured())
		}
	}
	l.ended = err
	l.wake()
}

// read is the number of the packet to be read next.
func (l *line) read() int64 {
	if l.cursor == nil {
		return 0
	}
	return l.cursor.number()
}

// close ends what the line reads.
func (l *line) close() {
	if l.cursor != nil {
		_ = l.cursor.Close()
	}
	if l.alone != nil {
		l.alone.stop()
	}
}

// begun takes in a stream that sounded as its listener wanted it before.
func (l *line) begun(s *Stream) {
	l.share.mu.Lock()
	defer l.share.mu.Unlock()
	if l.stream = s; s != nil {
		l.tune()
	}
}

// wait returns false when nobody listens any more.
func (l *line) wait() bool {
	for {
		l.share.mu.Lock()
		wanted, over := l.made < l.asked, l.over
		l.share.mu.Unlock()
		if over || wanted {
			return !over
		}
		select {
		case <-l.ask:
		case <-l.stop:
		}
	}
}

func (l *line) put(c cut, before []byte) {
	l.share.mu.Lock()
	defer l.share.mu.Unlock()
	if l.made == 0 {
		l.before = before
	}
	l.ring[l.made%kept] = c
	l.made++
	l.wake()
}

// wake tells those who wait; the caller has the lock.
func (l *line) wake() {
	for i, c := range l.waiting {
		signal(c)
		l.waiting[i] = nil
	}
	l.waiting = l.waiting[:0]
}

// want makes the line sound as w wants from the next frame on. The caller has the
// lock.
func (l *line) want(w wish) {
	l.wish, l.since = w, l.made
	if l.stream != nil {
		l.tune()
	}
}

func (l *line) tune() {
	l.stream.Want(l.wish.effects)
	l.stream.Level(l.wish.level)
	l.rate.Store(int64(l.wish.bitrate))
}

// order asks for frames before number n. The caller has the lock.
func (l *line) order(n int64) {
	if n > l.asked {
		l.asked = n
		signal(l.ask)
	}
}

// oldest is the number of the oldest frame there is.
func (l *line) oldest() int64 { return max(l.made-kept, 0) }

func (l *line) at(n int64) *cut { return &l.ring[n%kept] }

// find returns the number of the frame that ends at end, if there is one.
func (l *line) find(end int64) (n int64, ok bool) {
	for n = l.made - 1; n >= l.oldest(); n-- {
		if l.at(n).end == end {
			return n, true
		}
	}
	return 0, false
}

// steady reports whether it sounds like every other line with its wish.
func (l *line) steady() bool {
	frames, ok := l.wish.mixes()
	return ok && l.ended == nil && l.made-l.since >= frames
}

// leave is called when a listener leaves. The caller has the lock.
func (l *line) leave() {
	if l.taps--; l.taps > 0 {
		return
	}
	if !l.taken {
		l.halt()
	}
	l.close()
}

// halt has it make no more frames, and be nobody's. The caller has the lock.
func (l *line) halt() {
	l.over = true
	close(l.stop)
	l.share.remove(l)
}
