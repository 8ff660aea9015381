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

	// slab is how many bytes of packets are allocated at once.
	slab = 16 << 10
	// room is what an encoder may append in place: the largest packet and its TOC.
	room = 1276
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
	in     *intake
	enc    audio.Encoder
	tuner  tuner
	volume volume

	next  int64     // where the next frame begins
	fed   int64     // where the PCM so far ends
	dry   int64     // from where on nothing has been changed
	pcm   []float32 // from next+lookahead on
	head  int       // of pcm already encoded
	ahead []placed  // decoded packets not yet wholly heard
	ended bool      // fed is where the music ends
	music int64     // where it begins
	slab  []byte
	last  []byte // the last frame

	settling int // frames for which a good moment to hand back has been waited
	mix      [frameLen]float32
}

// start puts the timeline at a place for the packet to come, before which the
// past packets, lasting heard samples, will be fed again. The first warm frames
// lie before that place and are not to be sent. What is before music is silent;
// zero is the container's time for the timeline's; the sound begins at gain.
func (c *coder) start(at, heard, skip, music, zero int64, gain float64) {
	c.in.reset(place{first: at - heard - skip, origin: at - heard, music: music, zero: zero})
	c.enc.Reset()
	c.volume.reset(gain)
	c.music, c.settling = music, 0
	c.pcm, c.head, c.ahead, c.ended = c.pcm[:0], 0, c.ahead[:0], false
	c.next = at - warm*frameSamples
	c.fed, c.dry = at-heard, c.next
	// Where the past is shorter than the warm-up, silence stands in for it.
	if gap := c.fed - c.from(); gap > 0 {
		c.silence(gap)
	}
}

// from is where on the timeline pcm begins.
func (c *coder) from() int64 { return c.next + int64(c.enc.Lookahead()) }

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
	if late := min(c.from()-c.fed, n); late > 0 {
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

// short reports whether the PCM does not yet suffice for a frame.
func (c *coder) short() bool { return len(c.pcm)-c.head < frameLen }

// finish marks the end of the music.
func (c *coder) finish() {
	if !c.ended {
		was := len(c.pcm)
		c.pcm = c.in.flush(c.pcm)
		c.place(was)
		c.ended = true
	}
}

// pad fills up a frame after the end of the music, and reports whether any music
// is left in it.
func (c *coder) pad() bool {
	if c.next >= c.fed {
		return false
	}
	if lack := frameLen - (len(c.pcm) - c.head); lack > 0 {
		c.silence(int64(lack / audio.Channels))
	}
	return true
}

// encode makes the next frame with the sound at gain. What packets it completes
// are added to past.
func (c *coder) encode(gain float64, past *history) ([]byte, error) {
	src := c.pcm[c.head : c.head+frameLen]
	c.volume.aim(gain)
	if !c.volume.dry() {
		copy(c.mix[:], src)
		src = c.mix[:]
		c.dry, c.settling = c.from()+int64(c.volume.apply(src)), 0
	}
	if cap(c.slab)-len(c.slab) < room {
		c.slab = make([]byte, 0, slab)
	}
	n := len(c.slab)
	began := c.tuner.begin()
	b, err := c.enc.Encode(c.slab[n:n:cap(c.slab)], src)
	c.tuner.end(began)
	if err != nil {
		return nil, err
	}
	c.slab = c.slab[:min(n+len(b), cap(c.slab))]
	c.next += frameSamples
	c.last = b
	if c.head += frameLen; c.head >= 4*frameLen || c.short() {
		c.pcm, c.head = c.pcm[:copy(c.pcm, c.pcm[c.head:])], 0
	}
	done := 0
	for ; done < len(c.ahead) && c.ahead[done].at+c.ahead[done].length <= c.next; done++ {
		past.add(c.ahead[done].timed)
	}
	c.ahead = slices.Delete(c.ahead, 0, done)
	return b[:len(b):len(b)], nil
}

// settled reports whether the listener's decoder can be handed the source's
// packets next: all frames it remembers were unchanged, and a packet begins
// where the next frame would.
func (c *coder) settled() bool {
	if !c.volume.dry() || c.next < c.dry+settle*frameSamples {
		return false
	}
	if len(c.ahead) == 0 {
		return c.fed == c.next && !c.ended
	}
	return c.ahead[0].at == c.next
}
