package flac

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/mewkiz/flac/frame"

	"segue/audio"
)

// MaxPacket is the largest frame there can be, in bytes: 65535 samples of 33 bits
// in 8 channels, and headers.
const MaxPacket = 65535*8*33/8 + 64

// Decoder decodes FLAC frames, each of which stands alone.
type Decoder struct {
	info    StreamInfo
	patched []byte
	r       bytes.Reader
}

// NewDecoder returns a decoder for frames of a stream with this STREAMINFO. The
// error wraps audio.ErrMalformed, or audio.ErrUnsupported for samples of more
// than 24 bits.
func NewDecoder(private []byte) (*Decoder, error) {
	s, err := ParseStreamInfo(private)
	if err != nil {
		return nil, err
	}
	if s.Bits > 24 {
		return nil, fmt.Errorf("flac: %d bits per sample: %w", s.Bits, audio.ErrUnsupported)
	}
	return &Decoder{info: s}, nil
}

// Format is the rate and channel count of the frame last decoded.
func (d *Decoder) Format() (rate, channels int) { return d.info.Rate, d.info.Channels }

// Reset does nothing: frames do not depend on each other.
func (d *Decoder) Reset() {}

// Decode appends the samples of the frame in p, in FLAC's channel order. In
// place of a lost frame there is silence.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) == 0 {
		n := int(min(max(p.Duration, 0), audio.SampleRate) * int64(d.info.Rate) / audio.SampleRate)
		start := len(dst)
		dst = slices.Grow(dst, n*d.info.Channels)[:start+n*d.info.Channels]
		clear(dst[start:])
		return dst, nil
	}
	h, ok := ParseFrameHeader(p.Data)
	switch {
	case !ok || len(p.Data) < h.Size+2:
		return dst, malformed("packet is not a frame")
	case len(p.Data) > MaxPacket:
		return dst, fmt.Errorf("flac: frame of %d bytes: %w", len(p.Data), audio.ErrLimit)
	case CRC16(0, p.Data) != 0:
		return dst, malformed("frame is damaged")
	case h.Bits > 24:
		return dst, fmt.Errorf("flac: %d bits per sample: %w", h.Bits, audio.ErrUnsupported)
	}
	if h.Bits == 0 {
		h.Bits = d.info.Bits
	}
	f, err := d.parse(p.Data, h)
	if err != nil {
		return dst, err
	}
	if h.Rate != 0 {
		d.info.Rate = h.Rate
	}
	d.info.Channels = h.Channels
	return interleave(dst, f, h), nil
}

// parse has the library decode a frame whose checksums are right.
func (d *Decoder) parse(data []byte, h FrameHeader) (f *frame.Frame, err error) {
	defer func() {
		if r := recover(); r != nil {
			f, err = nil, malformed(fmt.Sprint(r))
		}
	}()
	d.r.Reset(d.quiet(data, h))
	f, err = frame.New(&d.r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", audio.ErrMalformed, err)
	}
	f.BitsPerSample = uint8(h.Bits)
	if err := f.Parse(); err != nil {
		return nil, fmt.Errorf("%w: %w", audio.ErrMalformed, err)
	}
	for _, s := range f.Subframes {
		if len(s.Samples) != h.Block {
			return nil, malformed("subframe of a wrong length")
		}
	}
	return f, nil
}

// quiet returns the frame without its sample rate where that is one the library
// prints a line to the standard logger about: with "see STREAMINFO" instead, and
// checksums to match.
func (d *Decoder) quiet(data []byte, h FrameHeader) []byte {
	if code := data[2] & 15; code != 2 && code != 7 {
		return data
	}
	b := append(d.patched[:0], data...)
	d.patched = b
	b[2] &^= 15
	b[h.Size-1] = crc8(b[:h.Size-1])
	binary.BigEndian.PutUint16(b[len(b)-2:], CRC16(0, b[:len(b)-2]))
	return b
}

// interleave appends the samples of f, scaled to -1..1.
func interleave(dst []float32, f *frame.Frame, h FrameHeader) []float32 {
	start, channels := len(dst), len(f.Subframes)
	dst = slices.Grow(dst, h.Block*channels)[:start+h.Block*channels]
	out, scale := dst[start:], 1/float32(int64(1)<<(h.Bits-1))
	for c, s := range f.Subframes {
		for i, v := range s.Samples {
			out[i*channels+c] = float32(v) * scale
		}
	}
	return dst
}
