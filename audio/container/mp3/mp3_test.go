package mp3

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := NewDemuxer(input.New(m), audio.Info{})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func TestStreamsCutsAndDamage(t *testing.T) {
	b := containertest.File(t, "sweep.mp3")
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
	containertest.TestDamaged(t, open, 2000, b, song(40))
}

// frame is MPEG-1 Layer III, 128 kbit/s, 44.1 kHz, stereo: 417 bytes.
func frame(n int) []byte {
	f := make([]byte, 417)
	copy(f, "\xff\xfb\x90\x00")
	f[200], f[201] = byte(n>>8), byte(n)
	return f
}

func song(n int) []byte {
	var b []byte
	for i := range n {
		b = append(b, frame(i)...)
	}
	return b
}

func numberOf(p audio.Packet) int { return int(p.Data[200])<<8 | int(p.Data[201]) }

// info is a first frame that is LAME's header.
func info(frames, delay, padding int) []byte {
	f := frame(0)
	x := f[mp3.HeaderSize+32:]
	copy(x, "Info\x00\x00\x00\x0f")
	x[8+2], x[8+3] = byte(frames>>8), byte(frames)
	lame := x[8+4+4+100+4:]
	copy(lame, "LAME3.100")
	lame[21], lame[22], lame[23] = byte(delay>>4), byte(delay<<4|padding>>8), byte(padding)
	return f
}

func TestTheEncodersDelayAndPaddingAreHeeded(t *testing.T) {
	d := containertest.Open(t, open, containertest.Media(append(info(10, 576, 1400), song(10)...)))
	if got := d.Codec().PreSkip; got != input.Scale(1105, 44100) {
		t.Errorf("pre-skip %d", got)
	}
	if got, want := d.Info().Duration, input.Duration(input.Scale(11520-576-1400, 44100)); got != want {
		t.Errorf("lasts %v, want %v", got, want)
	}
	packets, err := containertest.Drain(d)
	if len(packets) != 10 || !errors.Is(err, io.EOF) {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	sum := int64(0)
	for _, p := range packets {
		sum += p.TrimEnd
	}
	if want := input.Scale(1400-529, 44100); sum < want-1 || sum > want+1 || packets[8].TrimEnd != 0 {
		t.Errorf("padding of %d, want %d", sum, want)
	}
}

func TestVBRIGivesTheLength(t *testing.T) {
	head := frame(0)
	copy(head[mp3.HeaderSize+32:], "VBRI\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x64")
	d := containertest.Open(t, open, containertest.Stream(append(head, song(5)...)))
	if got, want := d.Info().Duration, input.Duration(input.Scale(100*1152, 44100)); got != want {
		t.Errorf("lasts %v, want %v", got, want)
	}
	if packets, _ := containertest.Drain(d); len(packets) != 5 {
		t.Errorf("%d packets", len(packets))
	}
}

func TestGarbageAndTagsAreSkipped(t *testing.T) {
	ape := append([]byte("APETAGEX\xd0\x07\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\xa0"), make([]byte, 8+40)...)
	id3 := append([]byte("ID3\x04\x00\x00\x00\x00\x01\x00"), make([]byte, 128)...)
	id1 := make([]byte, 128)
	copy(id1, "TAGThe title")
	for name, b := range map[string][]byte{
		"garbage before":   append([]byte("garbage \xff\xfb\x90\x00 garbage"), song(20)...),
		"garbage within":   append(append(song(10), "\xff\xff\xfb rubbish\xff"...), song(10)...),
		"tags before":      append(append(bytes.Clone(id3), ape...), song(20)...),
		"tags within":      append(append(song(10), id3...), song(10)...),
		"tags behind":      append(append(song(20), ape...), id1...),
		"rubbish behind":   append(song(20), "the end"...),
		"cut tag behind":   append(song(20), id3[:20]...),
		"another rate too": append(append(song(10), "\xff\xfb\x94\x00"+strings.Repeat("x", 380)...), song(10)...),
	} {
		packets := containertest.Packets(t, open, b)
		if len(packets) != 20 {
			t.Errorf("%s: %d frames", name, len(packets))
		}
		if name == "tags behind" && containertest.Open(t, open, containertest.Media(b)).Info().Title != "The title" {
			t.Error("the title behind is not read")
		}
	}
}

func TestSeekIsExact(t *testing.T) {
	const n = 2000
	b := append([]byte("garbage"), song(n)...)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, to := range []time.Duration{20 * time.Second, 5 * time.Second, 0, 52 * time.Second, time.Hour, time.Second} {
		landed, err := d.Seek(to)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.ReadPacket()
		if to == time.Hour {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		at := input.Duration(p.PTS)
		if p.PTS != input.Scale(int64(numberOf(p))*1152, 44100) || at > to || landed > to || to-at > 300*time.Millisecond {
			t.Errorf("seek to %v: frame %d at %v, landed %v", to, numberOf(p), at, landed)
		}
	}
}

func TestAStationRemembersNoPlaces(t *testing.T) {
	b := long(t, 20)
	for m, remembers := range map[*audio.Media]bool{containertest.Stream(b): false, containertest.Media(b): true} {
		d, err := NewDemuxer(input.New(m), audio.Info{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := containertest.Drain(d); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if n := len(d.marks); (n > 0) != remembers {
			t.Errorf("%d places to seek to", n)
		}
	}
}

func TestLayersAreNamed(t *testing.T) {
	layer2 := append([]byte("\xff\xfd\x80\x00"), make([]byte, 413)...)
	if d := containertest.Open(t, open, containertest.Media(bytes.Repeat(layer2, 5))); d.Codec().Name != "mp2" {
		t.Errorf("layer II is %+v", d.Codec())
	}
	free := append([]byte("\xff\xfb\x00\x00"), make([]byte, 500)...)
	for name, b := range map[string][]byte{"one frame of free format": free, "no frame": []byte("nothing here"), "one false frame": append(frame(0), "xxxxxxxx"...)} {
		if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := open(containertest.Media(make([]byte, 2*maxGarbage))); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("two megabytes of nothing: %v", err)
	}
}

func TestFreeFormatIsMeasured(t *testing.T) {
	for name, head := range map[string]string{"I": "\xff\xff\x00\x00", "II": "\xff\xfd\x00\x00", "III": "\xff\xfb\x00\x00", "2.5": "\xff\xe3\x00\xc0"} {
		plain := append([]byte(head), make([]byte, 996)...)
		padded := append(bytes.Clone(plain), 0)
		if name == "I" {
			padded = append(padded, 0, 0, 0)
		}
		padded[2] |= 2
		copy(plain[500:], head[:3]) // looks like a frame, but for what follows
		copy(padded[700:], head)
		b := bytes.Repeat(slices.Concat(padded, plain, plain), 30)
		for what, media := range map[string]*audio.Media{"file": containertest.Media(b), "stream": containertest.Stream(b)} {
			d := containertest.Open(t, open, media)
			packets, err := containertest.Drain(d)
			if len(packets) != 90 || !errors.Is(err, io.EOF) {
				t.Fatalf("%s, %s: %d packets, %v", name, what, len(packets), err)
			}
			for i, p := range packets {
				if want := [][]byte{padded, plain, plain}[i%3]; !bytes.Equal(p.Data, want) {
					t.Fatalf("%s, %s: frame %d is %d bytes, want %d", name, what, i, len(p.Data), len(want))
				}
			}
			last := packets[89]
			lasts := input.Duration(last.PTS + last.Duration)
			if told := d.Info().Duration; what == "file" && (told-lasts).Abs() > 10*time.Millisecond { // from the size of the first frame
				t.Errorf("%s lasts %v, want %v", name, told, lasts)
			}
		}
	}
}

// TestLookingForFreeFormatEnds: headers that never match must not each be compared
// with thousands of places behind.
func TestLookingForFreeFormatEnds(t *testing.T) {
	music := bytes.Repeat(append([]byte("\xff\xfb\x00\x00"), make([]byte, 500)...), 5)
	lone := append([]byte("\xff\xfd\x00\x00"), make([]byte, 3*mp3.MaxPacket)...) // nothing like it follows
	for n, ok := range map[int]bool{maxMeasure - 1: true, maxMeasure: false} {
		d := &Demuxer{r: input.New(containertest.Media(append(bytes.Repeat(lone, n), music...)))}
		for d.free == 0 && d.r.Skip(0) == nil { // past the limit on garbage
			if _, err := d.sync(); errors.Is(err, io.EOF) {
				break
			}
		}
		if (d.free == 504) != ok || d.tried > maxMeasure+6 {
			t.Errorf("%d false headers: frames of %d bytes, %d tries", n, d.free, d.tried)
		}
	}
}

func TestXingThatIsCutOff(t *testing.T) {
	h, _ := mp3.ParseHeader(frame(0))
	for cut := range 417 {
		parseXing(info(10, 576, 1000)[:cut], h)
	}
	h.CRC = true
	b := append(frame(0)[:6], info(10, 576, 1000)[4:]...)
	if x, ok := parseXing(b, h); !ok || x.frames != 10 {
		t.Errorf("behind a checksum: %+v, %v", x, ok)
	}
}

func FuzzMP3(f *testing.F) {
	containertest.Fuzz(f, open, containertest.File(f, "sweep.mp3"), append(info(5, 576, 1000), song(5)...), bytes.Repeat(append([]byte("\xff\xfd\x00\x00"), make([]byte, 300)...), 5))
}
