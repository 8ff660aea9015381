// Package ps decodes the parametric stereo of HE-AAC v2 (ISO/IEC 14496-3, 8.6.4):
// out of one channel, and a description of how two differ, it makes two.
package ps

import (
	"segue/audio/codec/aac/bits"
	"segue/audio/codec/aac/qmf"
)

// Decoder makes stereo. The zero value is ready. It is for one goroutine at a time.
type Decoder struct {
	said   parameters
	fresh  bool    // they are for the frame to come
	layout *layout // nil before the first header
	window window
	second decorrelator
	mixer  mixer

	left, right [maxSubbands]complex64 // of a slot
}

// Reset forgets all there was.
func (d *Decoder) Reset() { *d = Decoder{} }

// Read reads ps_data, which says how to make stereo of the frame to come. It is to be
// all that is left of r, except for the bits that fill a last byte. Errors wrap
// audio.ErrMalformed; after one, as without a Read before a frame, what was said last
// holds on.
func (d *Decoder) Read(r *bits.Reader) error {
	p := d.said
	if err := p.read(r); err != nil {
		return err
	}
	d.said, d.fresh = p, true
	return nil
}

// Apply makes the left channel of x, which is mono, and fills right. Before anything
// was read both are what x was. The slots after the frame are not made: they are only
// looked at, and what Apply leaves there means nothing.
func (d *Decoder) Apply(x, right *qmf.Matrix) {
	d.window.advance(x)
	p := &d.said
	if !p.started {
		*right = *x
		return
	}
	if !d.fresh {
		p.hold()
	}
	d.fresh = false
	d.arrange(p.layout(d.layout))
	start := 0
	for e, end := range p.ends[:p.envelopes] {
		d.mixer.aim(d.layout, p, e, end-start)
		for n := start; n < end; n++ {
			d.slot(n, &x[n], &right[n])
		}
		d.mixer.arrive()
		start = end
	}
	d.second.settle()
}

// arrange goes on with subbands and bands of l.
func (d *Decoder) arrange(l *layout) {
	switch {
	case l == d.layout:
		return
	case d.layout == nil:
		d.mixer.begin()
	case l == layout20:
		d.mixer.relay(narrowing)
	default:
		d.mixer.relay(widening)
	}
	d.layout, d.second = l, decorrelator{}
}

// slot makes stereo of slot n, which is in x.
func (d *Decoder) slot(n int, x, right *[qmf.Bands]complex64) {
	l, in := d.layout, d.second.in()
	l.analyze(&d.window, n, x, in)
	d.second.run(l)
	d.mixer.glide(l)
	d.mixer.mix(l, in, &d.second, &d.left, &d.right)
	l.synthesize(&d.left, x)
	l.synthesize(&d.right, right)
}
