package hls

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func TestWhatCannotBeHadIsTriedAgainThenSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, segments, length := packed(t, 5)
		w := newWeb(t)
		w.vod("", segments, length)
		fails := func(at, times int, some int) {
			w.at[fmt.Sprintf("http://example.org/a/seg%d.bin", at)] = func(before int) ([]byte, error) {
				if before < times {
					return segments[at][:some:some], errMissing
				}
				return segments[at], nil
			}
		}
		fails(1, 2, 0)   // not at once
		fails(2, 2, 300) // breaks off twice
		fails(4, 9, 0)   // never
		d := w.mustDemux(t)
		got, err := containertest.Drain(d)
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		want := containertest.Packets(t, openADTS, whole)
		late := want[25].PTS - want[20].PTS
		want = slices.Delete(want, 20, 25)
		for i := range want[20:] {
			want[20+i].PTS -= late
		}
		for i := range got { // to a rounding
			if got[i].PTS-want[i].PTS > 1 || want[i].PTS-got[i].PTS > 1 {
				t.Fatalf("packet %d at %d, want %d", i, got[i].PTS, want[i].PTS)
			}
			got[i].PTS, got[i].Duration = want[i].PTS, want[i].Duration
		}
		same(t, want, got, 20)
		if !slices.Equal(w.waits, []time.Duration{pause, 2 * pause, pause, 2 * pause, pause, 2 * pause}) {
			t.Errorf("waited %v", w.waits)
		}
	})
}

func TestTooMuchThatCannotBeHadEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, segments, length := packed(t, 3)
		w := newWeb(t)
		w.vod("", segments, length)
		for i := 2; i < 30; i++ {
			delete(w.at, fmt.Sprintf("http://example.org/a/seg%d.bin", i))
		}
		got, err := containertest.Drain(w.mustDemux(t))
		if !errors.Is(err, errMissing) || len(got) != 6 {
			t.Errorf("%d packets, %v", len(got), err)
		}
		if n := len(w.log); n > 3+tries*(maxSkips+1)+1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestNobodyAsksForEmptySegmentsForEver(t *testing.T) {
	_, segments, length := packed(t, 7)
	for _, empty := range []int{maxSkips, 1000} {
		w := newWeb(t)
		w.vod("", slices.Insert(slices.Clone(segments), 2, make([][]byte, empty)...), length)
		got, err := containertest.Drain(w.mustDemux(t))
		if many := empty > maxSkips; errors.Is(err, io.EOF) == many || errors.Is(err, audio.ErrMalformed) != many || len(w.log) > 12 {
			t.Errorf("%d empty segments: %d packets, %v, asked %d times", empty, len(got), err, len(w.log))
		}
	}
}

// All segments but the first say that they begin an hour later.
func TestASeekAsksForFewSegmentsWhateverTheySay(t *testing.T) {
	all := frames(t, containertest.File(t, "sweep.aac"))
	var segments [][]byte
	for n := range 2000 {
		at := int64(n) * 2048
		if n > 0 {
			at += 3600 * 22050
		}
		segments = append(segments, append(append(timestamped(at, 22050), all[0]...), all[1]...))
	}
	w := newWeb(t)
	w.vod("", segments, 2048./22050)
	d := w.mustDemux(t)
	w.log = nil
	to := 90 * time.Second
	if at, err := d.Seek(to); err != nil || at > to {
		t.Errorf("at %v, %v", at, err)
	}
	if len(w.log) > 30 {
		t.Errorf("%d segments asked for", len(w.log))
	}
}

func TestDamageIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, segments, length := packed(t, 6)
		w := newWeb(t)
		w.vod("", segments, length)
		w.put("http://example.org/a/seg2.bin", bytes.Repeat([]byte("<html>"), 400_000))
		got, err := containertest.Drain(w.mustDemux(t))
		if want := len(containertest.Packets(t, openADTS, whole)); !errors.Is(err, io.EOF) || len(got) < want-7 {
			t.Errorf("%d packets of %d, %v", len(got), want, err)
		}
	})
}

func TestTheBeginningMustBeSound(t *testing.T) {
	for what, segment := range map[string]string{
		"an HLS stream of AC-3":      "\x0b\x77\x01\x02",
		"an HLS stream of subtitles": "WEBVTT\n",
		"":                           "something else altogether",
	} {
		w := newWeb(t)
		w.vod("", [][]byte{[]byte(segment)}, 1)
		_, err := w.demux()
		if f, ok := errors.AsType[*audio.Foreign](err); !errors.Is(err, audio.ErrUnsupported) || ok != (what != "") || ok && f.Looks != what {
			t.Errorf("%q: %v", segment, err)
		}
	}
	w := newWeb(t)
	w.vod("", nil)
	if _, err := w.demux(); !errors.Is(err, audio.ErrTruncated) {
		t.Errorf("nothing in it: %v", err)
	}
	m := containertest.Media([]byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n"))
	if _, err := NewDemuxer(input.New(m), m); !errors.Is(err, audio.ErrUnsupported) {
		t.Errorf("without refs: %v", err)
	}
}
