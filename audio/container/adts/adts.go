// Package adts takes AAC frames out of a file or stream of them (ISO/IEC 13818-7,
// 6.2, and 14496-3, 1.A.2).
package adts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxGarbage = 1 << 20 // bytes without a frame before it counts as no AAC at all
	markEvery  = 50      // frames between two places remembered for seeking: about a second
	runUp      = 4       // frames to decode before a place
	estimate   = 32 << 10
)

// HeaderSize is how many bytes ParseHeader needs.
const HeaderSize = 7

// A Header is the header of a frame.
type Header struct {
	Object   int // audio object type
	Index    int // of the sampling frequency
	Channels int // channel configuration
	Size     int // of the frame with its header, in bytes
	Length   int // of the header with its checksum, in bytes
	Blocks   int // of sound in the frame
}

// ParseHeader reads the header b begins with, and reports whether it is one.
func ParseHeader(b []byte) (h Header, ok bool) {
	if len(b) < HeaderSize || b[0] != 0xff || b[1]&0xf6 != 0xf0 {
		return h, false
	}
	h = Header{
		Object: int(b[2]>>6) + 1, Index: int(b[2] >> 2 & 15), Channels: int(b[2]&1)<<2 | int(b[3]>>6),
		Size: int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5]>>5), Length: HeaderSize, Blocks: int(b[6]&3) + 1,
	}
	if b[1]&1 == 0 {
		h.Length += 2
	}
	return h, h.Index < 13 && h.Size > h.Length
}

// Alike reports whether h and o can be of one stream.
func (h Header) Alike(o Header) bool {
	return h.Object == o.Object && h.Index == o.Index && h.Channels == o.Channels
}

// config is the AudioSpecificConfig that says the same.
func (h Header) config() []byte {
	return []byte{byte(h.Object<<3 | h.Index>>1), byte(h.Index<<7 | h.Channels<<3)}
}

// A Demuxer takes frames out of ADTS. Their headers are left out.
type Demuxer struct {
	r     *input.Reader
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info

	like  Header // all frames are
	known bool
	frame int64   // number of the next one
	marks []int64 // where every markEvery-th frame is
	err   error
}

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
	if h.Blocks > 1 {
		return nil, fmt.Errorf("adts: %d blocks in a frame: %w", h.Blocks, audio.ErrUnsupported)
	}
	c, err := aac.ParseConfig(h.config())
	if err != nil {
		return nil, err
	}
	d.codec = audio.CodecInfo{Name: "aac", SampleRate: c.Rate, Channels: c.Channels, Private: h.config()}
	d.r.Measure()
	if r.Size() > 0 {
		d.measure()
	}
	return d, nil
}

// measure estimates the duration by the frames at the beginning.
func (d *Demuxer) measure() {
	b, _ := d.r.Peek(estimate)
	bytes, frames := int64(0), int64(0)
	for {
		h, ok := ParseHeader(b[bytes:])
		if !ok || int64(len(b)) < bytes+int64(h.Size) {
			break
		}
		bytes += int64(h.Size)
		frames++
	}
	if frames > 0 {
		d.info.Duration = input.Duration(d.time(input.MulDiv((d.r.Size()-d.r.Pos())*aac.FrameSamples, frames, bytes)))
	}
}

// Codec says what the first header says.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what tags tell; the duration is what the size of the first frames makes
// of that of the whole.
func (d *Demuxer) Info() audio.Info { return d.info }

func (d *Demuxer) time(samples int64) int64 { return input.Scale(samples, d.codec.SampleRate) }

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
	p := audio.Packet{Data: d.slab.Copy(b[h.Length:]), PTS: d.time(d.frame * aac.FrameSamples)}
	d.frame++
	p.Duration = d.time(d.frame*aac.FrameSamples) - p.PTS
	return p, nil
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
	if d.frame == int64(len(d.marks))*markEvery {
		d.marks = append(d.marks, d.r.Pos())
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
// already. It lands some frames before to, because they build on those.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	target := max(0, input.Unscale(max(0, input.Samples(to)), d.codec.SampleRate)/aac.FrameSamples-runUp)
	mark := min(target/markEvery, int64(len(d.marks))-1)
	if at := mark * markEvery; mark >= 0 && (d.err != nil || target < d.frame || at > d.frame) {
		if err := d.r.Jump(d.marks[mark]); err != nil {
			return 0, err
		}
		d.frame, d.err = at, nil
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
	return min(input.Duration(d.time(d.frame*aac.FrameSamples)), max(0, to)), nil
}
