package hls

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio/container/containertest"
)

// hours puts a playlist at home: segments of 6 s, bare AAC.
func hours(t testing.TB, h int) *web {
	all := slices.Repeat(frames(t, containertest.File(t, "sweep.aac")), 4)[:130]
	w := newWeb(t)
	w.fast = true
	w.put("http://example.org/a/s", slices.Concat(all...))
	length := float64(len(all)) * 1024 / 22050
	w.put(home, []byte("#EXTM3U\n#EXT-X-TARGETDURATION:6\n"+strings.Repeat(fmt.Sprintf("#EXTINF:%f,\ns\n", length), int(float64(h)*3600/length))+"#EXT-X-ENDLIST\n"))
	return w
}

// BenchmarkReadPacket has a segment opened every 130 packets.
func BenchmarkReadPacket(b *testing.B) {
	w := hours(b, 12)
	d := w.mustDemux(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.ReadPacket(); err != nil {
			d = w.mustDemux(b)
		}
	}
}

// BenchmarkBare is the same sound without a playlist.
func BenchmarkBare(b *testing.B) {
	whole := slices.Repeat(slices.Concat(frames(b, containertest.File(b, "sweep.aac"))...), 1000)
	d := containertest.Open(b, openADTS, containertest.Media(whole))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.ReadPacket(); err != nil {
			d = containertest.Open(b, openADTS, containertest.Media(whole))
		}
	}
}

// BenchmarkSeek goes to and fro in twelve hours.
func BenchmarkSeek(b *testing.B) {
	d := hours(b, 12).mustDemux(b)
	for n := 0; b.Loop(); n++ {
		if _, err := d.Seek(time.Duration(n*7919%43000) * time.Second); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen reads the playlist of twelve hours.
func BenchmarkOpen(b *testing.B) {
	w := hours(b, 12)
	for b.Loop() {
		w.mustDemux(b)
	}
}

func TestReadingAllocatesNothingBetweenSegments(t *testing.T) {
	d := hours(t, 1).mustDemux(t)
	for range 140 {
		if _, err := d.ReadPacket(); err != nil {
			t.Fatal(err)
		}
	}
	n := testing.AllocsPerRun(100, func() {
		if _, err := d.ReadPacket(); err != nil {
			t.Fatal(err)
		}
	})
	if n > 0 { // what packets are kept in comes in slabs, less than once a packet
		t.Errorf("%v allocations a packet", n)
	}
}
