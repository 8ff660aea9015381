package pipeline

import (
	"slices"

	"segue/audio"
)

const (
	// warm is how many frames decoder and encoder live through before the first
	// that is heard: 160 ms, twice what RFC 7845 asks of a decoder after a seek.
	warm = 8

	// settle is how many unchanged frames are encoded before the listener's
	// decoder is handed back to the source's packets.
	settle = 4

	// patience is how many frames more are encoded unchanged while a good moment
	// to hand back is waited for: a second.
	patience = 50

	frameSamples = int64(audio.FrameSamples)
	frameLen     = audio.FrameSamples * audio.Channels

	// slab is how many bytes of packets are allocated at once: of pieces of that
	// size Go's heap has six in a span, and the frames that wait keep the last two.
	slab = 6784
	// room is what an encoder may append in place: the largest packet and its TOC.
	room = 1276

	// swell is how many samples a piece takes to become louder or softer, if
	// that is decided while it plays: two seconds.
	swell = 2 * audio.SampleRate
)

// A placed packet has been decoded; its music begins at a place on the timeline.
type placed struct {
	timed
	at int64
}

// A coder is the long way from packets to frames: decode, resample, change,
// encode. The timeline counts samples at 48 kHz; frame and packet of one place
// hold the same music.
type coder struct {
	*console
	in *intake

	next  int64     // where the next frame begins
	fed   int64     // where the PCM so far ends
	dry   int64     // from where on nothing has been changed
	pcm   []float32 // decoded; what lies before head has been taken
	head  int
	roomy bool     // pcm has room for a warm-up, which is over
	at    int64    // where head is
	ahead []placed // decoded packets not yet wholly heard
	ended bool     // fed is where the music ends
	music int64    // where it begins
	fresh bool     // the listener has heard nothing to slide from
	bent  int64    // samples heard more than there were, for a timescale
	led   bool     // astray: frames begin where no packets do
	// patient is whether a quiet moment is to be waited for to mend that
	patient bool

	ring     ring  // what echoes when the music has ended
	level    slide // by which the piece is made louder or softer
	rise     slide // in, while the tails go
	fade     slide // of both, out and in
	silent   int   // frames made since it was out
	tails    []*tail
	gauge    *gauge // nil: it is not measured
	staying  bool   // in the console, even if nothing is to be changed
	settling int    // frames for which a good moment to hand back has been waited
	mix      []float32
}

const (
	// behind is how many floats before head are kept: what a change glides from,
	// a pitch filter looks at, and a console that is dry again gives back.
	behind = 2 * frameLen
	// usual is room for those, what a console takes at once, and what comes of a packet.
	usual = behind + 2*frameLen + audio.Channels*most
	// least and most are how many samples per channel a console takes at once.
	least, most = 120, audio.FrameSamples + 240
)

// start puts the timeline at a place for the packet to come, before which the
// past packets, lasting heard samples, will be fed again. The first warm frames
// lie before that place and are not to be sent. What is before music is silent;
// zero is the container's time for the timeline's. If it is fresh, the listener has
// not heard what comes before.
func (c *coder) start(at, heard, skip, music, zero int64, fresh bool) {
	c.in.reset(place{first: at - heard - skip, origin: at - heard, music: music, zero: zero})
	c.enc.Reset()
	c.wet, c.fresh, c.led, c.tails, c.staying, c.ring = false, fresh, false, nil, false, ring{}
	if !fresh {
		c.level.reset(1)
	}
	c.rise.reset(1)
	c.fade.reset(1)
	c.music, c.settling = music, 0
	c.pcm, c.head, c.ahead, c.ended = c.pcm[:0], 0, c.ahead[:0], false
	c.next = at - warm*frameSamples
	c.at = c.next + int64(c.enc.Lookahead())
	c.fed, c.dry = at-heard, c.next
	// Where the past is shorter than the warm-up, silence stands in for it.
	if gap := c.fed - c.at; gap > 0 {
		c.silence(gap)
	}
	c.roomy = true
}

// feed decodes p. In keep mode the packet is remembered until it has been heard,
// and takes exactly the time it says.
func (c *coder) feed(p timed, keep bool) (damaged bool, err error) {
	was := len(c.pcm)
	c.pcm, damaged, err = c.in.take(c.pcm, p)
	if err != nil {
		c.pcm = c.pcm[:was]
		return damaged, err
	}
	if keep {
		c.ahead = append(c.ahead, placed{p, c.fed})
		want := int(max(p.length-p.TrimEnd, 0)) * audio.Channels
		if have := len(c.pcm) - was; have > want {
			c.pcm = c.pcm[:was+want]
		} else if have < want {
			c.pcm = append(c.pcm, make([]float32, want-have)...)
		}
	}
	c.place(was)
	return damaged, nil
}

// replace goes on with packets of another coding, the first of which begins at
// first, and in its container at time: their music, after skip samples that are
// not heard, follows what has been decoded to the sample.
func (c *coder) replace(in *intake, first, time, skip int64) {
	was, owing := len(c.pcm), c.in.owing()
	c.pcm = c.in.flush(c.pcm)
	c.place(was)
	if !owing { // else all before fed is to be dropped, of one coding or the other
		first = c.fed - skip
	}
	in.reset(place{first: first, origin: c.fed, music: first + skip, zero: time - first})
	c.in, c.ahead = in, c.ahead[:0]
}

// place accounts for the samples of pcm from was on: those before the music
// begins are silenced (they must take their time, so that frames stay
// aligned with packets), those before what is still to be encoded dropped.
func (c *coder) place(was int) {
	n := int64(len(c.pcm)-was) / audio.Channels
	if quiet := min(c.music-c.fed, n); quiet > 0 {
		clear(c.pcm[was : was+int(quiet)*audio.Channels])
	}
	if c.gauge != nil {
		c.gauge.decoded(c.fed, c.pcm[was:])
	}
	if late := min(c.at-c.fed, n); late > 0 {
		c.pcm = slices.Delete(c.pcm, was, was+int(late)*audio.Channels)
	}
	c.fed += n
}

// silence appends so many samples of it, outside the timeline.
func (c *coder) silence(samples int64) {
	n := len(c.pcm)
	c.pcm = slices.Grow(c.pcm, int(samples)*audio.Channels)[:n+int(samples)*audio.Channels]
	clear(c.pcm[n:])
}

// short reports whether fewer samples than that have been decoded and not taken.
func (c *coder) short(samples int64) bool {
	return int64(len(c.pcm)-c.head) < samples*audio.Channels
}

// finish marks the end of the music.
func (c *coder) finish() {
	if !c.ended {
		was := len(c.pcm)
		c.pcm = c.in.flush(c.pcm)
		c.place(was)
		c.ended = true
	}
}

// aim makes the sound what is wanted from the next frame on, or slide there.
func (c *coder) aim(w *wanted) {
	fresh := c.fresh
	c.fresh = false
	if fresh {
		c.level.reset(w.level)
		if w.hold {
			c.fade.reset(0)
		}
	}
	if !c.wet {
		if w.plain() && c.plain() && len(c.over) == 0 {
			return
		}
		c.soak(w, c.at, c.pcm[max(c.head-frameLen, 0):c.head], fresh)
	}
	c.console.aim(w)
	c.level.aim(w.level, swell)
	if w.hold {
		c.fade.aim(0, w.fade)
	} else {
		c.fade.aim(1, w.fade)
	}
}

// plain reports whether what is decoded goes to the console as it is.
func (c *coder) plain() bool {
	return !c.staying && c.level.open() && c.rise.open() && c.fade.open() && len(c.tails) == 0
}

// step changes some of what has been decoded, as much as the console lacks.
func (c *coder) step() {
	want := int64(float64(c.lacks()) * min(c.chain.Pace(), 1)) // slow music is many samples, to be held
	n := min(max(want, least), most, int64(len(c.pcm)-c.head)/audio.Channels)
	if n == 0 && len(c.over)+len(c.tails) > 0 { // the music has ended before them
		c.mix = append(c.mix[:0], make([]float32, least*audio.Channels)...)
		c.take(c.mix, c.blend(c.mix))
		return
	}
	if n == 0 {
		c.flush()
		c.bent += c.taken - c.clock.since(c.at)
		return
	}
	src, touched := c.pcm[c.head:c.head+int(n)*audio.Channels], 0
	if !c.plain() {
		c.mix = append(c.mix[:0], src...)
		src, touched = c.mix, c.blend(c.mix)
	}
	c.take(src, touched)
	c.head += int(n) * audio.Channels
	c.at += n
	c.clock.set(c.taken, c.at-int64(c.chain.Latency()))
	if !c.chain.Straight() {
		c.led, c.patient = true, false
	}
	c.compact() // a timescale takes a lot in before it gives a frame
}

// blend does to pcm what is done before all effects, and reports the number of
// samples per channel up to the last it changed.
func (c *coder) blend(pcm []float32) (touched int) {
	touched = c.level.apply(pcm)
	if c.rise.fade(pcm) {
		touched = len(pcm) / audio.Channels
	}
	for _, t := range c.tails {
		t.add(pcm)
		touched = len(pcm) / audio.Channels
	}
	c.tails = slices.DeleteFunc(c.tails, (*tail).over)
	if c.fade.fade(pcm) {
		touched = len(pcm) / audio.Channels
	}
	return touched
}

// full reports whether the console has a frame to encode.
func (c *coder) full() bool { return len(c.out) >= frameLen }

// left is how many samples of music the listener has not heard, once it has ended.
func (c *coder) left() int64 {
	if !c.wet {
		return c.fed - c.next
	}
	return int64(len(c.out)/audio.Channels) - c.padded + int64(c.enc.Lookahead())
}

// pad fills up a frame after the end of the music, and reports whether any music
// is left in it.
func (c *coder) pad() bool {
	if c.left() <= 0 {
		return false
	}
	if c.wet {
		c.console.pad()
	} else if lack := frameLen - (len(c.pcm) - c.head); lack > 0 {
		c.silence(int64(lack / audio.Channels))
	}
	return true
}

// encode makes the next frame of what is there. What packets it completes are
// added to past.
func (c *coder) encode(past *history) ([]byte, error) {
	src := c.out
	if !c.wet {
		src = c.pcm[c.head:]
	}
	b, err := c.console.encode(src[:frameLen])
	if err != nil {
		return nil, err
	}
	if c.silent++; !c.fade.shut() {
		c.silent = 0
	}
	if c.wet {
		c.out = c.out[:copy(c.out, c.out[frameLen:])]
		c.given += frameSamples
		c.next = max(c.next, c.clock.at(c.given)-int64(c.enc.Lookahead()))
		c.dryUp()
	} else {
		c.next += frameSamples
		c.at += frameSamples
		c.head += frameLen
	}
	c.compact()
	c.passed(c.next, past)
	return b, nil
}

// passed lets the packets go that were heard before at; past, if there is one, keeps
// the last of them.
func (c *coder) passed(at int64, past *history) {
	done := 0
	for ; done < len(c.ahead) && c.ahead[done].at+c.ahead[done].length <= at; done++ {
		if past != nil {
			past.add(c.ahead[done].timed)
		}
	}
	c.ahead = slices.Delete(c.ahead, 0, done)
}

// compact forgets what is too far behind.
func (c *coder) compact() {
	if c.head < behind+frameLen {
		return
	}
	rest := c.pcm[c.head-behind:]
	if c.roomy && len(rest) <= usual {
		c.pcm, c.roomy = make([]float32, 0, usual), false
	}
	c.pcm, c.head = append(c.pcm[:0], rest...), behind
}

// dryUp makes the console dry again when it has nothing to do: what waits inside
// is taken back.
func (c *coder) dryUp() {
	if c.touched > c.given-frameSamples {
		c.settling = 0
	}
	back := int(c.held()) * audio.Channels
	if !c.calm() || !c.plain() || back > c.head {
		return
	}
	c.bent += c.taken - c.clock.since(c.at)
	c.dry = c.next + int64(c.enc.Lookahead()) - (c.given - c.touched)
	c.head -= back
	c.at -= c.held()
	c.wet = false
}

// settled reports whether the listener's decoder can be handed the source's
// packets next: all frames it remembers were unchanged, and a packet begins
// where the next frame would.
func (c *coder) settled() bool {
	if c.wet || c.next < c.dry+settle*frameSamples {
		return false
	}
	if len(c.ahead) == 0 {
		return c.fed == c.next && !c.ended
	}
	return c.ahead[0].at == c.next
}
