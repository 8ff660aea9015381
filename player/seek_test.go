package player_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"segue/player"
	"segue/player/playertest"
)

var errPurpose = errors.New("on purpose")

func TestASeekGoesOnElsewhere(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 60 * second, Seeks: 100 * time.Millisecond}), s.lib.Add("b", frames(second)))
		s.after(time.Second + 10*time.Millisecond)
		if at, err := s.p.Seek(s.Context(), 30*time.Second); err != nil || at != 30*time.Second {
			s.Errorf("at %v, %v", at, err)
		}
		if st := s.status(); st.Position != 30*time.Second {
			s.Errorf("the position is %v", st.Position)
		}
		s.after(time.Second)
		s.heard("a 0-54 a 1500-1549")
		if at, err := s.p.Seek(s.Context(), -time.Second); err != nil || at != 0 {
			s.Errorf("before the beginning: at %v, %v", at, err)
		}
		s.after(time.Second)
		if st := s.status(); st.Position != time.Second || st.Played < 3*time.Second {
			s.Errorf("position %v, played %v", st.Position, st.Played)
		}
		s.after(62 * time.Second)
		s.told("started a", "ended a finished 1m2.2s", "started b", "ended b finished 1s", "empty")
	})
}

func TestASeekInAPausedTrack(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second + 10*time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		if _, err := s.p.Seek(s.Context(), 10*time.Second); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		if st := s.status(); st.Position != 10*time.Second || !st.Paused {
			s.Errorf("at %v, paused %v", st.Position, st.Paused)
		}
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		s.heard("a 0-49 … a 500-549")
	})
}

func TestASeekThatCannotBeSaysWhy(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		wants := func(to time.Duration, want string) {
			s.Helper()
			if _, err := s.p.Seek(s.Context(), to); code(err) != want {
				s.Errorf("got %v, want %s", err, want)
			}
		}
		wants(0, "player.nothing_playing")
		s.enqueue(s.lib.Add("slow", playertest.Script{Frames: 10 * second, Opens: time.Second}), s.lib.Add("live", playertest.Script{Frames: 10 * second, Live: true}),
			s.lib.Add("fixed", playertest.Script{Frames: 10 * second, Fixed: true}), s.lib.Add("far", playertest.Script{Frames: 10 * second, Seeks: time.Minute}))
		wants(0, "seek.loading")
		s.after(2 * time.Second)
		wants(10*time.Second, "seek.beyond")
		for _, want := range []string{"seek.live", "seek.fixed"} {
			if _, err := s.p.Skip(s.Context(), 1); err != nil {
				s.Fatal(err)
			}
			s.after(time.Second)
			wants(time.Second, want)
		}
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		if _, err := s.p.Seek(ctx, time.Second); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("given up: %v", err)
		}
		start := time.Now()
		go func() {
			time.Sleep(4 * time.Second)
			_ = s.p.Stop(context.Background())
		}()
		wants(time.Second, "seek.over")
		if d := time.Since(start); d != 10*time.Second {
			s.Errorf("given up after %v", d)
		}
	})
}

func TestASlowSeekTimesOut(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("far", playertest.Script{Frames: 60 * second, Seeks: time.Minute}))
		s.after(time.Second)
		if _, err := s.p.Seek(s.Context(), 30*time.Second); code(err) != "seek.timeout" {
			s.Errorf("got %v", err)
		}
		s.after(10 * time.Millisecond)
		if st := s.status(); st.Position < 10*time.Second || st.Position > 12*time.Second {
			s.Errorf("the music is at %v", st.Position)
		}
	})
}

func TestSeeksComeOneAtATime(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 60 * second, Seeks: time.Second}))
		s.after(time.Second)
		start := time.Now()
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				if _, err := s.p.Seek(s.Context(), 20*time.Second); err != nil {
					s.Error(err)
				}
			})
		}
		all.Wait()
		if d := time.Since(start); d != 3*time.Second {
			s.Errorf("three seeks of a second took %v", d)
		}
	})
}
