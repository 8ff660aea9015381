package wav

import (
	"bytes"
	"encoding/binary"
	"errors"
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
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := NewDemuxer(input.New(m))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func chunk(id string, body []byte) []byte {
	b := binary.LittleEndian.AppendUint32([]byte(id), uint32(len(body)))
	b = append(b, body...)
	return append(b, make([]byte, len(body)&1)...)
}

func format(tag, channels, rate, bits int) []byte {
	le := binary.LittleEndian
	b := le.AppendUint16(nil, uint16(tag))
	b = le.AppendUint16(b, uint16(channels))
	b = le.AppendUint32(b, uint32(rate))
	block := (bits + 7) / 8 * channels
	b = le.AppendUint32(b, uint32(rate*block))
	b = le.AppendUint16(b, uint16(block))
	return chunk("fmt ", le.AppendUint16(b, uint16(bits)))
}

func file(chunks ...[]byte) []byte {
	return append([]byte("RIFF\xff\xff\xff\xffWAVE"), bytes.Join(chunks, nil)...)
}

// data is a data chunk that claims a size of its own.
func data(size uint32, n int) []byte {
	return append(binary.LittleEndian.AppendUint32([]byte("data"), size), make([]byte, n)...)
}

func TestStreamsCutsAndDamage(t *testing.T) {
	b := containertest.File(t, "sweep.wav")
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
	containertest.TestDamaged(t, open, 2000, b, file(format(1, 2, 48000, 24), data(48000*6, 48000*6)))
}

func TestEveryKindOfSample(t *testing.T) {
	for _, c := range []struct {
		tag, bits int
		name      string
	}{
		{1, 8, "pcm_u8"},
		{1, 16, "pcm_s16le"},
		{1, 20, "pcm_s24le"},
		{1, 24, "pcm_s24le"},
		{1, 32, "pcm_s32le"},
		{3, 32, "pcm_f32le"},
		{3, 64, "pcm_f64le"},
		{6, 8, "pcm_alaw"},
		{7, 8, "pcm_mulaw"},
	} {
		d := containertest.Open(t, open, containertest.Media(file(format(c.tag, 2, 44100, c.bits), data(2400, 2400))))
		if got := d.Codec(); got.Name != c.name || got.SampleRate != 44100 || got.Channels != 2 {
			t.Errorf("format %d of %d bits is %+v", c.tag, c.bits, got)
		}
	}
	extensible := format(0xfffe, 1, 48000, 24)
	extensible = chunk("fmt ", append(extensible[8:], append([]byte{22, 0, 24, 0, 4, 0, 0, 0, 1, 0}, make([]byte, 14)...)...))
	if d := containertest.Open(t, open, containertest.Media(file(extensible, data(30, 30)))); d.Codec().Name != "pcm_s24le" {
		t.Errorf("extensible is %+v", d.Codec())
	}
}

func TestWhatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		b    []byte
		want error
		text string
	}{
		"adpcm":        {file(format(2, 1, 8000, 4), data(10, 10)), audio.ErrUnsupported, "ADPCM"},
		"mp3":          {file(format(0x55, 2, 44100, 0), data(10, 10)), audio.ErrUnsupported, "MP3"},
		"unknown":      {file(format(0x1234, 2, 44100, 0), data(10, 10)), audio.ErrUnsupported, "0x1234"},
		"float of 16":  {file(format(3, 2, 44100, 16), data(10, 10)), audio.ErrUnsupported, "float of 16"},
		"no channels":  {file(format(1, 0, 44100, 16), data(10, 10)), audio.ErrMalformed, ""},
		"100 channels": {file(format(1, 100, 44100, 16), data(10, 10)), audio.ErrLimit, "100"},
		"no format":    {file(data(10, 10)), audio.ErrMalformed, "format"},
		"no data":      {file(format(1, 2, 44100, 16)), audio.ErrTruncated, ""},
		"no wave":      {[]byte("RIFF\x00\x00\x00\x00AVI LIST"), audio.ErrMalformed, ""},
		"many chunks":  {file(bytes.Repeat(chunk("junk", nil), maxChunks+1)), audio.ErrLimit, ""},
		"long chunk":   {file([]byte("junk\xff\xff\xff\x7f")), audio.ErrTruncated, ""},
	} {
		if _, err := open(containertest.Media(c.b)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownSizesLastToTheEnd(t *testing.T) {
	for _, size := range []uint32{0, 0xffffffff, 0x7fffffff, 0x7ffff000} {
		b := file(format(1, 2, 48000, 16), data(size, 9600))
		d := containertest.Open(t, open, containertest.Stream(b))
		packets, err := containertest.Drain(d)
		if len(packets) != 3 || !errors.Is(err, io.EOF) || packets[2].PTS != 1920 || packets[2].Duration != 480 {
			t.Errorf("size %#x: %d packets, %v", size, len(packets), err)
		}
		if d := containertest.Open(t, open, containertest.Media(b)); d.Info().Duration != 50*time.Millisecond {
			t.Errorf("size %#x: lasts %v", size, d.Info().Duration)
		}
	}
	d := containertest.Open(t, open, containertest.Stream(file(format(1, 2, 48000, 16), data(0, 9601))))
	if packets, err := containertest.Drain(d); len(packets) != 3 || !errors.Is(err, audio.ErrTruncated) {
		t.Errorf("half a sample at the end: %d packets, %v", len(packets), err)
	}
}

func TestRF64TellsLongSizes(t *testing.T) {
	ds64 := make([]byte, 28)
	binary.LittleEndian.PutUint64(ds64[8:], 3840)
	b := append([]byte("RF64\xff\xff\xff\xffWAVE"), chunk("ds64", ds64)...)
	b = append(b, format(1, 2, 48000, 16)...)
	b = append(append(b, data(0xffffffff, 3840)...), "LIST and more"...)
	if packets := containertest.Packets(t, open, b); len(packets) != 1 || len(packets[0].Data) != 3840 {
		t.Errorf("%d packets", len(packets))
	}
}

func TestNamesAreRead(t *testing.T) {
	list := chunk("LIST", append([]byte("INFO"), bytes.Join([][]byte{chunk("ISFT", []byte("x")), chunk("INAM", []byte("Song\x00")), chunk("IART", []byte("Us")), chunk("IPRD", []byte("Album"))}, nil)...))
	other := chunk("LIST", []byte("adtlwhatever"))
	d := containertest.Open(t, open, containertest.Media(file(other, format(1, 1, 8000, 8), list, data(10, 10))))
	if in := d.Info(); in.Title != "Song" || in.Artist != "Us" || in.Album != "Album" {
		t.Errorf("%+v", in)
	}
}

func TestWriterAndDemuxerAgree(t *testing.T) {
	for _, float := range []bool{false, true} {
		name := filepath.Join(t.TempDir(), "x.wav")
		f, err := os.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		w, err := NewWriter(f, Format{Rate: 48000, Channels: 2, Float: float})
		if err != nil {
			t.Fatal(err)
		}
		pcm := []float32{0, 0.5, -0.5, 1, -1, 2, -2, 1.0 / 32768}
		if err := w.Write(pcm); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Close(), f.Close()); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(name)
		if size := binary.LittleEndian.Uint32(b[4:]); int(size) != len(b)-8 {
			t.Errorf("RIFF says %d of %d bytes", size, len(b))
		}
		packets := containertest.Packets(t, open, b)
		if !float && !bytes.Equal(packets[0].Data, []byte{0, 0, 0, 0x40, 0, 0xc0, 0xff, 0x7f, 0, 0x80, 0xff, 0x7f, 0, 0x80, 1, 0}) {
			t.Errorf("% x", packets[0].Data)
		}
		if float && len(packets[0].Data) != 32 {
			t.Errorf("%d bytes", len(packets[0].Data))
		}
	}
	var pipe bytes.Buffer
	w, _ := NewWriter(&pipe, Format{Rate: 8000, Channels: 1})
	_ = w.Write(make([]float32, 160))
	if err := w.Close(); err != nil || len(containertest.Packets(t, open, pipe.Bytes())) != 1 {
		t.Errorf("through a pipe: %v", err)
	}
	if _, err := NewWriter(io.Discard, Format{}); !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("no format: %v", err)
	}
}

func FuzzWAV(f *testing.F) {
	containertest.Fuzz(f, open, containertest.File(f, "sweep.wav"), file(format(1, 2, 48000, 24), data(600, 600)), file(format(3, 1, 8000, 64), data(0, 64)), w64([2]string{"fmt ", string(format(1, 2, 48000, 16)[8:])}, [2]string{"list", "INFO"}, [2]string{"data", "abcdabcd"}))
}

// w64 is a Wave64 file of chunks: their four letters, and what is in them.
func w64(chunks ...[2]string) []byte {
	b := []byte(riffGUID + "\x00\x00\x00\x00\x00\x00\x00\x00wave" + waveGUID)
	for _, c := range chunks {
		guid := c[0] + waveGUID
		if c[0] == "list" {
			guid = c[0] + riffGUID[4:]
		}
		b = append(binary.LittleEndian.AppendUint64(append(b, guid...), uint64(24+len(c[1]))), c[1]...)
		b = append(b, make([]byte, -len(c[1])&7)...)
	}
	return b
}

func TestWave64(t *testing.T) {
	fmt16 := string(format(1, 2, 48000, 16)[8:])
	names := "INFO" + string(chunk("INAM", []byte("Song")))
	samples := strings.Repeat("abcd", 2400)
	b := w64([2]string{"fmt ", fmt16}, [2]string{"junk", "odd"}, [2]string{"list", names}, [2]string{"data", samples}, [2]string{"junk", "more"})
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, w64([2]string{"fmt ", fmt16}, [2]string{"data", samples}))
	containertest.TestDamaged(t, open, 500, b)
	d := containertest.Open(t, open, containertest.Media(b))
	if in, c := d.Info(), d.Codec(); in.Container != "w64" || in.Title != "Song" || in.Duration != 50*time.Millisecond || c.Name != "pcm_s16le" || c.Channels != 2 {
		t.Errorf("%+v, %+v", in, c)
	}
	packets, err := containertest.Drain(d)
	if len(packets) != 3 || !errors.Is(err, io.EOF) || string(packets[0].Data[:4]) != "abcd" {
		t.Errorf("%d packets, %v", len(packets), err)
	}
	endless := w64([2]string{"fmt ", fmt16}, [2]string{"data", ""})
	for _, size := range []uint64{0, 24, math.MaxUint64} {
		binary.LittleEndian.PutUint64(endless[len(endless)-8:], size)
		if packets, err := containertest.Drain(containertest.Open(t, open, containertest.Stream(append(endless[:len(endless):len(endless)], samples...)))); len(packets) != 3 || !errors.Is(err, io.EOF) {
			t.Errorf("size %d: %d packets, %v", size, len(packets), err)
		}
	}
	for name, b := range map[string][]byte{
		"no wave":         []byte(riffGUID + strings.Repeat("x", 30)),
		"too short":       append(w64(), "junk"+waveGUID+"\x07\x00\x00\x00\x00\x00\x00\x00"...),
		"longer than all": append(w64(), "junk"+waveGUID+"\xff\xff\xff\xff\xff\xff\xff\x7f"...),
	} {
		if _, err := open(containertest.Media(b)); !errors.Is(err, audio.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFilesOfFFmpegInEveryKind(t *testing.T) {
	audiotest.Tool(t, "ffmpeg")
	for _, c := range []struct{ muxer, kind string }{{"w64", "pcm_s16le"}, {"w64", "pcm_f32le"}, {"w64", "pcm_alaw"}, {"wav", "pcm_u8"}, {"wav", "pcm_s24le"}, {"wav", "pcm_s32le"}, {"wav", "pcm_f64le"}, {"wav", "pcm_mulaw"}} {
		out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc=0.3*sin(1000*t)|0.2|0.1*sin(t)|0|0|0:s=44100:d=0.3:c=5.1", "-c:a", c.kind, "-f", c.muxer, "-").Output()
		if err != nil {
			t.Fatal(err)
		}
		d := containertest.Open(t, open, containertest.Stream(out))
		if got := d.Codec(); got.Name != c.kind || got.Channels != 6 || d.Info().Container != c.muxer {
			t.Errorf("%v is %+v in %s", c, got, d.Info().Container)
		}
		packets, err := containertest.Drain(d)
		end := packets[len(packets)-1]
		if !errors.Is(err, io.EOF) || end.PTS+end.Duration != 14400 {
			t.Errorf("%v: %d samples, %v", c, end.PTS+end.Duration, err)
		}
	}
}

func TestSizesOfOtherChunksMayBeTold(t *testing.T) {
	ds64 := make([]byte, 28)
	binary.LittleEndian.PutUint64(ds64[8:], math.MaxUint64)
	binary.LittleEndian.PutUint32(ds64[24:], 1)
	ds64 = append(ds64, "junk\x05\x00\x00\x00\x00\x00\x00\x00"...)
	b := append([]byte("BW64\xff\xff\xff\xffWAVE"), chunk("ds64", ds64)...)
	b = append(b, "junk\xff\xff\xff\xffxxxxx\x00"...)
	b = append(append(b, format(1, 2, 48000, 16)...), data(0xffffffff, 3840)...)
	if packets := containertest.Packets(t, open, b); len(packets) != 1 || len(packets[0].Data) != 3840 {
		t.Errorf("%d packets", len(packets))
	}
}

func TestSamplesMayStandInMoreBytesThanTheyNeed(t *testing.T) {
	f := format(1, 2, 48000, 24)
	binary.LittleEndian.PutUint16(f[8+12:], 8)
	if c := containertest.Open(t, open, containertest.Media(file(f, data(80, 80)))).Codec(); c.Name != "pcm_s32le" {
		t.Errorf("24 bits in four bytes are %s", c.Name)
	}
}

func TestAStreamOfNothingButChunksIsLeft(t *testing.T) {
	for name, c := range map[string]string{"many": strings.Repeat("junk\x00\x00\x10\x00"+strings.Repeat("x", 1<<20), 70), "long": "junk\xff\xff\xff\x7f" + strings.Repeat("x", 1<<20)} {
		r := strings.NewReader("RIFF\x00\x00\x00\x00WAVE" + c)
		_, err := open(&audio.Media{ReadCloser: io.NopCloser(r), Size: -1})
		if read := r.Size() - int64(r.Len()); !errors.Is(err, audio.ErrLimit) || read > 66<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, read)
		}
	}
}

func TestSeekLandsOnTheSample(t *testing.T) {
	b := file(format(1, 1, 44100, 16), data(44100*2*60, 0))
	for i := range 44100 * 60 {
		b = binary.LittleEndian.AppendUint16(b, uint16(i^i>>16))
	}
	containertest.TestSeeks(t, open, b, 21*time.Millisecond, 128<<10)
}

func BenchmarkReadPacket(b *testing.B) {
	containertest.BenchmarkRead(b, open, file(format(1, 2, 48000, 16), data(48000*4*60, 48000*4*60)))
}
