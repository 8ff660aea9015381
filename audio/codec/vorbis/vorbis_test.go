package vorbis_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/vorbis"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// sweep is a Vorbis stream: its laced headers and its packets.
func sweep(t testing.TB) ([]byte, []audio.Packet) {
	t.Helper()
	b := containertest.File(t, "sweep.ogg")
	return containertest.Open(t, container.Open, containertest.Media(b)).Codec().Private, containertest.Packets(t, container.Open, b)
}

func decoder(t testing.TB, private []byte) *vorbis.Decoder {
	t.Helper()
	d, err := vorbis.NewDecoder(private)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecoderKeepsItsPromises(t *testing.T) {
	private, packets := sweep(t)
	audiotest.TestDecoder(t, func(t testing.TB) audio.Decoder { return decoder(t, private) }, packets)
}

func TestLengthsAreKnownWithoutDecoding(t *testing.T) {
	private, packets := sweep(t)
	h, err := vorbis.Unlace(private)
	if err != nil || !bytes.Equal(h.Lace(), private) {
		t.Fatalf("headers do not come back: %v", err)
	}
	s, err := vorbis.Open(h)
	if err != nil {
		t.Fatal(err)
	}
	d := decoder(t, private)
	for i, p := range packets {
		if i == 20 {
			s.Restart()
			d.Reset()
		}
		pcm, err := d.Decode(nil, p)
		if err != nil || len(pcm) != s.Samples(p.Data)*s.Channels {
			t.Fatalf("packet %d: %d values, %v", i, len(pcm), err)
		}
	}
	if s.Samples(nil) != 0 || s.Samples([]byte{1}) != 0 {
		t.Error("what is not audio lasts")
	}
}

func TestChainedHeadersStartOver(t *testing.T) {
	private, packets := sweep(t)
	h, _ := vorbis.Unlace(private)
	d := decoder(t, private)
	var first, again []float32
	for _, p := range packets {
		first, _ = d.Decode(first, p)
	}
	for _, header := range [][]byte{h.Ident, h.Comment, h.Setup} {
		if got, err := d.Decode(nil, audio.Packet{Data: header}); len(got) != 0 || err != nil {
			t.Fatalf("a header gives %d values, %v", len(got), err)
		}
	}
	for _, p := range packets {
		again, _ = d.Decode(again, p)
	}
	if len(first) != len(again) || first[5000] != again[5000] {
		t.Error("the second stream decodes differently")
	}
	if _, err := d.Decode(nil, audio.Packet{Data: []byte("\x05vorbis nonsense")}); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("a bad header: %v", err)
	}
	if rate, channels := d.Format(); rate != 22050 || channels != 1 {
		t.Errorf("after a bad header the format is %d Hz, %d channels", rate, channels)
	}
}

func TestLossIsSilence(t *testing.T) {
	private, _ := sweep(t)
	if pcm, err := decoder(t, private).Decode(nil, audio.Packet{Duration: 4800}); len(pcm) != 2205 || err != nil {
		t.Errorf("%d values, %v", len(pcm), err)
	}
}

func TestHeadersThatCannotBe(t *testing.T) {
	private, _ := sweep(t)
	h, _ := vorbis.Unlace(private)
	ident := func(at int, v byte) []byte {
		b := bytes.Clone(h.Ident)
		b[at] = v
		return b
	}
	for name, c := range map[string]struct {
		h    vorbis.Headers
		want error
	}{
		"nothing":            {vorbis.Headers{}, audio.ErrMalformed},
		"no setup":           {vorbis.Headers{Ident: h.Ident}, audio.ErrMalformed},
		"version 1":          {vorbis.Headers{Ident: ident(7, 1), Setup: h.Setup}, audio.ErrUnsupported},
		"no channels":        {vorbis.Headers{Ident: ident(11, 0), Setup: h.Setup}, audio.ErrMalformed},
		"200 channels":       {vorbis.Headers{Ident: ident(11, 200), Setup: h.Setup}, audio.ErrLimit},
		"blocks too small":   {vorbis.Headers{Ident: ident(28, 0x11), Setup: h.Setup}, audio.ErrMalformed},
		"blocks upside down": {vorbis.Headers{Ident: ident(28, 0x6b), Setup: h.Setup}, audio.ErrMalformed},
		"no framing bit":     {vorbis.Headers{Ident: ident(29, 0), Setup: h.Setup}, audio.ErrMalformed},
	} {
		if _, err := vorbis.Open(c.h); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for cut := 0; cut < len(h.Setup); cut += 1 + len(h.Setup)/200 {
		if _, err := vorbis.Open(vorbis.Headers{Ident: h.Ident, Setup: h.Setup[:cut]}); !errors.Is(err, audio.ErrMalformed) {
			t.Fatalf("setup cut at %d: %v", cut, err)
		}
	}
	for _, b := range []string{"", "\x02", "\x02\xff", "\x02\x05\x05abc", "\x01\x01\x01abc"} {
		if _, err := vorbis.NewDecoder([]byte(b)); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%q: %v", b, err)
		}
	}
}

// bits writes integers least significant bit first.
type bits struct {
	b []byte
	n int
}

func (w *bits) put(v uint64, n int) *bits {
	for i := range n {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (w.n % 8)
		w.n++
	}
	return w
}

func TestCodebooksThatWouldEatMemoryOrTime(t *testing.T) {
	private, _ := sweep(t)
	h, _ := vorbis.Unlace(private)
	book := func(dimensions, entries uint64) *bits {
		w := &bits{b: []byte("\x05vorbis"), n: 56}
		return w.put(0, 8).put(0x564342, 24).put(dimensions, 16).put(entries, 24)
	}
	for name, setup := range map[string]*bits{
		"16 million entries":     book(1, 1<<24-1).put(1, 1).put(0, 5).put(1<<24-1, 24),
		"a billion values":       book(65535, 20000).put(1, 1).put(14, 5).put(20000, 15).put(2, 4).put(0, 32).put(0, 32).put(0, 4).put(0, 1),
		"no entries":             book(1, 0),
		"no dimensions":          book(0, 2),
		"no code":                book(1, 8).put(0, 1).put(1, 1).put(0, 8),
		"lengths without an end": book(1, 20000).put(1, 1).put(0, 400),
		"more codes than there":  book(1, 3).put(1, 1).put(0, 5).put(3, 2).put(3, 2),
	} {
		start := time.Now()
		_, err := vorbis.NewDecoder(vorbis.Headers{Ident: h.Ident, Setup: append(setup.b, make([]byte, 100)...)}.Lace())
		if !errors.Is(err, audio.ErrLimit) && !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

func TestDamagedHeadersAreRefusedOrPlayed(t *testing.T) {
	private, packets := sweep(t)
	n := 1000
	if testing.Short() {
		n = 100
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		d, err := vorbis.NewDecoder(containertest.Damage(private, rng))
		if err != nil {
			if !containertest.Sane(err) {
				t.Fatalf("copy %d: %v", i, err)
			}
			continue
		}
		for _, p := range packets[:5] {
			if _, err := d.Decode(nil, p); err != nil && !containertest.Sane(err) {
				t.Fatalf("copy %d: %v", i, err)
			}
		}
	}
}

func FuzzVorbis(f *testing.F) {
	private, packets := sweep(f)
	f.Add(private, packets[3].Data)
	f.Fuzz(func(t *testing.T, private, packet []byte) {
		if len(private) > 1<<16 {
			return
		}
		d, err := vorbis.NewDecoder(private)
		if err != nil {
			return
		}
		for range 3 {
			if pcm, err := d.Decode(nil, audio.Packet{Data: packet}); err != nil && !containertest.Sane(err) || len(pcm) > 8*8192 {
				t.Fatalf("%d values, %v", len(pcm), err)
			}
		}
	})
}
