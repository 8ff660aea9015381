package aiff_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/container/aiff"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := aiff.NewDemuxer(input.New(m))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func chunk(id string, parts ...[]byte) []byte {
	body := bytes.Join(parts, nil)
	b := append(binary.BigEndian.AppendUint32([]byte(id), uint32(len(body))), body...)
	return append(b, make([]byte, len(body)&1)...)
}

func form(kind string, chunks ...[]byte) []byte {
	b := append([]byte(kind), bytes.Join(chunks, nil)...)
	return append(binary.BigEndian.AppendUint32([]byte("FORM"), uint32(len(b))), b...)
}

// extended is rate as an 80-bit floating-point number.
func extended(rate float64) []byte {
	fraction, exponent := math.Frexp(rate)
	b := binary.BigEndian.AppendUint16(nil, uint16(exponent-1+16383))
	return binary.BigEndian.AppendUint64(b, uint64(math.Ldexp(fraction, 64)))
}

func description(channels, frames, bits int, rate float64, more string) []byte {
	be := binary.BigEndian
	b := be.AppendUint16(nil, uint16(channels))
	b = be.AppendUint32(b, uint32(frames))
	b = be.AppendUint16(b, uint16(bits))
	return chunk("COMM", b, extended(rate), []byte(more))
}

func sound(offset int, data []byte) []byte {
	return chunk("SSND", binary.BigEndian.AppendUint32(nil, uint32(offset)), make([]byte, 4+offset), data)
}

// endless is a sound chunk of the given size that lasts to the end.
func endless(size uint32, data []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte("SSND"), size), append(make([]byte, 8), data...)...)
}

// count is n bytes that tell where they are.
func count(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8)
	}
	return b
}

func TestAWholeFileKeepsEveryPromise(t *testing.T) {
	b := form("AIFF", chunk("NAME", []byte("Song")), description(2, 66150, 16, 44100, ""), sound(0, count(66150*4)))
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
	containertest.TestDamaged(t, open, 2000, b, form("AIFC", description(1, 300, 16, 8000, "sowt\x00\x00"), sound(6, count(600)), chunk("AUTH", []byte("Us"))))
}

func TestEveryKindOfSampleIsNamedOrRefusedByName(t *testing.T) {
	for _, c := range []struct {
		kind string
		bits int
		name string
	}{
		{"", 8, "pcm_s8"},
		{"", 12, "pcm_s16be"},
		{"", 16, "pcm_s16be"},
		{"", 24, "pcm_s24be"},
		{"", 32, "pcm_s32be"},
		{"NONE", 16, "pcm_s16be"},
		{"twos", 24, "pcm_s24be"},
		{"sowt", 16, "pcm_s16le"},
		{"sowt", 24, "pcm_s24le"},
		{"sowt", 8, "pcm_s8"},
		{"raw ", 8, "pcm_u8"},
		{"fl32", 32, "pcm_f32be"},
		{"FL32", 32, "pcm_f32be"},
		{"fl64", 64, "pcm_f64be"},
		{"FL64", 64, "pcm_f64be"},
		{"in24", 16, "pcm_s24be"},
		{"in32", 16, "pcm_s32be"},
		{"ulaw", 16, "pcm_mulaw"},
		{"ALAW", 8, "pcm_alaw"},
		{"ima4", 16, "IMA ADPCM"},
		{"MAC6", 8, "MACE 6:1"},
		{"raw ", 16, `"raw " of 16 bits`},
		{"wha?", 16, `"wha?"`},
		{"", 40, "40 bits"},
	} {
		kind, more := "AIFF", ""
		if c.kind != "" {
			kind, more = "AIFC", c.kind+"\x03odd"
		}
		d, err := open(containertest.Stream(form(kind, description(2, 10, c.bits, 48000, more), sound(0, make([]byte, 160)))))
		if err != nil {
			if !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), c.name) {
				t.Errorf("%q of %d bits: %v", c.kind, c.bits, err)
			}
			continue
		}
		if got := d.Codec(); got.Name != c.name || got.SampleRate != 48000 || got.Channels != 2 {
			t.Errorf("%q of %d bits is %+v", c.kind, c.bits, got)
		}
		if packets, err := containertest.Drain(d); !errors.Is(err, io.EOF) || len(packets) != 1 || packets[0].Duration != 10 {
			t.Errorf("%q of %d bits: %d packets, %v", c.kind, c.bits, len(packets), err)
		}
	}
}

func TestChunksInEveryOrder(t *testing.T) {
	comm, ssnd := description(1, 4000, 16, 8000, ""), sound(3, count(8000))
	tag := "ID3\x03\x00\x00\x00\x00\x00\x10" + "TIT2\x00\x00\x00\x06\x00\x00\x00Other"
	late := form("AIFF", ssnd, chunk("ANNO", []byte("odd")), comm, chunk("AUTH", []byte("Us\x00")), chunk("ID3 ", []byte(tag)))
	first := form("AIFF", chunk("AUTH", []byte("Us")), chunk("odd!", []byte("xyz")), chunk("NAME", []byte("Other")), comm, ssnd, chunk("MARK", nil))
	for name, b := range map[string][]byte{"sound first": late, "sound last": first} {
		d := containertest.Open(t, open, containertest.Media(b))
		if in := d.Info(); in.Title != "Other" || in.Artist != "Us" || in.Duration != time.Second/2 || in.Container != "aiff" {
			t.Errorf("%s: %+v", name, in)
		}
		packets, err := containertest.Drain(d)
		var all []byte
		for _, p := range packets {
			all = append(all, p.Data...)
		}
		if !errors.Is(err, io.EOF) || !bytes.Equal(all, count(8000)) {
			t.Errorf("%s: %d bytes, %v", name, len(all), err)
		}
	}
	if _, err := open(containertest.Stream(late)); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "comes last") {
		t.Errorf("sound first in a stream: %v", err)
	}
	containertest.TestStream(t, open, first)
	if packets := containertest.Packets(t, open, append(first[:len(first)-4:len(first)-4], "\xff\xff\xff\xff"...)); len(packets) != 25 {
		t.Errorf("before a chunk cut off: %d packets", len(packets))
	}
}

func TestUnknownLengthsLastToTheEnd(t *testing.T) {
	for _, size := range []uint32{0, math.MaxUint32, math.MaxInt32} {
		for _, frames := range []int{0, math.MaxUint32} {
			b := form("AIFF", description(2, frames, 16, 48000, ""), endless(size, count(9600)))
			for _, m := range []*audio.Media{containertest.Media(b), containertest.Stream(b)} {
				if packets, err := containertest.Drain(containertest.Open(t, open, m)); len(packets) != 3 || !errors.Is(err, io.EOF) || packets[2].Duration != 480 {
					t.Errorf("size %#x, %d frames: %d packets, %v", size, frames, len(packets), err)
				}
			}
			if d := containertest.Open(t, open, containertest.Media(b)).Info().Duration; d != 50*time.Millisecond {
				t.Errorf("size %#x: lasts %v", size, d)
			}
		}
	}
	padded := form("AIFF", description(1, 7, 8, 8000, ""), sound(0, count(12)))
	if packets := containertest.Packets(t, open, padded); len(packets[0].Data) != 7 {
		t.Errorf("%d bytes of 7", len(packets[0].Data))
	}
	if _, err := open(containertest.Media(form("AIFF", endless(0, count(9600)), description(2, 10, 16, 8000, "")))); !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("endless sound before its description: %v", err)
	}
}

func TestRates(t *testing.T) {
	for rate, want := range map[float64]int{8000: 8000, 22254.5454: 22255, 44100: 44100, 768000: 768000, 1: 1, 768001: 0, 0.3: 0, 1e7: 0} {
		d, err := open(containertest.Media(form("AIFF", description(1, 1, 16, rate, ""), sound(0, count(2)))))
		if (err == nil) != (want > 0) || err == nil && d.Codec().SampleRate != want {
			t.Errorf("%v Hz: %v", rate, err)
		}
	}
}

func TestWhatCannotBe(t *testing.T) {
	comm := description(1, 10, 16, 8000, "")
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"no form":           {[]byte("FORM\x00\x00\x00\x048SVX"), audio.ErrMalformed},
		"nothing":           {form("AIFF"), audio.ErrTruncated},
		"no samples":        {form("AIFF", comm), audio.ErrTruncated},
		"no description":    {form("AIFF", sound(0, count(20))), audio.ErrTruncated},
		"no channels":       {form("AIFF", description(0, 10, 16, 8000, ""), sound(0, count(20))), audio.ErrMalformed},
		"100 channels":      {form("AIFF", description(100, 10, 16, 8000, ""), sound(0, count(20))), audio.ErrLimit},
		"short description": {form("AIFC", comm, sound(0, count(20))), audio.ErrMalformed},
		"twice described":   {form("AIFF", comm, comm, sound(0, count(20))), audio.ErrMalformed},
		"offset too far":    {form("AIFF", comm, chunk("SSND", []byte{0, 0, 1, 0, 0, 0, 0, 0, 1, 2})), audio.ErrMalformed},
		"many chunks":       {form("AIFF", bytes.Repeat(chunk("junk"), 2000)), audio.ErrLimit},
	} {
		if _, err := open(containertest.Media(c.b)); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAStreamOfNothingButChunksIsLeft(t *testing.T) {
	for name, c := range map[string]string{"many": strings.Repeat("junk\x00\x00\x10\x00"+strings.Repeat("x", 4096), 20_000), "long": "junk\x7f\xff\xff\xff" + strings.Repeat("x", 1<<20)} {
		r := &counting{r: strings.NewReader("FORM\x00\x00\x00\x00AIFF" + c)}
		_, err := open(&audio.Media{ReadCloser: io.NopCloser(r), Size: -1})
		if !errors.Is(err, audio.ErrLimit) || r.n > 65<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, r.n)
		}
	}
}

type counting struct {
	r io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

func TestSeekLandsOnTheSample(t *testing.T) {
	b := form("AIFF", description(1, 441000, 16, 44100, ""), sound(2, count(882000)))
	d := containertest.Open(t, open, containertest.Media(b))
	for _, to := range []time.Duration{5 * time.Second, 0, 9999 * time.Millisecond, 1234567 * time.Microsecond} {
		landed, err := d.Seek(to)
		if err != nil || landed > to || to-landed > 20*time.Millisecond {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		p, err := d.ReadPacket()
		if at := input.Unscale(p.PTS, 44100) * 2; err != nil || !bytes.Equal(p.Data, count(882000)[at:int(at)+len(p.Data)]) {
			t.Errorf("seek to %v: wrong samples, %v", to, err)
		}
	}
	if _, err := d.Seek(time.Hour); err != nil {
		t.Error(err)
	}
	if _, err := d.ReadPacket(); !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
}

// TestFilesOfFFmpeg decodes what ffmpeg wrote and compares it with what ffmpeg reads.
func TestFilesOfFFmpeg(t *testing.T) {
	audiotest.Tool(t, "ffmpeg")
	dir := t.TempDir()
	for _, kind := range []string{"pcm_s8", "pcm_s16be", "pcm_s16le", "pcm_s24be", "pcm_s32be", "pcm_f32be", "pcm_f64be", "pcm_alaw", "pcm_mulaw"} {
		name := filepath.Join(dir, kind+".aif")
		run := func(args ...string) []byte {
			out, err := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...).Output()
			if err != nil {
				t.Fatalf("%s: %v", kind, err)
			}
			return out
		}
		run("-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*300*t)|0.3*sin(2*PI*500*t)':s=22050:d=0.51", "-c:a", kind, "-metadata", "title=Song", "-write_id3v2", "1", name)
		want := run("-i", name, "-f", "f32le", "-")
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		d := containertest.Open(t, open, containertest.Media(b))
		if c := d.Codec(); c.Name != kind || d.Info().Title != "Song" {
			t.Errorf("%s is %s, title %q", kind, c.Name, d.Info().Title)
		}
		dec, err := codec.NewDecoder(d.Codec())
		if err != nil {
			t.Fatal(err)
		}
		packets, err := containertest.Drain(d)
		if !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", kind, err)
		}
		var got []float32
		for _, p := range packets {
			got, _ = dec.Decode(got, p)
		}
		if 4*len(got) != len(want) {
			t.Errorf("%s: %d samples of %d", kind, len(got), len(want)/4)
			continue
		}
		for i, v := range got {
			if w := math.Float32frombits(binary.LittleEndian.Uint32(want[4*i:])); math.Abs(float64(v-w)) > 1e-6 {
				t.Errorf("%s: sample %d is %v, ffmpeg says %v", kind, i, v, w)
				break
			}
		}
	}
}

func FuzzAIFF(f *testing.F) {
	seeds := [][]byte{form("AIFF", sound(1, count(20)), chunk("NAME", []byte("x")), description(1, 10, 16, 8000, ""))}
	for _, kind := range []string{"NONE", "sowt", "fl32", "in24", "ulaw"} {
		seeds = append(seeds, form("AIFC", chunk("AUTH", []byte(kind)), description(2, 10, 16, 44100, kind+"\x00\x00"), sound(0, count(80)), chunk("ID3 ", []byte(fmt.Sprint("ID3", kind)))))
	}
	containertest.Fuzz(f, open, seeds...)
}

func BenchmarkReadPacket(b *testing.B) {
	file := form("AIFF", description(2, 48000*60, 16, 48000, ""), sound(0, make([]byte, 48000*60*4)))
	containertest.BenchmarkRead(b, open, file)
}
