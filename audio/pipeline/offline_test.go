package pipeline

import (
	"errors"
	"io"
	"testing"

	"segue/audio"
)

// listened is what Listen gives of s.
func listened(t testing.TB, s *Stream) (pcm []float32) {
	t.Helper()
	if err := s.Listen(func(p []float32) error { pcm = append(pcm, p...); return nil }); err != nil {
		t.Fatal(err)
	}
	return pcm
}

func TestListenGivesAllTheMusicAsItWasDecoded(t *testing.T) {
	for name, c := range map[string]struct {
		parts []part
		lead  int // samples that are no music, which may come first
	}{
		"may pass":        {[]part{{name: "opus", packets: 20, each: 960, skip: 312, trim: 100}}, 312},
		"must be decoded": {[]part{{name: "pcm", packets: 20, each: 1152, skip: 1105, trim: 7}}, 0},
		"one after the other": {[]part{
			{name: "pcm", packets: 20, each: 1000, trim: 30},
			{name: "pcm", packets: 9, each: 1152, skip: 1105},
			{name: "opus", packets: 9, each: 2880, skip: 312},
		}, 0},
	} {
		c2 := &chain{parts: c.parts}
		s := c2.stream()
		pcm := listened(t, s)
		if lead := len(pcm)/2 - int(c2.begin(len(c.parts))); lead < 0 || lead > c.lead {
			t.Fatalf("%s: %d samples more than there are", name, lead)
		} else {
			pcm = pcm[2*lead:]
		}
		for i := 0; i < len(pcm); i += 2 {
			if pcm[i] != float32(i/2+1) {
				t.Fatalf("%s: sample %d is %v", name, i/2, pcm[i])
			}
		}
		if _, err := s.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%s: a frame after that: %v", name, err)
		}
	}
}

// What passes after something else is a turn: all music is given there too.
func TestListenGivesWhatFollowsPassing(t *testing.T) {
	c := &chain{parts: []part{
		{name: "pcm", packets: 20, each: 1000, trim: 30},
		{name: "opus", packets: 20, each: 960, skip: 312},
		{name: "opus", packets: 20, each: 960, skip: 400, trim: 9},
	}}
	var music []float32
	for _, v := range listened(t, c.stream()) {
		if v >= 1 {
			music = append(music, v)
		}
	}
	for i, v := range music {
		if v != float32(i+1) {
			t.Fatalf("sample %d is %v", i, v)
		}
	}
	if want := int(c.begin(3)); len(music) != want {
		t.Fatalf("%d samples of %d", len(music), want)
	}
}

func TestListenSaysWhatWentWrong(t *testing.T) {
	r := evenly(20)
	r.end = audio.ErrTruncated
	heard, enough := 0, errors.New("enough")
	if err := standIn(r).Listen(func(p []float32) error { heard += len(p) / 2; return nil }); !errors.Is(err, audio.ErrTruncated) || heard != 20*960 {
		t.Errorf("%v after %d samples", err, heard)
	}
	if err := standIn(evenly(20)).Listen(func([]float32) error { return enough }); !errors.Is(err, enough) {
		t.Error(err)
	}
}

// With what comes before and the padding, frames hold the music and nothing else,
// whichever way they are made.
func TestPaddingIsWhatIsBehindTheMusic(t *testing.T) {
	for _, trim := range []int64{0, 1, 100, 959} {
		for _, want := range []func(int) bool{func(int) bool { return false }, func(int) bool { return true }, func(i int) bool { return i > 20 }, func(i int) bool { return i < 20 }} {
			r := evenly(60)
			r.trim = trim
			s := standIn(r)
			frames := int64(0)
			for i := 0; ; i++ {
				if s.Want(neutral); want(i) {
					s.Want(loud)
				}
				if _, err := s.Next(); err != nil {
					break
				}
				frames++
			}
			if got := frames*960 - s.Padding(); got != r.total() || s.Length() != got {
				t.Fatalf("trim %d: %d samples, length %d, want %d", trim, got, s.Length(), r.total())
			}
		}
	}
}
