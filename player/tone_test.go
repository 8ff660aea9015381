package player_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
	"segue/store/storetest"
)

// louder sets the volume to so many percent.
func louder(percent float64) func(*player.Sound) error {
	return func(s *player.Sound) error {
		s.Effects.Volume = effect.Percent(percent)
		return nil
	}
}

func (s *stage) set(change func(*player.Sound) error) player.Sound {
	s.Helper()
	got, err := s.p.SetSound(s.Context(), change)
	if err != nil {
		s.Fatal(err)
	}
	return got
}

func TestASoundIsHeardAtOnceAndByWhatFollows(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", frames(second)))
		s.after(5 * time.Second)
		s.set(louder(50))
		for _, title := range []string{"a", "b"} { // b is open already
			s.pump(title).see(func(r *reel) {
				if r.wants.Volume != effect.Percent(50) {
					s.Errorf("%s sounds like %+v", title, r.wants)
				}
			})
		}
		s.enqueue(s.lib.Add("c", frames(second)))
		s.after(7 * time.Second)
		s.pump("c").see(func(r *reel) {
			if r.wants.Volume != effect.Percent(50) {
				s.Errorf("what comes later sounds like %+v", r.wants)
			}
		})
		if got, err := s.p.Sound(s.Context()); err != nil || got != (player.Sound{Effects: effect.Settings{Volume: effect.Percent(50)}}) {
			s.Errorf("the sound is %+v, %v", got, err)
		}
	})
}

func TestASoundIsKeptForTheGuild(t *testing.T) {
	play(t, player.Options{Idle: time.Minute}, func(s *stage) {
		want := s.set(func(x *player.Sound) error {
			x.Crossfade, x.Trim, x.Levelling = 5*time.Second, true, levelling.Off
			return louder(50)(x)
		})
		other := s.reg.Player(guild + 1)
		if got, err := other.Sound(s.Context()); err != nil || got != player.DefaultSound() {
			s.Errorf("another guild's sound is %+v, %v", got, err)
		}
		s.after(2 * time.Minute) // idle: the player has ended
		if _, ok := s.reg.Find(guild); ok {
			s.Fatal("the player is still there")
		}
		got, err := s.p.Sound(s.Context())
		if got.Effects.Volume -= want.Effects.Volume; err != nil || math.Abs(got.Effects.Volume) > 1e-9 {
			s.Errorf("%+v, %v", got, err)
		}
		if want.Effects.Volume, got.Effects.Volume = 0, 0; got != want {
			s.Errorf("the sound is %+v, want %+v", got, want)
		}
	})
}

func TestTheLastOfManySoundsIsKept(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { s.set(louder(float64(i))) })
		}
		all.Wait()
		s.set(louder(123))
		synctest.Wait()
		kept, err := s.store.Sound(s.Context(), guild)
		if err != nil || !strings.Contains(kept, `"volume":1.23`) {
			s.Errorf("kept is %q, %v", kept, err)
		}
	})
}

func TestASoundThatCannotBeChangesNothing(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.set(louder(50))
		mine := errors.New("mine")
		for want, change := range map[string]func(*player.Sound) error{
			"sound.invalid":           func(x *player.Sound) error { x.Crossfade = time.Hour; return nil },
			"not a music.Error: mine": func(x *player.Sound) error { x.Trim = true; return mine },
		} {
			if _, err := s.p.SetSound(s.Context(), change); code(err) != want {
				s.Errorf("got %v, want %s", err, want)
			}
		}
		if got, err := s.p.Sound(s.Context()); err != nil || got.Trim || got.Crossfade != 0 || got.Effects.Volume != effect.Percent(50) {
			s.Errorf("the sound is %+v, %v", got, err)
		}
	})
}

// slow is a store that takes its time.
type slow struct {
	*storetest.Memory
	takes time.Duration
}

func (s slow) Sound(ctx context.Context, g music.GuildID) (string, error) {
	return sleepy(ctx, s.takes, func() (string, error) { return s.Memory.Sound(ctx, g) })
}

func (s slow) Loudness(ctx context.Context, t music.TrackID) (music.Loudness, error) {
	return sleepy(ctx, s.takes, func() (music.Loudness, error) { return s.Memory.Loudness(ctx, t) })
}

func sleepy[T any](ctx context.Context, d time.Duration, f func() (T, error)) (none T, err error) {
	select {
	case <-time.After(d):
		return f()
	case <-ctx.Done():
		return none, ctx.Err()
	}
}

// withStore runs f with a store of its own.
func withStore(t *testing.T, keep player.Store, f func(s *stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &stage{T: t, lib: playertest.NewLibrary(), voice: &playertest.Voice{}}
		s.reg = player.NewRegistry(t.Context(), player.Options{Library: s.lib, Voice: s.voice, Store: keep})
		s.reg.Open(s.open)
		s.p = s.reg.Player(guild)
		f(s)
		if err := s.reg.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestASlowStoreDelaysNoMusic(t *testing.T) {
	m := &storetest.Memory{}
	if err := errors.Join(m.SaveSound(t.Context(), guild, `{"effects":{"volume":0.5}}`)); err != nil {
		t.Fatal(err)
	}
	withStore(t, slow{m, 1500 * time.Millisecond}, func(s *stage) {
		start := time.Now()
		s.enqueue(s.lib.Add("a", frames(10*second)))
		s.after(time.Second)
		if first := s.voice.Conn().Heard(); len(runs(first)) == 0 || time.Since(start) > 1100*time.Millisecond {
			s.Errorf("heard %q after %v", runs(first), time.Since(start))
		}
		s.pump("a").see(func(r *reel) {
			if r.wants != (effect.Settings{}) {
				s.Errorf("sounds like %+v before it can be known", r.wants)
			}
		})
		// Who wants to know waits.
		if got, err := s.p.Sound(s.Context()); err != nil || math.Abs(got.Effects.Gain()-0.5) > 1e-9 || time.Since(start) != 1500*time.Millisecond {
			s.Errorf("%+v, %v after %v", got, err, time.Since(start))
		}
		s.pump("a").see(func(r *reel) {
			if math.Abs(r.wants.Gain()-0.5) > 1e-9 {
				s.Errorf("sounds like %+v", r.wants)
			}
		})
	})
	withStore(t, slow{m, time.Hour}, func(s *stage) { // given up after 2 s, twice
		s.enqueue(s.lib.Add("a", frames(10*second)))
		if got, err := s.p.Sound(s.Context()); err != nil || got != player.DefaultSound() {
			s.Errorf("%+v, %v", got, err)
		}
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		defer cancel()
		if _, err := s.p.Sound(ctx); !errors.Is(err, context.DeadlineExceeded) {
			s.Errorf("asked again, got %v", err)
		}
	})
}

func TestABrokenStoreStopsNothing(t *testing.T) {
	m := &storetest.Memory{}
	if err := m.SaveSound(t.Context(), guild, `{"trim":true,"fade":1}`); err != nil {
		t.Fatal(err)
	}
	m.Break(errors.New("no disk"))
	withStore(t, m, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 10 * second, LUFS: -9}))
		s.after(time.Second)
		if got := s.set(louder(50)); got.Trim || got.Effects.Volume != effect.Percent(50) {
			s.Errorf("got %+v", got)
		}
		s.after(20 * time.Second)
		s.heard("a 0-499")
	})
	m.Break(nil)
	withStore(t, m, func(s *stage) { // what could not be written was not
		if got, err := s.p.Sound(s.Context()); err != nil || !got.Trim || got.Effects != (effect.Settings{}) {
			s.Errorf("%+v, %v", got, err)
		}
	})
}

func TestAStoreThatIsMendedIsAskedAgain(t *testing.T) {
	m := &storetest.Memory{}
	if err := m.SaveSound(t.Context(), guild, `{"trim":true}`); err != nil {
		t.Fatal(err)
	}
	m.Break(errors.New("no disk"))
	withStore(t, m, func(s *stage) {
		s.after(time.Second)
		m.Break(nil)
		if got := s.set(louder(50)); !got.Trim {
			s.Errorf("a change wiped out what was kept: %+v", got)
		}
	})
}

func TestWhatMakesNoSenseInTheStoreIsTheDefault(t *testing.T) {
	playWith(t, player.Options{}, `{"fade":"soon"`, func(s *stage) {
		if got, err := s.p.Sound(s.Context()); err != nil || got != player.DefaultSound() {
			s.Errorf("%+v, %v", got, err)
		}
	})
}

func TestTracksAreLevelledByWhatIsKnownOfThem(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		loud := s.lib.Add("measured", frames(second))
		if err := s.store.SaveLoudness(s.Context(), loud.ID, music.Loudness{Told: true, LUFS: -6, Peak: 1, Heard: time.Second}); err != nil {
			s.Fatal(err)
		}
		told := s.lib.Add("told", frames(second))
		told.Loudness = music.Loudness{Told: true, LUFS: -7}
		s.enqueue(loud, told, s.lib.Add("tagged", playertest.Script{Frames: second, Gain: -12}), s.lib.Add("near", playertest.Script{Frames: second, Gain: -5}), s.lib.Add("unknown", frames(second)))
		s.after(7 * time.Second)
		for title, want := range map[string]float64{"measured": -8, "told": -7, "tagged": -8, "near": 0, "unknown": 0} {
			s.pump(title).see(func(r *reel) {
				if math.Abs(r.level-want) > 1e-6 {
					s.Errorf("%s is made louder by %v dB, want %v", title, r.level, want)
				}
			})
		}
	})
}

func TestAFileThatIsReplacedIsNotLevelledByTheOldOne(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: second, Version: "1", LUFS: -5}))
		s.after(3 * time.Second)
		for version, want := range map[string]float64{"1": -9, "2": 0} {
			s.enqueue(s.lib.Add("a", playertest.Script{Frames: second, Version: version}))
			s.after(3 * time.Second)
			s.pump("a").see(func(r *reel) {
				if math.Abs(r.level-want) > 1e-6 {
					s.Errorf("version %s is made louder by %v dB, want %v", version, r.level, want)
				}
			})
		}
	})
}

func TestLevellingFollowsTheGuildWhileATrackPlays(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 10 * second, Gain: -12}))
		s.after(time.Second)
		for _, c := range []struct {
			mode levelling.Mode
			want float64
		}{{levelling.Off, 0}, {levelling.On, -8}, {levelling.Auto, -8}} {
			s.set(func(x *player.Sound) error { x.Levelling = c.mode; return nil })
			s.pump("a").see(func(r *reel) {
				if math.Abs(r.level-c.want) > 1e-6 {
					s.Errorf("%v: %v dB, want %v", c.mode, r.level, c.want)
				}
			})
		}
	})
}

func TestWhatAPlayMeasuresIsKnownTheNextTime(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		a := s.lib.Add("a", playertest.Script{Frames: 2 * second, LUFS: -5})
		s.enqueue(a)
		s.after(time.Second)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		half, err := s.store.Loudness(s.Context(), a.ID)
		if err != nil || half != (music.Loudness{Told: true, LUFS: -5, Peak: 0.5, Heard: time.Second}) {
			s.Errorf("after half of it: %+v, %v", half, err)
		}
		s.enqueue(a)
		s.after(3 * time.Second)
		s.pump("a").see(func(r *reel) {
			if math.Abs(r.level+9) > 1e-6 {
				s.Errorf("the second time it is made louder by %v dB, want -9", r.level)
			}
		})
		whole, err := s.store.Loudness(s.Context(), a.ID)
		if err != nil || whole.Heard != 2*time.Second {
			s.Errorf("after all of it: %+v, %v", whole, err)
		}
	})
}
