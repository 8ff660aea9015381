// Package adts takes AAC frames out of a file or stream of them (ISO/IEC 13818-7,
// 6.2, and 14496-3, 1.A.2).
package adts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxGarbage = 1 << 20 // bytes without a frame before it counts as no AAC at all
	markEvery  = 50      // frames between two places remembered for seeking: about a second
	maxMarks   = 1 << 16 // most of a day; what is behind is read through
	runUp      = 4       // frames to decode before a place
	estimate   = 32 << 10
)

// A Demuxer takes blocks of sound out of ADTS. Headers are left out. A packet is
// one block; only of a frame of several that is damaged does it hold them all.
type Demuxer struct {
	r     *input.Reader
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info

	like   Header // all frames are
	known  bool
	frame  int64  // number of the next one
	block  int64  // number of its first block
	marks  []mark // of every markEvery-th frame
	split  Splitter
	store  [][]byte // of the frame read last
	pieces [][]byte // of it, not handed out yet
	each   int64    // blocks in each of them
	err    error
}

// A mark is where a frame is.
type mark struct{ at, block int64 }

// NewDemuxer reads up to the first frame. in has what is known from tags before
// it. The error wraps audio.ErrUnsupported if there is no frame, or none that can
// be decoded.
func NewDemuxer(r *input.Reader, in audio.Info) (*Demuxer, error) {
	in.Container = "adts"
	d := &Demuxer{r: r, info: in}
	h, err := d.sync()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("adts: no frame: %w", audio.ErrUnsupported)
		}
		return nil, err
	}
	d.like, d.known = h, true
	b, _ := r.Peek(h.Size)
	private := h.Config(b)
	c, err := aac.ParseConfig(private)
	if err != nil {
		return nil, err
	}
	d.codec = audio.CodecInfo{Name: "aac", SampleRate: c.Rate, Channels: c.Channels, Private: private}
	d.r.Measure()
	if r.Size() > 0 {
		d.measure()
	}
	return d, nil
}

// measure estimates the duration by the frames at the beginning.
func (d *Demuxer) measure() {
	b, _ := d.r.Peek(estimate)
	bytes, samples := int64(0), int64(0)
	for {
		h, ok := ParseHeader(b[bytes:])
		if !ok || int64(len(b)) < bytes+int64(h.Size) {
			break
		}
		bytes += int64(h.Size)
		samples += h.Samples()
	}
	if samples > 0 {
		d.info.Duration = input.Duration(input.Scale(input.MulDiv(d.r.Size()-d.r.Pos(), samples, bytes), d.like.Rate()))
	}
}

// Codec says what the first header says.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what tags tell; the duration is what the size of the first frames makes
// of that of the whole.
func (d *Demuxer) Info() audio.Info { return d.info }

// time is where a block begins.
func (d *Demuxer) time(block int64) int64 {
	return input.Scale(block*aac.FrameSamples, d.like.Rate())
}

// ReadPacket returns the next block.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	if d.err != nil {
		return audio.Packet{}, d.err
	}
	if len(d.pieces) == 0 {
		if d.err = d.read(); d.err != nil {
			return audio.Packet{}, d.err
		}
	}
	p := audio.Packet{Data: d.pieces[0], PTS: d.time(d.block)}
	d.pieces = d.pieces[1:]
	d.block += d.each
	p.Duration = d.time(d.block) - p.PTS
	return p, nil
}

// read takes the next frame apart.
func (d *Demuxer) read() error {
	h, err := d.next()
	if err != nil {
		return err
	}
	b, err := d.r.Next(h.Size)
	if err != nil {
		return err // next has looked: there are as many
	}
	d.frame++
	d.store = d.split.Split(d.store[:0], h, b)
	for i, piece := range d.store {
		d.store[i] = d.slab.Copy(piece)
	}
	d.pieces, d.each = d.store, int64(h.Blocks/len(d.store))
	return nil
}

// next finds the next whole frame and remembers where it is.
func (d *Demuxer) next() (Header, error) {
	b, _ := d.r.Peek(HeaderSize)
	h, ok := ParseHeader(b)
	if !ok || !h.Alike(d.like) {
		var err error
		if h, err = d.sync(); err != nil {
			return h, err
		}
	}
	if b, err := d.r.Peek(h.Size); err != nil {
		switch {
		case !errors.Is(err, io.EOF):
			return h, err
		case len(b) > 0:
			return h, audio.ErrTruncated
		}
		return h, io.EOF
	}
	if d.r.Seekable() && len(d.marks) < maxMarks && d.frame == int64(len(d.marks))*markEvery {
		d.marks = append(d.marks, mark{d.r.Pos(), d.block})
	}
	return h, nil
}

// sync skips tags and garbage up to the next frame that is followed by another, or
// by the end. At the end it returns io.EOF.
func (d *Demuxer) sync() (Header, error) {
	from := d.r.Pos()
	for d.r.Pos()-from < maxGarbage {
		b, err := d.r.Peek(tags.ID3Header)
		if len(b) < HeaderSize {
			if !errors.Is(err, io.EOF) {
				return Header{}, err
			}
			return Header{}, io.EOF
		}
		if n := tags.ID3Size(b); n > 0 {
			if err := d.r.Skip(n); err != nil {
				return Header{}, io.EOF // a tag at the end, cut off
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
			return Header{}, err
		}
	}
	return Header{}, fmt.Errorf("adts: %d bytes without a frame: %w", maxGarbage, audio.ErrMalformed)
}

// frameHere reports whether a frame begins here: one like those before, with
// another like it right behind, or nothing at all.
func (d *Demuxer) frameHere(b []byte) (Header, bool) {
	h, ok := ParseHeader(b)
	if !ok || d.known && !h.Alike(d.like) {
		return h, false
	}
	b, err := d.r.Peek(h.Size + HeaderSize)
	if len(b) < h.Size+HeaderSize {
		return h, errors.Is(err, io.EOF) && (len(b) == h.Size || d.known)
	}
	next, ok := ParseHeader(b[h.Size:])
	return h, ok && next.Alike(h) || string(b[h.Size:][:3]) == "TAG"
}

// Seek reads through the frames, from the nearest place before that was passed
// already: AAC has no constant size of frames to reckon with, and ADTS no table. It
// lands some frames before to, because they build on those.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	target := max(0, input.Unscale(max(0, input.Samples(to)), d.like.Rate())/aac.FrameSamples-runUp)
	i := sort.Search(len(d.marks), func(i int) bool { return d.marks[i].block > target }) - 1
	if i >= 0 && (d.err != nil || target < d.block || d.marks[i].block > d.block) {
		if err := d.r.Jump(d.marks[i].at); err != nil {
			return 0, err
		}
		d.frame, d.block, d.err = int64(i)*markEvery, d.marks[i].block, nil
		d.pieces = nil
	}
	d.block += int64(len(d.pieces)) * d.each
	d.pieces = nil
	for {
		h, err := d.next()
		if err != nil {
			d.err = err
			break
		}
		if d.block+int64(h.Blocks) > target {
			break
		}
		if err := d.r.Skip(int64(h.Size)); err != nil {
			return 0, err
		}
		d.frame++
		d.block += int64(h.Blocks)
	}
	return min(input.Duration(d.time(d.block)), max(0, to)), nil
}
