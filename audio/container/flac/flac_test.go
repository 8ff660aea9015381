package flac

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/flac"
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
	b := containertest.File(t, "sweep.flac")
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
	containertest.TestDamaged(t, open, 2000, b, song(30, nil))
}

// frame is one of 192 samples at 48 kHz, mono, 16 bit, constant: some 12 bytes.
func frame(n int) []byte { return numbered([]byte{0xff, 0xf8, 0x1a, 0x08}, n) }

// numbered is a frame that begins with b and then n.
func numbered(b []byte, n int) []byte {
	switch {
	case n < 0x80:
		b = append(b, byte(n))
	case n < 0x800:
		b = append(b, 0xc0|byte(n>>6), 0x80|byte(n&63))
	case n < 0x10000:
		b = append(b, 0xe0|byte(n>>12), 0x80|byte(n>>6&63), 0x80|byte(n&63))
	default:
		b = append(b, 0xf8|byte(n>>24), 0x80|byte(n>>18&63), 0x80|byte(n>>12&63), 0x80|byte(n>>6&63), 0x80|byte(n&63))
	}
	b = append(b, crc8(b))
	b = append(b, 0, 0x11, 0x22)
	sum := flac.CRC16(0, b)
	return append(b, byte(sum>>8), byte(sum))
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

// song is a file of n frames, with more metadata blocks if any.
func song(n int, blocks []byte) []byte {
	last := byte(0x80)
	if blocks != nil {
		last = 0
	}
	b := append([]byte("fLaC"), last, 0, 0, 34, 0, 192, 0, 192, 0, 0, 0, 0, 0, 0, 0x0b, 0xb8, 0x00, 0xf0, 0, byte(n*192>>16), byte(n*192>>8), byte(n*192))
	b = append(append(b, make([]byte, 16)...), blocks...)
	for i := range n {
		b = append(b, frame(i)...)
	}
	return b
}

func TestFramesAreFoundByTheirChecksums(t *testing.T) {
	b := song(1000, nil)
	d := containertest.Open(t, open, containertest.Media(b))
	if in := d.Info(); in.Duration != 4*time.Second {
		t.Errorf("%+v", in)
	}
	packets := containertest.Packets(t, open, b)
	if len(packets) != 1000 {
		t.Fatalf("%d frames", len(packets))
	}
	for i, p := range packets {
		if !bytes.Equal(p.Data, frame(i)) || p.PTS != int64(i)*192 || p.Duration != 192 {
			t.Fatalf("frame %d: %d+%d", i, p.PTS, p.Duration)
		}
	}
}

func TestDamagedFramesAreSkippedAndTheClockGoesOn(t *testing.T) {
	b := song(200, nil)
	at := bytes.Index(b, frame(50))
	b[at+7] ^= 1
	at = bytes.Index(b, frame(100))
	b = append(b[:at:at], append([]byte("\xff\xf8 rubbish \xff"), b[at:]...)...)
	b = append(b, append([]byte("TAG"), make([]byte, 125)...)...)
	packets := containertest.Packets(t, open, b)
	if len(packets) < 197 || len(packets) > 199 {
		t.Fatalf("%d frames", len(packets))
	}
	if last := packets[len(packets)-1]; last.PTS != 199*192 {
		t.Errorf("the last frame is at %d", last.PTS)
	}
}

func TestSeekByHalvingAndByTable(t *testing.T) {
	table := []byte{0x83, 0, 0, 54}
	for i := range 3 {
		n := 1000 * i
		point := append(make([]byte, 5), byte(n*192>>16), byte(n*192>>8), byte(n*192))
		off := len(song(n, nil)) - len(song(0, nil))
		table = append(append(table, point...), 0, 0, 0, 0, 0, byte(off>>16), byte(off>>8), byte(off), 0, 192)
	}
	for name, b := range map[string][]byte{"halving": song(2000, nil), "table": song(2000, table)} {
		d := containertest.Open(t, open, containertest.Media(b))
		for _, to := range []time.Duration{4 * time.Second, 0, 7900 * time.Millisecond, time.Second, time.Hour} {
			landed, err := d.Seek(to)
			if err != nil {
				t.Fatal(err)
			}
			p, err := d.ReadPacket()
			if to == time.Hour {
				if !errors.Is(err, io.EOF) && err != nil {
					t.Errorf("%s: beyond the end: %v", name, err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			n := int(to / (4 * time.Millisecond))
			if !bytes.Equal(p.Data, frame(n)) || p.PTS != int64(n)*192 || landed > to {
				t.Errorf("%s: seek to %v: packet at %d, landed %v", name, to, p.PTS, landed)
			}
		}
	}
}

func TestMetadataThatCannotBe(t *testing.T) {
	for name, c := range map[string]struct {
		b    string
		want error
	}{
		"no marker":                           {"fLaX", audio.ErrMalformed},
		"no streaminfo":                       {"fLaC\x81\x00\x00\x00", audio.ErrMalformed},
		"nothing":                             {"", audio.ErrMalformed},
		"cut in a marker":                     {"fLa", audio.ErrMalformed},
		"a frame alone that needs STREAMINFO": {needy(), audio.ErrMalformed},
		"block 127":                           {"fLaC\xff\x00\x00\x00", audio.ErrMalformed},
		"cut off":                             {"fLaC\x00\x00\x00\x22\x00", audio.ErrTruncated},
		"rate of zero":                        {"fLaC\x80\x00\x00\x22" + string(make([]byte, 34)), audio.ErrMalformed},
		"blocks for ever":                     {"fLaC" + strings.Repeat("\x04\x00\x00\x00", 5000), audio.ErrLimit},
		"cut in a tag":                        {string(song(0, []byte{0x84, 0, 1, 0, 0})), audio.ErrTruncated},
	} {
		if _, err := open(containertest.Media([]byte(c.b))); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := containertest.Drain(containertest.Open(t, open, containertest.Media(append(song(0, nil), make([]byte, 5<<20)...)))); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("megabytes of nothing: %v", err)
	}
}

// TestHeadersWithoutFramesAreNotFollowedForever feeds what looks like a frame
// header every few bytes, and never is one.
func TestHeadersWithoutFramesAreNotFollowedForever(t *testing.T) {
	b := song(0, nil)
	head := []byte{0xff, 0xf8, 0x7a, 0x78, 0x00, 0xff, 0xfe}
	head = append(head, crc8(head))
	b = append(b, bytes.Repeat(head, 100_000)...)
	start := time.Now()
	_, err := containertest.Drain(containertest.Open(t, open, containertest.Media(b)))
	if !containertest.Sane(err) || time.Since(start) > 20*time.Second {
		t.Errorf("%v after %v", err, time.Since(start))
	}
}

func TestTheIETFsFilesGiveTheirFrames(t *testing.T) {
	dir := os.Getenv("SEGUE_TEST_DATA")
	if dir == "" {
		dir = "../../../../shared/data"
	}
	names, _ := filepath.Glob(filepath.Join(dir, "flac", "subset", "*.flac"))
	if len(names) == 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("test data missing")
		}
		t.Skip("SKIPPED: test data missing")
	}
	if testing.Short() {
		names = names[:4]
	}
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		stat, _ := f.Stat()
		d := containertest.Open(t, open, &audio.Media{ReadCloser: f, Seeker: f, Size: stat.Size()})
		packets, err := containertest.Drain(d)
		if !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", filepath.Base(name), err)
			continue
		}
		last := packets[len(packets)-1]
		end := input.Duration(last.PTS + last.Duration)
		if total := d.Info().Duration; total > 0 && (end < total-time.Millisecond || end > total+time.Millisecond) {
			t.Errorf("%s: ends at %v of %v", filepath.Base(name), end, total)
		}
		_ = f.Close()
	}
}

func FuzzFLAC(f *testing.F) {
	containertest.Fuzz(f, open, containertest.File(f, "sweep.flac"), song(20, nil), song(20, nil)[60:])
}

// needy is a frame that leaves its rate to STREAMINFO.
func needy() string {
	b := []byte{0xff, 0xf8, 0x10, 0x08, 0}
	b = append(append(b, crc8(b)), 0, 0x11, 0x22)
	sum := flac.CRC16(0, b)
	return string(append(b, byte(sum>>8), byte(sum)))
}

// TestABroadcastCanBeJoinedAnywhere cuts the beginning off: what comes from the
// next frame on is the same, and its time begins there.
func TestABroadcastCanBeJoinedAnywhere(t *testing.T) {
	whole := song(1500, nil)
	first := bytes.Index(whole, frame(0))
	noInfo := append([]byte("fLaC\x81\x00\x00\x00"), whole[first:]...)
	for name, c := range map[string]struct {
		b    []byte
		from int // number of the first whole frame
	}{
		"at a frame":              {whole[bytes.Index(whole, frame(700)):], 700},
		"within a frame":          {whole[bytes.Index(whole, frame(700))+3:], 701},
		"at the beginning":        {whole[first:], 0},
		"metadata without stream": {noInfo, 0},
	} {
		d := containertest.Open(t, open, containertest.Media(c.b))
		info, err := flac.ParseStreamInfo(d.Codec().Private)
		if err != nil || info.Rate != 48000 || info.Channels != 1 || info.Bits != 16 || d.Codec().SampleRate != 48000 {
			t.Errorf("%s: %+v, %+v, %v", name, d.Codec(), info, err)
		}
		packets := containertest.Packets(t, open, c.b)
		if len(packets) != 1500-c.from {
			t.Errorf("%s: %d frames", name, len(packets))
			continue
		}
		for i, p := range packets {
			if !bytes.Equal(p.Data, frame(c.from+i)) || p.PTS != int64(i)*192 {
				t.Fatalf("%s: frame %d is at %d", name, i, p.PTS)
			}
		}
		if _, err := d.Seek(2 * time.Second); err != nil {
			t.Fatal(err)
		}
		if p, err := d.ReadPacket(); err != nil || !bytes.Equal(p.Data, frame(c.from+500)) || p.PTS != 500*192 {
			t.Errorf("%s: after seeking to 2 s the packet is at %d, %v", name, p.PTS, err)
		}
	}
	variable := []byte(needy())
	variable[1], variable[2], variable[4] = 0xf9, 0x1a, 77
	variable[5] = crc8(variable[:5])
	sum := flac.CRC16(0, variable[:9])
	variable[9], variable[10] = byte(sum>>8), byte(sum)
	packets := containertest.Packets(t, open, variable)
	if len(packets) != 1 || packets[0].PTS != 0 {
		t.Errorf("joined at sample 77: %+v", packets)
	}
}

func TestSeekingHalvesWhatIsLong(t *testing.T) {
	b := song(40_000, nil)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, n := range []int{39_999, 0, 20_000, 12_345, 1} {
		to := time.Duration(n) * 4 * time.Millisecond
		landed, err := d.Seek(to)
		if err != nil || landed != to {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		if p, err := d.ReadPacket(); err != nil || !bytes.Equal(p.Data, frame(n)) || p.PTS != int64(n)*192 {
			t.Errorf("seek to %v: packet at %d, %v", to, p.PTS, err)
		}
	}
}

func TestSeekingHalvesWhereFramesCountSamples(t *testing.T) {
	b := song(0, nil)
	b[8], b[9] = 0, 16 // block sizes from 16 to 192
	const count = 200_000
	at := make([]int, count)
	for i := range count {
		at[i] = len(b)
		b = append(b, numbered([]byte{0xff, 0xf9, 0x1a, 0x08}, i*192)...)
	}
	m := containertest.Media(b)
	read := &counter{ReadCloser: m.ReadCloser}
	m.ReadCloser = read
	d := containertest.Open(t, open, m)
	for _, n := range []int{199_999, 0, 20_000, 123_456, 1} {
		read.n = 0
		if _, err := d.Seek(time.Duration(n) * 4 * time.Millisecond); err != nil || read.n > 1<<20 {
			t.Fatalf("seek to frame %d reads %d bytes of %d, %v", n, read.n, len(b), err)
		}
		if p, err := d.ReadPacket(); err != nil || p.PTS != int64(n)*192 || !bytes.HasPrefix(b[at[n]:], p.Data) {
			t.Errorf("seek to frame %d: packet at %d, %v", n, p.PTS, err)
		}
	}
}

// A counter counts the bytes read.
type counter struct {
	io.ReadCloser
	n int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n += n
	return n, err
}

func TestLooksGoesByChecksums(t *testing.T) {
	two := append(frame(1), frame(2)...)
	broken := bytes.Clone(two)
	broken[8] ^= 1
	for name, c := range map[string]struct {
		head          []byte
		whole, begins bool
	}{
		"two frames":         {two, true, true},
		"with a broken end":  {two[:len(two)-4], true, true},
		"after other things": {append([]byte("ÿÿø whatÿ"), two...), true, false},
		"the first broken":   {broken, false, true},
		"one frame":          {frame(1), false, true},
		"nothing":            {nil, false, false},
		"ones":               {bytes.Repeat([]byte{0xff}, 1000), false, false},
		"headers alone":      {bytes.Repeat(frame(1)[:6], 1000), false, true},
	} {
		if whole, begins := Looks(c.head); whole != c.whole || begins != c.begins {
			t.Errorf("%s: %v, %v", name, whole, begins)
		}
	}
}

// TestABroadcastThatBeginsAnewGoesOn has numbers fall back behind those it was
// joined at.
func TestABroadcastThatBeginsAnewGoesOn(t *testing.T) {
	b := slices.Concat(frame(900), frame(901), frame(0), frame(1))
	packets := containertest.Packets(t, open, b)
	if len(packets) != 4 || packets[3].PTS != 3*192 {
		t.Errorf("%d frames, the last at %d", len(packets), packets[len(packets)-1].PTS)
	}
}

func TestFramesThatCountNothingFollowEachOther(t *testing.T) {
	b := song(3, nil)
	b[8], b[9] = 0, 16 // block sizes from 16 to 192: numbers of frames say nothing
	packets := containertest.Packets(t, open, b)
	if len(packets) != 3 || packets[2].PTS != 2*192 {
		t.Errorf("%d frames, the last at %d", len(packets), packets[len(packets)-1].PTS)
	}
	if _, err := containertest.Open(t, open, containertest.Media(b)).Seek(time.Second); err != nil {
		t.Error(err)
	}
}
