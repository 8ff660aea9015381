package opus

import (
	"fmt"
	"slices"

	"segue/audio"
	"segue/audio/codec/vorbis"
)

const (
	// maxChannels is as many as mapping family 1 has loudspeakers for (RFC 7845,
	// 5.1.1.2), and as many streams as we decode for them.
	maxChannels = 8
	// silent is the place of a channel that has no stream.
	silent = 255
)

// NewDecoderFor returns a decoder of what h is the header of: like NewDecoder
// for one stream of one or two channels; otherwise to as many channels as h
// says, in WAVE order. One that is mapped to no stream is silent. A packet of
// which any stream is bad counts as bad throughout.
func NewDecoderFor(h Head) (audio.Decoder, error) {
	if h.Family == 0 {
		return NewDecoder()
	}
	if err := h.checkMapping(); err != nil {
		return nil, err
	}
	coupled := h.Mapping[1] // of the streams; the channels are in Vorbis's order
	d := &multistream{channels: h.Channels, streams: make([]stream, h.Streams())}
	for i := range d.streams {
		dec, err := NewDecoder()
		if err != nil {
			return nil, err
		}
		d.streams[i].dec = dec
	}
	for out, in := range vorbis.Order(h.Channels) {
		switch m := h.Mapping[2+in]; {
		case m == silent:
			d.from[out] = -1
		case m < 2*coupled:
			d.from[out] = int(m)
		default: // the left of a stream whose channels are equal
			d.from[out] = 2 * int(m-coupled)
		}
	}
	return d, nil
}

// A multistream decodes packets of several streams (RFC 7845, 5.1.1).
type multistream struct {
	channels int
	from     [maxChannels]int // stream*2 + side of each channel, or -1
	streams  []stream
	in       frames
}

type stream struct {
	dec    audio.Decoder
	packet []byte // as it would be alone
	pcm    []float32
}

func (d *multistream) Format() (rate, channels int) { return audio.SampleRate, d.channels }

func (d *multistream) Reset() {
	for i := range d.streams {
		d.streams[i].dec.Reset()
	}
}

func (d *multistream) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) > 0 {
		if err := d.split(p.Data); err != nil {
			return dst, err
		}
	}
	samples := -1
	for i := range d.streams {
		s := &d.streams[i]
		if len(p.Data) > 0 {
			p.Data = s.packet
		}
		pcm, err := s.dec.Decode(s.pcm[:0], p)
		if err != nil {
			return dst, err
		}
		s.pcm = pcm
		if samples >= 0 && len(pcm) != samples*audio.Channels {
			return dst, malformed("streams of different lengths")
		}
		samples = len(pcm) / audio.Channels
	}
	start := len(dst)
	dst = slices.Grow(dst, samples*d.channels)[:start+samples*d.channels]
	for c, from := range d.from[:d.channels] {
		to := dst[start:]
		if from < 0 {
			for i := c; i < len(to); i += d.channels {
				to[i] = 0
			}
			continue
		}
		src := d.streams[from/2].pcm[from%2:]
		for i := range samples {
			to[i*d.channels+c] = src[i*audio.Channels]
		}
	}
	return dst, nil
}

// split cuts the packets of the single streams out of b: all but the last delimit
// themselves. They have to be equally long.
func (d *multistream) split(b []byte) error {
	samples := 0
	for i := range d.streams {
		rest, err := d.in.parse(b, i < len(d.streams)-1)
		if err != nil {
			return fmt.Errorf("stream %d: %w", i, err)
		}
		n := d.in.n * frameSamples(d.in.toc)
		if i > 0 && n != samples {
			return malformed("streams of different lengths")
		}
		samples, b = n, rest
		d.streams[i].packet = appendPacket(d.streams[i].packet[:0], d.in.toc, d.in.all())
	}
	return nil
}

// Duration is what the function Duration is, for a packet of all of h's streams.
func (h Head) Duration(packet []byte) (samples48k int, err error) {
	if h.Streams() == 1 {
		return Duration(packet)
	}
	var f frames
	for i := range h.Streams() {
		rest, err := f.parse(packet, i < h.Streams()-1)
		if err != nil {
			return 0, err
		}
		packet, samples48k = rest, f.n*frameSamples(f.toc)
	}
	return samples48k, nil
}
