package opus

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
)

// cut takes a packet apart by RFC 6716, 3.2, on its own and trusting it.
func cut(t testing.TB, p []byte) (frames [][]byte) {
	t.Helper()
	size := func() int {
		n := int(p[0])
		p = p[1:]
		if n >= 252 {
			n += 4 * int(p[0])
			p = p[1:]
		}
		return n
	}
	take := func(n int) {
		frames = append(frames, p[:n])
		p = p[n:]
	}
	code := p[0] & 3
	p = p[1:]
	switch code {
	case 0:
		take(len(p))
	case 1:
		n := len(p) / 2
		take(n)
		take(n)
	case 2:
		take(size())
		take(len(p))
	case 3:
		head := p[0]
		p = p[1:]
		if head&0x40 != 0 {
			padding := 0
			for p[0] == 255 {
				padding, p = padding+254, p[1:]
			}
			padding, p = padding+int(p[0]), p[1:]
			p = p[:len(p)-padding]
		}
		n := int(head & 0x3f)
		sizes := make([]int, n)
		if head&0x80 == 0 {
			for i := range sizes {
				sizes[i] = len(p) / n
			}
		} else {
			left := 0
			for i := range n - 1 {
				sizes[i] = size()
				left += sizes[i]
			}
			sizes[n-1] = len(p) - left
		}
		for _, s := range sizes {
			take(s)
		}
	}
	return frames
}

// length is the duration of a packet's frame in samples, by table 2.
func length(toc byte) int {
	return [32]int{
		480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 1920, 2880, 480, 960, 480, 960,
		120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960, 120, 240, 480, 960,
	}[toc>>3]
}

// reframe is what comes out of f for in.
func reframe(f *Framer, in ...audio.Packet) (out []audio.Packet) {
	take := func() {
		for p, ok := f.Take(); ok; p, ok = f.Take() {
			out = append(out, p)
		}
	}
	for _, p := range in {
		f.Put(p)
		take()
	}
	f.Flush()
	take()
	return out
}

// row makes packets of frames with random bytes, one after the other from PTS 0.
func row(rnd *rand.Rand, toc byte, packets, framesEach, size int) (list []audio.Packet) {
	pts := int64(0)
	for range packets {
		var fr [][]byte
		for range framesEach {
			b := make([]byte, size+rnd.IntN(5))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			fr = append(fr, b)
		}
		n := int64(framesEach * length(toc))
		list = append(list, audio.Packet{Data: appendPacket(nil, toc, fr), PTS: pts, Duration: n})
		pts += n
	}
	return list
}

// sameFrames fails unless out has the frames of in, bit for bit and in order,
// under the same configuration, one packet where the other ended.
func sameFrames(t *testing.T, in, out []audio.Packet) {
	t.Helper()
	type frame struct {
		toc  byte
		data string
	}
	list := func(packets []audio.Packet) (l []frame, total, trim int64) {
		for i, p := range packets {
			if i > 0 && p.PTS != packets[0].PTS+total {
				t.Fatalf("packet %d is at %d, want %d", i, p.PTS, packets[0].PTS+total)
			}
			for _, d := range cut(t, p.Data) {
				l = append(l, frame{p.Data[0] &^ 3, string(d)})
				total += int64(length(p.Data[0]))
			}
			trim += p.TrimEnd
		}
		return l, total, trim
	}
	a, n, trim := list(in)
	b, m, trimmed := list(out)
	if !slices.Equal(a, b) || n != m || in[0].PTS != out[0].PTS || trim != trimmed {
		t.Fatalf("%d frames, %d samples, trim %d; want %d, %d, %d", len(b), m, trimmed, len(a), n, trim)
	}
}

func TestFramesAreMergedAndSplitUntouched(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for toc := 0; toc < 256; toc += 4 {
		n := length(byte(toc))
		for each := 1; each*n <= MaxDuration; each++ {
			t.Run(fmt.Sprintf("%d times %d, toc %#x", each, n, toc), func(t *testing.T) {
				in := row(rnd, byte(toc), 48, each, 40)
				out := reframe(&Framer{}, in...)
				sameFrames(t, in, out)
				for i, p := range out {
					d, err := Duration(p.Data)
					if err != nil || int64(d) != p.Duration {
						t.Fatalf("packet %d lasts %d, says %d, %v", i, d, p.Duration, err)
					}
					if n <= audio.FrameSamples && d != audio.FrameSamples {
						t.Fatalf("packet %d of %d lasts %d", i, len(out), d)
					}
					if n > audio.FrameSamples && !bytes.Equal(p.Data, in[i].Data) {
						t.Fatalf("packet %d was touched", i)
					}
				}
			})
		}
	}
}

func TestPacketsOf20msComeOutAsTheyAre(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	for _, toc := range []byte{31 << 3, 30 << 3, 28<<3 | 4, 1 << 3} {
		in := row(rnd, toc, 5, audio.FrameSamples/length(toc), 30)
		for i, p := range reframe(&Framer{}, in...) {
			if !bytes.Equal(p.Data, in[i].Data) || &p.Data[0] != &in[i].Data[0] || p.PTS != in[i].PTS {
				t.Fatalf("toc %#x: packet %d was touched", toc, i)
			}
		}
	}
}

func TestPaddingGoesWhereItIsTooMuch(t *testing.T) {
	frame := bytes.Repeat([]byte{7}, 100)
	padded := append([]byte{31<<3 | 3, 0x41, 255, 255, 255, 255, 255, 0}, frame...)
	padded = append(padded, make([]byte, 5*254)...)
	out := reframe(&Framer{}, audio.Packet{Data: padded, Duration: 960})
	if len(out) != 1 || !bytes.Equal(out[0].Data, append([]byte{31 << 3}, frame...)) {
		t.Fatalf("%d packets, %d bytes", len(out), len(out[0].Data))
	}
}

func TestEmptyFramesStayEmpty(t *testing.T) {
	for _, in := range [][]audio.Packet{
		{{Data: []byte{30 << 3}, Duration: 480}, {Data: []byte{30 << 3, 1, 2}, PTS: 480, Duration: 480}},
		{{Data: []byte{31<<3 | 3, 0x83, 0, 2, 1, 2}, Duration: 2880}},
		{{Data: []byte{31<<3 | 1}, Duration: 1920}},
	} {
		sameFrames(t, in, reframe(&Framer{}, in...))
	}
}

func TestPaddingOfMusicStaysAtTheEnd(t *testing.T) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, c := range []struct {
		toc   byte
		each  int
		trims []int64 // of the last packets
		want  []int64 // of all that come out
	}{
		{30 << 3, 1, []int64{100}, []int64{0, 0, 0, 100}},
		{30 << 3, 1, []int64{100, 480}, []int64{0, 0, 0, 580}},
		{28 << 3, 1, []int64{20, 120, 120}, []int64{260}},
		{31 << 3, 3, []int64{1000}, []int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 40, 960}},
		{30 << 3, 4, []int64{1919}, []int64{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 959, 960}},
	} {
		in := row(rnd, c.toc, 8, c.each, 20)
		for i, n := range c.trims {
			in[8-len(c.trims)+i].TrimEnd = n
		}
		out := reframe(&Framer{}, in...)
		sameFrames(t, in, out)
		var got []int64
		for _, p := range out {
			got = append(got, p.TrimEnd)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%d frames of toc %#x, %v: %v, want %v", c.each, c.toc, c.trims, got, c.want)
		}
	}
	// Padding in the middle may not come before music in one packet.
	in := row(rnd, 30<<3, 4, 1, 20)
	in[0].TrimEnd = 9
	if out := reframe(&Framer{}, in...); len(out) != 3 || out[0].TrimEnd != 9 || out[0].Duration != 480 || out[1].Duration != 480 || out[2].Duration != 960 {
		t.Errorf("%+v", out)
	}
}

// durations is how long the packets are, in milliseconds and tenths.
func durations(list []audio.Packet) (s string) {
	for _, p := range list {
		n, _ := Duration(p.Data)
		s += fmt.Sprint(float64(n)/48, " ")
	}
	return s
}

func TestWhatDoesNotFitIsShortAndThenAllFitsAgain(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	const celt2, celt5, celt10, celt20, silk10, silk60 = 28 << 3, 29 << 3, 30 << 3, 31 << 3, 0, 3 << 3
	type part struct {
		toc     byte
		packets int
	}
	for _, c := range []struct {
		in   []part
		want string
	}{
		{[]part{{celt10, 3}}, "20 10 "},
		{[]part{{celt2, 7}}, "17.5 "},
		{[]part{{celt10, 1}, {celt10 | 4, 3}}, "10 10 20 "}, // mono, then stereo
		{[]part{{celt10, 1}, {silk10, 5}}, "10 10 20 20 "},
		{[]part{{celt10, 2}, {celt20, 2}}, "20 20 20 "},
		{[]part{{celt10, 1}, {celt20, 2}, {celt10, 3}}, "10 20 20 10 20 "},
		{[]part{{celt5, 2}, {celt2, 4}, {celt20, 1}}, "10 10 20 "},
		{[]part{{silk60, 2}, {celt10, 2}}, "60 60 20 "},
		{[]part{{celt10, 1}, {silk60, 1}, {celt10, 3}}, "10 60 10 20 "},
		{[]part{{celt2, 1}, {celt10, 3}, {celt2, 15}}, "2.5 10 10 10 7.5 20 10 "},
	} {
		var in []audio.Packet
		pts := int64(0)
		for _, p := range c.in {
			for _, q := range row(rnd, p.toc, p.packets, 1, 20) {
				q.PTS += pts
				in = append(in, q)
			}
			pts = in[len(in)-1].PTS + in[len(in)-1].Duration
		}
		out := reframe(&Framer{}, in...)
		sameFrames(t, in, out)
		if got := durations(out); got != c.want {
			t.Errorf("%v: %s, want %s", c.in, got, c.want)
		}
	}
}

func TestLossInAStretchBecomesEmptyFrames(t *testing.T) {
	rnd := rand.New(rand.NewPCG(9, 10))
	in := row(rnd, 29<<3, 16, 1, 20) // 5 ms
	for _, c := range []struct {
		lost  []int
		want  string
		empty int
	}{
		{[]int{1}, "20 20 20 20 ", 1},
		{[]int{1, 2, 3}, "20 20 20 20 ", 3},
		{[]int{6, 7, 8}, "20 20 20 15 ", 2}, // the rest goes missing: nothing of that stretch was there
		{[]int{4}, "20 20 20 15 ", 0},
	} {
		var left, broken []audio.Packet
		for i, p := range in {
			if !slices.Contains(c.lost, i) {
				left, broken = append(left, p), append(broken, p)
			} else if i%4 != 0 {
				p.Data = []byte{29<<3 | 3, 0} // no frames: damaged
				broken = append(broken, p)
			}
		}
		for _, list := range [][]audio.Packet{left, broken} {
			out := reframe(&Framer{}, list...)
			empty := 0
			for _, p := range out {
				for _, d := range cut(t, p.Data) {
					if len(d) == 0 {
						empty++
					}
				}
			}
			if got := durations(out); got != c.want || empty != c.empty {
				t.Errorf("lost %v: %s with %d empty frames, want %s with %d", c.lost, got, empty, c.want, c.empty)
			}
			if second := c.lost[0] == 4; out[0].PTS != 0 || !second && out[1].PTS != 960 || second && out[1].PTS != 1200 {
				t.Errorf("lost %v: at %d, then %d", c.lost, out[0].PTS, out[1].PTS)
			}
		}
	}
	// A clock that is off by less than half a frame has lost nothing.
	for i := range in {
		in[i].PTS += int64(i%3) * 50
	}
	if out := reframe(&Framer{}, in...); durations(out) != "20 20 20 20 " {
		t.Error(durations(out))
	}
}

func TestDamageAtTheBeginningIsLeftToTheDecoder(t *testing.T) {
	rnd := rand.New(rand.NewPCG(11, 12))
	in := row(rnd, 30<<3, 5, 1, 20)
	in[2].Data = nil
	f := &Framer{}
	var concealed []bool
	var out []audio.Packet
	for _, p := range in {
		concealed = append(concealed, f.Put(p))
		for q, ok := f.Take(); ok; q, ok = f.Take() {
			out = append(out, q)
		}
	}
	if slices.Contains(concealed, true) || len(out) != 3 || out[1].Data != nil || out[1].PTS != 960 || out[2].PTS != 1440 || out[2].Duration != 480 {
		t.Errorf("%v, %+v", concealed, out)
	}
	if !f.Put(audio.Packet{}) { // in[4] waits
		t.Error("a stretch is open, yet the packet is not concealed")
	}
}

func TestStretchesBeginWhereASeekGoes(t *testing.T) {
	rnd := rand.New(rand.NewPCG(13, 14))
	in := row(rnd, 28<<3, 40, 1, 20)
	for _, target := range []int64{0, 1, 119, 120, 599, 600, 1000} {
		f := &Framer{}
		f.Put(in[7])
		f.Reset(target)
		out := reframe(f, in...)
		sameFrames(t, in, out)
		for _, p := range out {
			if p.PTS+p.Duration <= target {
				if p.Duration != 120 {
					t.Fatalf("to %d: a packet of %d samples at %d", target, p.Duration, p.PTS)
				}
				continue
			}
			if p.PTS != target/120*120 || p.Duration != 960 {
				t.Fatalf("to %d: %d samples at %d", target, p.Duration, p.PTS)
			}
			break
		}
	}
}

func TestAnotherStreamBeginsItsOwnStretch(t *testing.T) {
	rnd := rand.New(rand.NewPCG(15, 16))
	in, more := row(rnd, 30<<3, 3, 1, 20), row(rnd, 30<<3, 2, 1, 20)
	c := &audio.CodecInfo{Name: "opus"}
	more[0].Codec = c
	out := reframe(&Framer{}, append(in, more...)...)
	if durations(out) != "20 10 20 " || out[0].Codec != nil || out[1].Codec != nil || out[2].Codec != c || out[2].PTS != 0 {
		t.Errorf("%s %+v", durations(out), out)
	}
	for _, toc := range []byte{31 << 3, 3 << 3, 31<<3 | 1} { // passed, passed whole, split
		p := audio.Packet{Data: []byte{toc, 1, 2}, Codec: c}
		if out := reframe(&Framer{}, p); out[0].Codec != c || len(out) == 2 && out[1].Codec != nil {
			t.Errorf("%#x: %+v", toc, out)
		}
	}
}

// TestReframedMusicDecodesTheSame has real frames of an encoder in packets of
// every kind: decoded, they must be the same to the bit however they are packed.
func TestReframedMusicDecodesTheSame(t *testing.T) {
	single := packets(t, EncoderOptions{})
	for _, each := range []int{2, 3, 6} {
		var in []audio.Packet
		for i := 0; i+each <= len(single); i += each {
			var fr [][]byte
			for _, p := range single[i : i+each] {
				fr = append(fr, cut(t, p.Data)...)
			}
			in = append(in, audio.Packet{Data: appendPacket(nil, single[i].Data[0], fr), PTS: int64(i * 960), Duration: int64(each) * 960})
		}
		want, got := decodeAll(t, in), decodeAll(t, reframe(&Framer{}, in...))
		if !slices.Equal(want, got) {
			t.Errorf("%d frames each: not the same", each)
		}
	}
}

func decodeAll(t testing.TB, list []audio.Packet) (pcm []float32) {
	t.Helper()
	dec := mustDecoder(t)
	for _, p := range list {
		var err error
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// FuzzFramer puts packets of arbitrary bytes in. What is no packet may be lost;
// every frame of what is one comes out, in order and untouched.
func FuzzFramer(f *testing.F) {
	rnd := rand.New(rand.NewPCG(17, 18))
	for _, toc := range []byte{28 << 3, 30<<3 | 4, 31 << 3, 3 << 3} {
		var b []byte
		for _, p := range row(rnd, toc, 6, 2, 9) {
			b = append(append(b, byte(len(p.Data))), p.Data...)
		}
		f.Add(b, uint16(0), uint16(300))
	}
	f.Add([]byte{2, 31<<3 | 3, 0, 1, 30 << 3, 3, 30<<3 | 1, 5, 5, 1, 28 << 3}, uint16(40), uint16(0))
	f.Fuzz(func(t *testing.T, b []byte, trim, seek uint16) {
		fr := &Framer{}
		if seek > 0 {
			fr.Reset(int64(seek))
		}
		var in, out []string
		pts := int64(0)
		for len(b) > 0 {
			n := min(int(b[0]), len(b)-1)
			p := audio.Packet{Data: bytes.Clone(b[1 : 1+n]), PTS: pts, TrimEnd: int64(trim % 2000)}
			b = b[1+n:]
			d, err := Duration(p.Data)
			var whole frames
			if rest, e := whole.parse(p.Data, false); (e == nil) != (err == nil) || len(rest) > 0 {
				t.Fatalf("Duration says %v, parse %v with %d bytes left", err, e, len(rest))
			}
			if err == nil {
				for _, data := range cut(t, p.Data) {
					if len(data) > 0 {
						in = append(in, string(p.Data[0]&^3)+string(data))
					}
				}
			}
			pts += int64(d)
			fr.Put(p)
			if len(b) == 0 {
				fr.Flush()
			}
			for q, ok := fr.Take(); ok; q, ok = fr.Take() {
				if _, err := Duration(q.Data); err != nil {
					continue
				}
				for _, data := range cut(t, q.Data) {
					if len(data) > 0 {
						out = append(out, string(q.Data[0]&^3)+string(data))
					}
				}
			}
		}
		if !slices.Equal(in, out) {
			t.Fatalf("%d frames in, %d out", len(in), len(out))
		}
	})
}

func BenchmarkFramer(b *testing.B) {
	rnd := rand.New(rand.NewPCG(19, 20))
	for _, c := range []struct {
		name string
		toc  byte
		each int
		size int
	}{
		{"20 ms", 31 << 3, 1, 320},
		{"2.5 ms", 28 << 3, 1, 40},
		{"5 ms", 29 << 3, 1, 80},
		{"10 ms", 30 << 3, 1, 160},
		{"40 ms", 31 << 3, 2, 320},
		{"60 ms", 31 << 3, 3, 320},
		{"120 ms", 31 << 3, 6, 320},
	} {
		b.Run(c.name, func(b *testing.B) {
			list := row(rnd, c.toc, 48, c.each, c.size)
			f, at := &Framer{}, 0
			b.ReportAllocs()
			for b.Loop() { // a frame of 20 ms each time
				for {
					if _, ok := f.Take(); ok {
						break
					}
					p := list[at%48]
					p.PTS = f.next
					f.Put(p)
					at++
				}
			}
		})
	}
}
