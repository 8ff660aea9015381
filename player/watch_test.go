package player_test

import (
	"errors"
	"testing"
	"time"

	"segue/music"
	"segue/player/playertest"
)

// watch enqueues one track and waits to see it begin.
func (s *stage) watch(t music.Track) error {
	s.Helper()
	r := fromLounge
	r.Watch = true
	_, err := s.p.Enqueue(s.Context(), r, t)
	return err
}

func TestWhoWatchesHearsWhyATrackDidNotBegin(t *testing.T) {
	playReal(t, func(s *stage) {
		page := s.lib.Add("page", playertest.Script{Bytes: []byte("<!doctype html><html><body>no music</body></html>")})
		err := s.watch(page)
		known, ok := errors.AsType[*music.Error](err)
		if !ok || known.Code != "track.foreign" || len(known.Args) != 1 || known.Args[0] != "a web page" {
			t.Fatalf("got %v", err)
		}
		s.after(time.Second)
		s.told("ended page load_failed 0s", "empty")
		if err := s.watch(s.lib.Add("good", frames(second))); err != nil {
			t.Errorf("a good track after it: %v", err)
		}
		if st := s.status(); st.Loading || st.Current.Track.Title != "good" {
			t.Errorf("when it returns, %+v", st)
		}
		start := time.Now()
		if err := s.watch(page); err != nil || time.Since(start) > 0 {
			t.Errorf("a track that waits its turn is waited for: %v after %s", err, time.Since(start))
		}
		s.after(2 * time.Second)
		s.told("started good", "ended good finished 1s", "failed page track.foreign", "ended page load_failed 0s", "empty")
	})
}

func TestWatchingEndsWhenTheTrackIsStopped(t *testing.T) {
	playReal(t, func(s *stage) {
		slow := s.lib.Add("slow", playertest.Script{Opens: 4 * time.Second, Frames: second})
		done := make(chan error, 1)
		go func() { done <- s.watch(slow) }()
		s.after(time.Second)
		if err := s.p.Stop(s.Context()); err != nil {
			t.Fatal(err)
		}
		s.after(0)
		select {
		case err := <-done:
			if err != nil {
				t.Errorf("got %v", err)
			}
		default:
			t.Error("it goes on waiting")
		}
	})
}
