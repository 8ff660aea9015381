// Package flac takes frames out of native FLAC files, and of streams of frames
// that were joined in the middle.
package flac

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
	"segue/audio/codec/flac"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxBlocks  = 1 << 12  // metadata blocks
	maxComment = 1 << 20  // bytes of comments looked at
	maxPoints  = 1 << 16  // of a seek table
	maxGarbage = 4 << 20  // bytes without a frame before it counts as no FLAC at all
	maxWasted  = 64 << 20 // bytes looked through in vain, and 32 for each of the file
	near       = 1 << 17  // bytes that are read through rather than halved again
)

// A Demuxer takes frames out of a FLAC file.
type Demuxer struct {
	r      *input.Reader
	slab   input.Slab
	codec  audio.CodecInfo
	info   audio.Info
	stream flac.StreamInfo
	cover  tags.Cover

	begin  int64 // where in the media the first frame is
	origin int64 // what that counts as its first sample, if the beginning is missing
	points []point
	next   int64 // sample after the last frame
	wasted int64 // bytes looked through behind headers that were none
	err    error
}

// A point of the seek table.
type point struct{ sample, at int64 }

// NewDemuxer reads the metadata. in has what is known from tags before it. Where
// there are none, the first frame that can be found has to do.
func NewDemuxer(r *input.Reader, in audio.Info) (*Demuxer, error) {
	in.Container = "flac"
	d := &Demuxer{r: r, info: in}
	b, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if string(b) == "fLaC" {
		if err := d.readMetadata(); err != nil {
			return nil, err
		}
	}
	if d.stream.Rate == 0 {
		if err := d.infer(); err != nil {
			return nil, err
		}
	}
	d.begin = r.Pos()
	d.codec.Name, d.codec.SampleRate, d.codec.Channels = "flac", d.stream.Rate, d.stream.Channels
	d.info.Duration = input.Duration(input.Scale(d.stream.Samples, d.stream.Rate))
	d.r.Measure()
	return d, nil
}

// readMetadata reads all before the first frame.
func (d *Demuxer) readMetadata() error {
	if err := d.r.Skip(4); err != nil {
		return cut(err)
	}
	for range maxBlocks {
		if last, err := d.readBlock(); last || err != nil {
			return cut(err)
		}
	}
	return fmt.Errorf("flac: more than %d metadata blocks: %w", maxBlocks, audio.ErrLimit)
}

// Codec says what STREAMINFO says.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what the metadata tell.
func (d *Demuxer) Info() audio.Info { return d.info }

// readBlock reads one metadata block and reports whether it is the last.
func (d *Demuxer) readBlock() (last bool, err error) {
	const streamInfo, seekTable, comment, picture = 0, 3, 4, 6
	b, err := d.r.Next(4)
	if err != nil {
		return false, err
	}
	last, kind, size := b[0]&0x80 != 0, b[0]&0x7f, int64(b[1])<<16|int64(b[2])<<8|int64(b[3])
	if kind == 127 {
		return false, malformed("impossible metadata block")
	}
	end := d.r.Pos() + size
	switch kind {
	case streamInfo:
		err = d.readStreamInfo(size)
	case seekTable:
		err = d.readSeekTable(size)
	case comment:
		if b, err = d.r.Peek(int(min(size, maxComment))); err == nil {
			tags.VorbisComment(&d.info, b)
		}
	case picture:
		err = tags.FLACPicture(&d.info, &d.cover, d.r, size)
	}
	if err != nil {
		return false, err
	}
	return last, d.r.Skip(end - d.r.Pos())
}

func (d *Demuxer) readStreamInfo(size int64) error {
	if size < flac.StreamInfoSize || d.stream.Rate != 0 {
		return nil
	}
	b, err := d.r.Peek(flac.StreamInfoSize)
	if err != nil {
		return err
	}
	if d.stream, err = flac.ParseStreamInfo(b); err != nil {
		return err
	}
	d.codec.Private = append([]byte(nil), b...)
	return nil
}

func (d *Demuxer) readSeekTable(size int64) error {
	for range min(size/18, maxPoints) {
		b, err := d.r.Next(18)
		if err != nil {
			return err
		}
		sample, at := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		if sample < 1<<36 && at < 1<<50 && (len(d.points) == 0 || int64(sample) > d.points[len(d.points)-1].sample) {
			d.points = append(d.points, point{int64(sample), int64(at)})
		}
	}
	return nil
}

// ReadPacket returns the next frame whose checksum is right.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	if d.err != nil {
		return audio.Packet{}, d.err
	}
	h, size, err := d.frame()
	if err != nil {
		d.err = err
		return audio.Packet{}, err
	}
	b, err := d.r.Next(size)
	if err != nil {
		return audio.Packet{}, err // frame has looked: there are as many
	}
	from := d.sample(h)
	if from < d.next || from-d.next > 600*int64(d.stream.Rate) {
		from = d.next // the number is nonsense, or the stream begins anew
	}
	d.next = from + int64(h.Block)
	p := audio.Packet{Data: d.slab.Copy(b), PTS: d.time(from)}
	p.Duration = d.time(d.next) - p.PTS
	return p, nil
}

// sample is the number of the first sample of the frame with header h, from the
// beginning of what there is.
func (d *Demuxer) sample(h flac.FrameHeader) int64 {
	if n := d.count(h); n >= d.origin {
		return n - d.origin
	}
	return d.next // the stream began anew
}

// count is the same as the stream counts.
func (d *Demuxer) count(h flac.FrameHeader) int64 {
	switch {
	case h.Variable:
		return int64(h.Number)
	case d.stream.MinBlock == d.stream.MaxBlock && d.stream.MaxBlock > 0:
		return int64(h.Number) * int64(d.stream.MaxBlock)
	case h.Number == 0:
		return 0
	}
	return d.next + d.origin // block sizes vary and yet only frames are counted
}

// frame finds the next frame and how many bytes it has.
func (d *Demuxer) frame() (flac.FrameHeader, int, error) {
	from := d.r.Pos()
	for d.r.Pos()-from < maxGarbage {
		h, err := d.sync(maxGarbage)
		if err != nil {
			return h, 0, err
		}
		size, err := d.extent(h)
		switch {
		case err != nil:
			return h, 0, err
		case size > 0:
			return h, size, nil
		case d.wasted > maxWasted+32*d.r.Pos():
			return h, 0, malformed("headers without frames")
		}
		if err := d.r.Skip(1); err != nil {
			return h, 0, io.EOF
		}
	}
	return flac.FrameHeader{}, 0, malformed("no frame in 4 MiB")
}

// sync skips to the next frame header, at most limit bytes away. At the end it
// returns io.EOF.
func (d *Demuxer) sync(limit int64) (flac.FrameHeader, error) {
	for from := d.r.Pos(); d.r.Pos()-from < limit; {
		b, err := d.r.Peek(flac.MaxHeader)
		if len(b) < 2 {
			return flac.FrameHeader{}, eof(err)
		}
		if h, ok := flac.ParseFrameHeader(b); ok && h.Block > 0 {
			return h, nil
		}
		skip := bytes.IndexByte(b[1:], 0xff) + 1
		if skip == 0 {
			skip = len(b)
		}
		if err := d.r.Skip(int64(skip)); err != nil {
			return flac.FrameHeader{}, err
		}
	}
	return flac.FrameHeader{}, malformed("no frame header")
}

// extent is how many bytes the frame has that begins here with header h: up to
// where another header, the end or a tag comes and the checksum is right. 0 means
// it is none, or a damaged one.
func (d *Demuxer) extent(h flac.FrameHeader) (int, error) {
	limit := h.Block*h.Channels*33/8 + flac.MaxHeader + 16*h.Channels
	sum, summed := uint16(0), 0
	for look := 4096; ; look *= 2 {
		b, err := d.r.Peek(min(look, limit+flac.MaxHeader, input.MaxPeek))
		if err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		ended := err != nil
		for at := max(summed, h.Size+2); at <= len(b); at++ {
			i := bytes.IndexByte(b[at:], 0xff)
			if i < 0 {
				break
			}
			if at += i; len(b)-at < flac.MaxHeader && !ended {
				break
			}
			if next, ok := flac.ParseFrameHeader(b[at:]); !ok || next.Variable != h.Variable {
				continue
			}
			sum, summed = flac.CRC16(sum, b[summed:at]), at
			if sum == 0 {
				return at, nil
			}
		}
		if ended {
			return d.lastExtent(b, sum, summed)
		}
		if look >= limit+flac.MaxHeader {
			d.wasted += int64(len(b))
			return 0, nil
		}
	}
}

// lastExtent is how many bytes of b the last frame has, of which summed were
// checked already: all, or all but a tag behind it.
func (d *Demuxer) lastExtent(b []byte, sum uint16, summed int) (int, error) {
	if flac.CRC16(sum, b[summed:]) == 0 {
		return len(b), nil
	}
	if n := len(b) - 128; n >= summed && string(b[n:n+3]) == "TAG" && flac.CRC16(sum, b[summed:n]) == 0 {
		return n, nil
	}
	if d.stream.Samples > 0 && d.next < d.stream.Samples || d.stream.Samples == 0 {
		return 0, audio.ErrTruncated
	}
	return 0, io.EOF
}

func (d *Demuxer) time(sample int64) int64 { return input.Scale(sample, d.stream.Rate) }

// Seek goes by the seek table, then by halving, then frame by frame.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() || d.r.Size() < 0 {
		return 0, audio.ErrNotSeekable
	}
	target := input.MulDiv(int64(max(0, to)), int64(d.stream.Rate), int64(time.Second))
	low, high := d.begin, d.r.Size()
	for _, p := range d.points {
		if p.sample <= target {
			low = max(low, min(d.begin+p.at, high))
		}
	}
	if err := d.halve(&low, high, target); err != nil {
		return 0, err
	}
	if err := d.r.Jump(low); err != nil {
		return 0, err
	}
	d.next, d.err = 0, nil
	for {
		h, size, err := d.frame()
		if err != nil {
			d.err = err
			return min(max(0, to), input.Duration(d.time(d.next))), nil
		}
		from := max(d.sample(h), d.next)
		if from+int64(h.Block) > target {
			d.next = from
			return min(max(0, to), input.Duration(d.time(from))), nil
		}
		d.next = from + int64(h.Block)
		if err := d.r.Skip(int64(size)); err != nil {
			return 0, err
		}
	}
}

// halve moves low towards the frame with target in it, where frames tell their
// place.
func (d *Demuxer) halve(low *int64, high, target int64) error {
	if d.stream.MinBlock != d.stream.MaxBlock && !d.countsSamples() {
		return nil
	}
	for high-*low > near {
		middle := *low + (high-*low)/2
		if err := d.r.Jump(middle); err != nil {
			return err
		}
		h, err := d.sync(near / 2)
		for ; err == nil; h, err = d.sync(near / 2) { // a header by chance is not a frame
			if size, e := d.extent(h); size > 0 && e == nil {
				break
			}
			if err = d.r.Skip(1); err != nil {
				break
			}
		}
		if at := d.r.Pos(); err == nil && at < high && d.sample(h) <= target {
			*low = at
		} else {
			high = middle
		}
	}
	return nil
}

// countsSamples reports whether the first frame says at which sample it begins, not
// which frame it is.
func (d *Demuxer) countsSamples() bool {
	if d.r.Jump(d.begin) != nil {
		return false
	}
	h, _, err := d.frame()
	return err == nil && h.Variable
}

// eof is io.EOF at the end of the media, else what went wrong.
func eof(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return io.EOF
	}
	return err
}

// cut turns the end of the media into what it means in the metadata.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("flac: metadata cut off: %w", audio.ErrTruncated)
	}
	return err
}

func malformed(what string) error {
	return fmt.Errorf("flac: %s: %w", what, audio.ErrMalformed)
}
