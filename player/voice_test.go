package player_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

func TestAKickKeepsEverythingForTheNextPlay(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(4*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		kicked := &music.Error{Kind: music.Forbidden, Code: "voice.kicked"}
		first := s.voice.Conn()
		first.Drop(kicked)
		s.after(time.Second)
		s.told("started a", "lost 70 voice.kicked")
		st := s.status()
		if st.Voice != 0 || st.Playing() || st.Paused || st.Current.Track.Title != "a" || st.Position != time.Second || len(st.Next) != 1 {
			s.Errorf("after the kick: %+v", st)
		}
		if err := s.p.Resume(s.Context()); code(err) != "player.no_voice" {
			s.Errorf("resume: %v", err)
		}
		if _, err := s.p.Enqueue(s.Context(), player.Request{}, s.lib.Add("c", frames(1))); code(err) != "player.no_voice" {
			s.Errorf("enqueue without a channel: %v", err)
		}
		s.enqueue()
		s.after(5 * time.Second)
		s.heard("a 50-199 b 0-49")
		if got := runs(first.Heard()); got != "a 0-49" {
			s.Errorf("the old connection heard %q", got)
		}
	})
}

func TestSkippingWithoutAVoiceChannelWaitsForOne(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(4*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		s.voice.Conn().Drop(nil)
		s.after(time.Second)
		if e, err := s.p.Skip(s.Context(), 1); err != nil || e.Track.Title != "b" {
			s.Errorf("got %v, %v", e, err)
		}
		s.enqueue()
		s.after(2 * time.Second)
		s.heard("b 0-49")
	})
}

func TestBeingDraggedChangesNothing(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(2*second)))
		s.after(time.Second)
		s.voice.Conn().Drag(99)
		if v := s.status().Voice; v != 99 {
			s.Errorf("in %v", v)
		}
		s.after(2 * time.Second)
		s.heard("a 0-99")
		s.told("started a", "ended a finished 2s", "empty")
	})
}

func TestARefusedJoinTakesBackWhatWasQueued(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		full := &music.Error{Kind: music.Limit, Code: "voice.full"}
		s.voice.Refuse = full
		var all sync.WaitGroup
		for i := range 3 {
			tr := s.lib.Add(fmt.Sprint("t", i), frames(second))
			all.Go(func() {
				if es, err := s.p.Enqueue(s.Context(), fromLounge, tr, tr); !errors.Is(err, full) || es != nil {
					s.Errorf("got %v, %v", es, err)
				}
			})
		}
		all.Wait()
		st := s.status()
		if st.Current.ID != 0 || len(st.Next) != 0 || len(st.History) != 0 {
			s.Errorf("still there: %+v", st)
		}
		if _, err := s.p.Enqueue(s.Context(), player.Request{By: alice}); code(err) != "player.no_voice" {
			s.Errorf("without a channel: %v", err)
		}
		s.voice.Set(func(v *playertest.Voice) { v.Refuse, v.Joins = nil, time.Hour })
		if _, err := s.p.Enqueue(s.Context(), fromLounge); code(err) != "voice.timeout" {
			s.Errorf("a join that hangs: %v", err)
		}
		s.voice.Set(func(v *playertest.Voice) { v.Refuse, v.Joins = errors.New("x"), 0 })
		if _, err := s.p.Enqueue(s.Context(), fromLounge); code(err) != "voice.failed" {
			s.Errorf("a join that breaks: %v", err)
		}
		s.voice.Set(func(v *playertest.Voice) { v.Refuse = nil })
		s.enqueue(s.lib.Add("good", frames(10)))
		s.after(time.Second)
		s.heard("good 0-9")
	})
}

func TestARefusedRejoinKeepsWhatOthersQueued(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(4*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		s.voice.Conn().Drop(nil)
		synctest.Wait()
		s.voice.Set(func(v *playertest.Voice) { v.Refuse = errors.New("x") })
		if _, err := s.p.Enqueue(s.Context(), fromLounge, s.lib.Add("c", frames(1))); code(err) != "voice.failed" {
			s.Errorf("got %v", err)
		}
		if st := s.status(); st.Current.Track.Title != "a" || len(st.Next) != 1 || st.Next[0].Track.Title != "b" {
			s.Errorf("left: %+v", st)
		}
	})
}

func TestLeaving(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		if err := s.p.Leave(s.Context()); err != nil {
			s.Errorf("leaving none: %v", err)
		}
		s.voice.Closes = time.Second
		s.enqueue(s.lib.Add("a", frames(4*second)), s.lib.Add("b", frames(second)))
		s.after(time.Second)
		start := time.Now()
		ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
		defer cancel()
		if err := s.p.Leave(ctx); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("got %v", err)
		}
		if err := s.p.Leave(s.Context()); err != nil || time.Since(start) != time.Second {
			s.Errorf("left after %v: %v", time.Since(start), err)
		}
		s.told("started a", "ended a stopped 1s")
		if st := s.status(); st.Voice != 0 || st.Current.ID != 0 || len(st.Next) != 0 {
			s.Errorf("after leaving: %+v", st)
		}
	})
}

func TestLeavingEndsAJoinThatIsUnderWay(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Joins = time.Second
		tr := s.lib.Add("a", frames(second))
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.p.Enqueue(s.Context(), fromLounge, tr); code(err) != "voice.left" {
				s.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		if err := s.p.Leave(s.Context()); err != nil {
			s.Error(err)
		}
		all.Wait()
		s.after(5 * time.Second)
		if _, live, _ := s.voice.Count(); live != 0 {
			s.Error("joined all the same")
		}
	})
}

func TestJoiningAgainWaitsUntilTheChannelWasLeft(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Closes = time.Second
		s.enqueue(s.lib.Add("a", frames(4*second)))
		var all sync.WaitGroup
		all.Go(func() { _ = s.p.Leave(s.Context()) })
		synctest.Wait()
		start := time.Now()
		s.enqueue(s.lib.Add("b", frames(second)))
		if d := time.Since(start); d != time.Second+100*time.Millisecond {
			s.Errorf("joined after %v", d)
		}
		all.Wait() // play checks that there never were two connections
	})
}

func TestIdleLeavesAndEnds(t *testing.T) {
	play(t, player.Options{Idle: time.Minute}, func(s *stage) {
		first := s.enqueue(s.lib.Add("a", frames(second)))
		s.after(59 * time.Second)
		if s.status().Voice != lounge {
			s.Error("left too early")
		}
		s.after(3 * time.Second)
		s.told("started a", "ended a finished 1s", "empty", "left 70")
		if _, ok := s.reg.Find(guild); ok || s.reg.Len() != 0 {
			s.Error("the player did not end")
		}
		// The handle is still good, ids go on.
		if again := s.enqueue(s.lib.Add("b", frames(second))); again[0].ID <= first[0].ID {
			s.Errorf("id %d after %d", again[0].ID, first[0].ID)
		}
		if p, ok := s.reg.Find(guild); !ok || p.Guild() != guild || s.reg.Len() != 1 {
			s.Error("no new player")
		}
		s.after(2 * time.Second)
		s.heard("b 0-49")
	})
}

func TestIdleAfterAKickEndsThePlayer(t *testing.T) {
	play(t, player.Options{Idle: time.Minute}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(100*second)))
		s.after(time.Second)
		s.voice.Conn().Drop(nil)
		s.after(61 * time.Second)
		s.told("started a", "lost 70 <nil>", "ended a cleanup 1s")
		if _, ok := s.reg.Find(guild); ok {
			s.Error("the player did not end")
		}
		if s.lib.Held() != 0 {
			s.Error("media are still open")
		}
	})
}

func TestPlayDuringTheIdleLeavingWins(t *testing.T) {
	play(t, player.Options{Idle: time.Minute}, func(s *stage) {
		s.voice.Closes = 2 * time.Second
		s.enqueue(s.lib.Add("a", frames(second)))
		s.after(61*time.Second + 500*time.Millisecond) // leaving
		s.enqueue(s.lib.Add("b", frames(second)))
		s.after(2 * time.Second)
		s.heard("b 0-49")
	})
}

func TestNeverIdle(t *testing.T) {
	play(t, player.Options{Idle: -1}, func(s *stage) {
		s.voice.Quiet = true
		s.enqueue(s.lib.Add("a", frames(second)))
		s.after(2 * time.Hour)
		if s.status().Voice != lounge {
			s.Error("left")
		}
	})
}

func TestCloseEndsAllAndSaysSo(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Closes = 2 * time.Second
		s.enqueue(s.lib.Add("a", frames(100*second)), s.lib.Add("b", playertest.Script{Frames: 1, Opens: time.Minute}))
		s.after(time.Second)
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		if err := s.reg.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("got %v", err)
		}
		start := time.Now()
		if err := s.reg.Close(s.Context()); err != nil || time.Since(start) != time.Second {
			s.Errorf("closed after %v more: %v", time.Since(start), err)
		}
		var news []string
		for e := range s.reg.Events() {
			news = append(news, short(e.News))
		}
		if fmt.Sprint(news) != "[started a ended a cleanup 1s]" {
			s.Errorf("told %q", news)
		}
		for _, p := range []*player.Player{s.p, s.reg.Player(99)} {
			if _, err := p.Enqueue(s.Context(), fromLounge); !errors.Is(err, player.ErrClosed) {
				s.Errorf("got %v", err)
			}
		}
	})
}

func TestCloseEndsAJoinThatIsUnderWay(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.voice.Joins = 10 * time.Second
		tr := s.lib.Add("a", frames(1))
		var all sync.WaitGroup
		all.Go(func() {
			if _, err := s.p.Enqueue(s.Context(), fromLounge, tr); !errors.Is(err, player.ErrClosed) {
				s.Errorf("got %v", err)
			}
		})
		synctest.Wait()
		if err := s.reg.Close(s.Context()); err != nil {
			s.Error(err)
		}
		all.Wait()
	})
}

func TestPlayersEndWithTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lib, voice := playertest.NewLibrary(), &playertest.Voice{}
		ctx, cancel := context.WithCancel(t.Context())
		reg := player.NewRegistry(ctx, player.Options{Library: lib, Voice: voice})
		reg.Open(open)
		if _, err := reg.Player(guild).Enqueue(t.Context(), fromLounge, lib.Add("a", frames(100))); err != nil {
			t.Fatal(err)
		}
		cancel()
		synctest.Wait()
		if _, live, _ := voice.Count(); live != 0 || lib.Held() != 0 || reg.Len() != 0 {
			t.Errorf("%d connections, %d media, %d players left", live, lib.Held(), reg.Len())
		}
		if err := reg.Player(guild).Pause(t.Context()); !errors.Is(err, player.ErrClosed) {
			t.Errorf("got %v", err)
		}
		if err := reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestASlowReaderOfEventsHoldsNobodyUp(t *testing.T) {
	play(t, player.Options{Events: 3}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(2)), s.lib.Add("b", frames(2)), s.lib.Add("c", frames(2)))
		s.after(time.Second)
		s.heard("a 0-1 b 0-1 c 0-1")
		s.told("started c", "ended c finished 40ms", "empty") // the newest
		if n := s.reg.Dropped(); n != 4 {
			s.Errorf("%d dropped", n)
		}
	})
}

func TestTakeAllocatesNothing(t *testing.T) {
	d := player.NewDeck(endless{}, endless{})
	if n := testing.AllocsPerRun(1000, func() {
		if _, ok := d.Take(); !ok {
			t.Fatal("no frame")
		}
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func TestTakeMovesOnWithinOneCall(t *testing.T) {
	d := player.NewDeck(over{}, endless{})
	if _, ok := d.Take(); !ok {
		t.Error("a tick without a frame between two tracks")
	}
	d = player.NewDeck(over{}, over{})
	if _, ok := d.Take(); ok || d.Nulled() != 0 {
		t.Error("a frame from nowhere")
	}
}

func BenchmarkTake(b *testing.B) {
	d := player.NewDeck(endless{}, endless{})
	b.ReportAllocs()
	for b.Loop() {
		d.Take()
	}
}
