package latm_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/adts"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/latm"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := latm.NewDemuxer(input.New(m), audio.Info{Title: "before"})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// sound is the test sound, and what the same encoder's output is in ADTS.
func sound(t testing.TB) (file []byte, want []audio.Packet) {
	t.Helper()
	adtsOpen := func(m *audio.Media) (audio.Demuxer, error) { return adts.NewDemuxer(input.New(m), audio.Info{}) }
	return containertest.File(t, "sweep.latm"), containertest.Packets(t, adtsOpen, containertest.File(t, "sweep.aac"))
}

func compare(t *testing.T, name string, got, want []audio.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d packets of %d", name, len(got), len(want))
		return
	}
	for i, p := range got {
		if !bytes.Equal(p.Data, want[i].Data) || p.PTS != want[i].PTS || p.Duration != want[i].Duration {
			t.Errorf("%s: packet %d differs: %d bytes at %d", name, i, len(p.Data), p.PTS)
			return
		}
	}
}

func TestFramesAreThoseOfADTS(t *testing.T) {
	b, want := sound(t)
	d := containertest.Open(t, open, containertest.Media(b))
	in, c := d.Info(), d.Codec()
	if in.Container != "latm" || in.Title != "before" || c.Name != "aac" || c.SampleRate != 22050 || c.Channels != 1 || !bytes.Equal(c.Private, []byte{0x13, 0x88}) {
		t.Fatalf("%+v, %+v", in, c)
	}
	if length := time.Duration(len(want)) * 1024 * time.Second / 22050; in.Duration < length*19/20 || in.Duration > length*21/20 {
		t.Errorf("it lasts %v, estimated as %v", length, in.Duration)
	}
	compare(t, "the file", containertest.Packets(t, open, b), want)
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
}

// writer writes bit strings.
type writer struct {
	b []byte
	n int
}

func (w *writer) put(n, v int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n>>3] |= byte(v>>i&1) << (7 - w.n&7)
		w.n++
	}
}

func (w *writer) bytes(b []byte) {
	for _, x := range b {
		w.put(8, int(x))
	}
}

// value writes what the standard calls LatmGetValue.
func (w *writer) value(v int) {
	w.put(2, 1)
	w.put(16, v)
}

// A muxing is a way to write elements.
type muxing struct {
	version, subframes    int
	programmes, layers    int
	config                []byte
	bits                  int // of config, of version 0
	fixed, other, lengths int
	apart, crc, later     bool
	every                 int // elements between two configurations
}

func plain() muxing {
	return muxing{subframes: 1, programmes: 1, layers: 1, config: []byte{0x13, 0x88}, bits: 16, every: 1}
}

func (m muxing) writeConfig(w *writer) {
	w.put(1, m.version)
	if m.version == 1 {
		if m.later {
			w.put(1, 1)
			return
		}
		w.put(1, 0)
		w.value(0x3ff)
	}
	w.put(1, map[bool]int{false: 1, true: 0}[m.apart])
	w.put(6, m.subframes-1)
	w.put(4, m.programmes-1)
	w.put(3, m.layers-1)
	if m.version == 1 {
		w.value(8*len(m.config) + 3) // three bits to fill
		w.bytes(m.config)
		w.put(3, 0)
	} else {
		for i := range m.bits {
			w.put(1, int(m.config[i>>3]>>(7-i&7)&1))
		}
	}
	w.put(3, m.lengths)
	switch m.lengths {
	case 0:
		w.put(8, 0xff)
	case 1:
		w.put(9, m.fixed-20)
	}
	switch {
	case m.other == 0:
		w.put(1, 0)
	case m.version == 1:
		w.put(1, 1)
		w.value(m.other)
	default:
		w.put(1, 1)
		w.put(1, 1)
		w.put(8, m.other>>8)
		w.put(1, 0)
		w.put(8, m.other)
	}
	if m.crc {
		w.put(9, 0x1ab)
	} else {
		w.put(1, 0)
	}
}

func (m muxing) write(packets []audio.Packet) (out []byte) {
	for n := 0; len(packets) > 0; n++ {
		w := &writer{}
		if n%m.every == 0 {
			w.put(1, 0)
			m.writeConfig(w)
		} else {
			w.put(1, 1)
		}
		for range m.subframes {
			if len(packets) == 0 {
				packets = append(packets, audio.Packet{Data: []byte{7}})
			}
			data := packets[0].Data
			packets = packets[1:]
			if m.fixed > 0 {
				data = append(bytes.Clone(data), make([]byte, m.fixed)...)[:m.fixed]
			} else {
				rest := len(data)
				for ; rest >= 255; rest -= 255 {
					w.put(8, 255)
				}
				w.put(8, rest)
			}
			w.bytes(data)
		}
		for range m.other {
			w.put(1, 1)
		}
		out = append(out, 0x56, 0xe0|byte(len(w.b)>>8), byte(len(w.b)))
		out = append(out, w.b...)
	}
	return out
}

func TestEveryWayToMultiplex(t *testing.T) {
	_, want := sound(t)
	want = want[:30]
	cases := map[string]func(*muxing){
		"plain":                     func(*muxing) {},
		"version 1":                 func(m *muxing) { m.version = 1 },
		"three frames to one":       func(m *muxing) { m.subframes = 3 },
		"other data":                func(m *muxing) { m.other = 259 },
		"other data in version 1":   func(m *muxing) { m.other, m.version = 301, 1 },
		"a checksum":                func(m *muxing) { m.crc = true },
		"one configuration for all": func(m *muxing) { m.every, m.subframes = 100, 2 },
	}
	for name, change := range cases {
		m := plain()
		change(&m)
		compare(t, name, containertest.Packets(t, open, m.write(want)), want)
	}
	m := plain()
	m.lengths, m.fixed = 1, 400
	for i, p := range containertest.Packets(t, open, m.write(want)) {
		if len(p.Data) != 400 || !bytes.HasPrefix(p.Data, want[i].Data) {
			t.Fatalf("of fixed length: packet %d differs", i)
		}
	}
	m = plain()
	m.every = 10
	late := m.write(want)
	size, _ := latm.ParseHeader(late)
	if got := containertest.Packets(t, open, late[size:]); len(got) != 20 || !bytes.Equal(got[0].Data, want[10].Data) || got[0].PTS != 0 {
		t.Errorf("joined between two configurations: %d packets", len(got))
	}
}

// TestConfigurationsGoThroughUnchanged has some that are not whole bytes, with
// extensions and programs.
func TestConfigurationsGoThroughUnchanged(t *testing.T) {
	program := &writer{}
	program.bytes([]byte{0x13, 0x80})                                                                                              // 22050 Hz, channels by a program
	for _, v := range [][2]int{{4, 0}, {2, 1}, {4, 7}, {4, 1}, {4, 0}, {4, 1}, {2, 0}, {3, 0}, {4, 0}, {3, 0}, {5, 16}, {5, 17}} { // two pairs
		program.put(v[0], v[1])
	}
	program.put((8-program.n%8)%8, 0)
	program.bytes([]byte("\x03cat"))
	for name, c := range map[string]struct {
		config  []byte
		bits    int
		version int
	}{
		"SBR before":        {[]byte{0x2b, 0x8a, 0x08, 0x00}, 25, 0},
		"SBR and PS before": {[]byte{0xeb, 0x8a, 0x08, 0x00}, 25, 0},
		"SBR behind":        {[]byte{0x13, 0x88, 0x56, 0xe5, 0xa0}, 40, 1},
		"a rate of its own": {[]byte{0x17, 0x80, 0x2b, 0x11, 0x08}, 40, 0},
		"a program":         {program.b, program.n, 0},
		"a program, 1":      {program.b, program.n, 1},
	} {
		m := plain()
		m.config, m.bits, m.version = c.config, c.bits, c.version
		_, want := sound(t)
		b := m.write(want[:10])
		if got := containertest.Packets(t, open, b); len(got) != 10 || !bytes.Equal(got[3].Data, want[3].Data) {
			t.Errorf("%s: %d packets", name, len(got))
		}
		got := containertest.Open(t, open, containertest.Media(b)).Codec()
		if c.version == 1 {
			c.config = append(c.config, 0) // the bits that fill
		}
		if !bytes.Equal(got.Private, c.config) || got.Name != "aac" {
			t.Errorf("%s: % x, want % x", name, got.Private, c.config)
		}
	}
}

func TestAnotherConfigurationIsTold(t *testing.T) {
	_, want := sound(t)
	first, second := plain(), plain()
	second.config = []byte{0x12, 0x10} // 44.1 kHz, stereo
	b := append(first.write(want[:10]), second.write(want[10:20])...)
	for i, p := range containertest.Packets(t, open, b) {
		if (p.Codec != nil) != (i == 10) {
			t.Fatalf("packet %d: %+v", i, p.Codec)
		}
		if i == 10 && (p.Codec.SampleRate != 44100 || p.Codec.Channels != 2 || p.PTS != want[10].PTS || p.Duration != input.Scale(1024, 44100)) {
			t.Errorf("%+v of %+v", p.Codec, p)
		}
	}
}

func TestWhatCannotBePlayedIsNamed(t *testing.T) {
	_, want := sound(t)
	for text, change := range map[string]func(*muxing){
		"a later version":             func(m *muxing) { m.version, m.later = 1, true },
		"frames of different lengths": func(m *muxing) { m.apart = true },
		"2 programmes":                func(m *muxing) { m.programmes = 2 },
		"3 layers":                    func(m *muxing) { m.layers = 3 },
		"length type 4":               func(m *muxing) { m.lengths = 4 },
		"object type 23":              func(m *muxing) { m.config = []byte{23<<3 | 3, 0x88} },
		"AAC LTP":                     func(m *muxing) { m.config = []byte{4<<3 | 3, 0x88} },
	} {
		m := plain()
		change(&m)
		if _, err := open(containertest.Media(m.write(want))); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
	for name, b := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 5000), "syncs alone": bytes.Repeat([]byte{0x56, 0xe0, 0}, 100)} {
		if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "no frame") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(containertest.Stream(make([]byte, 2<<20))); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("a lot of zeros: %v", err)
	}
}

func TestDamageIsPassedOver(t *testing.T) {
	b, want := sound(t)
	at := 0
	for range 3 {
		size, _ := latm.ParseHeader(b[at:])
		at += size
	}
	garbage := append(append(bytes.Clone(b[:at]), "\x56 nonsense \x56\xe0"...), b[at:]...)
	got, err := containertest.Drain(containertest.Open(t, open, containertest.Stream(append([]byte("garbage\x56"), garbage...))))
	if !errors.Is(err, io.EOF) || len(got) != len(want) {
		t.Errorf("garbage: %d packets of %d, %v", len(got), len(want), err)
	}
	bad := plain().write(want)
	at = 0
	for range 3 {
		size, _ := latm.ParseHeader(bad[at:])
		at += size
	}
	bad[at+3] &^= 0x20 // frames of different lengths
	got, err = containertest.Drain(containertest.Open(t, open, containertest.Media(bad)))
	if !errors.Is(err, io.EOF) || len(got) != len(want)-1 || got[3].PTS != want[4].PTS {
		t.Errorf("one element damaged: %d packets of %d, %v", len(got), len(want), err)
	}
	later := plain()
	later.apart = true
	if _, err := containertest.Drain(containertest.Open(t, open, containertest.Media(append(bytes.Clone(b), bytes.Repeat(later.write(want), 6)...)))); !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("nothing readable any more: %v", err)
	}
	containertest.TestDamaged(t, open, 1000, b)
}

func TestSeekingLandsShortlyBefore(t *testing.T) {
	one, _ := sound(t)
	b := bytes.Repeat(one, 10)
	want := containertest.Packets(t, open, b)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, to := range []time.Duration{9 * time.Second, 0, 3 * time.Second, 8 * time.Second, time.Hour, time.Second} {
		landed, err := d.Seek(to)
		if err != nil || landed > to {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		p, err := d.ReadPacket()
		if to == time.Hour {
			if !errors.Is(err, io.EOF) {
				t.Errorf("beyond the end: %v", err)
			}
			continue
		}
		i := int(input.Unscale(p.PTS, 22050) / 1024)
		if err != nil || !bytes.Equal(p.Data, want[i].Data) || p.PTS != want[i].PTS || input.Duration(p.PTS) != landed || to-landed > 300*time.Millisecond {
			t.Errorf("seek to %v: at %v, packet %d, %v", to, landed, i, err)
		}
	}
}

func FuzzLATM(f *testing.F) {
	b, want := sound(f)
	m := plain()
	m.version, m.subframes, m.other = 1, 3, 20
	containertest.Fuzz(f, open, b, b[:400], m.write(want[:12]))
}

func BenchmarkReadPacket(b *testing.B) {
	const n = 15_000
	packets := make([]audio.Packet, n)
	for i := range packets {
		packets[i].Data = make([]byte, 370)
	}
	m := plain()
	m.every = 20
	file := m.write(packets)
	b.ReportAllocs()
	var d audio.Demuxer
	left := 0
	for b.Loop() {
		if left == 0 {
			d, _ = open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(file)), Size: -1})
			left = n
		}
		if _, err := d.ReadPacket(); err != nil {
			b.Fatal(err)
		}
		left--
	}
}
