package pipeline

import (
	"math"

	"segue/audio"
)

// A timescale takes frames out of line with packets, and so does music that follows
// other music to the sample. When a timescale has come back to the music's own pace, the stream
// lands: a frame's worth of music is cross-faded into the same music a little
// later, by less than a frame, so that frames begin where packets do. What has only
// followed waits with that for a quiet moment, and if there is none it does not land.

// quiet is below what level, as a factor, a landing is not heard.
const quiet = 3e-3 // 50 dB below full scale

// land does that when it is time. It may wait for packets.
func (s *Stream) land() error {
	c := s.coder
	if !s.aligned || c.wet && !c.chain.Straight() {
		return nil
	}
	if err := s.fill(2 * frameSamples); err != nil || c.short(2*frameSamples) || len(c.ahead) == 0 {
		return err // too near to the end to matter
	}
	if c.patient && loudness(c.pcm[c.head:c.head+2*frameLen]) > quiet {
		return nil
	}
	// The sample to be taken next comes out as number taken, and every frame-th
	// sample since the console was wet begins a frame.
	first := c.at - int64(c.enc.Lookahead())
	if c.wet {
		first -= c.taken % frameSamples
	}
	if skip := mod(c.ahead[len(c.ahead)-1].at-first, frameSamples); skip > 0 {
		c.skip(skip)
	}
	c.led = false
	return nil
}

// skip leaves out so many samples of the source, less than a frame, over a frame's
// worth of both sides.
func (c *coder) skip(samples int64) {
	n := int(samples) * audio.Channels
	from, to := c.pcm[c.head:c.head+frameLen], c.pcm[c.head+n:c.head+n+frameLen]
	joint := make([]float32, frameLen)
	copy(joint, from)
	crossfade(joint, to)
	copy(to, joint)
	c.head += n
	c.at += samples
	c.settling = 0
	if c.wet {
		c.clock.set(c.taken, c.at)
		c.touched = c.taken + frameSamples
		return
	}
	c.next += samples
	c.bent -= samples
	c.dry = c.at + frameSamples
}

// crossfade makes from become to, with as much power on the way as both have at its
// ends, however alike they are.
func crossfade(from, to []float32) {
	var ff, tt, ft float64
	for i, v := range from {
		ff += float64(v) * float64(v)
		tt += float64(to[i]) * float64(to[i])
		ft += float64(v) * float64(to[i])
	}
	alike := 0.0
	if ff > 0 && tt > 0 {
		alike = max(ft/math.Sqrt(ff*tt), 0)
	}
	n := len(from) / audio.Channels
	for i := range n {
		in, out := math.Sincos(math.Pi / 2 * (float64(i) + 0.5) / float64(n))
		scale := 1 / math.Sqrt(1+2*alike*in*out)
		for k := i * audio.Channels; k < (i+1)*audio.Channels; k++ {
			from[k] = float32(scale * (out*float64(from[k]) + in*float64(to[k])))
		}
	}
}
