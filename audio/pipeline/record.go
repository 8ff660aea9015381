package pipeline

import (
	"errors"
	"io"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/framecache"
)

// origin is what the frames of a stream are kept under.
type origin struct {
	version string  // of its media; empty: they are not to be kept
	bitrate int     // with which they are encoded, 0: the encoder's own
	level   float64 // by how many decibels they are made louder
}

// bitrate is what is wanted just now; 0 leaves it to the encoder.
func (o *Options) bitrate() int {
	if o.Bitrate == nil {
		return 0
	}
	return max(o.Bitrate(), 0)
}

// level is by how many decibels a piece of that kind is to be made louder.
func (o *Options) level(in audio.Info) float64 {
	if o.Level == nil {
		return 0
	}
	return sensible(o.Level(in))
}

// again returns the stream of what was kept of m, which it then closes; nil if
// nothing was, or if it would have to be encoded a second time. It notes what m is, so that what will be played can be kept.
func again(m *audio.Media, o *Options) *Stream {
	if o.Kept == nil || m.Version == "" {
		return nil
	}
	o.origin = origin{version: m.Version, bitrate: o.bitrate()}
	kept, ok := o.Kept.Find(o.origin.version, o.origin.bitrate)
	if !ok {
		return nil
	}
	d, err := container.Open(kept.Media)
	if err != nil || !mayPass(d.Codec()) || !o.Settings.Neutral() || o.level(kept.Info) != kept.Level {
		_ = kept.Media.Close()
		return nil
	}
	_ = m.Close() // nothing was read of it
	played := *o
	played.origin, played.baked = origin{}, kept.Level
	if kept.Level != 0 {
		played.Measure = MeasureNothing // it is not the music's own loudness
	}
	return New(told{d, kept.Info}, kept.Media, played)
}

// told is a demuxer of frames made of other media, of which info is known.
type told struct {
	audio.Demuxer
	info audio.Info
}

func (t told) Info() audio.Info { return t.info }

// A recorder has the frames of a pump kept if they turn out to be those of a whole
// play, from beginning to end, of music that was levelled at most, and encoded.
type recorder struct {
	s    *Stream
	to   *framecache.Recording // nil: they are not to be kept
	next int64                 // where the next frame begins
}

// recordable reports whether the frames of s are to be kept if they turn out well.
// They do not if they begin or end in the midst of one.
func (s *Stream) recordable() bool {
	return s.o.origin.version != "" && !s.rules.passable(s.codec)
}

// recorder begins to take down the frames of s, which begins.
func (s *Stream) recorder() recorder {
	r := recorder{s: s}
	if s.recordable() {
		r.to = s.o.Kept.Record(s.o.origin.version, s.o.origin.bitrate, s.o.origin.level, s.Info())
	}
	return r
}

// took takes down the frame that s has just made. It waits for nothing.
func (r *recorder) took(f audio.Frame) {
	if r.to == nil {
		return
	}
	if f.Pos != r.next || !r.s.dry() || r.s.o.bitrate() != r.s.o.origin.bitrate || !r.to.Add(f.Opus) {
		r.drop()
	}
	r.next += frameSamples
}

// ended is told why there are no more frames.
func (r *recorder) ended(err error) {
	if r.to != nil && errors.Is(err, io.EOF) && !r.s.trimmed {
		r.to.Keep(r.s.Length())
	}
}

// drop gives up what is not whole.
func (r *recorder) drop() {
	r.to.Drop()
	r.to = nil
}

// dry reports whether the frame last made was encoded of music to which nothing
// had been done, but that it is louder as it was to be from the beginning.
func (s *Stream) dry() bool {
	c, w := s.coder, s.want.Load()
	if s.mode != Transcode || !c.wet {
		return s.mode == Transcode && s.o.origin.level == 0
	}
	return w.neutral && !w.hold && s.o.origin.level != 0 && c.level.steady(factor(s.o.origin.level)) && c.untouched()
}

// untouched reports whether nothing is done to the music but that it is levelled.
func (c *coder) untouched() bool {
	return c.chain.Settled() && c.volume.open() && c.fade.open() && c.duck.open() && len(c.over) == 0 && len(c.tails) == 0 && !c.staying
}

// steady reports whether the gain is and stays so.
func (r *slide) steady(gain float64) bool { return r.gain == gain && r.target == gain }
