package flac

import (
	"fmt"
	"math/bits"
	"slices"

	"segue/audio"
)

// MaxPacket is the largest frame there can be, in bytes: 65536 samples of 33 bits
// in 8 channels, and headers.
const MaxPacket = 65536*8*33/8 + 64

const maxChannels = 8

// Decoder decodes FLAC frames, each of which stands alone: it may begin with any.
type Decoder struct {
	info     StreamInfo
	rate     int // of the frame last decoded
	channels int

	r        bitReader
	sub      subframe
	residual []int32              // after a margin that nobody needs
	channel  [maxChannels][]int32 // after a margin
	side     []int64              // the same, for the one channel that may have 33 bits
}

// NewDecoder returns a decoder for frames of a stream with this STREAMINFO. The
// error wraps audio.ErrMalformed.
func NewDecoder(private []byte) (*Decoder, error) {
	s, err := ParseStreamInfo(private)
	if err != nil {
		return nil, err
	}
	return &Decoder{info: s, rate: s.Rate, channels: s.Channels}, nil
}

// Format is the rate and channel count of the frame last decoded.
func (d *Decoder) Format() (rate, channels int) { return d.rate, d.channels }

// Reset makes Format say again what STREAMINFO does. Nothing else is kept from one
// frame to the next.
func (d *Decoder) Reset() { d.rate, d.channels = d.info.Rate, d.info.Channels }

// Decode appends the samples of the frame in p, in FLAC's channel order and
// scaled to -1..1. In place of a lost frame there is silence. The error wraps
// audio.ErrMalformed or audio.ErrLimit; the next frame may well decode again.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	dst, _, err := appendFrame(d, dst, p, func(bits int) float32 { return 1 / float32(int64(1)<<(bits-1)) })
	return dst, err
}

// DecodeInt is Decode without loss: it appends the samples as they are, of as many
// bits as it returns beside them. Those are what the MD5 of STREAMINFO is made of.
func (d *Decoder) DecodeInt(dst []int32, p audio.Packet) (samples []int32, bits int, err error) {
	return appendFrame(d, dst, p, func(int) int32 { return 1 })
}

// appendFrame appends the samples of the frame in p, which it says the bits of,
// times scale.
func appendFrame[T int32 | float32](d *Decoder, dst []T, p audio.Packet, scale func(bits int) T) ([]T, int, error) {
	start := len(dst)
	if len(p.Data) == 0 {
		n := d.lost(p)
		dst = slices.Grow(dst, n)[:start+n]
		clear(dst[start:])
		return dst, d.info.Bits, nil
	}
	h, err := d.decode(p.Data)
	if err != nil {
		return dst, 0, err
	}
	n := h.Block * h.Channels
	dst = slices.Grow(dst, n)[:start+n]
	if !interleave(dst[start:], d.channel[:h.Channels], scale(h.Bits), h.Bits) {
		return dst[:start], 0, malformed("samples of too many bits")
	}
	d.rate, d.channels = h.Rate, h.Channels
	return dst, h.Bits, nil
}

// lost is how many values stand for the lost frame p, of a second at most.
func (d *Decoder) lost(p audio.Packet) int {
	return int(min(max(p.Duration, 0), audio.SampleRate)*int64(d.rate)/audio.SampleRate) * d.channels
}

// decode brings the frame in data into d.channel. The header it returns leaves
// nothing to STREAMINFO.
func (d *Decoder) decode(data []byte) (FrameHeader, error) {
	h, ok := ParseFrameHeader(data)
	switch {
	case !ok || len(data) < h.Size+2:
		return h, malformed("packet is not a frame")
	case len(data) > MaxPacket:
		return h, fmt.Errorf("flac: frame of %d bytes: %w", len(data), audio.ErrLimit)
	case CRC16(0, data) != 0:
		return h, malformed("frame is damaged")
	}
	if h.Bits == 0 {
		h.Bits = d.info.Bits
	}
	if h.Rate == 0 {
		h.Rate = d.info.Rate
	}
	d.r.reset(data[h.Size : len(data)-2])
	d.residual = grow(d.residual, h.Block)
	for c := range h.Channels {
		if err := d.readChannel(c, h); err != nil {
			return h, err
		}
	}
	if d.r.left() >= 8 {
		return h, malformed("more than a frame")
	}
	return h, d.unite(h)
}

// readChannel reads the next subframe, that of channel c.
func (d *Decoder) readChannel(c int, h FrameHeader) error {
	depth := uint(h.Bits)
	if h.Stereo.difference() == c {
		depth++
	}
	if err := d.sub.readHead(&d.r, depth, h.Block); err != nil {
		return err
	}
	if depth > 32 {
		d.side = grow(d.side, h.Block)
		return render(&d.sub, &d.r, d.side, d.residual[margin:], predictWide)
	}
	d.channel[c] = grow(d.channel[c], h.Block)
	return render(&d.sub, &d.r, d.channel[c], d.residual[margin:], predict)
}

// unite makes left and right of what the frame has in their place.
func (d *Decoder) unite(h FrameHeader) error {
	if h.Stereo == Independent {
		return nil
	}
	if h.Bits < 32 {
		h.Stereo.unite(d.channel[0][margin:], d.channel[1][margin:])
		return nil
	}
	if !d.uniteWide(h) {
		return malformed("samples of too many bits")
	}
	return nil
}

// uniteWide does it where the difference has 33 bits. It reports whether all
// samples have 32.
func (d *Decoder) uniteWide(h FrameHeader) bool {
	d.channel[0] = grow(d.channel[0], h.Block)
	d.channel[1] = grow(d.channel[1], h.Block)
	left, right := d.channel[0][margin:], d.channel[1][margin:]
	over := int64(0)
	for i, side := range d.side[margin:] {
		var l, r int64
		switch h.Stereo {
		case LeftSide:
			l = int64(left[i])
			r = l - side
		case SideRight:
			r = int64(right[i])
			l = r + side
		default:
			r = int64(left[i]) - side>>1
			l = r + side
		}
		left[i], right[i] = int32(l), int32(r)
		over |= (l ^ l>>63) | (r ^ r>>63)
	}
	return over>>31 == 0
}

// grow returns s with a margin and n samples, and with some room if it must be made
// anew: then with zeros in the margin, where nothing is ever written.
func grow[T sample](s []T, n int) []T {
	if margin+n > cap(s) {
		s = make([]T, margin+1<<bits.Len(uint(n-1)))
	}
	return s[:margin+n]
}

// interleave fills dst with the samples of the channels, which begin after a
// margin, times scale. It reports whether they have no more bits than they may.
func interleave[T int32 | float32](dst []T, channels [][]int32, scale T, bits int) bool {
	over := int32(0)
	if len(channels) == 2 {
		left := channels[0][margin:]
		right := channels[1][margin:][:len(left)]
		for i, l := range left {
			r := right[i]
			over |= (l ^ l>>31) | (r ^ r>>31)
			out := (*[2]T)(dst[2*i:])
			out[0], out[1] = T(l)*scale, T(r)*scale
		}
		return over>>(bits-1) == 0
	}
	for c, samples := range channels {
		for i, v := range samples[margin:] {
			over |= v ^ v>>31
			dst[i*len(channels)+c] = T(v) * scale
		}
	}
	return over>>(bits-1) == 0
}
