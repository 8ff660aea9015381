package mp3_test

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/mp3"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

func sweep(t testing.TB) []audio.Packet {
	t.Helper()
	return containertest.Packets(t, container.Open, containertest.File(t, "sweep.mp3"))
}

func TestDecoderKeepsItsPromises(t *testing.T) {
	for name, packets := range map[string][]audio.Packet{
		"MPEG-2 III": sweep(t),
		"MPEG-1 III": vector(t, "l3-hecommon").packets(t),
		"II":         vector(t, "l2-fl10").packets(t),
		"I":          vector(t, "l1-fl1").packets(t),
	} {
		t.Run(name, func(t *testing.T) {
			audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder { return mp3.NewDecoder(44100) }, packets)
		})
	}
}

func TestAFrameThatBuildsOnOthersIsSilentNotNoise(t *testing.T) {
	packets := sweep(t)
	want := decode(t, mp3.NewDecoder(22050), packets)
	for _, from := range []int{5, 11, 30} { // as after a seek
		got := decode(t, mp3.NewDecoder(22050), packets[from:])
		rest := want[from*576*2:]
		for i := range got {
			if v := math.Abs(float64(got[i])); v > 0.6 {
				t.Fatalf("from frame %d: a sample of %.2f in a sweep of 0.4", from, v)
			}
			if i > 10*576*2 && got[i] != rest[i] {
				t.Fatalf("from frame %d: sample %d is %v, want %v", from, i, got[i], rest[i])
			}
		}
	}
}

func decode(t testing.TB, d *mp3.Decoder, packets []audio.Packet) (pcm []float32) {
	t.Helper()
	for i, p := range packets {
		var err error
		if pcm, err = d.Decode(pcm, p); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	return pcm
}

func TestHeadersOfEveryKind(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		want mp3.Header
		ok   bool
	}{
		"MPEG-1 III":   {"\xff\xfb\x90\x00", mp3.Header{Layer: 3, Bitrate: 128000, Rate: 44100, Channels: 2, Samples: 1152, Size: 417}, true},
		"padded":       {"\xff\xfb\x92\x00", mp3.Header{Layer: 3, Bitrate: 128000, Rate: 44100, Channels: 2, Samples: 1152, Size: 418, Padding: 1}, true},
		"mono, CRC":    {"\xff\xfa\xe4\xc0", mp3.Header{Layer: 3, Bitrate: 320000, Rate: 48000, Channels: 1, Samples: 1152, Size: 960, CRC: true}, true},
		"MPEG-2 III":   {"\xff\xf3\x80\xc0", mp3.Header{Version: mp3.MPEG2, Layer: 3, Bitrate: 64000, Rate: 22050, Channels: 1, Samples: 576, Size: 208}, true},
		"MPEG-2.5 III": {"\xff\xe3\x88\xc0", mp3.Header{Version: mp3.MPEG25, Layer: 3, Bitrate: 64000, Rate: 8000, Channels: 1, Samples: 576, Size: 576}, true},
		"MPEG-1 II":    {"\xff\xfd\xe8\x00", mp3.Header{Layer: 2, Bitrate: 384000, Rate: 32000, Channels: 2, Samples: 1152, Size: 1728}, true},
		"MPEG-1 I":     {"\xff\xff\xe4\x00", mp3.Header{Layer: 1, Bitrate: 448000, Rate: 48000, Channels: 2, Samples: 384, Size: 448}, true},
		"padded I":     {"\xff\xff\xe2\x00", mp3.Header{Layer: 1, Bitrate: 448000, Rate: 44100, Channels: 2, Samples: 384, Size: 488, Padding: 4}, true},
		"MPEG-2 I":     {"\xff\xf7\xe4\x00", mp3.Header{Version: mp3.MPEG2, Layer: 1, Bitrate: 256000, Rate: 24000, Channels: 2, Samples: 384, Size: 512}, true},
		"MPEG-2 II":    {"\xff\xf5\xe4\x00", mp3.Header{Version: mp3.MPEG2, Layer: 2, Bitrate: 160000, Rate: 24000, Channels: 2, Samples: 1152, Size: 960}, true},
		"free format":  {"\xff\xfb\x00\x00", mp3.Header{Layer: 3, Rate: 44100, Channels: 2, Samples: 1152}, true},
		"version 1":    {"\xff\xeb\x90\x00", mp3.Header{}, false},
		"layer 0":      {"\xff\xf9\x90\x00", mp3.Header{}, false},
		"bit rate 15":  {"\xff\xfb\xf0\x00", mp3.Header{}, false},
		"rate 3":       {"\xff\xfb\x9c\x00", mp3.Header{}, false},
		"emphasis 2":   {"\xff\xfb\x90\x02", mp3.Header{}, false},
		"no sync":      {"\xff\x1b\x90\x00", mp3.Header{}, false},
		"short":        {"\xff\xfb\x90", mp3.Header{}, false},
	} {
		got, ok := mp3.ParseHeader([]byte(c.b))
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v, %v", name, got, ok)
		}
		if ok && (got.Name() != "mp"+string(rune('0'+got.Layer)) || got.Supported() != nil) {
			t.Errorf("%s is called %s, %v", name, got.Name(), got.Supported())
		}
	}
}

func TestWhatIsNoFrameIsMalformed(t *testing.T) {
	pad := func(head string, n int, fill byte) []byte {
		return append([]byte(head), bytes.Repeat([]byte{fill}, n)...)
	}
	for name, data := range map[string][]byte{
		"words":                     []byte("no frame at all"),
		"cut off":                   pad("\xff\xfb\x90\x00", 100, 0),
		"free format of no size":    pad("\xff\xfb\x00\x00", 10, 0),
		"free format of any size":   pad("\xff\xfb\x00\x00", mp3.MaxPacket, 0),
		"III with more than it has": pad("\xff\xfb\x90\x00", 413, 0xff),
		"II with more than it has":  pad("\xff\xfd\x10\x00", 413, 0xff),
		"I with a forbidden size":   pad("\xff\xff\x80\x00", 2000, 0xff),
		"I with more than it has":   pad("\xff\xff\x10\x00", 2000, 0xee),
	} {
		if pcm, err := mp3.NewDecoder(44100).Decode([]float32{1}, audio.Packet{Data: data}); !errors.Is(err, audio.ErrMalformed) || len(pcm) != 1 {
			t.Errorf("%s: %d values, %v", name, len(pcm), err)
		}
	}
	d := mp3.NewDecoder(44100)
	if pcm, err := d.Decode(nil, audio.Packet{Duration: 480}); len(pcm) != 882 || err != nil {
		t.Errorf("a lost frame is %d values, %v", len(pcm), err)
	}
}

func TestOneBadFrameIsHeardNoLongerThanTheReservoir(t *testing.T) {
	packets := vector(t, "l3-he_44khz").packets(t)[:80]
	want := decode(t, mp3.NewDecoder(44100), packets)
	d, got := mp3.NewDecoder(44100), []float32(nil)
	for i, p := range packets {
		if i == 30 {
			p.Data = append(slices.Clone(p.Data[:4]), bytes.Repeat([]byte{0xff}, len(p.Data)-4)...)
		}
		next, err := d.Decode(got, p)
		if (err != nil) != (i == 30) {
			t.Fatalf("frame %d: %v", i, err)
		}
		if got = next; i == 30 {
			got = append(got, make([]float32, 2304)...)
		}
	}
	if !slices.Equal(got[:30*2304], want[:30*2304]) || !slices.Equal(got[45*2304:], want[45*2304:]) {
		t.Error("a bad frame is heard far away")
	}
}

// TestMonoToStereoGoesOnOnBothSides: the second channel must not begin with what it
// was before the mono.
func TestMonoToStereoGoesOnOnBothSides(t *testing.T) {
	v := vector(t, "l3-he_mode")
	d, was := mp3.NewDecoder(44100), 0
	for i, p := range v.packets(t) {
		h, _ := mp3.ParseHeader(p.Data)
		pcm, err := d.Decode(nil, p)
		if err != nil {
			t.Fatal(err)
		}
		if h.Channels == 2 && was == 1 {
			for k := 0; k < 8; k += 2 {
				if d := math.Abs(float64(pcm[k] - pcm[k+1])); d > 0.05 {
					t.Errorf("frame %d: the sides are %.3f apart at once", i, d)
				}
			}
		}
		was = h.Channels
	}
}

func TestDecodingAllocatesNothing(t *testing.T) {
	for _, name := range []string{"l3-hecommon", "M2L3_noise", "l2-fl10", "l1-fl1"} {
		packets, d := vector(t, name).packets(t), mp3.NewDecoder(44100)
		buf, n := make([]float32, 0, 2*1152), 0
		if allocs := testing.AllocsPerRun(100, func() {
			buf, _ = d.Decode(buf[:0], packets[n%len(packets)])
			n++
		}); allocs > 0 {
			t.Errorf("%s: %v allocations a frame", name, allocs)
		}
	}
}

func TestThousandMutatedFramesDoNotPanic(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, name := range []string{"l3-hecommon", "l3-he_mode", "M2L3_noise", "l2-fl10", "l1-fl1"} {
		packets, d := vector(t, name).packets(t), mp3.NewDecoder(44100)
		buf := make([]float32, 0, 2*1152)
		for i := range 400 {
			data := slices.Clone(packets[i%len(packets)].Data)
			for range 1 + rng.IntN(8) {
				data[1+rng.IntN(min(len(data)-1, 60))] = byte(rng.Uint32())
			}
			pcm, err := d.Decode(buf[:0], audio.Packet{Data: data})
			if err != nil && !containertest.Sane(err) {
				t.Fatal(err)
			}
			for _, v := range pcm {
				if v != v || math.IsInf(float64(v), 0) {
					t.Fatalf("%s: frame %d has a sample that is %v", name, i, v)
				}
			}
		}
	}
}

func FuzzFrame(f *testing.F) {
	for _, p := range sweep(f)[5:8] {
		f.Add(p.Data, bytes.Repeat([]byte{0x55}, 20))
	}
	for _, head := range []string{"\xff\xfd\x80\x00", "\xff\xff\x80\x50", "\xff\xe3\x80\x70", "\xff\xfb\x00\x30", "\xff\xf3\x80\x50"} {
		f.Add(append([]byte(head), bytes.Repeat([]byte{0x31, 0x07, 0x92}, 400)...), append([]byte(head), make([]byte, 1000)...))
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		dec := mp3.NewDecoder(44100)
		for _, data := range [][]byte{a, b, a} {
			pcm, err := dec.Decode(nil, audio.Packet{Data: data})
			if err != nil && !containertest.Sane(err) || len(pcm) > 2304 {
				t.Fatalf("%d values, %v", len(pcm), err)
			}
		}
	})
}

// BenchmarkDecode tells the time for 20 ms of sound.
func BenchmarkDecode(b *testing.B) {
	for _, name := range []string{"l3-hecommon", "l3-sin1k0db", "M2L3_noise", "l2-fl10", "l1-fl1"} {
		b.Run(name, func(b *testing.B) {
			packets, d := vector(b, name).packets(b), mp3.NewDecoder(44100)
			buf, n, samples := make([]float32, 0, 2*1152), 0, 0
			b.ReportAllocs()
			for b.Loop() {
				buf, _ = d.Decode(buf[:0], packets[n%len(packets)])
				samples += len(buf) / 2
				n++
			}
			rate, _ := d.Format()
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(samples)*float64(rate)/50, "µs/20ms")
		})
	}
}
