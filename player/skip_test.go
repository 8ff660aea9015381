package player_test

import (
	"testing"
	"time"

	"segue/player"
	"segue/player/playertest"
)

func TestSkipPlaysTheOldTrackUntilTheNewOneIsReady(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", playertest.Script{Frames: 60 * second, Opens: 400 * time.Millisecond, First: 100 * time.Millisecond}))
		s.after(1010 * time.Millisecond)
		e, err := s.p.Skip(s.Context(), 1)
		if err != nil || e.Track.Title != "b" {
			s.Fatalf("got %v, %v", e, err)
		}
		if st := s.status(); st.Current.Track.Title != "b" || !st.Loading || st.Playing() || st.Position != 0 {
			s.Errorf("while it is opened: %+v", st)
		}
		s.after(time.Second)
		s.heard("a 0-74 b 0-24")
		s.told("started a", "ended a replaced 1s", "started b")
		if s.lib.Held() != 1 {
			s.Error("the old one is still open")
		}
		if n := s.status().Counters.Nulled; n != 0 {
			s.Errorf("%d nulled", n)
		}
	})
}

func TestSkipWaitsForTheNewTrackThreeSecondsAtMost(t *testing.T) {
	for name, slow := range map[string]playertest.Script{
		"opening": {Frames: second, Opens: 5 * time.Second},
		"probing": {Frames: second, First: 5 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", slow))
				s.after(1010 * time.Millisecond)
				if _, err := s.p.Skip(s.Context(), 1); err != nil {
					s.Fatal(err)
				}
				s.after(7 * time.Second)
				s.heard("a 0-199 … b 0-49")
			})
		})
	}
}

func TestSkippingOnWhileTheNewOneIsOpened(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		slow := playertest.Script{Frames: second, Opens: time.Second}
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", slow), s.lib.Add("c", slow), s.lib.Add("d", slow), s.lib.Add("e", slow))
		s.after(1010 * time.Millisecond)
		for range 2 {
			if _, err := s.p.Skip(s.Context(), 1); err != nil {
				s.Fatal(err)
			}
		}
		if e, err := s.p.Skip(s.Context(), 2); err != nil || e.Track.Title != "e" {
			s.Fatalf("got %v, %v", e, err)
		}
		s.after(4 * time.Second)
		s.heard("a 0-99 e 0-49")
		s.told("started a", "ended a replaced 1s", "ended b replaced 0s", "ended c replaced 0s", "started e", "ended e finished 1s", "empty")
	})
}

func TestSkipToAPreparedTrackTakesOneTick(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(100 * time.Millisecond)
		s.heard("a 0-49 b 0-4")
		if n := len(s.lib.Opened()); n != 2 {
			s.Errorf("opened %v", s.lib.Opened())
		}
	})
}

func TestSkipTheLast(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)))
		s.after(time.Second)
		e, err := s.p.Skip(s.Context(), 1)
		if err != nil || e.ID != 0 {
			s.Errorf("got %v, %v", e, err)
		}
		s.after(time.Second)
		s.heard("a 0-49")
		s.told("started a", "ended a replaced 1s")
		if _, err := s.p.Skip(s.Context(), 1); code(err) != "player.nothing_playing" {
			s.Errorf("got %v", err)
		}
	})
}
