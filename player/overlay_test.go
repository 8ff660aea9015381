package player_test

import (
	"context"
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/levelling"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

// lays lays a sound over the music and wants that answer.
func (s *stage) lays(t music.Track, want string) {
	s.Helper()
	if err := s.p.Overlay(s.Context(), t); code(err) != want {
		s.Errorf("%s: got %v, want %q", t.Title, err, want)
	}
}

// media wants that many media to be open.
func (s *stage) media(n int, when string) {
	s.Helper()
	synctest.Wait()
	if held := s.lib.Held(); held != n {
		s.Errorf("%s: %d media are open, want %d", when, held, n)
	}
}

func TestASoundIsLaidOverTheMusic(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second)
		horn := s.lib.Add("horn", playertest.Script{Frames: 2 * second, Opens: 300 * time.Millisecond, Gain: -10})
		start := time.Now()
		s.lays(horn, "")
		if d := time.Since(start); d != 300*time.Millisecond {
			s.Errorf("answered after %v", d)
		}
		s.media(2, "under the sound")
		s.pump("a").see(func(r *reel) {
			if len(r.laid) != 1 || r.duck != 12 {
				s.Errorf("%d sounds, the music %v dB softer", len(r.laid), r.duck)
			}
		})
		s.after(3 * time.Second)
		s.media(1, "after the sound")
		if st := s.status(); st.Current.Track.Title != "a" || st.Counters.Nulled != 0 || st.Counters.Tracks != 1 || len(st.History) != 0 {
			s.Errorf("the sound is taken for music: %+v", st)
		}
		s.told("started a")
	})
}

func TestASoundIsLevelledLikeTracks(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second)
		loud := s.lib.Add("loud", playertest.Script{Frames: second, Gain: -12}) // -6 LUFS
		s.lays(loud, "")
		kept := s.lib.Add("kept", frames(second))
		if err := s.store.SaveLoudness(s.Context(), kept.ID, music.Loudness{Told: true, LUFS: -4, Peak: 1, Heard: time.Second}); err != nil {
			s.Fatal(err)
		}
		s.lays(kept, "")
		if _, err := s.p.SetSound(s.Context(), func(o *player.Sound) error { o.Levelling = levelling.Off; return nil }); err != nil {
			s.Fatal(err)
		}
		s.lays(loud, "")
		s.pump("a").see(func(r *reel) {
			var got [3]float64
			for i, l := range r.laid {
				got[i] = l.level
			}
			if got != [3]float64{-8, -10, 0} {
				s.Errorf("levels %v", got)
			}
		})
	})
}

func TestWhereASoundCannotBeLaidIsSaid(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		horn := s.lib.Add("horn", frames(second))
		s.lays(horn, "player.nothing_playing")
		s.enqueue(s.lib.Add("a", playertest.Script{Frames: 100 * second, Opens: time.Second}))
		s.lays(horn, "overlay.loading")
		s.after(2 * time.Second)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.lays(horn, "overlay.paused")
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.lays(s.lib.Add("radio", playertest.Script{Frames: second, Live: true}), "overlay.live")
		s.lays(s.lib.Add("said long", playertest.Script{Frames: second, Length: 61 * time.Second}), "overlay.long")
		if o := s.lib.Opened(); len(o) != 1 {
			s.Errorf("opened %q", o)
		}
		s.lays(s.lib.Add("long", frames(61*second)), "overlay.long")
		s.lays(s.lib.Add("a minute", frames(60*second)), "")
		s.lays(s.lib.Add("gone", playertest.Script{Err: &music.Error{Kind: music.NotFound, Code: "test.gone"}}), "test.gone")
		s.lays(s.lib.Add("broken", playertest.Script{Break: audio.ErrMalformed}), "track.malformed")
		s.lays(s.lib.Add("panics", playertest.Script{Panic: true}), "track.failed")
		s.lays(s.lib.Add("slow", playertest.Script{Opens: time.Minute}), "track.timeout")
		s.media(2, "the music and the one sound")
		s.voice.Conn().Drop(errors.New("kicked"))
		synctest.Wait()
		s.lays(horn, "player.no_voice")
	})
}

func TestOnlySoManySoundsAtOnce(t *testing.T) {
	play(t, player.Options{}, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second)
		for range 3 {
			s.lays(s.lib.Add("horn", frames(2*second)), "")
		}
		opening := make(chan error, 1)
		slow := s.lib.Add("slow", playertest.Script{Frames: second, Opens: time.Second})
		go func() { opening <- s.p.Overlay(context.Background(), slow) }()
		synctest.Wait()
		s.lays(s.lib.Add("fifth", frames(second)), "overlay.many") // what is being opened counts
		if err := <-opening; err != nil {
			s.Error(err)
		}
		s.after(3 * time.Second)
		s.lays(s.lib.Add("later", frames(second)), "")
	})
}

func TestASoundEndsWithWhatItIsLaidOver(t *testing.T) {
	for name, ends := range map[string]func(s *stage) error{
		"skip":  func(s *stage) error { _, err := s.p.Skip(s.Context(), 1); return err },
		"stop":  func(s *stage) error { return s.p.Stop(s.Context()) },
		"leave": func(s *stage) error { return s.p.Leave(s.Context()) },
		"end":   func(s *stage) error { s.after(10 * time.Second); return nil },
		"close": func(s *stage) error { return s.reg.Close(s.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.enqueue(s.lib.Add("a", frames(5*second)), s.lib.Add("b", frames(10*second)))
				s.after(time.Second)
				s.lays(s.lib.Add("horn", frames(20*second)), "")
				if err := ends(s); err != nil {
					s.Error(err)
				}
				s.after(time.Second)
				want := 0
				if name == "skip" || name == "end" {
					want = 1
					if st := s.status(); st.Current.Track.Title != "b" || st.Counters.Nulled != 0 {
						s.Errorf("playing %q, %d nulled", st.Current.Track.Title, st.Counters.Nulled)
					}
				}
				s.media(want, "afterwards")
			})
		})
	}
}

func TestWhatHappensWhileASoundIsOpened(t *testing.T) {
	for name, c := range map[string]struct {
		does func(s *stage, giveUp func()) error
		want string
	}{
		"skip":  {func(s *stage, _ func()) error { _, err := s.p.Skip(s.Context(), 1); return err }, ""}, // over the next then
		"stop":  {func(s *stage, _ func()) error { return s.p.Stop(s.Context()) }, "player.nothing_playing"},
		"pause": {func(s *stage, _ func()) error { return s.p.Pause(s.Context()) }, "overlay.paused"},
		"close": {func(s *stage, _ func()) error { return s.reg.Close(s.Context()) }, "player.closed"},
		"given up": {
			func(_ *stage, giveUp func()) error { giveUp(); return nil },
			"not a music.Error: context canceled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(60*second)))
				s.after(time.Second)
				ctx, giveUp := context.WithCancel(s.Context())
				defer giveUp()
				slow := s.lib.Add("slow", playertest.Script{Frames: second, Opens: time.Second})
				done := make(chan error, 1)
				go func() { done <- s.p.Overlay(ctx, slow) }()
				s.after(500 * time.Millisecond)
				if err := c.does(s, giveUp); err != nil {
					s.Error(err)
				}
				if err := <-done; code(err) != c.want {
					s.Errorf("got %v, want %q", err, c.want)
				}
				s.after(3 * time.Second)
				if name == "skip" {
					s.pump("b").see(func(r *reel) {
						if len(r.laid) != 1 {
							s.Errorf("%d sounds over the next track", len(r.laid))
						}
					})
				}
			})
		})
	}
}

// The music must not stay soft for ever under a sound that does not come.
func TestASoundThatNeverEndsIsClosed(t *testing.T) {
	for name, script := range map[string]playertest.Script{
		"endless": {Frames: 600 * second, Forward: true},
		"stalled": {Frames: second, Stall: 1},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, player.Options{}, func(s *stage) {
				s.enqueue(s.lib.Add("a", frames(200*second)))
				s.after(time.Second)
				s.lays(s.lib.Add(name, script), "")
				s.after(69 * time.Second)
				s.media(2, "after a minute and nine seconds")
				s.after(2 * time.Second)
				s.media(1, "soon after that")
			})
		})
	}
}

// partial is how loud a tone is in frames from and up to, of the left channel.
func partial(pcm []float32, hz float64, from, to int) float64 {
	const frame = audio.FrameSamples
	var re, im float64
	for i := from * frame; i < to*frame; i++ {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		re, im = re+float64(pcm[2*i])*cos, im+float64(pcm[2*i])*sin
	}
	return 2 * math.Hypot(re, im) / float64((to-from)*frame)
}

func TestARealSoundIsHeardOverSoftMusic(t *testing.T) {
	for name, live := range map[string]bool{"track": false, "station": true} {
		t.Run(name, func(t *testing.T) {
			playReal(t, func(s *stage) {
				s.enqueue(s.lib.Add("music", playertest.Script{Bytes: tone(500, 30, 0), Live: live}))
				s.after(2 * time.Second)
				_, from := s.listened()
				s.lays(s.lib.Add("horn", playertest.Script{Bytes: tone(1200, 2, 0)}), "")
				s.after(6 * time.Second)
				pcm, n := s.listened()
				const whole = 12000.0 / 32768
				near := func(what string, got, want float64) {
					s.Helper()
					if math.Abs(got-want) > 0.02*whole {
						s.Errorf("%s is at %.4f, want %.4f", what, got, want)
					}
				}
				near("the music before", partial(pcm, 500, from-50, from-10), whole)
				near("the music under the sound", partial(pcm, 500, from+40, from+80), whole/math.Pow(10, 12.0/20))
				near("the sound", partial(pcm, 1200, from+40, from+80), whole)
				near("the music afterwards", partial(pcm, 500, n-60, n-20), whole)
				near("the sound afterwards", partial(pcm, 1200, n-60, n-20), 0)
				s.media(1, "after the sound")
				if st := s.status(); st.Counters.Nulled != 0 || st.Counters.Failed != 0 {
					s.Errorf("counted %+v", st.Counters)
				}
			})
		})
	}
}

func TestARealSoundThatIsNoneSaysWhy(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("music", playertest.Script{Bytes: tone(500, 30, 0)}))
		s.after(time.Second)
		s.lays(s.lib.Add("text", playertest.Script{Bytes: []byte("la la la")}), "track.foreign")
		s.lays(s.lib.Add("long", playertest.Script{Bytes: tone(1200, 61, 0)}), "overlay.long")
		s.media(1, "afterwards")
		s.lays(s.lib.Add("horn", playertest.Script{Bytes: tone(1200, 50, 0)}), "")
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		s.media(0, "after a stop in the middle")
	})
}
