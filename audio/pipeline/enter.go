package pipeline

import (
	"fmt"
	"math"
	"slices"

	"segue/audio"
	"segue/audio/codec/opus"
)

// enter starts transcoding: the next packet's place on the timeline is at.
// Decoder and encoder first live through what the listener has already heard,
// so that neither starts cold.
func (s *Stream) enter(at int64) error {
	if err := s.ready(); err != nil {
		return err
	}
	s.mode = Transcode
	heard, skip := int64(0), s.skip
	s.warmup = s.warmup[:0]
	if s.aligned {
		s.warmup, heard = s.past.all(s.warmup)
		skip = 0
	}
	s.coder.start(at, heard, skip, s.floor, s.zero, !s.joined)
	for _, p := range s.warmup {
		if _, err := s.coder.feed(p, true); err != nil {
			return err
		}
	}
	return s.warm(at)
}

// warm lets the encoder live through the frames before at, and joins it to what
// the listener's decoder has heard instead of them.
func (s *Stream) warm(at int64) error {
	var theirs opus.Tail
	known := false
	alone, can := s.coder.enc.(independent)
	if n := len(s.warmup); n > 0 && s.joined && can {
		theirs, known = s.tail(s.warmup[n-1].Data)
	}
	var again history // the past is remembered already
	for left := warm; left > 0; left-- {
		if left == 1 && s.coder.fresh { // the first samples of the next are in it
			s.coder.aim(s.want.Load())
			if err := s.spare(at); err != nil {
				return err
			}
		}
		if err := s.produce(); err != nil {
			return err
		}
		if known && left <= 2 {
			alone.Independent()
			s.coder.meet(left, at, theirs.Comb, s.tail)
		}
		if _, err := s.coder.encode(&again); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	if known {
		ours, _ := s.tail(s.coder.last)
		known = theirs.Comb.Period > 0 || theirs.Transient != ours.Transient
	}
	if !s.joined {
		s.before = slices.Clone(s.coder.last)
	}
	if can && (known || !s.joined) {
		alone.Independent()
	}
	return nil
}

// spare leads a timescale by what is before at and is not to be heard, so that the
// first sample heard is the one at at.
func (s *Stream) spare(at int64) error {
	c := s.coder
	n := at - c.at
	if !c.wet || c.chain.Straight() || n <= 0 {
		return nil
	}
	if err := s.fill(n); err != nil || c.short(n) {
		return err
	}
	c.spare(c.pcm[c.head : c.head+int(n)*audio.Channels])
	c.head += int(n) * audio.Channels
	c.at, c.roomy = at, true
	c.clock.set(c.taken, at)
	return nil
}

// independent is what an encoder may know besides: to code the next frame
// without reference to those before it, and without a pitch filter. The listener's
// decoder has not heard the warm-up at the start of a track or after a seek;
// without this the first 80 ms fade in. In the middle, where it has heard the same
// music, reference to the warm-up is better, but where it was coded so
// differently that energies cannot be compared.
type independent interface{ Independent() }

// joint is for how long a frame's pitch filter is heard in the next one, and
// faded how long: half of it each.
const joint = 240

// meet is called before the last two frames of the warm-up before at are encoded,
// both without a pitch filter. The decoder of the listener has one of the
// source's, and will go on applying it for the first 5 ms of what we send. So
// these are filtered the opposite way before they are encoded, as the source's
// encoder would have.
func (c *coder) meet(left int, at int64, comb opus.Comb, tail func([]byte) (opus.Tail, bool)) {
	if left > 1 {
		return
	}
	ours, _ := tail(c.last)
	i := c.head/audio.Channels + int(at-c.at)
	if comb.Period > 0 && ours.Comb.Period == 0 && at >= c.at && i+joint <= len(c.pcm)/audio.Channels && i >= opus.MaxPeriod+2 {
		unfilter(c.pcm, i, comb)
	}
}

// unfilter takes away from a joint of pcm, beginning with sample i, what comb adds.
func unfilter(pcm []float32, i int, comb opus.Comb) {
	var out [joint * audio.Channels]float32
	for k := range out {
		fade := 1.0
		if n := k/audio.Channels - joint/2; n >= 0 { // the window of CELT, squared
			up := math.Sin(math.Pi * (float64(n) + 0.5) / joint)
			down := math.Cos(math.Pi / 2 * up * up)
			fade = down * down
		}
		at := i*audio.Channels + k
		j := at - comb.Period*audio.Channels
		v := comb.Taps[0] * pcm[j]
		for d := 1; d <= 2; d++ {
			v += comb.Taps[d] * (pcm[j-d*audio.Channels] + pcm[j+d*audio.Channels])
		}
		out[k] = pcm[at] - float32(fade)*v
	}
	copy(pcm[i*audio.Channels:], out[:])
}
