// Package pcm turns uncompressed samples of every usual kind into float32.
package pcm

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"segue/audio"
)

// Width is the number of bytes of one sample of the named kind ("pcm_s16le",
// "pcm_alaw", …), or 0 if there is no such kind.
func Width(name string) int {
	switch name {
	case "pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw":
		return 1
	case "pcm_s16le", "pcm_s16be":
		return 2
	case "pcm_s24le", "pcm_s24be":
		return 3
	case "pcm_s32le", "pcm_s32be", "pcm_f32le", "pcm_f32be":
		return 4
	case "pcm_f64le", "pcm_f64be":
		return 8
	}
	return 0
}

// Decoder decodes packets of whole sample frames.
type Decoder struct {
	rate, channels, width int
	table                 *[256]float32 // for kinds of one byte
	one                   func(b []byte) float32
}

// NewDecoder returns a decoder for samples of the named kind. The error wraps
// audio.ErrUnsupported.
func NewDecoder(name string, rate, channels int) (*Decoder, error) {
	d := &Decoder{rate: rate, channels: channels, width: Width(name)}
	if d.width == 0 || rate <= 0 || channels <= 0 {
		return nil, fmt.Errorf("pcm: %s at %d Hz in %d channels: %w", name, rate, channels, audio.ErrUnsupported)
	}
	le, be := binary.LittleEndian, binary.BigEndian
	switch name {
	case "pcm_u8", "pcm_s8", "pcm_alaw", "pcm_mulaw":
		d.table = table(name)
	case "pcm_s16le":
		d.one = func(b []byte) float32 { return float32(int16(le.Uint16(b))) / (1 << 15) }
	case "pcm_s16be":
		d.one = func(b []byte) float32 { return float32(int16(be.Uint16(b))) / (1 << 15) }
	case "pcm_s24le":
		d.one = func(b []byte) float32 { return whole(uint32(b[0])<<8 | uint32(b[1])<<16 | uint32(b[2])<<24) }
	case "pcm_s24be":
		d.one = func(b []byte) float32 { return whole(uint32(b[2])<<8 | uint32(b[1])<<16 | uint32(b[0])<<24) }
	case "pcm_s32le":
		d.one = func(b []byte) float32 { return whole(le.Uint32(b)) }
	case "pcm_s32be":
		d.one = func(b []byte) float32 { return whole(be.Uint32(b)) }
	case "pcm_f32le":
		d.one = func(b []byte) float32 { return sane(math.Float32frombits(le.Uint32(b))) }
	case "pcm_f32be":
		d.one = func(b []byte) float32 { return sane(math.Float32frombits(be.Uint32(b))) }
	case "pcm_f64le":
		d.one = func(b []byte) float32 { return sane(float32(math.Float64frombits(le.Uint64(b)))) }
	case "pcm_f64be":
		d.one = func(b []byte) float32 { return sane(float32(math.Float64frombits(be.Uint64(b)))) }
	}
	return d, nil
}

// Format is what NewDecoder was told.
func (d *Decoder) Format() (rate, channels int) { return d.rate, d.channels }

// Reset does nothing: samples do not depend on each other.
func (d *Decoder) Reset() {}

// Decode appends the samples of p, which must be whole sample frames: else nothing
// is appended and the error wraps audio.ErrMalformed. In place of a lost packet
// there is silence.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	frame := d.width * d.channels
	if len(p.Data)%frame != 0 {
		return dst, fmt.Errorf("pcm: %d bytes in frames of %d: %w", len(p.Data), frame, audio.ErrMalformed)
	}
	n := len(p.Data) / frame * d.channels
	if len(p.Data) == 0 {
		n = int(min(max(p.Duration, 0), audio.SampleRate)*int64(d.rate)/audio.SampleRate) * d.channels
	}
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	d.convert(dst[start:], p.Data)
	return dst, nil
}

func (d *Decoder) convert(out []float32, b []byte) {
	switch {
	case len(b) == 0:
		clear(out)
	case d.table != nil:
		for i := range out {
			out[i] = d.table[b[i]]
		}
	default:
		for i := range out {
			out[i] = d.one(b[i*d.width:])
		}
	}
}

// whole scales a 32-bit integer to -1..1.
func whole(v uint32) float32 { return float32(float64(int32(v)) / (1 << 31)) }

// sane keeps what is not a number, or is far beyond any sound, away from the
// filters, in whose memory it would stay.
func sane(v float32) float32 {
	if !(v >= -256 && v <= 256) {
		return 0
	}
	return v
}

// table has the value of each byte of a one-byte kind.
func table(name string) *[256]float32 {
	var t [256]float32
	for i := range t {
		switch b := byte(i); name {
		case "pcm_u8":
			t[i] = float32(int(b)-128) / 128
		case "pcm_s8":
			t[i] = float32(int8(b)) / 128
		case "pcm_alaw":
			t[i] = aLaw(b)
		case "pcm_mulaw":
			t[i] = muLaw(b)
		}
	}
	return &t
}

// aLaw expands one byte as ITU-T G.711 says.
func aLaw(b byte) float32 {
	b ^= 0x55
	v, segment := int(b&15)<<4+8, b>>4&7
	if segment > 0 {
		v = (v + 0x100) << (segment - 1)
	}
	if b&0x80 == 0 {
		v = -v
	}
	return float32(v) / (1 << 15)
}

// muLaw expands one byte as ITU-T G.711 says.
func muLaw(b byte) float32 {
	b = ^b
	v := (int(b&15)<<3+0x84)<<(b>>4&7) - 0x84
	if b&0x80 != 0 {
		v = -v
	}
	return float32(v) / (1 << 15)
}
