package ogg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// renumbered is b with the serial numbers of its streams changed by add.
func renumbered(t testing.TB, b []byte, add uint32) []byte {
	t.Helper()
	b = bytes.Clone(b)
	for _, p := range pagesOf(t, b) {
		binary.LittleEndian.PutUint32(p[14:], binary.LittleEndian.Uint32(p[14:])+add)
		binary.LittleEndian.PutUint32(p[22:], new(checksum).page(p))
	}
	return b
}

// songOf is song with another head.
func songOf(t testing.TB, head Head, n int, end int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := NewWriter(&out, head, nil)
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

func TestChainedStreamsFollowEachOther(t *testing.T) {
	a := song(t, 100, 100*960-500)
	b := renumbered(t, songOf(t, Head{Channels: 1, PreSkip: 1000, Gain: 256}, 100, 100*960-700), 1)
	c := renumbered(t, song(t, 50, 50*960), 2)
	whole := bytes.Join([][]byte{a, b, c}, nil)
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(whole)) })
	containertest.TestStream(t, open, whole)
	packets := containertest.Packets(t, open, whole)
	if len(packets) != 250 {
		t.Fatalf("%d packets", len(packets))
	}
	// The music of the second begins where that of the first ends.
	second := int64(100*960 - 500 - 1000)
	third := second + 100*960 - 700 - 312
	for i, p := range packets {
		want := int64(i) * 960
		switch {
		case i >= 200:
			want = third + int64(i-200)*960
		case i >= 100:
			want = second + int64(i-100)*960
		}
		if numberOf(p) != i%100 || p.PTS != want || (p.Codec != nil) != (i == 100 || i == 200) {
			t.Fatalf("packet %d is %d at %d, want %d, codec %+v", i, numberOf(p), p.PTS, want, p.Codec)
		}
	}
	if c := packets[100].Codec; c.Name != "opus" || c.Channels != 1 || c.PreSkip != 1000 || c.GainDB != 1 {
		t.Errorf("the second is %+v", c)
	}
	if c := packets[200].Codec; c.Channels != 2 || c.PreSkip != 312 || c.GainDB != 0 {
		t.Errorf("the third is %+v", c)
	}
	if packets[99].TrimEnd != 500 || packets[199].TrimEnd != 700 || packets[249].TrimEnd != 0 {
		t.Errorf("padding is %d, %d, %d", packets[99].TrimEnd, packets[199].TrimEnd, packets[249].TrimEnd)
	}
	d := containertest.Open(t, open, containertest.Media(whole))
	if got, want := d.Info().Duration, input.Duration(third+50*960-312); got != want {
		t.Errorf("it lasts %v, want %v", got, want)
	}
}

func TestAChainMayChangeItsCodec(t *testing.T) {
	opus, vorbis, flac := song(t, 100, 96000), renumbered(t, containertest.File(t, "sweep.ogg"), 77), renumbered(t, containertest.File(t, "sweep-flac.oga"), 78)
	whole := bytes.Join([][]byte{opus, vorbis, flac}, nil)
	packets := containertest.Packets(t, open, whole)
	one, two := len(containertest.Packets(t, open, opus)), len(containertest.Packets(t, open, vorbis))
	end := int64(96000)
	for i, name := range map[int]string{one: "vorbis", one + two: "flac"} {
		c := packets[i].Codec
		if c == nil || c.Name != name || len(c.Private) == 0 {
			t.Fatalf("packet %d is %+v, want %s", i, c, name)
		}
	}
	for i, p := range packets[:one+two] {
		if i == one && p.PTS+p.Codec.PreSkip != end {
			t.Errorf("music goes on at %d, ended at %d", p.PTS+p.Codec.PreSkip, end)
		}
	}
	d := containertest.Open(t, open, containertest.Media(whole))
	for _, c := range []struct {
		to   time.Duration
		name string
	}{{2500 * time.Millisecond, "vorbis"}, {4 * time.Second, "flac"}, {3 * time.Second, "vorbis"}, {time.Second, "opus"}, {0, ""}} {
		landed, err := d.Seek(c.to)
		if err != nil || landed > c.to {
			t.Fatalf("seek to %v: %v, %v", c.to, landed, err)
		}
		p, err := d.ReadPacket()
		name := ""
		if p.Codec != nil {
			name = p.Codec.Name
		}
		if err != nil || name != c.name || input.Duration(p.PTS) > c.to+20*time.Millisecond {
			t.Errorf("seek to %v: %s at %v, %v", c.to, name, input.Duration(p.PTS), err)
		}
	}
}

func TestSeekingInAChainFindsTheStream(t *testing.T) {
	const n, links = 1500, 5
	var parts [][]byte
	for i := range links {
		parts = append(parts, renumbered(t, song(t, n, n*960), uint32(i)))
	}
	whole := bytes.Join(parts, nil)
	const music = n*960 - 312
	d := containertest.Open(t, open, containertest.Media(whole))
	if got := d.Info().Duration; got != input.Duration(links*music) {
		t.Errorf("it lasts %v", got)
	}
	link := 0
	for _, to := range []time.Duration{70 * time.Second, 0, 149 * time.Second, 31 * time.Second, 33 * time.Second, time.Hour, 30 * time.Second} {
		landed, err := d.Seek(to)
		if err != nil {
			t.Fatal(err)
		}
		p, err := d.ReadPacket()
		if err != nil {
			t.Fatal(err)
		}
		at := int64(min(to, 150*time.Second-time.Millisecond)) * 48 / 1e6
		now := int(min(at/music, links-1))
		if want := int64(now)*music + int64(numberOf(p))*960; p.PTS != want || landed > to || (p.Codec != nil) != (now != link) {
			t.Errorf("seek to %v: packet %d at %d of stream %d, codec %v", to, numberOf(p), p.PTS, now, p.Codec)
		}
		if to < time.Hour && (p.PTS > at+312 || p.PTS+48000 < at) {
			t.Errorf("seek to %v: packet at %v", to, input.Duration(p.PTS))
		}
		link = now
	}
	if packets, err := containertest.Drain(d); !errors.Is(err, io.EOF) || len(packets) != (links-1)*n-1 {
		t.Errorf("on from there %d packets, %v", len(packets), err)
	}
}

func TestALongChainIsLookedThroughWhenItMust(t *testing.T) {
	var parts [][]byte
	for i := range fewLinks + 4 {
		parts = append(parts, renumbered(t, song(t, 100, 100*960), uint32(i)))
	}
	whole := bytes.Join(parts, nil)
	d := containertest.Open(t, open, containertest.Media(whole))
	if d.Info().Duration != 0 {
		t.Errorf("it lasts %v", d.Info().Duration)
	}
	if packets, err := containertest.Drain(d); len(packets) != 100*len(parts) || !errors.Is(err, io.EOF) {
		t.Errorf("%d packets, %v", len(packets), err)
	}
	if _, err := d.Seek(30 * time.Second); err != nil || d.Info().Duration != input.Duration(int64(len(parts))*(96000-312)) {
		t.Errorf("%v, it lasts %v", err, d.Info().Duration)
	}
	if p, err := d.ReadPacket(); err != nil || p.Codec == nil || p.PTS < 29*48000 {
		t.Errorf("at %d, %v", p.PTS, err)
	}
}

func TestWhatFollowsThatIsNoAudioEndsTheChain(t *testing.T) {
	video := &Writer{w: &bytes.Buffer{}, serial: 5}
	video.add([]byte("\x80theora"))
	video.flush(flagBegin|flagEnd, 0)
	whole := append(song(t, 1500, 1500*960), video.w.(*bytes.Buffer).Bytes()...)
	d := containertest.Open(t, open, containertest.Media(whole))
	if got := d.Info().Duration; got != input.Duration(1500*960-312) {
		t.Errorf("it lasts %v", got)
	}
	if _, err := d.Seek(20 * time.Second); err != nil {
		t.Error(err)
	}
	if p, err := d.ReadPacket(); err != nil || p.Codec != nil || p.PTS < 19*48000 {
		t.Errorf("at %d, %v", p.PTS, err)
	}
}

func FuzzChain(f *testing.F) {
	a, b, c := song(f, 60, 60*960), renumbered(f, containertest.File(f, "sweep.ogg"), 9), renumbered(f, songOf(f, Head{Channels: 1}, 30, 960*29), 3)
	containertest.Fuzz(f, open, bytes.Join([][]byte{a, b, c}, nil), bytes.Join([][]byte{c, a}, nil), bytes.Join([][]byte{a, c[:len(c)/2]}, nil))
}

func TestAnHourIsSoughtByHalving(t *testing.T) {
	if testing.Short() {
		t.Skip("SKIPPED: long")
	}
	hour := song(t, 3600*50, 3600*48000)
	containertest.TestSeeks(t, open, hour, 1100*time.Millisecond, 1<<20)
	containertest.TestSeeks(t, open, append(song(t, 500, 500*960-100), renumbered(t, hour, 1)...), 1100*time.Millisecond, 2<<20)
}

func TestEveryCodecIsExactAfterASeek(t *testing.T) {
	for _, f := range files {
		containertest.TestSeeks(t, open, containertest.File(t, f), 1600*time.Millisecond, 1<<20)
	}
}
