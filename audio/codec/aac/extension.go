package aac

import (
	"slices"

	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/sbr"
)

// Kinds of extension_payload.
const (
	payloadSBR        = 13
	payloadCheckedSBR = 14
)

// An extension is spectral band replication for all elements of a frame: also those
// that have no data for it come out at twice the rate.
type extension struct {
	elements []*sbr.Element // by slot
	room     sbr.Scratch
	core     [2][sbr.FrameIn]float32
}

// extend begins with the extension.
func (d *Decoder) extend() {
	x := &extension{}
	rate := 2 * d.config.layout.rate
	for _, s := range d.config.slots {
		x.elements = append(x.elements, sbr.New(rate, s.kind == pair))
	}
	d.extension = x
}

// channels is how many come out.
func (x *extension) channels(c *Config) int {
	if c.Channels == 1 && x.elements[0].Stereo() {
		return 2
	}
	return c.Channels
}

// drop forgets what was read of a frame that came to nothing.
func (x *extension) drop() {
	for _, e := range x.elements {
		e.Drop()
	}
}

func (x *extension) reset() {
	for _, e := range x.elements {
		e.Reset()
	}
}

// fill reads the n bytes of a fill_element, which may have the extension of the
// element before it: that in slot, or none if it is negative.
func (d *Decoder) fill(r *bits.Reader, slot, n int) {
	at, end := r.Pos, r.Pos+8*n
	r.Pos = end
	if n == 0 || slot < 0 || d.config.slots[slot].kind == lfe || d.config.plain || end > 8*len(r.B) {
		return
	}
	// The payload may end within a byte of the frame.
	p := &bits.Reader{B: r.B[:(end+7)/8], Pos: at}
	kind := p.Read(4)
	if kind != payloadSBR && kind != payloadCheckedSBR {
		return
	}
	if d.extension == nil {
		d.extend()
	}
	d.extension.elements[slot].Read(p, kind == payloadCheckedSBR, d.config.Channels == 1)
}

// extended appends the sound of the spectra and their extension.
func (d *Decoder) extended(dst []float32) []float32 {
	x := d.extension
	start, n := len(dst), x.channels(&d.config)
	dst = slices.Grow(dst, sbr.FrameOut*n)[:start+sbr.FrameOut*n]
	for i, s := range d.config.slots {
		left := dst[start+slices.Index(d.config.order, s.first):]
		d.voice(s.first, x.core[0][:], 1)
		var right []float32
		switch {
		case s.kind == pair:
			d.voice(s.first+1, x.core[1][:], 1)
			right = dst[start+slices.Index(d.config.order, s.first+1):]
		case n > d.config.Channels:
			right = dst[start+1:]
		}
		x.elements[i].Process(&x.room, &x.core, left, right, n)
	}
	d.config.repeat(dst[start:], n)
	return dst
}
