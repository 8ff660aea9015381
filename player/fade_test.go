package player_test

import (
	"slices"
	"testing"
	"time"

	"segue/player"
	"segue/player/playertest"
)

// What is taken away fades: these guilds want 60 ms of it, three frames.
const soft = `{"fade":0.06}`

func TestASkipFadesIntoTheNextTrack(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(second)))
		s.after(5*time.Second + 10*time.Millisecond)
		s.pump("b").see(func(r *reel) {
			if r.gone {
				s.Error("what follows has begun already")
			}
		})
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.pump("a").see(func(r *reel) {
			if !slices.Equal(r.cuts, []time.Duration{60 * time.Millisecond}) || r.after == nil || r.after.media.Title != "b" {
				s.Errorf("cut %v, followed by %v", r.cuts, r.after)
			}
		})
		s.after(2 * time.Second)
		s.heard("a 0-252 b 0-49")
		s.told("started a", "ended a replaced 5s", "started b", "ended b finished 1s", "empty")
		if s.lib.Held() != 0 {
			s.Error("the old one is still open")
		}
		if n := s.status().Counters.Nulled; n != 0 {
			s.Errorf("%d nulled", n)
		}
	})
}

func TestASkipToWhatIsNotOpenYetFadesWhenItIs(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", playertest.Script{Frames: second, Opens: 400 * time.Millisecond, First: 100 * time.Millisecond}))
		s.after(1010 * time.Millisecond)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(450 * time.Millisecond)
		s.pump("a").see(func(r *reel) {
			if len(r.cuts) != 0 {
				s.Errorf("cut %v before the next is there", r.cuts)
			}
		})
		s.after(2 * time.Second)
		s.heard("a 0-77 b 0-49")
	})
}

func TestSkippingTwiceWhileTheOldOneFades(t *testing.T) {
	playWith(t, player.Options{}, `{"fade":0.2}`, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(second)), s.lib.Add("c", playertest.Script{Frames: second, Opens: 500 * time.Millisecond}))
		s.after(4*time.Second + 10*time.Millisecond)
		for range 2 {
			if _, err := s.p.Skip(s.Context(), 1); err != nil {
				s.Fatal(err)
			}
		}
		s.after(2 * time.Second)
		s.heard("a 0-209 … c 0-49")
		s.told("started a", "ended a replaced 4s", "ended b replaced 0s", "started c", "ended c finished 1s", "empty")
	})
}

func TestAStopFades(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(second)))
		s.after(5*time.Second + 10*time.Millisecond)
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		if st := s.status(); st.Current.ID != 0 || st.Voice != lounge {
			s.Errorf("stopped: %+v", st)
		}
		s.pump("a").see(func(r *reel) {
			if len(r.cuts) != 1 || r.after != nil {
				s.Errorf("cut %v, followed by %v", r.cuts, r.after)
			}
		})
		s.after(time.Second)
		s.heard("a 0-252")
		if s.lib.Held() != 0 {
			s.Error("something is still open")
		}
		s.enqueue(s.lib.Add("c", frames(second)))
		s.after(2 * time.Second)
		s.heard("a 0-252 … c 0-49")
	})
}

func TestWhatIsPlayedRightAfterAStopFollowsTheFade(t *testing.T) {
	playWith(t, player.Options{}, `{"fade":0.5}`, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second + 10*time.Millisecond)
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(100 * time.Millisecond)
		s.enqueue(s.lib.Add("b", frames(second)))
		s.after(2 * time.Second)
		s.heard("a 0-74 b 0-49")
	})
}

func TestAFadeThatNeverEndsIsEnded(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 60 * second, Stall: second}))
		s.after(time.Second + 10*time.Millisecond)
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(900 * time.Millisecond)
		if s.lib.Held() != 1 {
			s.Error("closed before its time")
		}
		s.after(200 * time.Millisecond)
		if s.lib.Held() != 0 {
			s.Error("something is still open")
		}
	})
}

func TestLeavingFades(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second + 10*time.Millisecond)
		start := time.Now()
		if err := s.p.Leave(s.Context()); err != nil {
			s.Fatal(err)
		}
		if took := time.Since(start); took < 60*time.Millisecond || took > 100*time.Millisecond {
			s.Errorf("left after %v", took)
		}
		s.heard("a 0-52")
		s.enqueue(s.lib.Add("b", frames(second)))
		s.after(2 * time.Second)
		s.heard("b 0-49")
	})
}

func TestWhatIsPlayedWhileLeavingIsHeardInTheNextChannelOnly(t *testing.T) {
	playWith(t, player.Options{}, `{"fade":1}`, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second + 10*time.Millisecond)
		first, left := s.voice.Conn(), make(chan error, 1)
		go func() { left <- s.p.Leave(s.Context()) }()
		s.after(500 * time.Millisecond)
		s.enqueue(s.lib.Add("b", frames(second)))
		s.after(2 * time.Second)
		if err := <-left; err != nil {
			s.Error(err)
		}
		s.heard("b 0-49")
		if got := runs(first.Heard()); got != "a 0-99" {
			s.Errorf("who was left heard %q", got)
		}
	})
}

func TestAPauseFadesAndKeepsThePlace(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)))
		s.after(time.Second + 10*time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Minute)
		s.heard("a 0-52")
		if st := s.status(); !st.Paused || st.Position != 1060*time.Millisecond {
			s.Errorf("paused at %v: %v", st.Position, st.Paused)
		}
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		s.heard("a 0-52 … a 53-102")
		if n := s.status().Counters.Nulled; n != 0 {
			s.Errorf("%d nulled", n)
		}
	})
}

// A pause that comes while a track ends must not let the next one be heard.
func TestAPauseAtTheVeryEndWaitsBeforeTheNextTrack(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(second)), s.lib.Add("b", frames(second)))
		s.after(970 * time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Minute)
		s.heard("a 0-49")
		if st := s.status(); !st.Paused || st.Current.Track.Title != "b" || st.Position != 0 {
			s.Errorf("paused: %+v", st)
		}
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(2 * time.Second)
		s.heard("a 0-49 … b 0-49")
	})
}

func TestAPauseBeforeTheFirstFrame(t *testing.T) {
	playWith(t, player.Options{}, soft, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: second, First: 500 * time.Millisecond}))
		s.after(100 * time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Minute)
		s.heard("")
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(2 * time.Second)
		s.heard("a 0-49")
	})
}

func TestTheFollowerIsNamedWithTheOverlapThatIsWanted(t *testing.T) {
	playWith(t, player.Options{}, `{"crossfade":5}`, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(60*second)), s.lib.Add("c", frames(second)))
		s.after(5 * time.Second)
		follows := func(now, next string, overlap time.Duration) {
			s.Helper()
			s.pump(now).see(func(r *reel) {
				if r.after == nil || r.after.media.Title != next || r.overlap != overlap {
					s.Errorf("%s is followed by %+v after %v", now, r.after, r.overlap)
				}
			})
		}
		follows("a", "b", 5*time.Second)
		s.set(func(x *player.Sound) error { x.Crossfade = 0; return nil })
		follows("a", "b", 0)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(5 * time.Second)
		follows("b", "c", 0)
		if _, err := s.p.Skip(s.Context(), 2); err != nil {
			s.Fatal(err)
		}
		s.pump("b").see(func(r *reel) {
			if r.after != nil {
				s.Error("what was passed over still follows")
			}
		})
	})
}

func TestAFollowerThatFailsIsPassedOver(t *testing.T) {
	playWith(t, player.Options{}, `{"crossfade":5}`, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", playertest.Script{Err: errPurpose}), s.lib.Add("c", frames(second)))
		s.after(12 * time.Second)
		s.heard("a 0-499 … c 0-49")
		s.told("started a", "ended a finished 10s", "failed b track.failed", "ended b load_failed 0s", "started c", "ended c finished 1s", "empty")
	})
}

func TestWhatOnlyFlowsForwardIsOpenedAgainBeforeItsTurn(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(120*second)), s.lib.Add("b", playertest.Script{Frames: second, Forward: true}))
		s.after(99 * time.Second)
		if n := len(s.lib.Opened()); n != 2 {
			s.Errorf("%d opened", n)
		}
		s.after(2 * time.Second)
		if n := len(s.lib.Opened()); n != 3 {
			s.Errorf("%d opened, 20 s before the end", n)
		}
		s.after(25 * time.Second)
		s.heard("a 0-5999 b 0-49")
	})
}
