package opus

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// selfDelimited is p with its last length told (RFC 6716, appendix B), made on
// its own: the first length of every kind of packet goes after what is there.
func selfDelimited(t testing.TB, p []byte) []byte {
	t.Helper()
	list := cut(t, p)
	last := appendLength(nil, len(list[len(list)-1]))
	head := 1
	switch p[0] & 3 {
	case 2:
		head += len(appendLength(nil, len(list[0])))
	case 3:
		head = 2
		if p[1]&0x40 != 0 {
			for head++; p[head-1] == 255; head++ {
			}
		}
		if p[1]&0x80 != 0 {
			for _, f := range list[:len(list)-1] {
				head += len(appendLength(nil, len(f)))
			}
		}
	}
	return slices.Concat(p[:head], last, p[head:])
}

func TestPacketsThatDelimitThemselves(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 1))
	var all [][]byte
	for _, toc := range []byte{31 << 3, 30<<3 | 4, 1 << 3, 28 << 3} {
		for each := 1; each <= 6; each++ {
			for _, size := range []int{0, 30, 249, 600} {
				all = append(all, row(rnd, toc, 1, each, size)[0].Data)
			}
		}
	}
	frame := bytes.Repeat([]byte{3}, 20)
	all = append(all,
		append(append([]byte{31<<3 | 3, 0x42, 255, 3}, frame...), make([]byte, 257)...), // equal, padded
		append(append([]byte{31<<3 | 3, 0xc2, 3, 9}, frame...), make([]byte, 3)...),     // unequal, padded
		append([]byte{31<<3 | 1}, frame...), append([]byte{31<<3 | 3, 4}, frame...), []byte{31 << 3})
	for _, p := range all {
		var f, g frames
		if _, err := f.parse(p, false); err != nil {
			t.Fatal(err)
		}
		b := selfDelimited(t, p)
		rest, err := g.parse(append(bytes.Clone(b), "more"...), true)
		if err != nil || string(rest) != "more" || g.toc != f.toc || !slices.EqualFunc(f.all(), g.all(), bytes.Equal) {
			t.Fatalf("%x: %v, %q left, %d frames", p[:min(len(p), 6)], err, rest, g.n)
		}
		for cut := range b {
			if _, err := g.parse(b[:cut], true); !errors.Is(err, audio.ErrMalformed) {
				t.Fatalf("%x cut at %d: %v", p[:min(len(p), 6)], cut, err)
			}
		}
	}
}

// quad is a header of four streams' channels put on six loudspeakers: a stereo
// stream, two mono ones, one channel that is silent, one that is there twice.
var quad = Head{Channels: 6, Family: 1, Mapping: []byte{3, 1, 0, 2, 1, 3, 255, 2}}

// chirps are packets of quad and of its streams alone.
func chirps(t testing.TB) (whole []audio.Packet, single [3][]audio.Packet) {
	t.Helper()
	base := packets(t, EncoderOptions{})
	for i := 0; i+6 < len(base); i++ {
		var data []byte
		for s := range 3 {
			p := base[i+2*s] // each stream another part of the music
			if s < 2 {
				data = append(data, selfDelimited(t, p.Data)...)
			} else {
				data = append(data, p.Data...)
			}
			single[s] = append(single[s], p)
		}
		whole = append(whole, audio.Packet{Data: data, Duration: 960})
	}
	return whole, single
}

func TestStreamsComeOutOnTheirLoudspeakers(t *testing.T) {
	whole, single := chirps(t)
	dec, err := NewDecoderFor(quad)
	if err != nil {
		t.Fatal(err)
	}
	if rate, channels := dec.Format(); rate != 48000 || channels != 6 {
		t.Fatal(rate, channels)
	}
	whole[7].Data, single[0][7].Data, single[1][7].Data, single[2][7].Data = nil, nil, nil, nil // lost
	var want [3][]float32
	for s := range single {
		want[s] = decodeAll(t, single[s])
	}
	var got []float32
	for _, p := range whole {
		if n, err := quad.Duration(p.Data); p.Data != nil && (n != 960 || err != nil) {
			t.Fatalf("lasts %d, %v", n, err)
		}
		if got, err = dec.Decode(got, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(got) != 3*len(want[0]) {
		t.Fatalf("%d samples of %d", len(got)/6, len(want[0])/2)
	}
	for i := range len(got) / 6 {
		l, r := want[0][2*i], want[0][2*i+1]
		m, n := want[1][2*i], want[2][2*i]
		// Vorbis's order L C R BL BR LFE has l m r n - m; WAVE's is L R C LFE BL BR.
		if f := got[6*i:]; f[0] != l || f[1] != r || f[2] != m || f[3] != m || f[4] != n || f[5] != 0 {
			t.Fatalf("sample %d: %v of %v %v %v %v", i, f[:6], l, r, m, n)
		}
	}
}

func TestMultistreamKeepsADecodersPromises(t *testing.T) {
	whole, _ := chirps(t)
	audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder {
		d, err := NewDecoderFor(quad)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}, whole)
}

func TestStreamsMustBeEquallyLong(t *testing.T) {
	dec, err := NewDecoderFor(Head{Channels: 2, Family: 1, Mapping: []byte{2, 0, 0, 1}})
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"20 and 10 ms": {31 << 3, 2, 1, 2, 30 << 3, 1, 2},
		"one only":     {31 << 3, 2, 1, 2},
		"cut off":      {31 << 3, 9, 1, 2},
	} {
		if pcm, err := dec.Decode(nil, audio.Packet{Data: b}); !errors.Is(err, audio.ErrMalformed) || len(pcm) > 0 {
			t.Errorf("%s: %d samples, %v", name, len(pcm), err)
		}
	}
	if _, err := NewDecoderFor(Head{Channels: 2, Family: 1, Mapping: []byte{0, 0, 0, 1}}); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("no streams: %v", err)
	}
	if d, err := NewDecoderFor(Head{Channels: 1}); err != nil {
		t.Errorf("mono: %v", err)
	} else if _, c := d.Format(); c != 2 {
		t.Errorf("mono in %d channels", c)
	}
}

func TestMultistreamAllocatesNothing(t *testing.T) {
	whole, _ := chirps(t)
	dec, err := NewDecoderFor(quad)
	if err != nil {
		t.Fatal(err)
	}
	dst, i := make([]float32, 0, 6*MaxDuration), 0
	decode := func() {
		if _, err := dec.Decode(dst, whole[i%len(whole)]); err != nil {
			t.Fatal(err)
		}
		i++
	}
	for range whole {
		decode()
	}
	if n := testing.AllocsPerRun(len(whole), decode); n >= 1 {
		t.Errorf("%v allocations a packet", n)
	}
}

func FuzzMultistream(f *testing.F) {
	whole, _ := chirps(f)
	for _, p := range whole[:3] {
		f.Add(p.Data, byte(3), byte(1))
	}
	f.Add([]byte{31<<3 | 3, 0xc2, 1, 2, 3, 4, 5, 6}, byte(2), byte(0))
	f.Fuzz(func(t *testing.T, b []byte, streams, coupled byte) {
		h, err := ParseHead(Head{Channels: 3, Family: 1, Mapping: []byte{streams % 9, coupled % 9, 0, 1, 255}}.Append(nil))
		if err != nil {
			return
		}
		dec, err := NewDecoderFor(h)
		if err != nil {
			t.Fatal(err)
		}
		n, bad := h.Duration(b)
		pcm, err := dec.Decode(nil, audio.Packet{Data: b})
		if len(b) > 0 && bad != nil && err == nil || err != nil && len(pcm) > 0 || err == nil && len(b) > 0 && len(pcm) != 3*n {
			t.Fatalf("lasts %d, %v; %d samples, %v", n, bad, len(pcm)/3, err)
		}
	})
}

func FuzzHead(f *testing.F) {
	f.Add(quad.Append(nil))
	f.Add(Head{Channels: 2, PreSkip: 312}.Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := ParseHead(b)
		if err != nil {
			if !errors.Is(err, audio.ErrMalformed) && !errors.Is(err, audio.ErrUnsupported) && !errors.Is(err, audio.ErrLimit) {
				t.Fatal(err)
			}
			return
		}
		if _, err := NewDecoderFor(h); err != nil {
			t.Fatalf("%+v: %v", h, err)
		}
	})
}
