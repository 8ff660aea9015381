package containertest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

// Counted is b as a file, and how many bytes of it were read.
func Counted(b []byte) (*audio.Media, *int64) {
	r := &counter{Reader: bytes.NewReader(b)}
	return &audio.Media{ReadCloser: io.NopCloser(r), Seeker: r, Size: int64(len(b))}, &r.n
}

type counter struct {
	*bytes.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// TestSeeks seeks in b, a long file, and checks that what follows is what is read
// there from the beginning: the same packets with the same times, to the sample.
// It must land at or before where it should and within near of it, and read at
// most limit bytes for that, or for opening. Packets read before it seeks again
// must stay as they are.
func TestSeeks(t testing.TB, open Opener, b []byte, near time.Duration, limit int64) {
	t.Helper()
	want := Packets(t, open, b)
	index := map[int64]int{}
	for i, p := range want {
		if p.Duration > 0 {
			index[p.PTS] = i
		}
	}
	last := want[len(want)-1]
	kept := map[int][]byte{}
	rng := rand.New(rand.NewPCG(5, 6))
	media, read := Counted(b)
	d := Open(t, open, media)
	if *read > limit {
		t.Errorf("opening read %d bytes", *read)
	}
	for n := range 30 {
		to := input.Duration(rng.Int64N(last.PTS + last.Duration))
		if n%10 == 9 { // from cold
			media, read = Counted(b)
			d = Open(t, open, media)
		}
		*read = 0
		p := landAt(t, d, to, near)
		if *read > limit {
			t.Errorf("a seek to %v read %d bytes", to, *read)
		}
		i, ok := index[p.PTS]
		if !ok {
			t.Fatalf("seek to %v: no packet is at %d", to, p.PTS)
		}
		for range 3 {
			if !bytes.Equal(p.Data, want[i].Data) || p.PTS != want[i].PTS {
				t.Fatalf("seek to %v: another packet at %d than was there (%d)", to, p.PTS, want[i].PTS)
			}
			kept[i] = p.Data
			var err error
			if p, err = d.ReadPacket(); err != nil {
				if i+1 != len(want) || !errors.Is(err, io.EOF) {
					t.Fatalf("seek to %v: %v", to, err)
				}
				break
			}
			i++
		}
	}
	for i, b := range kept {
		if !bytes.Equal(b, want[i].Data) {
			t.Errorf("packet %d did not stay as it was", i)
		}
	}
}

// landAt seeks to a time and returns the first packet there that is heard.
func landAt(t testing.TB, d audio.Demuxer, to, near time.Duration) audio.Packet {
	t.Helper()
	landed, err := d.Seek(to)
	if err != nil {
		t.Fatalf("seek to %v: %v", to, err)
	}
	p, err := d.ReadPacket()
	for err == nil && p.Duration == 0 { // it only prepares a decoder
		p, err = d.ReadPacket()
	}
	if err != nil {
		t.Fatalf("after a seek to %v: %v", to, err)
	}
	if at := input.Duration(p.PTS); landed > to || at > to+time.Millisecond || to-at > near {
		t.Errorf("seek to %v landed at %v, with a packet at %v", to, landed, at)
	}
	return p
}
