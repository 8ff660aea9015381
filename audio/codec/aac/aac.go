// Package aac decodes AAC-LC and HE-AAC, the first version and the second, after
// ISO/IEC 14496-3, subpart 4.
package aac

import (
	"fmt"
	"slices"

	"segue/audio"
	"segue/audio/codec/aac/bits"
)

// FrameSamples is how many samples per channel a frame of the core decodes to. With
// an extension there are twice as many, at twice the rate.
const FrameSamples = long

const maxChannels = 8

// Elements of a frame, by their numbers in the stream.
const (
	single = iota
	pair
	coupling
	lfe
	dataStream
	program
	fill
	end
)

// Decoder decodes frames (raw_data_block). It is for one goroutine at a time.
type Decoder struct {
	config Config
	voices []voice
	specs  []ics // by channel
	heard  [maxChannels]bool
	mask   [maxBands]bool
	seed   uint32
	work   scratch

	extension *extension // nil while the core is all there is
}

// NewDecoder returns a decoder for what private, an AudioSpecificConfig,
// describes. Errors are those of ParseConfig.
func NewDecoder(private []byte) (*Decoder, error) {
	c, err := ParseConfig(private)
	if err != nil {
		return nil, err
	}
	n := slices.Max(c.order) + 1
	d := &Decoder{config: c, voices: make([]voice, n), specs: make([]ics, n), seed: 1}
	if c.Extended {
		d.extend()
	}
	return d, nil
}

// Format is the rate and channel count of what Decode gives. An extension doubles
// the configuration's rate, and parametric stereo makes two channels of one; where
// the configuration does not tell of them, the first frame that has them does, and
// all after it are doubled whether they have them or not. Three and more channels
// are in WAVE order; a single back channel beside three in front comes out on both
// sides, so that four make five.
func (d *Decoder) Format() (rate, channels int) {
	if d.extension != nil {
		return 2 * d.config.Rate, d.extension.channels(&d.config)
	}
	return d.config.Rate, d.config.Channels
}

// Reset forgets the frames before, but not of what kind they were.
func (d *Decoder) Reset() {
	clear(d.voices)
	d.seed = 1
	if d.extension != nil {
		d.extension.reset()
	}
}

// Decode appends the samples of the frame in p: 1024 per channel, or twice as many
// where there is an extension. A frame without
// data stands for a lost one: the end of the frame before rings out, for as long
// as p lasts. Errors wrap audio.ErrMalformed or audio.ErrUnsupported; after one the
// decoder goes on with the next frame.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) == 0 {
		return d.conceal(dst, p.Duration), nil
	}
	clear(d.heard[:])
	was := d.extension
	if err := d.read(&bits.Reader{B: p.Data}); err != nil {
		if d.extension = was; was != nil {
			was.drop()
		}
		return dst, err
	}
	return d.synthesize(dst), nil
}

// read reads the elements of a frame.
func (d *Decoder) read(r *bits.Reader) error {
	var met [end]int
	slot := -1 // of the element before
	for r.Left() >= 3 {
		kind := r.Read(3)
		switch kind {
		case single, pair, lfe:
			r.Read(4)
			if slot = d.config.slot(kind, met[kind]); slot < 0 {
				return malformed("a channel too many")
			}
			if err := d.element(r, d.config.slots[slot]); err != nil {
				return err
			}
			met[kind]++
		case coupling:
			return fmt.Errorf("aac: coupling channel: %w", audio.ErrUnsupported)
		case dataStream:
			r.Read(4)
			align := r.Flag()
			n := r.Read(8)
			if n == 255 {
				n += r.Read(8)
			}
			if align {
				r.Align()
			}
			r.Pos += 8 * n
		case program:
			readProgram(r)
		case fill:
			n := r.Read(4)
			if n == 15 {
				n += r.Read(8) - 1
			}
			d.fill(r, slot, n)
		case end:
			return d.check(r)
		}
	}
	return d.check(r)
}

// check says whether a frame read up to here is one.
func (d *Decoder) check(r *bits.Reader) error {
	if r.Over() {
		return malformed("frame cut off")
	}
	for _, heard := range d.heard {
		if heard {
			return nil
		}
	}
	return malformed("frame without sound")
}

// element reads the element of a slot.
func (d *Decoder) element(r *bits.Reader, at slot) error {
	if at.kind == pair {
		return d.pair(r, at.first)
	}
	s := &d.specs[at.first]
	if err := s.read(r, d.config.layout, false); err != nil {
		return err
	}
	s.noise(&d.seed, nil, nil)
	s.filter(d.config.layout)
	d.heard[at.first] = true
	return nil
}

// pair reads a channel_pair_element.
func (d *Decoder) pair(r *bits.Reader, at int) error {
	left, right, l := &d.specs[at], &d.specs[at+1], d.config.layout
	common := r.Flag()
	kind := 0
	clear(d.mask[:])
	if common {
		if err := left.readInfo(r, l); err != nil {
			return err
		}
		right.copyInfo(left)
		if kind = r.Read(2); kind == 3 {
			return malformed("stereo mask")
		}
		for i := range left.groups * left.last {
			d.mask[i] = kind == 2 || kind == 1 && r.Flag()
		}
	}
	if err := left.read(r, l, common); err != nil {
		return err
	}
	if err := right.read(r, l, common); err != nil {
		return err
	}
	left.noise(&d.seed, nil, nil)
	if common {
		right.noise(&d.seed, left, &d.mask)
		middle(left, right, &d.mask)
		intensity(left, right, &d.mask)
	} else {
		right.noise(&d.seed, nil, nil)
	}
	left.filter(l)
	right.filter(l)
	d.heard[at], d.heard[at+1] = true, true
	return nil
}

// synthesize appends the sound of the spectra.
func (d *Decoder) synthesize(dst []float32) []float32 {
	if d.extension != nil {
		return d.extended(dst)
	}
	start, n := len(dst), d.config.Channels
	dst = slices.Grow(dst, long*n)[:start+long*n]
	for out, ch := range d.config.order {
		if to := dst[start+out:]; !d.config.again(out) {
			d.voice(ch, to, n)
		}
	}
	d.config.repeat(dst[start:], n)
	return dst
}

// voice turns the spectrum of a channel into the samples to[0], to[step], … A channel
// not heard of is silent.
func (d *Decoder) voice(ch int, to []float32, step int) {
	s := &d.specs[ch]
	if !d.heard[ch] {
		clear(s.spec[:])
		s.sequence = onlyLong
	}
	tame(&s.spec)
	shared.bank.synthesize(&d.voices[ch], &d.work, &s.spec, s.sequence, s.shape, to, step)
}

// loudest is far more than any spectrum of full scale has.
const loudest = 1 << 16

// tame takes out what only damage can have put in: it would be heard as a bang, or
// never end as a number that is none.
func tame(spec *[long]float32) {
	for i, x := range spec {
		if !(x <= loudest && x >= -loudest) {
			spec[i] = 0
		}
	}
}

// conceal appends as many samples as duration has, at 48 kHz and at most a second.
func (d *Decoder) conceal(dst []float32, duration int64) []float32 {
	rate, channels := d.Format()
	n := int(min(max(duration, 0), audio.SampleRate)*int64(rate)/audio.SampleRate) * channels
	start := len(dst)
	clear(d.heard[:])
	dst = d.synthesize(dst)
	if have := len(dst) - start; have < n {
		dst = slices.Grow(dst, n-have)[:start+n]
		clear(dst[start+have:])
	}
	return dst[:start+n]
}
