package vorbis

import (
	"fmt"
	"slices"

	"github.com/jfreymuth/vorbis"

	"segue/audio"
)

// MaxPacket is the largest Vorbis packet decoded, in bytes. Encoders stay below 64 KiB.
const MaxPacket = 1 << 20

// Decoder decodes one stream, and the next ones of a chain: given new header
// packets in place of audio it starts over with them, and Format may change.
type Decoder struct {
	dec   *vorbis.Decoder
	s     *Stream
	order []int   // of the channels
	heads Headers // of the next stream of a chain, as they come
}

// NewDecoder returns a decoder for streams with these laced headers (see
// Headers.Lace). The error wraps audio.ErrMalformed, ErrLimit or ErrUnsupported.
func NewDecoder(private []byte) (*Decoder, error) {
	h, err := Unlace(private)
	if err != nil {
		return nil, err
	}
	d := &Decoder{}
	if err := d.open(h); err != nil {
		return nil, err
	}
	return d, nil
}

// Format is the rate and channel count of the stream.
func (d *Decoder) Format() (rate, channels int) { return d.s.Rate, d.s.Channels }

// Decode appends the samples of p, in WAVE order. The first packet after a start
// or Reset gives none: it only prepares the second. In place of a lost packet
// there is silence of its length.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) == 0 {
		return d.conceal(dst, p.Duration), nil
	}
	if IsHeader(p.Data) {
		return dst, d.header(p.Data)
	}
	if p.Data[0]&1 != 0 {
		return dst, malformed("packet is not audio")
	}
	if len(p.Data) > MaxPacket {
		return dst, fmt.Errorf("vorbis: packet of %d bytes: %w", len(p.Data), audio.ErrLimit)
	}
	size := d.dec.BufferSize()
	dst = slices.Grow(dst, size)
	n, err := d.decodeInto(p.Data, dst[len(dst):len(dst)+size])
	reorder(dst[len(dst):len(dst)+n], d.order)
	return dst[:len(dst)+n], err
}

// Reset forgets the packet before.
func (d *Decoder) Reset() { d.dec.Clear() }

// conceal appends silence and leaves the next packet nothing to overlap with.
func (d *Decoder) conceal(dst []float32, duration int64) []float32 {
	n := int(min(max(duration, 0), audio.SampleRate)) * d.s.Rate / audio.SampleRate * d.s.Channels
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	clear(dst[start:])
	d.Reset()
	return dst
}

// header takes one header of the next stream in a chain.
func (d *Decoder) header(packet []byte) error {
	switch packet[0] {
	case 1:
		d.heads = Headers{Ident: slices.Clone(packet)}
	case 5:
		d.heads.Setup = packet
		return d.open(d.heads)
	}
	return nil
}

// open makes the stream of h the one to decode, if it can be.
func (d *Decoder) open(h Headers) (err error) {
	s, err := Open(h)
	if err != nil {
		return err
	}
	defer recovered(&err)
	setup := h.Setup
	if s.edited != nil {
		setup = append(setup[:7:7], s.edited...)
		s.edited = nil
	}
	dec := &vorbis.Decoder{}
	for _, header := range [][]byte{h.Ident, setup} { // the library would believe any number of comments
		if err := dec.ReadHeader(header); err != nil {
			return fmt.Errorf("%w: %w", audio.ErrMalformed, err)
		}
	}
	d.dec, d.s, d.order = dec, s, Order(s.Channels)
	return nil
}

// decodeInto guards against the library's habit of finding faults in a packet
// by running out of an array.
func (d *Decoder) decodeInto(packet []byte, buffer []float32) (n int, err error) {
	defer func() {
		if err != nil {
			n = 0
			d.dec.Clear()
		}
	}()
	defer recovered(&err)
	pcm, err := d.dec.DecodeInto(packet, buffer)
	if err != nil {
		return 0, fmt.Errorf("%w: %w", audio.ErrMalformed, err)
	}
	return len(pcm), nil
}

func recovered(err *error) {
	if r := recover(); r != nil {
		*err = malformed(fmt.Sprint(r))
	}
}
