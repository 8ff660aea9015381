package flac_test

import (
	"bytes"
	"errors"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/flac"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

func sweep(t testing.TB) ([]byte, []audio.Packet) {
	t.Helper()
	b := containertest.File(t, "sweep.flac")
	return containertest.Open(t, container.Open, containertest.Media(b)).Codec().Private, containertest.Packets(t, container.Open, b)
}

func malformed(err error) bool { return errors.Is(err, audio.ErrMalformed) }

func decoder(t testing.TB, private []byte) *flac.Decoder {
	t.Helper()
	d, err := flac.NewDecoder(private)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecoderKeepsItsPromises(t *testing.T) {
	private, packets := sweep(t)
	audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder { return decoder(t, private) }, packets)
}

func crc8(b []byte) (c byte) {
	for _, x := range b {
		c ^= x
		for range 8 {
			c = c<<1 ^ c>>7*7
		}
	}
	return c
}

func TestFrameHeadersOfEveryKind(t *testing.T) {
	head := func(b ...byte) []byte { return append(append(b, crc8(b)), 0, 0, 0) }
	for name, c := range map[string]struct {
		b    []byte
		want flac.FrameHeader
		ok   bool
	}{
		"fixed":             {head(0xff, 0xf8, 0xc9, 0x18, 5), flac.FrameHeader{Block: 4096, Rate: 44100, Channels: 2, Bits: 16, Number: 5, Size: 6}, true},
		"variable, long":    {head(0xff, 0xf9, 0x12, 0xaa, 0xfe, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81), flac.FrameHeader{Block: 192, Rate: 176400, Channels: 2, Bits: 20, Stereo: flac.MidSide, Variable: true, Number: 1, Size: 12}, true},
		"8-bit block":       {head(0xff, 0xf8, 0x60, 0x00, 0, 99), flac.FrameHeader{Block: 100, Channels: 1, Size: 7}, true},
		"16-bit, kHz":       {head(0xff, 0xf8, 0x7c, 0x72, 0, 0x12, 0x33, 48), flac.FrameHeader{Block: 0x1234, Rate: 48000, Channels: 8, Bits: 8, Size: 9}, true},
		"Hz":                {head(0xff, 0xf8, 0x5d, 0x04, 0, 0x89, 0x8b), flac.FrameHeader{Block: 4608, Rate: 35211, Channels: 1, Bits: 12, Size: 8}, true},
		"tens of Hz":        {head(0xff, 0xf8, 0x5e, 0x0c, 0, 0x0f, 0x3c), flac.FrameHeader{Block: 4608, Rate: 39000, Channels: 1, Bits: 24, Size: 8}, true},
		"block 65536":       {head(0xff, 0xf8, 0x70, 0x00, 0, 0xff, 0xff), flac.FrameHeader{Block: 65536, Channels: 1, Size: 8}, true},
		"reserved block":    {head(0xff, 0xf8, 0x09, 0x18, 0), flac.FrameHeader{}, false},
		"reserved rate":     {head(0xff, 0xf8, 0xcf, 0x18, 0), flac.FrameHeader{}, false},
		"rate of zero":      {head(0xff, 0xf8, 0xcc, 0x18, 0, 0), flac.FrameHeader{}, false},
		"reserved channels": {head(0xff, 0xf8, 0xc9, 0xb8, 0), flac.FrameHeader{}, false},
		"reserved bits":     {head(0xff, 0xf8, 0xc9, 0x16, 0), flac.FrameHeader{}, false},
		"reserved bit":      {head(0xff, 0xf8, 0xc9, 0x19, 0), flac.FrameHeader{}, false},
		"bad number":        {head(0xff, 0xf8, 0xc9, 0x18, 0x80), flac.FrameHeader{}, false},
		"bad continuation":  {head(0xff, 0xf8, 0xc9, 0x18, 0xc2, 0x40), flac.FrameHeader{}, false},
		"frame too high":    {head(0xff, 0xf8, 0xc9, 0x18, 0xfe, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80), flac.FrameHeader{}, false},
		"wrong checksum":    {[]byte{0xff, 0xf8, 0xc9, 0x18, 5, 0, 0, 0}, flac.FrameHeader{}, false},
	} {
		got, ok := flac.ParseFrameHeader(c.b)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
		for cut := range c.b {
			flac.ParseFrameHeader(c.b[:cut])
		}
	}
}

func TestWhatCannotBeDecoded(t *testing.T) {
	private, packets := sweep(t)
	d := decoder(t, private)
	bad := bytes.Clone(packets[0].Data)
	bad[50] ^= 1
	for name, data := range map[string][]byte{"no frame": []byte("whatever this is"), "damaged": bad, "cut": packets[0].Data[:100], "too long": append(bytes.Clone(packets[0].Data), make([]byte, flac.MaxPacket)...)} {
		if pcm, err := d.Decode(nil, audio.Packet{Data: data}); len(pcm) > 0 || !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrLimit) {
			t.Errorf("%s: %d values, %v", name, len(pcm), err)
		}
	}
	if pcm, err := d.Decode(nil, audio.Packet{Duration: 960}); len(pcm) != 160 || err != nil {
		t.Errorf("a lost frame is %d values, %v", len(pcm), err)
	}
	if ints, bits, err := d.DecodeInt(nil, audio.Packet{Duration: 960}); len(ints) != 160 || bits != 16 || err != nil {
		t.Errorf("a lost frame is %d numbers of %d bits, %v", len(ints), bits, err)
	}
	for _, b := range [][]byte{nil, private[:33], make([]byte, 34)} {
		if _, err := flac.NewDecoder(b); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%d bytes: %v", len(b), err)
		}
	}
}
