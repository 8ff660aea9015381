package mp3

import (
	"math"
	"slices"
	"sync"

	"segue/audio"
)

// DecoderDelay is by how many samples the output of any Layer III decoder trails
// the encoder's frames: 528 of the filter bank and 1.
const DecoderDelay = 529

const gainBias = 384 // where gains begin to be above 1

// tables are what decoding looks up. They never change and all decoders share them.
type tables struct {
	huffman   *huffman
	hybrid    *hybrid
	synthesis *synthesis
	gains     [2 * gainBias]float32 // powers of two in quarters, from -gainBias
	ratios    [7]float32            // of the left channel, by intensity position
	scales    [scales]float32       // of Layers I and II
}

var shared = sync.OnceValue(func() *tables {
	t := &tables{huffman: newHuffman(), hybrid: newHybrid(), synthesis: newSynthesis()}
	for i := range t.gains {
		t.gains[i] = float32(math.Exp2(float64(i-gainBias) / 4))
	}
	for i := range t.ratios {
		sin, cos := math.Sincos(math.Pi / 12 * float64(i))
		t.ratios[i] = float32(sin / (sin + cos))
	}
	for i := range t.scales {
		t.scales[i] = float32(math.Exp2(1 - float64(i)/3))
	}
	return t
})

// A channel is what a decoder works with and remembers of one channel.
type channel struct {
	bands   bands
	factors factors
	lines   [lineCount + 4]float32
	used    int // lines that are not all 0
	over    [subbands][perBand]float32
	samples samples
	bank    bank
}

// Decoder decodes frames of MPEG audio, all versions and layers, to stereo; mono comes
// out on both sides. Checksums are not looked at.
type Decoder struct {
	rate, layer int
	channels    int // of the frame before; 0 if there is none
	tables      *tables
	in          bits
	side        [2][2]granule // by granule, then channel
	alloc       allocation
	ch          [2]channel
	spare       [lineCount]float32
	reservoir   [maxReservoir]byte
	kept        int // bytes in the reservoir
	main        [maxReservoir + MaxPacket]byte
}

// NewDecoder returns a decoder that says rate until the first frame tells.
func NewDecoder(rate int) *Decoder { return &Decoder{rate: rate, tables: shared()} }

// Format is the rate of the frame last decoded, and 2.
func (d *Decoder) Format() (rate, channels int) { return d.rate, 2 }

// Reset forgets the frames before.
func (d *Decoder) Reset() {
	d.kept, d.layer, d.channels = 0, 0, 0
	for i := range d.ch {
		c := &d.ch[i]
		c.over, c.bank, c.factors = [subbands][perBand]float32{}, bank{}, factors{}
	}
}

// Decode appends the samples of the frame in p, Header.Samples per channel. One in
// free format is taken to be all of p. A frame that builds on ones not seen (after a
// seek) comes out silent, as does a lost one. Errors wrap audio.ErrMalformed.
func (d *Decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	start := len(dst)
	if len(p.Data) == 0 {
		n := int(min(max(p.Duration, 0), audio.SampleRate) * int64(d.rate) / audio.SampleRate)
		d.Reset()
		return silence(dst, n*2), nil
	}
	h, ok := ParseHeader(p.Data)
	if !ok {
		return dst, malformed("packet is not a frame")
	}
	size := h.Size
	if size == 0 {
		size = len(p.Data)
	}
	if len(p.Data) < size || size < h.Body() || h.Layer == 3 && size < h.Body()+h.SideInfo() {
		return dst, malformed("frame cut off")
	}
	if size > MaxPacket {
		return dst, malformed("frame too long")
	}
	if h.Layer != d.layer || h.Rate != d.rate {
		d.Reset()
		d.layer, d.rate = h.Layer, h.Rate
	}
	dst = silence(dst, 2*h.Samples)
	if err := d.frame(h, p.Data[:size], dst[start:]); err != nil {
		return dst[:start], err
	}
	return dst, nil
}

// frame decodes into pcm, which is as long as the frame.
func (d *Decoder) frame(h Header, frame []byte, pcm []float32) error {
	if h.Channels == 2 && d.channels == 1 {
		d.ch[1].over, d.ch[1].bank = d.ch[0].over, d.ch[0].bank
	}
	d.channels = h.Channels
	var err error
	switch h.Layer {
	case 1:
		err = d.layer1(h, frame, pcm)
	case 2:
		err = d.layer2(h, frame, pcm)
	default:
		err = d.layer3(h, frame, pcm)
	}
	if err != nil {
		return err
	}
	if h.Channels == 1 {
		for i := 0; i+1 < len(pcm); i += 2 {
			pcm[i+1] = pcm[i]
		}
	}
	return nil
}

// silence appends n values of 0.
func silence(dst []float32, n int) []float32 {
	start := len(dst)
	dst = slices.Grow(dst, n)[:start+n]
	clear(dst[start:])
	return dst
}
