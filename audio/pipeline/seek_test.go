package pipeline

import (
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
)

func TestSeekLandsOnThePacketThatHoldsIt(t *testing.T) {
	for _, to := range []time.Duration{0, time.Millisecond, 20 * time.Millisecond, 333 * time.Millisecond, 559 * time.Millisecond} {
		for _, want := range []struct{ from, to int }{{}, {0, 6}, {3, 9}} {
			d := evenly(60)
			s := standIn(d)
			landed, err := s.Seek(to)
			if err != nil || landed > to || to-landed >= 20*time.Millisecond {
				t.Fatalf("seek to %v: %v, %v", to, landed, err)
			}
			out := record(t, s, during([2]int{want.from, want.to}))
			from := toSamples(landed)
			for i := range out.left {
				out.left[i] -= float32(from)
			}
			for i := range out.pos {
				out.pos[i] -= from
			}
			out.isWhole(t, 0, d.total()-from)
		}
	}
}

func TestSeekInPCMIsExact(t *testing.T) {
	for _, packet := range []int64{960, 1152, 4096} {
		for _, to := range []time.Duration{0, time.Second / 48000, 100 * time.Millisecond, 777777 * time.Microsecond} {
			d := &ramp{info: audio.CodecInfo{Name: "mp3", SampleRate: 48000, Channels: 2, PreSkip: 1105}}
			for range 80 {
				d.lengths = append(d.lengths, packet)
			}
			s := standIn(d)
			landed, err := s.Seek(to)
			if err != nil || toSamples(landed) != toSamples(to) {
				t.Fatalf("seek to %v: %v, %v", to, landed, err)
			}
			out := record(t, s, always(neutral))
			for i := range out.left {
				if out.left[i] != 0 {
					out.left[i] -= float32(toSamples(to) + 1105)
				}
			}
			for i := range out.pos {
				out.pos[i] -= toSamples(to)
			}
			out.isWhole(t, 0, d.total()-1105-toSamples(to))
		}
	}
}

func TestSeekBackAndForthWhilePlaying(t *testing.T) {
	d := evenly(100)
	s := standIn(d)
	s.Want(loud)
	for _, to := range []time.Duration{time.Second, 0, 500 * time.Millisecond, 100 * time.Millisecond} {
		if landed, err := s.Seek(to); err != nil || landed != to {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		for i := range 5 {
			f, err := s.Next()
			if err != nil {
				t.Fatal(err)
			}
			want := toSamples(to) + int64(i)*frameSamples
			if got := unpack(f.Opus)[0]; f.Pos != want || got != float32(want+1) {
				t.Fatalf("after a seek to %v, frame %d is at %d and begins with %v", to, i, f.Pos, got)
			}
		}
	}
}

func TestWhatCannotSeekIsReadForward(t *testing.T) {
	for _, set := range []string{"opus", "pcm"} {
		d := evenly(100)
		d.info.Name, d.noSeek = set, true
		s := standIn(d)
		s.Want(loud)
		for _, to := range []time.Duration{200 * time.Millisecond, 500 * time.Millisecond, time.Second} {
			landed, err := s.Seek(to)
			if err != nil || landed != to {
				t.Fatalf("%s: seek to %v: %v, %v", set, to, landed, err)
			}
			f, err := s.Next()
			if err != nil || f.Pos != toSamples(to) || unpack(f.Opus)[0] != float32(f.Pos+1) {
				t.Fatalf("%s: after a seek to %v: at %d, %v", set, to, f.Pos, err)
			}
		}
		if _, err := s.Seek(0); !errors.Is(err, audio.ErrNotSeekable) {
			t.Fatalf("%s: back: %v", set, err)
		}
		if f, err := s.Next(); err != nil || unpack(f.Opus)[0] != 48000+960+1 {
			t.Fatalf("%s: a seek that failed moved the stream", set)
		}
	}
}

func TestSeekBeyondTheEndEnds(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		d := evenly(10)
		d.info.Name = name
		s := standIn(d)
		if _, err := s.Seek(time.Hour); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); !errors.Is(err, io.EOF) {
			t.Fatalf("%s: %v", name, err)
		}
		if _, err := s.Seek(0); err != nil {
			t.Fatal(err)
		}
		if f, err := s.Next(); err != nil || unpack(f.Opus)[0] != 1 {
			t.Fatalf("%s: cannot go back from the end: %v", name, err)
		}
	}
}

func TestOnlyTheFirstFrameAndThoseAfterSeeksStandAlone(t *testing.T) {
	s := standIn(evenly(100))
	enc := &encoder{look: lookahead}
	s.o.Encoder = func() (audio.Encoder, error) { return enc, nil }
	play := func(want, frames int) {
		t.Helper()
		for i := range frames {
			s.Want(during([2]int{10, 12})(i))
			if _, err := s.Next(); err != nil {
				t.Fatal(err)
			}
		}
		if enc.alone != want {
			t.Fatalf("%d frames were to stand alone, want %d", enc.alone, want)
		}
	}
	play(0, 30) // begins with packets: what comes has been heard
	s.Want(loud)
	if _, err := s.Seek(0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); err != nil || enc.alone != 1 {
		t.Fatalf("%d frames after a seek stand alone, %v", enc.alone, err)
	}
	play(1, 30)
}

func TestTimesConvertExactly(t *testing.T) {
	for _, n := range []int64{0, 1, 959, 960, 48000, 48000*3600*24*365 + 7} {
		if got := toSamples(toTime(n)); got != n {
			t.Errorf("%d samples become %d", n, got)
		}
	}
}
