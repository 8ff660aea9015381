package hls

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
)

// A station sends the AAC sweep again and again in segments of a second.
type station struct {
	begun    time.Time
	window   int
	first    int64 // number of the segment at the beginning
	tags     string
	until    time.Duration // then it ends, or stops; 0: never
	ends     bool
	stops    bool
	restarts time.Duration // when it counts from 0 again; 0: never
	fails    func(at time.Duration) bool
}

// list is what it says after so long.
func (s *station) list(at time.Duration) []byte {
	var b strings.Builder
	first, over := s.first, false
	if s.until > 0 && at > s.until {
		at, over = s.until, s.ends
	}
	if s.restarts > 0 && at >= s.restarts {
		at, first = at-s.restarts, 0
	}
	n := first + int64(at/time.Second) // the newest that is whole
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:%d\n%s", max(n-int64(s.window), 0), s.tags)
	for i := max(n-int64(s.window), 0); i < n; i++ {
		fmt.Fprintf(&b, "#EXTINF:1.0,\nlive%d.aac\n", i)
	}
	if over {
		b.WriteString("#EXT-X-ENDLIST\n")
	}
	return []byte(b.String())
}

// air puts the station on at home. Its segment n is part n%10 of the sweep.
func (s *station) air(t testing.TB) *web {
	_, parts, _ := packed(t, 4)
	w := newWeb(t)
	s.begun = time.Now()
	w.at[home] = func(int) ([]byte, error) {
		at := time.Since(s.begun)
		if s.fails != nil && s.fails(at) {
			return nil, errMissing
		}
		return s.list(at), nil
	}
	for n := range 2000 {
		w.put(fmt.Sprintf("http://example.org/a/live%d.aac", n), parts[n%8])
	}
	return w
}

// heard are the numbers of the segments that were asked for.
func (w *web) heard() (numbers []int) {
	for _, l := range w.log {
		var n int
		if _, err := fmt.Sscanf(l, "http://example.org/a/live%d.aac", &n); err == nil {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func count(from, to int) (n []int) {
	for ; from < to; from++ {
		n = append(n, from)
	}
	return n
}

func TestLivePlaylistsAreFollowedToTheirEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 30 * time.Second, ends: true}
		w := s.air(t)
		d := w.mustDemux(t)
		if in := d.Info(); !in.Live || in.Duration != 0 {
			t.Errorf("%+v", in)
		}
		if _, err := d.Seek(0); !errors.Is(err, audio.ErrNotSeekable) {
			t.Errorf("seek: %v", err)
		}
		got, err := containertest.Drain(d)
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if h := w.heard(); !slices.Equal(h, count(97, 130)) {
			t.Errorf("heard %v", h)
		}
		end := int64(0)
		for i, p := range got {
			if p.Codec != nil || p.PTS != end {
				t.Fatalf("packet %d at %d, want %d", i, p.PTS, end)
			}
			end = p.PTS + p.Duration
		}
		if n := strings.Count(strings.Join(w.log, "\n"), home); n < 31 || n > 33+3 {
			t.Errorf("the playlist was asked for %d times in 30 s", n)
		}
	})
}

func TestLiveBeginsWhereItIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for tag, first := range map[string]int{
			"": 97, "#EXT-X-START:TIME-OFFSET=-5.5\n": 94, "#EXT-X-START:TIME-OFFSET=2,PRECISE=NO\n": 92, "#EXT-X-START:TIME-OFFSET=-100\n": 90,
		} {
			s := &station{window: 10, first: 100, tags: tag}
			w := s.air(t)
			w.mustDemux(t)
			if h := w.heard(); h[0] != first {
				t.Errorf("%q begins with %d, want %d", tag, h[0], first)
			}
		}
	})
}

func TestALiveStreamThatStandsStillEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 10 * time.Second, stops: true}
		w := s.air(t)
		_, err := containertest.Drain(w.mustDemux(t))
		if !errors.Is(err, audio.ErrTruncated) || !strings.Contains(err.Error(), "stood still for") {
			t.Errorf("%v", err)
		}
		if still := time.Since(s.begun) - 10*time.Second; still < stillness*time.Second || still > (stillness+3)*time.Second {
			t.Errorf("after %v", still)
		}
	})
}

func TestAPlaylistThatCannotBeHadForAWhileIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 20 * time.Second, ends: true, fails: func(at time.Duration) bool {
			return at > 8*time.Second && at < 12*time.Second
		}}
		w := s.air(t)
		if _, err := containertest.Drain(w.mustDemux(t)); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if h := w.heard(); !slices.Equal(h, count(97, 120)) {
			t.Errorf("heard %v", h)
		}
		s = &station{window: 6, first: 100, fails: func(at time.Duration) bool { return at > 8*time.Second }}
		if _, err := containertest.Drain(s.air(t).mustDemux(t)); !errors.Is(err, errMissing) {
			t.Errorf("gone for good: %v", err)
		}
	})
}

// A server keeps no segment for longer than its playlist is, after it has left that.
func TestWhoWasAwayAsksForTheListBeforeItsSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 90 * time.Second, ends: true}
		w := s.air(t)
		for n := range 200 {
			address := fmt.Sprintf("http://example.org/a/live%d.aac", n)
			get := w.at[address]
			w.at[address] = func(before int) ([]byte, error) {
				if gone := time.Duration(n-int(s.first)+2*s.window) * time.Second; time.Since(s.begun) > gone {
					return nil, errMissing
				}
				return get(before)
			}
		}
		d := w.mustDemux(t)
		time.Sleep(60 * time.Second) // paused
		w.waits = nil
		if _, err := containertest.Drain(d); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if h := w.heard(); !slices.Equal(h, append([]int{97}, count(157, 190)...)) {
			t.Errorf("asked for %v", h)
		}
	})
}

func TestAServerThatCountsAnewIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, restarts: 10 * time.Second, until: 20 * time.Second}
		w := s.air(t)
		got, err := containertest.Drain(w.mustDemux(t))
		if !errors.Is(err, audio.ErrTruncated) {
			t.Fatal(err)
		}
		h := w.heard()
		if i := slices.Index(h, 0); i < 0 || !slices.Equal(h[:i], count(97, 109)) || !slices.Equal(h[i:], count(0, 10)) {
			t.Errorf("heard %v", h)
		}
		told := 0
		for _, p := range got {
			if p.Codec != nil {
				told++
			}
		}
		if told != 1 {
			t.Errorf("%d packets follow nothing", told)
		}
	})
}

func TestAnOldPlaylistIsNoNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 20 * time.Second, ends: true}
		w := s.air(t)
		asked := 0
		w.at[home] = func(int) ([]byte, error) {
			at := time.Since(s.begun)
			if asked++; asked%3 == 0 {
				at = max(at-2*time.Second, 0) // of a cache
			}
			return s.list(at), nil
		}
		if _, err := containertest.Drain(w.mustDemux(t)); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		if h := w.heard(); !slices.Equal(h, count(97, 120)) {
			t.Errorf("heard %v", h)
		}
	})
}

func TestClosingEndsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: time.Second}
		w := s.air(t)
		d := w.mustDemux(t)
		go func() {
			time.Sleep(2500 * time.Millisecond)
			w.close()
		}()
		if _, err := containertest.Drain(d); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if at := time.Since(s.begun); at != 2500*time.Millisecond {
			t.Errorf("after %v", at)
		}
	})
}

func TestLiveForHoursTakesNoMoreMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &station{window: 6, first: 100, until: 25 * time.Minute, ends: true}
		w := s.air(t)
		d := w.mustDemux(t)
		for {
			if _, err := d.ReadPacket(); err != nil {
				break
			}
		}
		if len(d.places) != 0 || d.s.list.segments.n > 6 || len(d.s.parts) != 0 || w.open != 0 {
			t.Errorf("%d places, %d segments, %d open", len(d.places), d.s.list.segments.n, w.open)
		}
	})
}
