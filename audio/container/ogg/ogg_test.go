package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"segue/audio"
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

var files = []string{"sweep.opus", "sweep.ogg", "sweep-flac.oga"}

func TestChecksumIsOggs(t *testing.T) {
	slow := func(b []byte) (c uint32) {
		for _, x := range b {
			c ^= uint32(x) << 24
			for range 8 {
				c = c<<1 ^ c>>31*0x04c11db7
			}
		}
		return c
	}
	rng := rand.New(rand.NewPCG(1, 1))
	for _, n := range []int{0, 1, 15, 16, 17, 100, 2047, 2048, 2049, 5000, 65307} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		if new(checksum).update(0, b) != slow(b) {
			t.Fatalf("checksum of %d bytes is wrong", n)
		}
		quickly, plainly := make([]byte, n), make([]byte, n)
		turn(quickly, b)
		if turnPlain(plainly, b); !bytes.Equal(quickly, plainly) {
			t.Fatalf("%d bytes are turned in two ways", n)
		}
	}
}

func TestStreamsAndCutsOfEveryCodec(t *testing.T) {
	for _, f := range files {
		t.Run(f, func(t *testing.T) {
			b := containertest.File(t, f)
			containertest.TestStream(t, open, b)
			containertest.TestTruncated(t, open, b)
		})
	}
}

func TestDamage(t *testing.T) {
	var all [][]byte
	for _, f := range files {
		all = append(all, containertest.File(t, f))
	}
	containertest.TestDamaged(t, open, 2000, all...)
}

// pages splits a file into its pages.
func pagesOf(t testing.TB, b []byte) (list [][]byte) {
	t.Helper()
	for len(b) > 0 {
		n := headerSize + int(b[26])
		for _, s := range b[headerSize:n] {
			n += int(s)
		}
		list, b = append(list, b[:n]), b[n:]
	}
	return list
}

// song writes an Ogg Opus file of n packets of 20 ms whose bytes tell their number.
func song(t testing.TB, n int, end int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, Head{Channels: 2, PreSkip: 312, InputRate: 48000}, []string{"TITLE=Song", "ARTIST=Us"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := w.WritePacket(packetOf(i), int64(i+1)*960); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(end); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func packetOf(i int) []byte {
	p := bytes.Repeat([]byte{byte(i)}, 80+i%400)
	p[0] = 31<<3 | 4 // CELT, full band, 20 ms, stereo, one frame
	binary.BigEndian.PutUint32(p[1:], uint32(i))
	return p
}

func numberOf(p audio.Packet) int { return int(binary.BigEndian.Uint32(p.Data[1:])) }

func TestWhatIsWrittenIsRead(t *testing.T) {
	const n = 500
	b := song(t, n, n*960-700)
	d := containertest.Open(t, open, containertest.Media(b))
	if c := d.Codec(); c.Name != "opus" || c.PreSkip != 312 || c.Channels != 2 || c.SampleRate != 48000 {
		t.Errorf("codec is %+v", c)
	}
	if in := d.Info(); in.Title != "Song" || in.Artist != "Us" || in.Duration != input.Duration(n*960-700-312) {
		t.Errorf("info is %+v", in)
	}
	packets, err := containertest.Drain(d)
	if !errors.Is(err, io.EOF) || len(packets) != n {
		t.Fatalf("%d packets, %v", len(packets), err)
	}
	for i, p := range packets {
		trim := int64(0)
		if i == n-1 {
			trim = 700
		}
		if !bytes.Equal(p.Data, packetOf(i)) || p.PTS != int64(i)*960 || p.Duration != 960 || p.TrimEnd != trim {
			t.Fatalf("packet %d: %d+%d-%d", i, p.PTS, p.Duration, p.TrimEnd)
		}
	}
}

func TestPaddingMayCoverSeveralPackets(t *testing.T) {
	packets := containertest.Packets(t, open, song(t, 10, 10*960-2000))
	for i, want := range map[int]int64{9: 960, 8: 960, 7: 80, 6: 0} {
		if packets[i].TrimEnd != want {
			t.Errorf("packet %d has %d samples of padding, want %d", i, packets[i].TrimEnd, want)
		}
	}
}

func TestSeekFindsThePageByHalving(t *testing.T) {
	const n = 3000 // a minute
	b := song(t, n, n*960)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, to := range []time.Duration{30 * time.Second, 0, 59 * time.Second, 12345 * time.Millisecond, time.Hour, time.Millisecond} {
		landed, err := d.Seek(to)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		if p.PTS != int64(numberOf(p))*960 {
			t.Errorf("seek to %v: packet %d says it is at %d", to, numberOf(p), p.PTS)
		}
		at := input.Duration(p.PTS)
		if at > to || to <= time.Minute && to-at > 1100*time.Millisecond || landed > at {
			t.Errorf("seek to %v: landed at %v, packet at %v", to, landed, at)
		}
		if next, err := d.ReadPacket(); err == nil && numberOf(next) != numberOf(p)+1 {
			t.Errorf("seek to %v: packet %d follows %d", to, numberOf(next), numberOf(p))
		}
	}
}

func TestDamagedPagesAreSkippedAndTheClockGoesOn(t *testing.T) {
	b := song(t, 500, 500*960)
	list := pagesOf(t, b)
	list[4][len(list[4])-1] ^= 1                                      // wrong checksum
	list[6] = append([]byte("garbage OggS garbage"), list[6]...)      // garbage between pages
	list = append(list[:8:8], list[9:]...)                            // a page lost
	list = append(list, []byte("TAG or whatever else stands behind")) // garbage at the end
	packets, err := containertest.Drain(containertest.Open(t, open, containertest.Media(bytes.Join(list, nil))))
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	if lost := 500 - len(packets); lost < 50 || lost > 150 {
		t.Errorf("%d packets of two pages lost", lost)
	}
	for _, p := range packets {
		if p.PTS != int64(numberOf(p))*960 {
			t.Fatalf("packet %d says it is at %d", numberOf(p), p.PTS)
		}
	}
}

func TestAStreamJoinedInTheMiddleStartsAtZero(t *testing.T) {
	list := pagesOf(t, song(t, 500, 500*960))
	joined := bytes.Join(append(list[:2:2], list[5:]...), nil)
	packets := containertest.Packets(t, open, joined)
	if packets[0].PTS != 0 || numberOf(packets[0]) == 0 {
		t.Errorf("packet %d is at %d", numberOf(packets[0]), packets[0].PTS)
	}
}

func TestOtherStreamsBesideAreLeftAlone(t *testing.T) {
	beside := func(first string) []byte {
		o := &Writer{w: &bytes.Buffer{}, serial: 5}
		o.add([]byte(first))
		o.flush(flagBegin, 0)
		return o.w.(*bytes.Buffer).Bytes()
	}
	b := append(beside("\x80theora and more"), song(t, 10, 9600)...)
	if n := len(containertest.Packets(t, open, b)); n != 10 {
		t.Errorf("%d packets", n)
	}
	for first, want := range map[string]string{"\x80theora": "video", "Speex   1.2": "speex", "fishead\x00": "skeleton", "CMML": "text", "what": "unknown", "\x7fFLAC\x01": "flac"} {
		_, err := open(containertest.Media(append(beside(first), beside(first)...)))
		if !errors.Is(err, audio.ErrUnsupported) && !errors.Is(err, audio.ErrTruncated) {
			t.Errorf("%s: %v", want, err)
		}
		data := append(beside(first), pagesOf(t, song(t, 10, 9600))[2]...)
		if _, err := open(containertest.Media(data)); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestOpusHeadersWeCannotPlay(t *testing.T) {
	for name, head := range map[string][]byte{
		"six channels of no meaning": Head{Channels: 6, Family: 255, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}.Append(nil),
		"version 16":                 append([]byte("OpusHead\x10"), Head{Channels: 2}.Append(nil)[9:]...),
	} {
		o := &Writer{w: &bytes.Buffer{}}
		o.add(head)
		o.flush(flagBegin, 0)
		if _, err := open(containertest.Media(o.w.(*bytes.Buffer).Bytes())); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestGainAndOddInputRatesAreHeeded(t *testing.T) {
	var out bytes.Buffer
	w, _ := NewWriter(&out, Head{Channels: 1, PreSkip: 100, InputRate: 44100, Gain: -768}, nil)
	_ = w.WritePacket(packetOf(0), 960)
	_ = w.Close(960)
	c := containertest.Open(t, open, containertest.Media(out.Bytes())).Codec()
	if c.GainDB != -3 || c.SampleRate != 48000 || c.Channels != 1 {
		t.Errorf("%+v", c)
	}
}

func TestPacketsLongerThanPagesAndThanSense(t *testing.T) {
	long := bytes.Repeat([]byte{31<<3 | 3}, 200_000)
	o := &Writer{w: &bytes.Buffer{}}
	o.add(Head{Channels: 2}.Append(nil))
	o.flush(flagBegin, 0)
	o.add(commentHeader([]byte("OpusTags"), "x", nil))
	o.flush(0, 0)
	write := func(packet []byte) {
		flags, first := byte(0), true
		for len(packet) >= 255*255 {
			o.segments = append(o.segments, bytes.Repeat([]byte{255}, 255)...)
			o.body = append(o.body, packet[:255*255]...)
			o.flush(flags, -1)
			packet, flags, first = packet[255*255:], flagContinued, false
		}
		o.add(packet)
		if first {
			flags = 0
		}
		o.flush(flags, 960)
	}
	write(long)
	write(bytes.Repeat([]byte{1}, 2<<20))
	write(packetOf(1))
	o.flush(flagEnd, 960)
	packets := containertest.Packets(t, open, o.w.(*bytes.Buffer).Bytes())
	if len(packets) != 2 || !bytes.Equal(packets[0].Data, long) || numberOf(packets[1]) != 1 {
		t.Fatalf("%d packets", len(packets))
	}
}

func FuzzOgg(f *testing.F) {
	seeds := [][]byte{song(f, 60, 60*960)}
	for _, name := range files {
		seeds = append(seeds, containertest.File(f, name))
	}
	containertest.Fuzz(f, open, seeds...)
}

func BenchmarkReadPacket(b *testing.B) {
	const n = 15_000 // five minutes at 128 kbit/s
	var out bytes.Buffer
	w, _ := NewWriter(&out, Head{Channels: 2, PreSkip: 312}, nil)
	packet := append([]byte{31<<3 | 4}, make([]byte, 319)...)
	for i := range n {
		_ = w.WritePacket(packet, int64(i+1)*960)
	}
	_ = w.Close(n * 960)
	containertest.BenchmarkRead(b, open, out.Bytes())
}

func BenchmarkChecksum(b *testing.B) {
	var s checksum
	page := make([]byte, 16<<10)
	b.SetBytes(int64(len(page)))
	for b.Loop() {
		s.page(page)
	}
}

// A jammed seeker seeks so many times more.
type jammed struct {
	io.Seeker
	left int
}

func (s *jammed) Seek(at int64, whence int) (int64, error) {
	if s.left--; s.left < 0 {
		return 0, errors.New("jammed")
	}
	return s.Seeker.Seek(at, whence)
}

// Packets are taken from the page as they are asked for: what a seek that comes to
// nothing has read must not get between.
func TestASeekThatFailsSpoilsNoPacket(t *testing.T) {
	m := containertest.Media(song(t, 3000, 3000*960))
	s := &jammed{m.Seeker, 100}
	m.Seeker = s
	d := containertest.Open(t, open, m).(*Demuxer)
	read := func(i int) {
		t.Helper()
		if p, err := d.ReadPacket(); err != nil || !bytes.Equal(p.Data, packetOf(i)) {
			t.Fatalf("packet %d: %v", i, err)
		}
	}
	i := 0
	for d.at < len(d.queue) || i == 0 { // the first page
		read(i)
		i++
	}
	read(i)
	s.left = 1
	if _, err := d.Seek(50 * time.Second); err == nil || s.left >= 0 {
		t.Fatalf("%v, %d seeks left", err, s.left)
	}
	if len(d.queue) < 20 {
		t.Fatalf("%d packets on a page", len(d.queue))
	}
	for d.at < len(d.queue) {
		i++
		read(i)
	}
}
