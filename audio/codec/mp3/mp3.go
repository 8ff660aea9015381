package mp3

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/hajimehoshi/go-mp3"

	"segue/audio"
)

// DecoderDelay is by how many samples the output of any Layer III decoder trails
// the encoder's frames: 528 of the filter bank and 1.
const DecoderDelay = 529

// Decoder decodes Layer III frames to stereo; mono comes out on both sides.
type Decoder struct {
	dec       *mp3.Decoder // nil before the first frame
	feed      bytes.Reader
	reservoir int // bytes of main data the library remembers
	rate      int
	scratch   []byte
	silent    []byte
}

// NewDecoder returns a decoder that says rate until the first frame tells.
func NewDecoder(rate int) *Decoder {
	return &Decoder{rate: rate, scratch: make([]byte, 1152*4)}
}

// Format is the rate of the frame last decoded, and 2.
func (d *Decoder) Format() (rate, channels int) { return d.rate, 2 }

// Reset forgets the frames before.
func (d *Decoder) Reset() { d.dec, d.reservoir = nil, 0 }

// Decode appends the samples of the frame in p: 1152 per channel, or 576 of
// MPEG-2. A frame that builds on ones not seen (after a seek) comes out silent,
// as does a lost one. Errors wrap audio.ErrMalformed or audio.ErrUnsupported.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) == 0 {
		return d.conceal(dst, p.Duration), nil
	}
	h, ok := ParseHeader(p.Data)
	if !ok {
		return dst, malformed("packet is not a frame")
	}
	if err := h.Supported(); err != nil {
		return dst, err
	}
	if len(p.Data) < h.Size || h.Size < h.Body()+h.SideInfo() {
		return dst, malformed("frame cut off")
	}
	if h.Rate != d.rate && d.dec != nil {
		d.Reset()
	}
	d.rate = h.Rate
	frame, mainData := p.Data[:h.Size], h.Size-h.Body()-h.SideInfo()
	back := mainDataBegin(h, frame)
	if back > d.reservoir {
		frame, back = d.silence(h, frame), 0
	}
	pcm, err := d.run(frame)
	if err != nil {
		d.Reset()
		return dst, err
	}
	d.reservoir = back + mainData
	return widen(dst, pcm), nil
}

// mainDataBegin is how many bytes before its own main data a frame's begins.
func mainDataBegin(h Header, frame []byte) int {
	side := frame[h.Body():]
	if h.Version == MPEG1 {
		return int(side[0])<<1 | int(side[1])>>7
	}
	return int(side[0])
}

// silence returns the frame with side information that asks for no sound, but
// with its main data, on which the next frames may build.
func (d *Decoder) silence(h Header, frame []byte) []byte {
	d.silent = append(d.silent[:0], frame...)
	clear(d.silent[h.Body() : h.Body()+h.SideInfo()])
	return d.silent
}

// run pushes one frame through the library, which pulls: it reads exactly the
// frame it is given, and never sees an end.
func (d *Decoder) run(frame []byte) (pcm []byte, err error) {
	defer func() {
		if r := recover(); r != nil {
			pcm, err = nil, malformed(fmt.Sprint(r))
		}
	}()
	d.feed.Reset(frame)
	if d.dec == nil {
		// The library must not know that its source can seek: it would read on.
		dec, err := mp3.NewDecoder(onlyReader{&d.feed})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", audio.ErrMalformed, err)
		}
		d.dec = dec
	}
	n, err := d.dec.Read(d.scratch)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", audio.ErrMalformed, err)
	}
	return d.scratch[:n], nil
}

type onlyReader struct{ r *bytes.Reader }

func (o onlyReader) Read(b []byte) (int, error) { return o.r.Read(b) }

func (d *Decoder) conceal(dst []float32, duration int64) []float32 {
	n := int(min(max(duration, 0), audio.SampleRate)*int64(d.rate)/audio.SampleRate) * 2
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	clear(dst[start:])
	d.Reset()
	return dst
}

// widen appends 16-bit little-endian samples.
func widen(dst []float32, pcm []byte) []float32 {
	dst = slices.Grow(dst, len(pcm)/2)
	for ; len(pcm) >= 2; pcm = pcm[2:] {
		dst = append(dst, float32(int16(uint16(pcm[0])|uint16(pcm[1])<<8))/32768)
	}
	return dst
}
