package latm

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
)

const (
	maxGarbage = 1 << 20 // bytes without a frame before it counts as no LOAS at all
	maxLost    = 100     // elements in a row that cannot be read
	markEvery  = 50      // elements between two places remembered for seeking: about a second
	maxMarks   = 1 << 16 // most of a day; what is behind is read through
	runUp      = 4       // frames to decode before a place
	estimate   = 32 << 10
)

// A Demuxer takes frames out of LOAS.
type Demuxer struct {
	r     *input.Reader
	slab  input.Slab
	codec audio.CodecInfo
	info  audio.Info
	mux   Mux
	frame []byte // the element read last

	known bool        // a frame was found
	clock input.Clock // when the next packet is
	fresh bool        // it is coded otherwise than those before
	next  int         // of the element's frames
	count int         // elements read
	lost  int         // of them in a row that could not be read
	marks []mark      // of every markEvery-th element
	err   error
}

// A mark is where an element is and when.
type mark struct {
	at    int64
	clock input.Clock
}

// NewDemuxer reads up to the first element with a configuration. in has what is
// known from tags before it. The error wraps audio.ErrUnsupported if there is
// none, or none that can be decoded.
func NewDemuxer(r *input.Reader, in audio.Info) (*Demuxer, error) {
	in.Container = "latm"
	d := &Demuxer{r: r, info: in, clock: input.Clock{Rate: audio.SampleRate}}
	for d.mux.n == 0 {
		d.count, d.marks = 0, d.marks[:0]
		if err := d.read(); err != nil {
			if errors.Is(err, io.EOF) || errors.Is(err, audio.ErrTruncated) {
				err = fmt.Errorf("latm: no frame: %w", audio.ErrUnsupported)
			}
			return nil, err
		}
	}
	d.fresh = false
	d.marks[0].clock = d.clock
	d.r.Measure()
	if r.Size() > 0 {
		d.measure()
	}
	return d, nil
}

// measure estimates the duration by the elements at the beginning.
func (d *Demuxer) measure() {
	start := d.marks[0].at
	b, _ := d.r.Peek(estimate)
	bytes, elements := d.r.Pos()-start, int64(1)
	for {
		size, ok := ParseHeader(b)
		if !ok || len(b) < size {
			break
		}
		b = b[size:]
		bytes += int64(size)
		elements++
	}
	samples := elements * int64(d.mux.subframes) * aac.FrameSamples
	d.info.Duration = input.Duration(input.Scale(input.MulDiv(d.r.Size()-start, samples, bytes), d.mux.rate))
}

// Codec says what the first configuration says.
func (d *Demuxer) Codec() audio.CodecInfo { return d.codec }

// Info is what tags tell; the duration is what the size of the first elements
// makes of that of the whole.
func (d *Demuxer) Info() audio.Info { return d.info }

// ReadPacket returns the next frame.
func (d *Demuxer) ReadPacket() (audio.Packet, error) {
	for d.next == d.mux.n {
		if d.err != nil {
			return audio.Packet{}, d.err
		}
		d.err = d.read()
	}
	p := audio.Packet{Data: d.slab.Make(d.mux.Size(d.next)), PTS: d.clock.Now()}
	d.mux.Copy(p.Data, d.next)
	d.next++
	p.Duration = d.clock.Advance(aac.FrameSamples)
	if d.fresh {
		c := d.codec
		p.Codec, d.fresh = &c, false
	}
	return p, nil
}

// read reads the next element. One that cannot be read is passed over, unless it
// is the first, or too many are.
func (d *Demuxer) read() error {
	d.next, d.mux.n = 0, 0
	size, err := d.find()
	if err != nil {
		return err
	}
	if n := len(d.marks); d.count == n*markEvery && n < maxMarks && (n == 0 || d.r.Seekable()) {
		d.marks = append(d.marks, mark{d.r.Pos(), d.clock})
	}
	b, err := d.r.Next(size)
	if err != nil {
		return err // find has looked: there are as many
	}
	d.count++
	d.frame = append(d.frame[:0], b[HeaderSize:]...)
	changed, err := d.mux.Read(d.frame)
	if changed && err == nil {
		err = d.adopt()
	}
	if err == nil {
		d.lost = 0
		return nil
	}
	d.mux.n = 0
	d.clock.Advance(int64(d.mux.subframes) * aac.FrameSamples)
	if d.lost++; d.lost > maxLost || d.codec.Name == "" {
		return err
	}
	return nil
}

// adopt takes over a new configuration.
func (d *Demuxer) adopt() error {
	c, err := aac.ParseConfig(d.mux.config)
	if err != nil {
		return err
	}
	d.codec = audio.CodecInfo{Name: "aac", SampleRate: c.Rate, Channels: c.Channels, Private: d.mux.config}
	now := d.clock.Now()
	d.clock.Rate = d.mux.rate
	d.clock.Set(now)
	d.fresh = true
	return nil
}

// find goes to the next whole frame: if none begins here, to one that is followed
// by another, or by the end.
func (d *Demuxer) find() (size int, err error) {
	from := d.r.Pos()
	here := d.known
	for d.r.Pos()-from < maxGarbage {
		b, err := d.r.Peek(HeaderSize)
		switch {
		case len(b) > 0 && errors.Is(err, io.EOF) && d.known && here:
			return 0, audio.ErrTruncated
		case err != nil:
			return 0, err
		}
		if size, ok := ParseHeader(b); ok && (here || d.followed(size)) {
			d.known = true
			return d.whole(size)
		}
		here = false
		if b, _ = d.r.Peek(max(HeaderSize, d.r.Buffered())); len(b) < HeaderSize {
			continue
		}
		i := bytes.IndexByte(b[1:], 0x56)
		if i < 0 {
			i = len(b) - 1
		}
		if err := d.r.Skip(int64(i) + 1); err != nil {
			return 0, err
		}
	}
	return 0, fmt.Errorf("latm: %d bytes without a frame: %w", maxGarbage, audio.ErrMalformed)
}

// whole checks that all of the frame is there.
func (d *Demuxer) whole(size int) (int, error) {
	switch _, err := d.r.Peek(size); {
	case errors.Is(err, io.EOF):
		return 0, audio.ErrTruncated
	case err != nil:
		return 0, err
	}
	return size, nil
}

// followed reports whether behind size bytes another frame begins, or nothing.
func (d *Demuxer) followed(size int) bool {
	b, err := d.r.Peek(size + HeaderSize)
	if len(b) < size+HeaderSize {
		return errors.Is(err, io.EOF) && (len(b) == size || d.known)
	}
	_, ok := ParseHeader(b[size:])
	return ok
}

// Seek reads through the elements, from the nearest place before that was passed
// already. It lands some frames before to, because they build on those.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	target := input.Samples(max(0, to)) - input.Scale(runUp*aac.FrameSamples, d.mux.rate)
	i := max(0, sort.Search(len(d.marks), func(i int) bool { return d.marks[i].clock.Now() > target })-1)
	if m := d.marks[i]; d.err != nil || d.clock.Now() > target || m.clock.Now() > d.clock.Now() {
		if err := d.r.Jump(m.at); err != nil {
			return 0, err
		}
		d.clock, d.count, d.err, d.lost = m.clock, i*markEvery, nil, 0
		d.next, d.mux.n = 0, 0
	}
	for {
		if d.next == d.mux.n {
			if d.err = d.read(); d.err != nil {
				break
			}
			continue
		}
		after := d.clock
		if after.Advance(aac.FrameSamples); after.Now() > target {
			break
		}
		d.next++
		d.clock = after
	}
	return min(input.Duration(d.clock.Now()), max(0, to)), nil
}
