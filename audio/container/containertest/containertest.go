// Package containertest has what the tests of demuxers share: the test sounds,
// media made of bytes, and damage.
package containertest

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"segue/audio"
)

// An Opener is the constructor of a demuxer.
type Opener func(m *audio.Media) (audio.Demuxer, error)

// File returns one of the test sounds.
func File(t testing.TB, name string) []byte {
	t.Helper()
	for _, dir := range []string{"testdata", "../testdata", "../container/testdata", "../../container/testdata"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return b
		}
	}
	t.Fatalf("no test sound %s", name)
	return nil
}

// Media is b as a file.
func Media(b []byte) *audio.Media {
	r := bytes.NewReader(b)
	return &audio.Media{ReadCloser: io.NopCloser(r), Seeker: r, Size: int64(len(b))}
}

// Stream is b as it comes from a network: forward only, of unknown size, in reads
// of one to a thousand bytes.
func Stream(b []byte) *audio.Media {
	return &audio.Media{ReadCloser: io.NopCloser(&dribble{b: b, rng: rand.New(rand.NewPCG(1, 2))}), Size: -1}
}

type dribble struct {
	b   []byte
	rng *rand.Rand
}

func (d *dribble) Read(p []byte) (int, error) {
	if len(d.b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, d.b[:min(len(d.b), 1+d.rng.IntN(1000))])
	d.b = d.b[n:]
	return n, nil
}

// Open opens m or fails.
func Open(t testing.TB, open Opener, m *audio.Media) audio.Demuxer {
	t.Helper()
	d, err := open(m)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Drain reads all packets of d, and the error after the last.
func Drain(d audio.Demuxer) (packets []audio.Packet, err error) {
	for {
		p, err := d.ReadPacket()
		if err != nil {
			return packets, err
		}
		packets = append(packets, p)
	}
}

// Packets reads all packets of the whole file b.
func Packets(t testing.TB, open Opener, b []byte) []audio.Packet {
	t.Helper()
	packets, err := Drain(Open(t, open, Media(b)))
	if !errors.Is(err, io.EOF) {
		t.Fatalf("after %d packets: %v", len(packets), err)
	}
	return packets
}

// resting is a demuxer that lets go of memory where nobody reads on for a while.
type resting interface{ Rest() }

// rest lets d rest, if it can, before each third packet or so.
func rest(d audio.Demuxer, n int) {
	if r, ok := d.(resting); ok && n%3 == 1 {
		r.Rest()
	}
}

// TestStream checks that b gives the same packets when it only flows forward, and
// cannot seek back then; and when there are rests between packets.
func TestStream(t testing.TB, open Opener, b []byte) {
	t.Helper()
	want := Packets(t, open, b)
	d := Open(t, open, Stream(b))
	got, err := Drain(d)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	same(t, want, got)
	if _, err := d.Seek(0); !errors.Is(err, audio.ErrNotSeekable) {
		t.Errorf("seeking back in a stream: %v", err)
	}
	for _, m := range []*audio.Media{Media(b), Stream(b)} {
		d := Open(t, open, m)
		got = got[:0]
		for rest(d, len(got)); ; rest(d, len(got)) {
			p, err := d.ReadPacket()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("after %d packets and rests: %v", len(got), err)
			}
			got = append(got, p)
		}
		same(t, want, got)
	}
}

// TestTruncated cuts b in many places: what was whole must come, then
// audio.ErrTruncated, unless the cut leaves no trace (io.EOF).
func TestTruncated(t testing.TB, open Opener, b []byte) {
	t.Helper()
	want := Packets(t, open, b)
	truncated := 0
	for cut := 0; cut < len(b)-1; cut += 1 + len(b)/120 {
		d, err := open(Media(b[:cut]))
		if err != nil {
			if !Sane(err) || errors.Is(err, io.EOF) {
				t.Fatalf("cut at %d: %v", cut, err)
			}
			continue
		}
		got, err := Drain(d)
		if errors.Is(err, audio.ErrTruncated) {
			truncated++
		} else if !errors.Is(err, io.EOF) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		if len(got) > len(want) {
			t.Fatalf("cut at %d: %d packets of %d", cut, len(got), len(want))
		}
		for i, p := range got {
			whole := bytes.Equal(p.Data, want[i].Data)
			if last := i == len(got)-1; !whole && !(last && bytes.HasPrefix(want[i].Data, p.Data)) {
				t.Fatalf("cut at %d: packet %d differs", cut, i)
			}
		}
	}
	if truncated < 5 {
		t.Fatalf("only %d cuts were noticed", truncated)
	}
}

func same(t testing.TB, want, got []audio.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d packets, want %d", len(got), len(want))
	}
	for i := range want {
		if !bytes.Equal(got[i].Data, want[i].Data) || got[i].PTS != want[i].PTS || got[i].Duration != want[i].Duration || got[i].TrimEnd != want[i].TrimEnd {
			t.Fatalf("packet %d is %d+%d-%d (%d bytes), want %d+%d-%d (%d bytes)", i, got[i].PTS, got[i].Duration, got[i].TrimEnd,
				len(got[i].Data), want[i].PTS, want[i].Duration, want[i].TrimEnd, len(want[i].Data))
		}
	}
}

// Sane reports whether err is one a demuxer or decoder may end with.
func Sane(err error) bool {
	for _, ok := range []error{io.EOF, audio.ErrMalformed, audio.ErrUnsupported, audio.ErrLimit, audio.ErrTruncated, audio.ErrNotSeekable} {
		if errors.Is(err, ok) {
			return true
		}
	}
	return false
}

// Damage returns a copy of b with a few bytes changed, removed, doubled or swapped.
func Damage(b []byte, rng *rand.Rand) []byte {
	c := bytes.Clone(b)
	for range 1 + rng.IntN(8) {
		if len(c) < 4 {
			return c
		}
		at := rng.IntN(len(c))
		if rng.IntN(2) == 0 {
			at = rng.IntN(min(len(c), 600)) // headers are at the beginning
		}
		n := min(1+rng.IntN(40), len(c)-at)
		switch rng.IntN(6) {
		case 0:
			c[at] ^= 1 << rng.IntN(8)
		case 1:
			c[at] = []byte{0, 1, 0x7f, 0x80, 0xff}[rng.IntN(5)]
		case 2:
			c = append(c[:at:at], c[at+n:]...)
		case 3:
			c = append(c[:at+n:at+n], c[at:]...)
		case 4:
			for i := range n {
				c[at+i] = byte(rng.Uint32())
			}
		case 5:
			for i := range min(n, 8) {
				c[at+i] = 0xff
			}
		}
	}
	return c
}

// TestDamaged opens, reads and seeks n damaged copies of the files. Whatever comes
// of it must be music or one of audio's errors, and not more of it than the file
// has bytes for.
func TestDamaged(t testing.TB, open Opener, n int, files ...[]byte) {
	t.Helper()
	if testing.Short() {
		n /= 10
	}
	rng := rand.New(rand.NewPCG(7, 11))
	for i := range n {
		b := Damage(files[i%len(files)], rng)
		media := Media
		if i%3 == 0 {
			media = Stream
		}
		if err := Read(open, media(b)); err != nil {
			t.Fatalf("damaged copy %d: %v", i, err)
		}
	}
}

// Read opens m, reads it to its end and seeks, and says what a demuxer must not do
// whatever it is given.
func Read(open Opener, m *audio.Media) error {
	d, err := open(m)
	if err != nil {
		return insane(err)
	}
	const enough = 1 << 20
	size, seeks := 0, 0
	for n := range enough {
		rest(d, n)
		p, err := d.ReadPacket()
		if err != nil {
			if !Sane(err) {
				return insane(err)
			}
			if seeks++; seeks > 3 {
				return nil
			}
			if _, err := d.Seek(d.Info().Duration / 2); err != nil {
				return insane(err)
			}
			continue
		}
		if size += len(p.Data); size > 64<<20 || p.Duration < 0 || p.TrimEnd < 0 || n == enough-1 {
			return errors.New("more than can be")
		}
	}
	return nil
}

func insane(err error) error {
	if Sane(err) {
		return nil
	}
	return err
}

// Fuzz feeds open what the fuzzer makes of the seeds.
func Fuzz(f *testing.F, open Opener, seeds ...[]byte) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<20 {
			return
		}
		for _, m := range []*audio.Media{Media(b), Stream(b)} {
			if err := Read(open, m); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// BenchmarkRead measures reading a packet of file as it comes from a network in
// one piece after another, opening it anew at its end. As x-floor it reports how
// many times as long that took as what nobody can do without whose packets are the
// caller's to keep: as many bytes copied into new allocations of 16 KiB.
func BenchmarkRead(b *testing.B, open Opener, file []byte) {
	b.Helper()
	b.ReportAllocs()
	file = bytes.Clone(file)
	runtime.GC() // what it was made with
	var d audio.Demuxer
	size := 0
	for b.Loop() {
		for again := true; again; {
			if d == nil {
				d = Open(b, open, &audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(file)), Size: -1})
			}
			p, err := d.ReadPacket()
			size += len(p.Data)
			if again = err != nil; !again {
				continue
			}
			if d = nil; !errors.Is(err, io.EOF) {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed())/float64(floor(file, size)), "x-floor")
}

// floor is how long it takes to copy size bytes of file, over and over, into new
// allocations.
func floor(file []byte, size int) time.Duration {
	const slab = 16 << 10
	began := time.Now()
	var kept []byte
	for at := 0; size > 0; size -= len(kept) {
		if at >= len(file) {
			at = 0
		}
		kept = append([]byte(nil), file[at:min(len(file), at+slab)]...)
		at += len(kept)
	}
	runtime.KeepAlive(kept)
	return max(time.Since(began), 1)
}
