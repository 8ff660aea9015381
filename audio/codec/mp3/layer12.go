package mp3

import mathbits "math/bits"

const (
	scales       = 64 // scale factors, in steps of 2 dB
	blockSlots   = 12 // slots of all subbands that are read and heard at once
	layer2Blocks = 3
)

// spans are the subbands of a Layer II table up to which an allocation has so many
// bits and means these numbers of quantization steps.
type span struct {
	end   int
	bits  int
	steps [16]uint16
}

// layer2Tables are ISO 11172-3, tables B.2a and b, c and d, and ISO 13818-3, B.1.
var layer2Tables = [3][]span{
	{
		{3, 4, [16]uint16{0, 3, 7, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767, 65535}},
		{11, 4, [16]uint16{0, 3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 65535}},
		{23, 3, [16]uint16{0, 3, 5, 7, 9, 15, 31, 65535}},
		{30, 2, [16]uint16{0, 3, 5, 65535}},
	},
	{
		{2, 4, [16]uint16{0, 3, 5, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383, 32767}},
		{12, 3, [16]uint16{0, 3, 5, 9, 15, 31, 63, 127}},
	},
	{
		{4, 4, [16]uint16{0, 3, 5, 7, 9, 15, 31, 63, 127, 255, 511, 1023, 2047, 4095, 8191, 16383}},
		{11, 3, [16]uint16{0, 3, 5, 9, 15, 31, 63, 127}},
		{30, 2, [16]uint16{0, 3, 5, 9}},
	},
}

// layer2Table is which table a frame uses, and how many subbands of it.
func layer2Table(h Header) (spans []span, limit int) {
	rate := h.Bitrate / h.Channels
	switch {
	case h.Version != MPEG1:
		return layer2Tables[2], 30
	case rate != 0 && rate < 56000 && h.Rate == 32000:
		return layer2Tables[1], 12
	case rate != 0 && rate < 56000:
		return layer2Tables[1], 8
	case h.Rate == 48000 || rate != 0 && rate < 96000:
		return layer2Tables[0], 27
	}
	return layer2Tables[0], 30
}

// allocation is what a frame of Layers I and II says about its samples.
type allocation struct {
	limit, bound int // subbands in all, and with samples of their own for each channel
	steps        [subbands][2]int
	scale        [subbands][2][layer2Blocks]uint8
}

// bound is from which subband on both channels share samples.
func (h Header) bound() int {
	if !h.joint {
		return subbands
	}
	return 4 * (h.extension + 1)
}

// layer1 decodes a frame of Layer I.
func (d *Decoder) layer1(h Header, frame []byte, pcm []float32) error {
	r, a := &d.in, &d.alloc
	r.load(frame[h.Body():])
	a.limit, a.bound = subbands, h.bound()
	need := 0
	for sb := range a.limit {
		for ch := range h.Channels {
			if ch == 1 && sb >= a.bound {
				a.steps[sb][1] = a.steps[sb][0]
				continue
			}
			n := r.take(4)
			if n == 15 {
				return malformed("bit allocation")
			}
			a.steps[sb][ch] = 0
			if n > 0 {
				a.steps[sb][ch] = 1<<(n+1) - 1
				need += (n + 1) * blockSlots
			}
		}
	}
	for sb := range a.limit {
		for ch := range h.Channels {
			if a.steps[sb][ch] > 0 {
				a.scale[sb][ch][0] = uint8(r.take(6))
			}
		}
	}
	if r.pos+need > r.end {
		return malformed("frame too short for its samples")
	}
	for slot := range blockSlots {
		d.samples1(h, slot)
	}
	d.hear(h, pcm)
	return nil
}

// samples1 reads one slot of Layer I.
func (d *Decoder) samples1(h Header, slot int) {
	a := &d.alloc
	for sb := range a.limit {
		code := 0
		for ch := range h.Channels {
			v, steps := float32(0), a.steps[sb][ch]
			if steps > 0 {
				if ch == 0 || sb < a.bound {
					code = d.in.take(mathbits.Len(uint(steps)))
				}
				v = float32(2*code-steps+1) / float32(steps) * d.tables.scales[a.scale[sb][ch][0]]
			}
			d.ch[ch].samples[slot*subbands+sb] = v
		}
	}
}

// hear turns the samples of a block into sound.
func (d *Decoder) hear(h Header, pcm []float32) {
	for ch := range h.Channels {
		c := &d.ch[ch]
		d.tables.synthesis.run(&c.bank, &c.samples, blockSlots, pcm[ch:])
	}
}

// layer2 decodes a frame of Layer II.
func (d *Decoder) layer2(h Header, frame []byte, pcm []float32) error {
	r, a := &d.in, &d.alloc
	r.load(frame[h.Body():])
	spans, limit := layer2Table(h)
	a.limit, a.bound = limit, min(h.bound(), limit)
	need := 0
	for sb := range limit {
		for spans[0].end <= sb {
			spans = spans[1:]
		}
		for ch := range h.Channels {
			if ch == 1 && sb >= a.bound {
				a.steps[sb][1] = a.steps[sb][0]
				continue
			}
			a.steps[sb][ch] = int(spans[0].steps[r.take(spans[0].bits)])
			size, n := codeSize(a.steps[sb][ch])
			need += size * n * layer2Blocks * blockSlots / 3
		}
	}
	d.readScale2(h)
	if r.pos+need > r.end {
		return malformed("frame too short for its samples")
	}
	for block := range layer2Blocks {
		for i := 0; i < blockSlots; i += 3 {
			d.samples2(h, i, block)
		}
		d.hear(h, pcm[block*blockSlots*subbands*2:])
	}
	return nil
}

// codeSize is the size of a codeword in bits, and how many are read for three samples.
func codeSize(steps int) (size, n int) {
	switch steps {
	case 0:
		return 0, 0
	case 3:
		return 5, 1
	case 5:
		return 7, 1
	case 9:
		return 10, 1
	}
	return mathbits.Len(uint(steps)), 3
}

// readScale2 reads which scale factors are sent, then those.
func (d *Decoder) readScale2(h Header) {
	r, a := &d.in, &d.alloc
	var shared [subbands][2]int
	for sb := range a.limit {
		for ch := range h.Channels {
			if a.steps[sb][ch] > 0 {
				shared[sb][ch] = r.take(2)
			}
		}
	}
	for sb := range a.limit {
		for ch := range h.Channels {
			if a.steps[sb][ch] == 0 {
				continue
			}
			s := &a.scale[sb][ch]
			s[0] = uint8(r.take(6))
			s[1], s[2] = s[0], s[0]
			switch shared[sb][ch] {
			case 0:
				s[1], s[2] = uint8(r.take(6)), uint8(r.take(6))
			case 1:
				s[2] = uint8(r.take(6))
			case 3:
				s[1] = uint8(r.take(6))
				s[2] = s[1]
			}
		}
	}
}

// samples2 reads three slots of Layer II.
func (d *Decoder) samples2(h Header, slot, block int) {
	a := &d.alloc
	for sb := range subbands {
		var code [3]int
		for ch := range h.Channels {
			out := d.ch[ch].samples[slot*subbands+sb:]
			steps := 0
			if sb < a.limit {
				steps = a.steps[sb][ch]
			}
			if steps == 0 {
				out[0], out[subbands], out[2*subbands] = 0, 0, 0
				continue
			}
			if ch == 0 || sb < a.bound {
				code = d.triplet(steps)
			}
			scale := d.tables.scales[a.scale[sb][ch][block]] / float32(steps)
			for i, c := range code {
				out[i*subbands] = float32(2*c-steps+1) * scale
			}
		}
	}
}

// triplet reads the codes of three samples.
func (d *Decoder) triplet(steps int) (code [3]int) {
	size, n := codeSize(steps)
	if n == 1 {
		v := d.in.take(size)
		return [3]int{v % steps, v / steps % steps, v / steps / steps % steps}
	}
	for i := range code {
		code[i] = d.in.take(size)
	}
	return code
}
