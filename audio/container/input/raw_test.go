package input_test

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// all is what raw samples give until they end, and why they do.
func all(r *input.Raw) (b []byte, last audio.Packet, err error) {
	for {
		p, err := r.ReadPacket()
		if err != nil {
			return b, last, err
		}
		b, last = append(b, p.Data...), p
	}
}

func TestRawSamplesComeWholeAndEnd(t *testing.T) {
	src := numbers(10_003) // 2500 samples in two channels of 16 bits, and a bit
	for _, c := range []struct {
		size, want int64
		err        error
		length     time.Duration
	}{
		{8000, 8000, io.EOF, 250 * time.Millisecond},
		{-1, 10_000, audio.ErrTruncated, 312500 * time.Microsecond},
		{20_000, 10_000, audio.ErrTruncated, 312500 * time.Microsecond},
		{8003, 8000, io.EOF, 250 * time.Millisecond},
		{0, 0, io.EOF, 0},
	} {
		raw := input.NewRaw(input.New(containertest.Media(src)), 8000, 4, c.size)
		if got := raw.Duration(); got != c.length {
			t.Errorf("%d bytes last %v", c.size, got)
		}
		b, last, err := all(raw)
		if !errors.Is(err, c.err) || !bytes.Equal(b, src[:c.want]) || last.PTS+last.Duration != c.want/4*6 {
			t.Errorf("%d bytes: %d, to %d, %v", c.size, len(b), last.PTS+last.Duration, err)
		}
		if _, err := raw.ReadPacket(); !errors.Is(err, c.err) {
			t.Errorf("after the end: %v", err)
		}
	}
	if d := input.NewRaw(input.New(containertest.Stream(src)), 8000, 4, -1).Duration(); d != 0 {
		t.Errorf("a stream lasts %v", d)
	}
	boom := errors.New("gone")
	broken := &audio.Media{ReadCloser: io.NopCloser(io.MultiReader(bytes.NewReader(src[:100]), errorReader{boom})), Size: -1}
	if _, _, err := all(input.NewRaw(input.New(broken), 8000, 4, -1)); !errors.Is(err, boom) {
		t.Errorf("a broken source: %v", err)
	}
}

type errorReader struct{ err error }

func (e errorReader) Read([]byte) (int, error) { return 0, e.err }

func TestRawSamplesAreSought(t *testing.T) {
	src := numbers(96_000)
	for _, size := range []int64{-1, 96_000, 1 << 40} {
		raw := input.NewRaw(input.New(containertest.Media(src)), 8000, 4, size)
		for _, to := range []time.Duration{time.Second, 0, 2999 * time.Millisecond, -5} {
			landed, err := raw.Seek(to)
			p, err2 := raw.ReadPacket()
			if at := p.PTS / 6 * 4; err != nil || err2 != nil || landed > max(to, 0) || max(to, 0)-landed > 20*time.Millisecond || !bytes.Equal(p.Data, src[at:at+640]) {
				t.Errorf("%d bytes, seek to %v: %v, %v, %v", size, to, landed, err, err2)
			}
		}
		if _, err := raw.Seek(time.Hour); err != nil {
			t.Error(err)
		}
		if _, _, err := all(raw); !errors.Is(err, io.EOF) && !errors.Is(err, audio.ErrTruncated) {
			t.Errorf("behind the end: %v", err)
		}
	}
	if _, err := input.NewRaw(input.New(containertest.Stream(src)), 8000, 4, -1).Seek(0); !errors.Is(err, audio.ErrNotSeekable) {
		t.Error(err)
	}
}

func TestAClockCountsFromTheBeginning(t *testing.T) {
	c := input.Clock{Rate: 44100}
	for n := range int64(1000) {
		d := input.Clock{Rate: 44100}
		if d.SetCount(n * 1024); d.Now() != c.Now() {
			t.Fatalf("after %d frames it is %d, not %d", n, d.Now(), c.Now())
		}
		c.Advance(1024)
	}
}

func TestAdvanceConsumesWhatWasSeen(t *testing.T) {
	r := input.New(containertest.Stream(numbers(1000)))
	if _, err := r.Peek(10); err != nil {
		t.Fatal(err)
	}
	r.Advance(3)
	if b, _ := r.Next(1); r.Pos() != 4 || b[0] != numbers(4)[3] || r.Seekable() {
		t.Errorf("at %d", r.Pos())
	}
}
