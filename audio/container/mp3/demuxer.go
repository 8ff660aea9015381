// Package mp3 takes whole MPEG audio frames out of a file or stream of them.
package mp3

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxGarbage = 1 << 20 // bytes without a frame before it counts as no MP3 at all
	markEvery  = 50      // frames between two places remembered for seeking: about a second
	maxMarks   = 1 << 16 // most of a day; what is behind is read through
	maxPadding = 4096    // samples: more does not fit where LAME writes it
	runUp      = 10      // frames to decode before a place: a full bit reservoir
	maxMeasure = 512     // what may be free format that is measured: each time is dear
)

// A Demuxer takes frames of any layer out of MPEG audio. Those of free format do not
// tell their size, but all have the same, which the first few show.
//
// A packet's PTS counts from the first sample the decoder gives, so the music is
// at PTS less PreSkip.
type Demuxer struct {
	r     *input.Reader
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info

	like  mp3.Header // all frames are
	free  int        // bytes of a frame in free format without padding; 0 if unknown
	tried int        // times that free was looked for
	begin int64      // where in the media the first frame is
	frame int64      // number of the next one
	music int64      // samples at which the music ends; 0 if unknown
	gain  audio.Gain // as LAME has it
	marks []int64    // where every markEvery-th frame is
	err   error

	pace     pace // if the bit rate is constant
	measured bool // pace was looked for
}

// NewDemuxer reads up to the first frame. in has what is known from tags before
// it. The error wraps audio.ErrUnsupported if there is no frame.
func NewDemuxer(r *input.Reader, in audio.Info) (*Demuxer, error) {
	in.Container = "mp3"
	d := &Demuxer{r: r, info: in}
	h, err := d.sync()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("mp3: no frame: %w", audio.ErrUnsupported)
		}
		return nil, err
	}
	d.like = h
	d.codec = audio.CodecInfo{Name: h.Name(), SampleRate: h.Rate, Channels: h.Channels}
	d.begin = r.Pos()
	if err := d.readXing(h); err != nil {
		return nil, err
	}
	if r.Seekable() {
		d.marks = append(d.marks, d.begin)
	}
	d.r.Measure()
	if d.info.Duration == 0 && r.Size() > 0 {
		seconds := float64(r.Size()-d.begin) * 8 / float64(h.Bitrate)
		if h.Bitrate == 0 {
			seconds = float64(r.Size()-d.begin) / float64(h.Size) * float64(h.Samples) / float64(h.Rate)
		}
		d.info.Duration = time.Duration(seconds * float64(time.Second))
	}
	d.lateTags()
	if !d.info.Track.Told {
		d.info.Track = d.gain
	}
	return d, nil
}

// Codec says which layer it is.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what tags and the first frame tell; without a Xing header the duration
// is what the bit rate of the first frame makes of the size.
func (d *Demuxer) Info() audio.Info { return d.info }

// readXing looks whether the first frame is not sound but a header, and takes it.
func (d *Demuxer) readXing(h mp3.Header) error {
	b, err := d.r.Peek(h.Size)
	if err != nil {
		return nil //nolint:nilerr // cut off: ReadPacket will say so
	}
	x, ok := parseXing(b, h)
	if !ok {
		return nil
	}
	d.gain = x.gain
	if x.frames > 0 {
		samples := x.frames * int64(h.Samples)
		if x.padding >= 0 && samples > x.delay+x.padding {
			d.music = min(samples, samples-x.padding+mp3.DecoderDelay)
			samples -= x.delay + x.padding
		}
		d.info.Duration = input.Duration(input.Scale(samples, h.Rate))
	}
	if x.padding >= 0 {
		d.codec.PreSkip = input.Scale(x.delay+mp3.DecoderDelay, h.Rate)
	}
	d.begin += int64(h.Size)
	return d.r.Skip(int64(h.Size))
}

// ReadPacket returns the next frame.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	if d.err != nil {
		return audio.Packet{}, d.err
	}
	h, err := d.next()
	if err != nil {
		d.err = err
		return audio.Packet{}, err
	}
	b, err := d.r.Next(h.Size)
	if err != nil {
		return audio.Packet{}, err // next has looked: there are as many
	}
	p := audio.Packet{Data: d.slab.Copy(b), PTS: d.time(d.frame * int64(h.Samples))}
	d.frame++
	end := d.frame * int64(h.Samples)
	p.Duration = d.time(end) - p.PTS
	if d.music > 0 && end > d.music && end-d.music <= maxPadding {
		p.TrimEnd = d.time(end) - max(p.PTS, d.time(d.music))
	}
	return p, nil
}

// next finds the next whole frame and remembers where it is.
func (d *Demuxer) next() (mp3.Header, error) {
	b, _ := d.r.Peek(mp3.HeaderSize)
	h, ok := d.parse(b)
	if !ok || !h.Alike(d.like) {
		var err error
		if h, err = d.sync(); err != nil {
			return h, err
		}
	}
	if b, err := d.r.Peek(h.Size); err != nil {
		return h, d.ending(b, err)
	}
	if d.r.Seekable() && len(d.marks) < maxMarks && d.frame == int64(len(d.marks))*markEvery {
		d.marks = append(d.marks, d.r.Pos())
	}
	return h, nil
}

// ending says what it means that only b is left.
func (d *Demuxer) ending(b []byte, err error) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case len(b) > 0:
		return audio.ErrTruncated
	}
	return io.EOF
}

// sync skips tags and garbage up to the next frame that is followed by another, or
// by the end. At the end it returns io.EOF.
func (d *Demuxer) sync() (mp3.Header, error) {
	from := d.r.Pos()
	for d.r.Pos()-from < maxGarbage {
		b, err := d.r.Peek(maxTagHeader)
		if len(b) < mp3.HeaderSize {
			if !errors.Is(err, io.EOF) {
				return mp3.Header{}, err
			}
			return mp3.Header{}, io.EOF
		}
		if n := tagSize(b); n > 0 {
			if err := d.r.Skip(n); err != nil {
				return mp3.Header{}, io.EOF // a tag at the end, cut off
			}
			from = d.r.Pos()
			continue
		}
		if h, ok := d.frameHere(b); ok {
			return h, nil
		}
		i := bytes.IndexByte(b[1:], 0xff)
		if i < 0 {
			i = len(b) - 1
		}
		if err := d.r.Skip(int64(i) + 1); err != nil {
			return mp3.Header{}, err
		}
	}
	return mp3.Header{}, fmt.Errorf("mp3: %d bytes without a frame: %w", maxGarbage, audio.ErrMalformed)
}

// parse reads a header and, once it is known, sets the size of a frame in free format.
func (d *Demuxer) parse(b []byte) (mp3.Header, bool) {
	h, ok := mp3.ParseHeader(b)
	if ok && h.Bitrate == 0 && d.free > 0 {
		h.Size = d.free + h.Padding
	}
	return h, ok
}

// frameHere reports whether a frame begins here: one like those before, with
// another like it right behind, or nothing at all, or a tag.
func (d *Demuxer) frameHere(b []byte) (mp3.Header, bool) {
	h, ok := d.parse(b)
	if !ok || d.like.Layer != 0 && !h.Alike(d.like) {
		return h, false
	}
	if h.Size == 0 {
		b, _ := d.r.Peek(2*mp3.MaxPacket + mp3.HeaderSize)
		if d.tried++; d.tried > maxMeasure {
			return h, false
		}
		if d.free = mp3.FreeSize(b); d.free == 0 {
			return h, false
		}
		h.Size = d.free + h.Padding
		return h, true
	}
	b, err := d.r.Peek(h.Size + maxTagHeader)
	if len(b) < h.Size+mp3.HeaderSize {
		return h, errors.Is(err, io.EOF) && (len(b) == h.Size || d.like.Layer != 0)
	}
	behind := b[h.Size:]
	next, ok := mp3.ParseHeader(behind)
	return h, ok && next.Alike(h) || tagSize(behind) > 0
}

func (d *Demuxer) time(samples int64) int64 { return input.Scale(samples, d.like.Rate) }

// lateTags reads the tags at the end of the file, if the media can seek and those
// at the beginning left something to say. Nothing that goes wrong with it matters.
func (d *Demuxer) lateTags() {
	if !d.r.Seekable() || d.info.Title != "" && d.info.Track.Told {
		return
	}
	back := d.r.Pos()
	_ = tags.ReadEnd(&d.info, d.r, d.begin) // as far as it goes
	d.err = d.r.Jump(back)
}

// Seek goes straight to its place where the bit rate is constant, and otherwise
// reads through the frames from the nearest place before that was passed already:
// a table of contents in the file is too coarse to tell which frame is where. It
// lands some frames before to, because they build on those.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	samples := input.Unscale(max(0, input.Samples(to)), d.like.Rate)
	target := max(0, samples/int64(d.like.Samples)-runUp)
	if err := d.approach(target); err != nil {
		return 0, err
	}
	for d.frame < target {
		h, err := d.next()
		if err != nil {
			d.err = err
			break
		}
		if err := d.r.Skip(int64(h.Size)); err != nil {
			return 0, err
		}
		d.frame++
	}
	landed := input.Duration(d.time(d.frame*int64(d.like.Samples)) - d.codec.PreSkip)
	return min(max(0, landed), max(0, to)), nil
}

// approach goes to a known place before frame target.
func (d *Demuxer) approach(target int64) error {
	frame, pos, broken := d.frame, d.r.Pos(), d.err
	if mark := min(target/markEvery, int64(len(d.marks))-1); mark >= 0 && (broken != nil || target < frame || mark*markEvery > frame) {
		frame, pos, broken = mark*markEvery, d.marks[mark], nil
	}
	if target-frame > leapFrom {
		if done, err := d.leap(target); done || err != nil {
			return err
		}
	}
	if err := d.r.Jump(pos); err != nil {
		return err
	}
	d.frame, d.err = frame, broken
	return nil
}
