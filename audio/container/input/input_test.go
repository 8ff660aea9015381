package input_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func numbers(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i ^ i>>8 ^ i>>16)
	}
	return b
}

func TestPeekConsumesNothing(t *testing.T) {
	want := numbers(300_000)
	r := input.New(containertest.Stream(want))
	for _, n := range []int{1, 100, 64 << 10, 200_000} {
		if b, err := r.Peek(n); err != nil || !bytes.Equal(b, want[:n]) {
			t.Fatalf("peek of %d: %d bytes, %v", n, len(b), err)
		}
	}
	if r.Buffered() < 200_000 {
		t.Errorf("%d bytes buffered", r.Buffered())
	}
	got := make([]byte, len(want))
	if n, err := r.ReadFull(got); n != len(want) || err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes, %v", n, err)
	}
	if b, err := r.Peek(1); len(b) != 0 || !errors.Is(err, io.EOF) {
		t.Fatalf("at the end %d bytes, %v", len(b), err)
	}
}

func TestEndsAreTold(t *testing.T) {
	r := input.New(containertest.Media([]byte("abc")))
	if _, err := r.Next(4); !errors.Is(err, io.ErrUnexpectedEOF) || r.Pos() != 0 {
		t.Errorf("Next of too many: %v at %d", err, r.Pos())
	}
	if b := r.Ahead(); string(b) != "abc" {
		t.Errorf("ahead of what was looked at: %q", b)
	}
	if b, err := r.Next(2); string(b) != "ab" || err != nil {
		t.Errorf("Next: %q, %v", b, err)
	}
	if c, err := r.ReadByte(); c != 'c' || err != nil {
		t.Errorf("ReadByte: %q, %v", c, err)
	}
	if _, err := r.ReadByte(); !errors.Is(err, io.EOF) {
		t.Errorf("ReadByte at the end: %v", err)
	}
	if _, err := r.Next(1); !errors.Is(err, io.EOF) {
		t.Errorf("Next at the end: %v", err)
	}
	if err := r.Skip(1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("Skip beyond the end: %v", err)
	}
	if err := r.Skip(-1); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("Skip back: %v", err)
	}
	if _, err := r.ReadFull(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("ReadFull at the end: %v", err)
	}
}

func TestPeekHasALimit(t *testing.T) {
	r := input.New(containertest.Media(numbers(10)))
	if _, err := r.Peek(input.MaxPeek + 1); !errors.Is(err, audio.ErrLimit) {
		t.Errorf("%v", err)
	}
}

func TestJumps(t *testing.T) {
	want := numbers(500_000)
	r := input.New(containertest.Media(want))
	for _, at := range []int64{400_000, 0, 70_000, 69_000, 499_999, 12} {
		if err := r.Jump(at); err != nil || r.Pos() != at {
			t.Fatalf("jump to %d: %v, at %d", at, err, r.Pos())
		}
		if c, _ := r.ReadByte(); c != want[at] {
			t.Fatalf("after a jump to %d: %d, want %d", at, c, want[at])
		}
	}
	if err := r.Skip(300_000); err != nil || r.Pos() != 300_013 {
		t.Errorf("long skip: %v, at %d", err, r.Pos())
	}
	if err := r.Skip(300_000); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("skip beyond the end: %v", err)
	}
	s := input.New(containertest.Stream(want))
	if err := s.Jump(200_000); err != nil || s.Pos() != 200_000 {
		t.Errorf("forward in a stream: %v", err)
	}
	if err := s.Jump(0); !errors.Is(err, audio.ErrNotSeekable) {
		t.Errorf("back in a stream: %v", err)
	}
}

func TestMeasureFindsTheSizeAndStaysPut(t *testing.T) {
	m := containertest.Media(numbers(100_000))
	m.Size = -1
	r := input.New(m)
	_ = r.Skip(70_001)
	r.Measure()
	if r.Size() != 100_000 {
		t.Errorf("size %d", r.Size())
	}
	rest := make([]byte, 29_999)
	if _, err := r.ReadFull(rest); err != nil || !bytes.Equal(rest, numbers(100_000)[70_001:]) {
		t.Errorf("reading went on wrong: %v", err)
	}
}

func TestFind(t *testing.T) {
	b := append(bytes.Repeat([]byte("O"), 150_000), "OggS..."...)
	r := input.New(containertest.Stream(b))
	if ok, err := r.Find([]byte("OggS"), 1<<20); !ok || err != nil || r.Pos() != 150_000 {
		t.Errorf("%v, %v at %d", ok, err, r.Pos())
	}
	_ = r.Skip(1)
	if ok, err := r.Find([]byte("OggS"), 1<<20); ok || err != nil {
		t.Errorf("found another: %v", err)
	}
	r = input.New(containertest.Stream(b))
	if ok, _ := r.Find([]byte("OggS"), 1000); ok {
		t.Error("found beyond the limit")
	}
}

func TestASourceThatReadsNothingIsBroken(t *testing.T) {
	m := containertest.Media(nil)
	m.ReadCloser = io.NopCloser(iotest.ErrReader(nil))
	if _, err := input.New(m).Peek(1); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("%v", err)
	}
}

func TestSlabPiecesDoNotTouch(t *testing.T) {
	var s input.Slab
	var pieces [][]byte
	for i := range 200 {
		pieces = append(pieces, s.Copy(bytes.Repeat([]byte{byte(i)}, 100*i)))
	}
	for i, p := range pieces {
		_ = append(p, 0xff, 0xff)
		if len(p) != 100*i || bytes.Count(p, []byte{byte(i)}) != len(p) {
			t.Fatalf("piece %d was overwritten", i)
		}
	}
}

func TestClockDoesNotDrift(t *testing.T) {
	c := input.Clock{Rate: 44100}
	sum := int64(0)
	for range 1000 * 441 {
		sum += c.Advance(100)
	}
	if c.Now() != 48_000_000 || sum != c.Now() {
		t.Errorf("1000 s are %d samples, in pieces %d", c.Now(), sum)
	}
	c.Set(7)
	if c.Now() != 7 {
		t.Errorf("set to 7: %d", c.Now())
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for _, rate := range []int{1, 8000, 11025, 44100, 48000, 96000, 768000} {
		c, n := input.Clock{Rate: rate}, int64(0)
		for range 1000 {
			step := rng.Int64N(1 << rng.IntN(40))
			n += step
			before := c.Now()
			if lasts := c.Advance(step); c.Now() != input.Scale(n, rate) || c.Now()-before != lasts {
				t.Fatalf("at %d Hz %d samples end at %d, of which %d", rate, n, c.Now(), lasts)
			}
		}
		if c.SetCount(n); c.Now() != input.Scale(n, rate) {
			t.Errorf("at %d Hz %d samples are %d", rate, n, c.Now())
		}
	}
}

func TestConversions(t *testing.T) {
	for rate := 1; rate <= 48000; rate += 7 {
		for _, n := range []int64{0, 1, 1105, 1 << 40, -529} {
			if got := input.Unscale(input.Scale(n, rate), rate); got != n {
				t.Fatalf("%d at %d Hz came back as %d", n, rate, got)
			}
		}
	}
	if input.Scale(math.MaxInt64, 1) != math.MaxInt64 || input.Scale(math.MinInt64, 1) != -math.MaxInt64 {
		t.Error("what is too large is not cut off")
	}
	if input.Samples(time.Second/2) != 24000 || input.Duration(-480) != -10*time.Millisecond {
		t.Error("seconds do not match samples")
	}
}

func TestReaderIsSmallUntilMoreIsLookedAt(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	readers := make([]*input.Reader, 100)
	for i := range readers {
		readers[i] = input.New(containertest.Stream([]byte("abc")))
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 17<<10 {
		t.Errorf("%d bytes for a reader, and a thousand players have one or two each", each)
	}
}

func TestSlabKeepsLittleForItsLastPiece(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	pieces := make([][]byte, 100)
	for i := range pieces {
		var s input.Slab
		pieces[i] = s.Make(100)
	}
	runtime.ReadMemStats(&after)
	if each := (after.TotalAlloc - before.TotalAlloc) / 100; each > 9<<10 {
		t.Errorf("a piece of %d bytes keeps %d", len(pieces[0]), each)
	}
}

// void is a stream of nothing, without end.
type void struct{ read int }

func (v *void) Read(p []byte) (int, error) {
	v.read += len(p)
	return len(p), nil
}

func TestNobodyReadsThroughWhatNoFileIs(t *testing.T) {
	v := &void{}
	r := input.New(&audio.Media{ReadCloser: io.NopCloser(v), Size: -1})
	if err := r.Skip(1<<30 + 1); !errors.Is(err, audio.ErrLimit) || v.read > 0 {
		t.Errorf("%v after %d bytes", err, v.read)
	}
}

func TestWhatIsKeptStays(t *testing.T) {
	src := make([]byte, 200_000)
	for i := range src {
		src[i] = byte(i * 7 >> 3)
	}
	r := input.New(containertest.Stream(src))
	rng := rand.New(rand.NewPCG(3, 4))
	type piece struct {
		at int64
		b  []byte
	}
	var pieces []piece
	for r.Pos() < 180_000 {
		if rng.IntN(3) == 0 {
			_ = r.Skip(int64(rng.IntN(500)))
		}
		at := r.Pos()
		b, err := r.Keep(1 + rng.IntN(1+rng.IntN(5000)))
		if err != nil {
			t.Fatal(err)
		}
		if cap(b) != len(b) {
			t.Fatal("appending to a piece writes into its neighbour")
		}
		pieces = append(pieces, piece{at, b})
	}
	rest, err := r.Keep(100_000)
	if !errors.Is(err, io.ErrUnexpectedEOF) || !bytes.Equal(rest, src[len(src)-len(rest):]) {
		t.Errorf("the end: %d bytes, %v", len(rest), err)
	}
	if b, err := r.Keep(1); len(b) != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("behind the end: %v", err)
	}
	for _, p := range pieces {
		if !bytes.Equal(p.b, src[p.at:p.at+int64(len(p.b))]) {
			t.Fatalf("the piece at %d has changed", p.at)
		}
	}
}

func TestKeepingAfterAJumpReadsAnew(t *testing.T) {
	src := bytes.Repeat([]byte("0123456789"), 10_000)
	r := input.New(containertest.Media(src))
	for _, at := range []int64{0, 50_003, 0, 50_001, 7, 99_990} {
		if err := r.Jump(at); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			at := r.Pos()
			if b, err := r.Keep(3); err != nil || string(b) != string(src[at:at+3]) {
				t.Fatalf("at %d: %q, %v", at, b, err)
			}
		}
	}
}

func TestFewPiecesKeepNotWhatLiesBetween(t *testing.T) {
	r := input.New(containertest.Media(make([]byte, 8<<20)))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 400 {
		if _, err := r.Keep(100); err != nil {
			t.Fatal(err)
		}
		if err := r.Skip(15_000); err != nil {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 400_000 {
		t.Errorf("400 pieces of 100 bytes took %d", took)
	}
}
