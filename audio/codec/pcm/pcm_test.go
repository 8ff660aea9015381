package pcm

import (
	"errors"
	"math"
	"slices"
	"testing"

	"segue/audio"
)

func TestEveryKindScalesToOne(t *testing.T) {
	for name, c := range map[string]struct {
		data string
		want []float32
	}{
		"pcm_u8":    {"\x80\x00\xff", []float32{0, -1, 127.0 / 128}},
		"pcm_s8":    {"\x00\x80\x7f", []float32{0, -1, 127.0 / 128}},
		"pcm_s16le": {"\x00\x00\x00\x80\x00\x40", []float32{0, -1, 0.5}},
		"pcm_s16be": {"\x00\x00\x80\x00\x40\x00", []float32{0, -1, 0.5}},
		"pcm_s24le": {"\x00\x00\x80\x00\x00\x40\x01\x00\x00", []float32{-1, 0.5, 1.0 / (1 << 23)}},
		"pcm_s24be": {"\x80\x00\x00\x40\x00\x00\x00\x00\x01", []float32{-1, 0.5, 1.0 / (1 << 23)}},
		"pcm_s32le": {"\x00\x00\x00\x80\x00\x00\x00\x40", []float32{-1, 0.5}},
		"pcm_s32be": {"\x80\x00\x00\x00\x40\x00\x00\x00", []float32{-1, 0.5}},
		"pcm_f32le": {"\x00\x00\x00\x3f\x00\x00\xc0\x7f\x00\x00\x80\xff", []float32{0.5, 0, 0}},
		"pcm_f32be": {"\x3f\x00\x00\x00", []float32{0.5}},
		"pcm_f64le": {"\x00\x00\x00\x00\x00\x00\xe0\x3f", []float32{0.5}},
		"pcm_f64be": {"\x3f\xe0\x00\x00\x00\x00\x00\x00", []float32{0.5}},
		// G.711's largest and smallest values
		"pcm_alaw":  {"\xaa\x2a\xd5\x55", []float32{32256.0 / 32768, -32256.0 / 32768, 8.0 / 32768, -8.0 / 32768}},
		"pcm_mulaw": {"\x80\x00\xff\x7f", []float32{32124.0 / 32768, -32124.0 / 32768, 0, 0}},
	} {
		d, err := NewDecoder(name, 48000, 1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode([]float32{9}, audio.Packet{Data: []byte(c.data)})
		if err != nil || !slices.Equal(got[1:], c.want) || got[0] != 9 {
			t.Errorf("%s: %v, %v, want %v", name, got, err, c.want)
		}
		if Width(name)*len(c.want) != len(c.data) {
			t.Errorf("%s: width %d", name, Width(name))
		}
	}
}

func TestWhatIsNotWholeIsRefused(t *testing.T) {
	d, _ := NewDecoder("pcm_s16le", 44100, 2)
	if got, err := d.Decode(nil, audio.Packet{Data: make([]byte, 7)}); len(got) != 0 || !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("%d values, %v", len(got), err)
	}
	if got, err := d.Decode(nil, audio.Packet{Duration: 480}); len(got) != 441*2 || err != nil {
		t.Errorf("a lost packet is %d values, %v", len(got), err)
	}
	d.Reset()
	if rate, channels := d.Format(); rate != 44100 || channels != 2 {
		t.Errorf("%d Hz, %d channels", rate, channels)
	}
	for _, bad := range []struct {
		name           string
		rate, channels int
	}{{"pcm_s12le", 48000, 2}, {"opus", 48000, 2}, {"pcm_u8", 0, 1}, {"pcm_u8", 8000, 0}} {
		if _, err := NewDecoder(bad.name, bad.rate, bad.channels); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func FuzzPCM(f *testing.F) {
	f.Add(uint8(3), []byte{1, 2, 3, 4, 5, 6, 7, 8})
	names := []string{"pcm_u8", "pcm_s24le", "pcm_s32be", "pcm_f32le", "pcm_f64be", "pcm_alaw"}
	f.Fuzz(func(t *testing.T, kind uint8, b []byte) {
		d, _ := NewDecoder(names[int(kind)%len(names)], 48000, 1+int(kind)%3)
		pcm, _ := d.Decode(nil, audio.Packet{Data: b})
		for _, v := range pcm {
			if math.IsNaN(float64(v)) || v > 256 || v < -256 {
				t.Fatal(v)
			}
		}
	})
}

func BenchmarkS16(b *testing.B) {
	d, _ := NewDecoder("pcm_s16le", 48000, 2)
	p, dst := audio.Packet{Data: make([]byte, 3840)}, make([]float32, 0, 1920)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = d.Decode(dst, p)
	}
}
