package pipeline

import (
	"segue/audio"
	"segue/audio/effect"
	"segue/audio/limiter"
)

// A console is the second half of the long way from packets to frames: what has
// been decoded is changed as is wanted, limited, and encoded. While nothing is to
// be changed it is dry, and its encoder is given the PCM as it is. Else it is wet:
// then samples wait in it, for the limiter looks ahead and a timescale does too.
type console struct {
	enc    audio.Encoder
	tuner  tuner
	chain  *effect.Chain // nil until something is to be changed
	limit  limiting
	volume slide
	duck   slide      // of the music under what is mixed over it
	over   []*overlay // that

	wet     bool
	out     []float32 // changed, to be encoded
	taken   int64     // samples that came out of the chain since it was wet
	given   int64     // of those, samples encoded
	touched int64     // of those, the end of the last that were changed
	flushed bool      // the music has ended, and all of it is in out
	padded  int64     // samples of silence at the end of out
	clock   clock
	changed []float32 // scratch: out of the chain

	slab []byte
	last []byte // the last frame
}

// limiting is what keeps the sound below the ceiling. Tests have their own.
type limiting interface {
	Process(dst, src []float32) []float32
	Flush(dst []float32) []float32
	Latency() int
	Idle() bool
	Reset()
}

func newLimiter() limiting { return limiter.New(limiter.Ceiling) }

// soak makes the console wet, from the source's sample at on. before is what was
// heard last: changes glide from it. If there is nothing to glide from, w holds from the
// first sample on.
func (c *console) soak(w *wanted, at int64, before []float32, fresh bool) {
	if c.chain == nil {
		c.chain = effect.NewChain()
	}
	c.limit.Reset()
	if fresh {
		c.volume.reset(w.gain)
		c.chain.Set(w.effects)
		c.chain.Reset()
	} else {
		c.volume.reset(1)
		c.chain.Set(effect.Settings{})
		c.chain.Reset()
		if len(before) == 0 {
			before = make([]float32, frameLen)
		}
		c.changed = c.chain.Process(c.changed[:0], before)
	}
	c.wet, c.flushed, c.padded = true, false, 0
	c.out, c.taken, c.given, c.touched = c.out[:0], 0, 0, 0
	c.clock.reset(at)
}

// aim makes the sound glide to what is wanted.
func (c *console) aim(w *wanted) {
	c.chain.Set(w.effects)
	c.volume.aim(w.gain, frameSamples)
}

// take changes src. touched is up to which sample of src something was changed
// before.
func (c *console) take(src []float32, touched int) {
	straight := c.chain.Settled()
	c.changed = c.chain.Process(c.changed[:0], src)
	laid := c.blend(c.changed)
	until := c.volume.apply(c.changed)
	if laid || !straight || !c.chain.Settled() {
		until = len(c.changed) / audio.Channels
	}
	if until = max(until, touched); until > 0 {
		c.touched = c.taken + int64(until)
	}
	c.taken += int64(len(c.changed) / audio.Channels)
	c.out = c.limit.Process(c.out, c.changed)
}

// spare lets src by the chain.
func (c *console) spare(src []float32) {
	c.taken += int64(len(src) / audio.Channels)
	c.out = c.limit.Process(c.out, src)
}

// flush brings out all that waits inside; nothing follows.
func (c *console) flush() {
	c.changed = c.chain.Flush(c.changed[:0])
	c.volume.apply(c.changed)
	c.taken += int64(len(c.changed) / audio.Channels)
	c.out = c.limit.Flush(c.limit.Process(c.out, c.changed))
	// Of the limiter came silence after the last sample, if it was not full.
	c.out = c.out[:min(int64(len(c.out)), (c.taken-c.given)*audio.Channels)]
	c.flushed = true
}

// reopen lets music follow what was to be the last.
func (c *console) reopen() {
	if !c.flushed {
		return
	}
	c.chain.Reset()
	c.limit.Reset()
	c.taken += c.padded
	c.flushed, c.padded = false, 0
}

// lacks is how many samples must come out of the chain for the next frame.
func (c *console) lacks() int64 {
	return max(frameSamples+int64(c.limit.Latency())-(c.taken-c.given), 0)
}

// pad fills out up to a frame.
func (c *console) pad() {
	if lack := frameLen - len(c.out); lack > 0 {
		c.padded += int64(lack / audio.Channels)
		c.out = append(c.out, make([]float32, lack)...)
	}
}

// held is how many samples wait inside. While they are straight they are as many
// of the source.
func (c *console) held() int64 { return c.taken - c.given }

// calm reports whether all that waits inside is as it was decoded, and what
// follows would be: then the console may be dry again.
func (c *console) calm() bool {
	return !c.flushed && c.chain.Settled() && c.volume.open() && c.duck.open() && len(c.over) == 0 && c.limit.Idle() && c.touched <= c.given
}

// encode appends a frame to the slab.
func (c *console) encode(pcm []float32) ([]byte, error) {
	if cap(c.slab)-len(c.slab) < room {
		c.slab = make([]byte, 0, slab)
	}
	n := len(c.slab)
	began := c.tuner.begin()
	b, err := c.enc.Encode(c.slab[n:n:cap(c.slab)], pcm)
	c.tuner.end(began)
	if err != nil {
		return nil, err
	}
	c.slab = c.slab[:min(n+len(b), cap(c.slab))]
	c.last = b
	return b[:len(b):len(b)], nil
}

// A clock knows which sample of the source is heard when, for as long as what
// waits in a console.
type clock struct {
	marks [64]mark
	n     int   // ever set
	began int64 // where the first was
}

// A mark says that sample out since the console was wet is the source's at.
type mark struct{ out, at int64 }

func (c *clock) reset(at int64) {
	c.n, c.began = 0, at
	c.set(0, at)
}

func (c *clock) set(out, at int64) {
	c.marks[c.n%len(c.marks)] = mark{out, at}
	c.n++
}

// since is how many samples of the source there were from the beginning to at.
func (c *clock) since(at int64) int64 { return at - c.began }

// at is where in the source sample out is.
func (c *clock) at(out int64) int64 {
	after := c.marks[(c.n-1)%len(c.marks)]
	for i := c.n - 1; i >= max(c.n-len(c.marks), 0); i-- {
		m := c.marks[i%len(c.marks)]
		if m.out <= out {
			if after.out <= m.out {
				return m.at + out - m.out
			}
			return m.at + (out-m.out)*(after.at-m.at)/(after.out-m.out)
		}
		after = m
	}
	return after.at
}
