package player_test

import (
	"errors"
	"testing"
	"time"

	"segue/music"
	"segue/player"
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

// watching runs watch beside the test; the answer comes with the time it took.
func (s *stage) watching(t music.Track) <-chan answer {
	done := make(chan answer, 1)
	start := time.Now()
	go func() {
		err := s.watch(t)
		done <- answer{code(err), time.Since(start)}
	}()
	s.after(0)
	return done
}

type answer struct {
	code string
	took time.Duration
}

func TestWatchingEnds(t *testing.T) {
	slow := playertest.Script{Opens: 20 * time.Second, Frames: second}
	for name, c := range map[string]struct {
		joins  time.Duration
		refuse error
		script playertest.Script
		then   func(s *stage) error // a second later
		want   answer
	}{
		"after 5 s":                         {script: slow, want: answer{"", 5 * time.Second}},
		"5 s after joining":                 {joins: 3 * time.Second, script: slow, want: answer{"", 8 * time.Second}},
		"with a slow join":                  {joins: 7 * time.Second, script: slow, want: answer{"", 7 * time.Second}},
		"with the join, refused":            {joins: 3 * time.Second, refuse: errors.New("refused"), script: slow, want: answer{"voice.failed", 3 * time.Second}},
		"with the track, before the join":   {joins: 3 * time.Second, script: playertest.Script{Opens: time.Second, Err: errors.New("bad")}, want: answer{"track.failed", time.Second}},
		"when it is heard":                  {joins: time.Second, script: playertest.Script{Opens: 2 * time.Second, Frames: second}, want: answer{"", 2 * time.Second}},
		"when it is skipped":                {script: slow, then: func(s *stage) error { _, err := s.p.Skip(s.Context(), 1); return err }, want: answer{"", time.Second}},
		"when it is paused":                 {script: slow, then: func(s *stage) error { return s.p.Pause(s.Context()) }, want: answer{"", time.Second}},
		"when we leave":                     {script: slow, then: func(s *stage) error { return s.p.Leave(s.Context()) }, want: answer{"", time.Second}},
		"when we leave, joining":            {joins: 3 * time.Second, script: slow, then: func(s *stage) error { return s.p.Leave(s.Context()) }, want: answer{"voice.left", time.Second}},
		"stopped, when the join is through": {joins: 3 * time.Second, script: slow, then: func(s *stage) error { return s.p.Stop(s.Context()) }, want: answer{"", 3 * time.Second}},
		"with everything":                   {script: slow, then: func(s *stage) error { return s.reg.Close(s.Context()) }, want: answer{"", time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.voice.Joins, s.voice.Refuse = c.joins, c.refuse
				done := s.watching(s.lib.Add("a", c.script))
				if c.then != nil {
					s.after(time.Second)
					if err := c.then(s); err != nil {
						s.Fatal(err)
					}
				}
				got := <-done
				if got.took = got.took.Round(100 * time.Millisecond); got != c.want {
					s.Errorf("got %v, want %v", got, c.want)
				}
			})
		})
	}
}

func TestTwoWatchAtOnce(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		first := s.watching(s.lib.Add("a", playertest.Script{Opens: 2 * time.Second, Err: errors.New("bad")}))
		second := s.watching(s.lib.Add("b", playertest.Script{Frames: second, Opens: time.Second}))
		if got := <-second; got.code != "" || got.took != 100*time.Millisecond {
			s.Errorf("who waits his turn: %v", got)
		}
		if got := <-first; got.code != "track.failed" || got.took != 2*time.Second {
			s.Errorf("whose turn it is: %v", got)
		}
		s.after(3 * time.Second)
		s.told("ended a load_failed 0s", "started b", "ended b finished 1s", "empty")
	})
}
