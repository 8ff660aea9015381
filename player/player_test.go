package player_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/pipeline"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

const second = 50 // frames

func TestJoiningAndOpeningHappenAtOnce(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Joins = 300 * time.Millisecond
		a := s.lib.Add("a", playertest.Script{Frames: second, Opens: 290 * time.Millisecond})
		start := time.Now()
		s.enqueue(a)
		if d := time.Since(start); d != 300*time.Millisecond {
			s.Errorf("joined after %v", d)
		}
		s.after(20 * time.Millisecond)
		first := s.voice.Conn().Heard()[0]
		if !first.OK || first.At.Sub(start) != 320*time.Millisecond {
			s.Errorf("the first tick, after %v: %v", first.At.Sub(start), first.OK)
		}
		s.told("started a")
		if got := s.news[0].News.(player.TrackStarted); got.Took != 320*time.Millisecond || got.Duration != time.Second ||
			got.Mode != "passthrough" || got.Info.Container != "test" || got.Entry.By != alice {
			s.Errorf("got %+v", got)
		}
	})
}

func TestTracksFollowWithoutAGap(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		slow := playertest.Script{Frames: second, Opens: 500 * time.Millisecond}
		s.enqueue(s.lib.Add("a", slow), s.lib.Add("b", slow), s.lib.Add("c", slow))
		s.after(4 * time.Second)
		s.heard("a 0-49 b 0-49 c 0-49")
		s.told("started a", "ended a finished 1s", "started b", "ended b finished 1s", "started c", "ended c finished 1s", "empty")
		st := s.status()
		if c := st.Counters; c.Frames != 150 || c.Nulled != 0 || c.Tracks != 3 || c.Failed != 0 {
			s.Errorf("counted %+v", c)
		}
		if st.Current.ID != 0 || st.Voice != lounge || len(st.History) != 3 || st.History[0].Track.Title != "c" {
			s.Errorf("at the end: %+v", st)
		}
	})
}

func TestAGapIsCounted(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10)), s.lib.Add("b", playertest.Script{Frames: 10, Opens: 300 * time.Millisecond}))
		s.after(2 * time.Second)
		s.heard("a 0-9 … b 0-9")
		// b was asked for at a's first frame: ready 300 ms later, of which a lasted 200.
		if n := s.status().Counters.Nulled; n < 4 || n > 6 {
			s.Errorf("%d ticks nulled", n)
		}
	})
}

func TestALongTracksFollowerIsOpenedAfterThreeSeconds(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("long", frames(60*second)), s.lib.Add("next", frames(second)))
		s.after(2900 * time.Millisecond)
		if n := len(s.lib.Opened()); n != 1 {
			s.Errorf("%d opened after 2.9 s", n)
		}
		s.after(200 * time.Millisecond)
		if n := len(s.lib.Opened()); n != 2 {
			s.Errorf("%d opened after 3.1 s", n)
		}
		s.after(59 * time.Second)
		if n := len(s.lib.Opened()); n != 2 {
			s.Errorf("%d opened in all", n)
		}
		s.heard("long 0-2999 next 0-49")
		if s.status().Counters.Nulled != 0 {
			s.Error("with a gap")
		}
	})
}

func TestALiveTrackPreparesNothing(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("live", playertest.Script{Frames: 100 * second, Live: true}), s.lib.Add("next", frames(second)))
		s.after(30 * time.Second)
		if n := len(s.lib.Opened()); n != 1 {
			s.Errorf("%d opened", n)
		}
		if d := s.status().Duration; d != 0 {
			s.Errorf("a live track of %v", d)
		}
	})
}

func TestWhatIsQueuedLateStillFollowsWithoutAGap(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(second)))
		s.after(900 * time.Millisecond)
		s.enqueue(s.lib.Add("b", frames(10)))
		s.after(2 * time.Second)
		s.heard("a 0-49 b 0-9")
		s.enqueue(s.lib.Add("c", frames(10)))
		s.after(time.Second)
		s.heard("a 0-49 b 0-9 … c 0-9")
		if n := s.status().Counters.Nulled; n != 0 {
			s.Errorf("%d ticks nulled: an empty queue is no hole", n)
		}
	})
}

func TestPauseKeepsThePlace(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		for _, f := range []func(context.Context) error{s.p.Pause, s.p.Resume} {
			if err := f(s.Context()); code(err) != "player.nothing_playing" {
				s.Errorf("got %v", err)
			}
		}
		s.enqueue(s.lib.Add("a", frames(10*second)))
		s.after(time.Second)
		for range 2 { // twice is once
			if err := s.p.Pause(s.Context()); err != nil {
				s.Fatal(err)
			}
		}
		s.after(10 * time.Minute) // paused is not idle
		if st := s.status(); !st.Paused || st.Playing() || st.Position != time.Second || st.Played != time.Second || st.Voice != lounge {
			s.Errorf("paused: %+v", st)
		}
		for range 2 {
			if err := s.p.Resume(s.Context()); err != nil {
				s.Fatal(err)
			}
		}
		s.after(time.Second)
		s.heard("a 0-49 … a 50-99")
		if st := s.status(); st.Paused || !st.Playing() || st.Position != 2*time.Second || st.Counters.Nulled != 0 {
			s.Errorf("resumed: %+v", st)
		}
	})
}

func TestSkippingAPausedTrackPlaysTheNext(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", playertest.Script{Frames: second, Opens: 100 * time.Millisecond}))
		s.after(20 * time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(2 * time.Second)
		s.heard("a 0-0 … b 0-49")
	})
}

func TestPausingRightAfterASkipIsSilentAtOnce(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", playertest.Script{Frames: second, Opens: 2 * time.Second}))
		s.after(time.Second)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(100 * time.Millisecond)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(10 * time.Second)
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		s.heard("a 0-54 … b 0-49")
	})
}

func TestStopClearsAndStays(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		s.told("started a", "ended a stopped 1s")
		if st := s.status(); st.Current.ID != 0 || len(st.Next) != 0 || st.Voice != lounge || st.Paused || len(st.History) != 1 {
			s.Errorf("stopped: %+v", st)
		}
		if s.lib.Held() != 0 {
			s.Error("media are still open")
		}
		s.enqueue(s.lib.Add("c", frames(second)))
		s.after(2 * time.Second)
		s.heard("a 0-49 … c 0-49")
	})
}

func TestALateAnswerIsClosed(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("slow", playertest.Script{Frames: second, Opens: 10 * time.Second}))
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(20 * time.Second)
		s.told("ended slow stopped 0s")
		s.heard("")
	})
}

func TestATrackThatFailsIsToldAndTheQueueGoesOn(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		private := &music.Error{Kind: music.Forbidden, Code: "url.private"}
		s.enqueue(
			s.lib.Add("private", playertest.Script{Err: private}),
			s.lib.Add("empty", playertest.Script{}),
			s.lib.Add("odd", playertest.Script{Err: audio.ErrUnsupported}),
			s.lib.Add("panic", playertest.Script{Panic: true}),
			s.lib.Add("cut", playertest.Script{Frames: second, Break: audio.ErrTruncated}),
			s.lib.Add("hangs", playertest.Script{Frames: second, Opens: time.Hour}),
			s.lib.Add("good", frames(second)),
		)
		s.after(40 * time.Second)
		s.told(
			"failed private url.private", "ended private load_failed 0s",
			"failed empty track.empty", "ended empty load_failed 0s",
			"failed odd track.unsupported", "ended odd load_failed 0s",
			"failed panic track.failed", "ended panic load_failed 0s",
			"started cut", "failed cut track.truncated", "ended cut load_failed 1s",
			"failed hangs track.timeout", "ended hangs load_failed 0s",
			"started good", "ended good finished 1s", "empty",
		)
		s.heard("cut 0-49 … good 0-49")
		if c := s.status().Counters; c.Tracks != 2 || c.Failed != 6 {
			s.Errorf("counted %+v", c)
		}
	})
}

func TestFiveFailuresInARowAreEnough(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		var bad []music.Track
		for range 7 {
			bad = append(bad, s.lib.Add("bad", playertest.Script{Err: audio.ErrMalformed}))
		}
		s.enqueue(append(bad, s.lib.Add("good", frames(second)))...)
		s.after(time.Second)
		f, e := "failed bad track.malformed", "ended bad load_failed 0s"
		s.told(f, e, f, e, f, e, f, e, f, e, "gave up 5 left 3")
		if st := s.status(); st.Current.ID != 0 || len(st.Next) != 3 {
			s.Errorf("after giving up: %+v", st)
		}
		s.enqueue() // go on
		s.after(2 * time.Second)
		s.told(f, e, f, e, "started good", "ended good finished 1s", "empty")
	})
}

func TestAStuckTrackIsPassedOverAfterTenSeconds(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("stuck", playertest.Script{Frames: 10 * second, Stall: second}), s.lib.Add("next", frames(second)))
		s.after(10900 * time.Millisecond)
		s.told("started stuck")
		s.after(2 * time.Second)
		s.told("stuck stuck 10s", "ended stuck stuck 1s", "started next", "ended next finished 1s", "empty")
		if n := s.status().Counters.Nulled; n != 500 {
			s.Errorf("%d ticks nulled, want 500", n)
		}
	})
}

func TestTheQueueHasALimit(t *testing.T) {
	play(t, player.Options{Limit: 2}, func(s *stage) {
		a := s.lib.Add("a", frames(second))
		if _, err := s.p.Enqueue(s.Context(), fromLounge, a, a, a); code(err) != "queue.full" {
			s.Errorf("got %v", err)
		}
		if made, _, _ := s.voice.Count(); made != 0 {
			s.Error("joined for nothing")
		}
	})
}

func TestStatusIsTheWholePicture(t *testing.T) {
	playWith(t, player.Options{}, `{"crossfade":1}`, func(s *stage) {
		sound := player.DefaultSound()
		sound.Crossfade = time.Second
		s.after(time.Millisecond)
		if st := s.status(); !reflect.DeepEqual(st, player.Status{Guild: guild, Sound: sound}) {
			s.Errorf("of nothing: %+v", st)
		}
		es := s.enqueue(s.lib.Add("a", playertest.Script{Frames: 10 * second, Length: 11 * time.Second}), s.lib.Add("b", frames(1)))
		s.after(time.Second)
		want := player.Status{
			Guild: guild, Voice: lounge, Text: chat, Current: es[0], Next: es[1:], Sound: sound,
			Position: time.Second, Played: time.Second, Duration: 11 * time.Second,
			Info: audio.Info{Container: "test", Duration: 10 * time.Second}, Mode: "passthrough",
			Counters: player.Counters{Frames: 50, Tracks: 1, Passed: 50},
			Engine:   pipeline.PumpStats{Stats: pipeline.Stats{Passed: 50}},
		}
		if st := s.status(); !reflect.DeepEqual(st, want) || !st.Playing() {
			s.Errorf("got\n%+v, want\n%+v", st, want)
		}
	})
}

func TestAnEndedContextDoesNothing(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		why := errors.New("enough")
		ctx, cancel := context.WithCancelCause(s.Context())
		cancel(why)
		if _, err := s.p.Enqueue(ctx, fromLounge, s.lib.Add("a", frames(1))); !errors.Is(err, why) {
			s.Errorf("got %v", err)
		}
		if st := s.status(); st.Current.ID != 0 || len(st.Next) != 0 {
			s.Errorf("queued: %+v", st)
		}
	})
}

func TestGivingUpWaitingForAJoinKeepsWhatWasQueued(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Joins = time.Second
		ctx, cancel := context.WithTimeout(s.Context(), 500*time.Millisecond)
		defer cancel()
		es, err := s.p.Enqueue(ctx, fromLounge, s.lib.Add("a", frames(second)))
		if !errors.Is(err, context.DeadlineExceeded) || len(es) != 1 {
			s.Errorf("got %v, %v", es, err)
		}
		s.after(2 * time.Second)
		s.heard("a 0-49")
	})
}

func TestErrorsOfAudioBecomeSentences(t *testing.T) {
	known := &music.Error{Kind: music.Forbidden, Code: "url.private"}
	for want, err := range map[string]error{
		"track.truncated": audio.ErrTruncated, "track.malformed": audio.ErrMalformed, "track.unsupported": audio.ErrUnsupported,
		"track.limit": audio.ErrLimit, "track.timeout": context.DeadlineExceeded, "track.failed": errors.New("x"),
		"url.private": errors.Join(audio.ErrMalformed, known),
	} {
		if got := player.TrackError(err); got.Code != want || !errors.Is(got, err) && got != known {
			t.Errorf("%v: got %v, want %s", err, got, want)
		}
	}
}

func TestReasonsHaveNames(t *testing.T) {
	want := []string{"finished", "load_failed", "stuck", "stopped", "replaced", "cleanup", "unknown"}
	for i, w := range want {
		if got := player.Reason(i).String(); got != w {
			t.Errorf("got %q, want %q", got, w)
		}
	}
}
