package source

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/music"
)

// shelf is a source with behaviour: what it takes, how long it thinks, and what
// comes of it.
type shelf struct {
	name  string
	takes string // prefix of queries
	think time.Duration
	err   error
	asked atomic.Int32
}

func (s *shelf) Name() string             { return s.name }
func (s *shelf) Match(q music.Query) bool { return strings.HasPrefix(q.Text, s.takes) }

func (s *shelf) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	s.asked.Add(1)
	select {
	case <-time.After(s.think):
	case <-ctx.Done():
		return music.Result{}, ctx.Err()
	}
	if s.err != nil || strings.HasSuffix(q.Text, "nothing") {
		return music.Result{}, s.err
	}
	return music.Result{Tracks: []music.Track{{ID: music.TrackID(s.name + ":" + q.Text), Source: s.name, Title: q.Text}}}, nil
}

func (s *shelf) Open(context.Context, music.Track) (*audio.Media, error) {
	return &audio.Media{ReadCloser: io.NopCloser(strings.NewReader(s.name))}, nil
}

func TestLibraryAsksInOrder(t *testing.T) {
	first, second := &shelf{name: "first", takes: "a"}, &shelf{name: "second"}
	l := NewLibrary(nil, first, second)
	for query, want := range map[string]string{"  abba ": "first:abba", "beat": "second:beat"} {
		r, err := l.Resolve(t.Context(), music.Query{Text: query})
		if err != nil || len(r.Tracks) != 1 || string(r.Tracks[0].ID) != want {
			t.Errorf("%q: got %v, %v, want %s", query, r, err, want)
		}
	}
	if r, err := l.Resolve(t.Context(), music.Query{Text: "a nothing"}); err != nil || len(r.Tracks) != 0 {
		t.Errorf("nothing found: got %v, %v", r, err)
	}
	if first.asked.Load() != 2 || second.asked.Load() != 2 {
		t.Errorf("asked %d and %d times", first.asked.Load(), second.asked.Load())
	}
}

func TestLibraryGoesOnAfterAFailure(t *testing.T) {
	broken := &shelf{name: "broken", err: &music.Error{Kind: music.Unavailable, Code: "test.down"}}
	l := NewLibrary(nil, broken, &shelf{name: "works"})
	if r, err := l.Resolve(t.Context(), music.Query{Text: "abba"}); err != nil || r.Tracks[0].Source != "works" {
		t.Errorf("got %v, %v", r, err)
	}
	if _, err := l.Resolve(t.Context(), music.Query{Text: "nothing"}); code(err) != "test.down" {
		t.Errorf("nothing found and one source down: got %v", err)
	}
}

func TestLibraryGivesEachSourceItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &shelf{name: "slow", think: time.Hour}
		start := time.Now()
		_, err := NewLibrary(nil, slow).Resolve(t.Context(), music.Query{Text: "abba"})
		if code(err) != "source.timeout" || time.Since(start) != resolveLimit {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := NewLibrary(nil, slow).Resolve(ctx, music.Query{Text: "abba"}); !errors.Is(err, context.DeadlineExceeded) || code(err) == "source.timeout" {
			t.Errorf("the caller's own deadline: got %v", err)
		}
	})
}

func TestLibraryAsksEqualQuestionsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{name: "s", think: time.Second}
		l := NewLibrary(nil, s)
		var all sync.WaitGroup
		for user := range 10 {
			all.Go(func() {
				r, err := l.Resolve(t.Context(), music.Query{Text: "abba", User: music.UserID(user)})
				if err != nil || len(r.Tracks) != 1 {
					t.Errorf("got %v, %v", r, err)
					return
				}
				r.Tracks[0].Title = "mine" // the race detector tells if it is not
			})
		}
		all.Go(func() { _, _ = l.Resolve(t.Context(), music.Query{Text: "abba", Guild: 2}) })
		all.Go(func() {
			_, _ = l.Resolve(t.Context(), music.Query{Text: "abba", Attachment: &music.Attachment{URL: "x"}})
		})
		all.Wait()
		if n := s.asked.Load(); n != 3 {
			t.Errorf("asked %d times, want 3 (another guild and an attachment are other questions)", n)
		}
		if len(l.flights) != 0 {
			t.Errorf("%d questions left", len(l.flights))
		}
	})
}

func TestLibraryAsksAgainWhenTheFirstGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{name: "s", think: time.Second}
		l := NewLibrary(nil, s)
		impatient, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := l.Resolve(impatient, music.Query{Text: "abba"}); !errors.Is(err, context.Canceled) {
				t.Errorf("the impatient got %v", err)
			}
		})
		synctest.Wait()
		all.Go(func() {
			if r, err := l.Resolve(t.Context(), music.Query{Text: "abba"}); err != nil || len(r.Tracks) != 1 {
				t.Errorf("the patient got %v, %v", r, err)
			}
		})
		gone, leave := context.WithCancel(t.Context())
		all.Go(func() {
			if _, err := l.Resolve(gone, music.Query{Text: "abba"}); !errors.Is(err, context.Canceled) {
				t.Errorf("who left got %v", err)
			}
		})
		synctest.Wait()
		leave()
		synctest.Wait()
		cancel()
		all.Wait()
	})
}

func TestLibraryOpensBySource(t *testing.T) {
	l := NewLibrary(nil, &shelf{name: "one"}, &shelf{name: "two"})
	m, err := l.Open(t.Context(), music.Track{Source: "two"})
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(m); string(b) != "two" {
		t.Errorf("opened %q", b)
	}
	if _, err := l.Open(t.Context(), music.Track{Source: "gone"}); code(err) != "source.unknown" {
		t.Errorf("got %v", err)
	}
}
