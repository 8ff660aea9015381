package player_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/player"
	"segue/player/playertest"
)

// These tests play real sound through the real engine and listen to it.

// tone is a WAV file of a tone, with silence of that many seconds around it.
func tone(hz, seconds, silence float64) []byte {
	n, quiet := int(seconds*audio.SampleRate), int(silence*audio.SampleRate)
	pcm := make([]int16, 2*(n+2*quiet))
	for i := range n {
		v := int16(12000 * math.Sin(2*math.Pi*hz*float64(i)/audio.SampleRate))
		pcm[2*(quiet+i)], pcm[2*(quiet+i)+1] = v, v
	}
	size := uint32(2 * len(pcm))
	b := binary.LittleEndian.AppendUint32([]byte("RIFF"), 36+size)
	b = binary.LittleEndian.AppendUint32(append(b, "WAVEfmt "...), 16)
	b = append(b, 1, 0, 2, 0)
	b = binary.LittleEndian.AppendUint32(b, audio.SampleRate)
	b = binary.LittleEndian.AppendUint32(b, audio.SampleRate*4)
	b = append(b, 4, 0, 16, 0)
	b = binary.LittleEndian.AppendUint32(append(b, "data"...), size)
	for _, v := range pcm {
		b = binary.LittleEndian.AppendUint16(b, uint16(v))
	}
	return b
}

// listened decodes what was heard, and how many frames it was.
func (s *stage) listened() (pcm []float32, frames int) {
	s.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		s.Fatal(err)
	}
	for _, t := range s.voice.Conn().Heard() {
		if !t.OK {
			continue
		}
		frames++
		if pcm, err = dec.Decode(pcm, audio.Packet{Data: t.Frame.Opus}); err != nil {
			s.Fatal(err)
		}
	}
	return pcm, frames
}

// loud is the root of the mean square of frames from and up to.
func loud(pcm []float32, from, to int) float64 {
	const frame = audio.FrameSamples * audio.Channels
	sum := 0.0
	for _, v := range pcm[from*frame : to*frame] {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum / float64((to-from)*frame))
}

func TestARealPauseFadesOutAndIn(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("tone", playertest.Script{Bytes: tone(440, 10, 0)}))
		s.after(time.Second)
		if err := s.p.Pause(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(10 * time.Second)
		pcm, n := s.listened()
		if n < 50 || n > 62 {
			s.Errorf("%d frames before the pause", n)
		}
		if a, b := loud(pcm, 20, 40), loud(pcm, n-1, n); a < 0.2 || b > a/30 {
			s.Errorf("as loud as %.4f, and %.4f when the pause begins", a, b)
		}
		if err := s.p.Resume(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		pcm, m := s.listened()
		if m < n+40 {
			s.Errorf("%d frames after it", m-n)
		}
		if a, b := loud(pcm, n+20, n+30), loud(pcm, n, n+1); a < 0.2 || b > a/2 {
			s.Errorf("as loud as %.4f again, and %.4f when it goes on", a, b)
		}
		if st := s.status(); st.Counters.Nulled != 0 || st.Position > 2200*time.Millisecond {
			s.Errorf("at %v, %d nulled", st.Position, st.Counters.Nulled)
		}
	})
}

func TestARealSkipAndStopFade(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("a", playertest.Script{Bytes: tone(440, 30, 0)}), s.lib.Add("b", playertest.Script{Bytes: tone(660, 30, 0)}))
		s.after(5 * time.Second)
		if _, err := s.p.Skip(s.Context(), 1); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		if st := s.status(); st.Current.Track.Title != "b" || st.Loading || st.Position < 800*time.Millisecond {
			s.Errorf("after a second of it: %v, %v at %v", st.Current.Track.Title, st.Loading, st.Position)
		}
		if err := s.p.Stop(s.Context()); err != nil {
			s.Fatal(err)
		}
		s.after(time.Second)
		pcm, n := s.listened()
		if n < 299 || n > 310 {
			s.Errorf("%d frames in 6 s", n)
		}
		if a, b := loud(pcm, n-20, n-10), loud(pcm, n-1, n); a < 0.2 || b > a/30 {
			s.Errorf("as loud as %.4f, and %.4f at the end", a, b)
		}
		if c := s.status().Counters; c.Nulled != 0 || s.lib.Held() != 0 {
			s.Errorf("%d nulled, %d media open", c.Nulled, s.lib.Held())
		}
	})
}

func TestARealSeekGoesThere(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(60*second)))
		s.after(time.Second)
		for _, to := range []time.Duration{30 * time.Second, 2 * time.Second, 50 * time.Second} {
			if at, err := s.p.Seek(s.Context(), to); err != nil || at != to {
				s.Fatalf("at %v, %v", at, err)
			}
			s.after(500 * time.Millisecond)
			if st := s.status(); st.Position < to+300*time.Millisecond || st.Position > to+time.Second || st.Counters.Nulled != 0 {
				s.Errorf("half a second after %v at %v, %d nulled", to, st.Position, st.Counters.Nulled)
			}
		}
		s.after(15 * time.Second)
		if st := s.status(); st.Current.ID != 0 || st.Counters.Tracks != 1 || st.Counters.Failed != 0 {
			s.Errorf("at the end: %+v", st)
		}
	})
}

func TestRealTracksAreCrossfaded(t *testing.T) {
	playReal(t, func(s *stage) {
		s.set(func(x *player.Sound) error { x.Crossfade = 2 * time.Second; return nil })
		s.enqueue(s.lib.Add("a", playertest.Script{Bytes: tone(300, 6, 0)}), s.lib.Add("b", playertest.Script{Bytes: tone(900, 6, 0)}), s.lib.Add("c", frames(6*second)))
		s.after(20 * time.Second)
		pcm, n := s.listened()
		if n < 698 || n > 704 { // three times 6 s, two times 2 s of that together
			s.Errorf("%d frames were heard", n)
		}
		if a, b := loud(pcm, 100, 190), loud(pcm, 205, 295); math.Abs(20*math.Log10(a/b)) > 0.5 {
			s.Errorf("as loud as %.4f, and %.4f while both are heard", a, b)
		}
		if c := s.status().Counters; c.Nulled != 0 || c.Tracks != 3 {
			s.Errorf("%+v", c)
		}
	})
}

func TestSilenceAtTheEndsIsLeftOutIfThatIsWanted(t *testing.T) {
	for trim, want := range map[bool][2]int{true: {50, 65}, false: {150, 150}} {
		playReal(t, func(s *stage) {
			s.set(func(x *player.Sound) error { x.Trim = trim; return nil })
			s.enqueue(s.lib.Add("a", playertest.Script{Bytes: tone(440, 1, 1)}))
			s.after(5 * time.Second)
			if _, n := s.listened(); n < want[0] || n > want[1] {
				s.Errorf("trim %v: %d frames were heard", trim, n)
			}
		})
	}
}

func TestARealPlayIsMeasuredAndTheNextOneLevelled(t *testing.T) {
	playReal(t, func(s *stage) {
		a := s.lib.Add("a", playertest.Script{Bytes: tone(440, 12, 0)})
		play := func() float64 {
			from := 0
			if c := s.voice.Conn(); c != nil {
				_, from = s.listened()
			}
			s.enqueue(a)
			s.after(14 * time.Second)
			pcm, _ := s.listened()
			return loud(pcm, from+100, from+500)
		}
		first := play()
		l, err := s.store.Loudness(s.Context(), a.ID)
		if err != nil || !l.Told || l.Heard < 11*time.Second || math.Abs(l.LUFS+8.7) > 1 || math.Abs(l.Peak-12000.0/32768) > 0.01 {
			s.Errorf("measured %+v, %v", l, err)
		}
		second := play()
		if db := 20 * math.Log10(second/first); math.Abs(db-(-14-l.LUFS)) > 0.3 {
			s.Errorf("the second time it is %.2f dB louder, at %.2f LUFS", db, l.LUFS)
		}
	})
}

// Whatever is asked for is in what is sent within 60 ms: no more than three frames
// are heard that were made before.
func TestControlsAreHeardWithinThreeFrames(t *testing.T) {
	const most = 3
	for name, control := range map[string]func(s *stage) error{
		"volume": func(s *stage) error { _, err := s.p.SetSound(s.Context(), louder(50)); return err },
		"effect": func(s *stage) error {
			_, err := s.p.SetSound(s.Context(), func(x *player.Sound) error { x.Effects.Tremolo = effect.Defaults().Tremolo; return nil })
			return err
		},
		"speed": func(s *stage) error {
			_, err := s.p.SetSound(s.Context(), func(x *player.Sound) error {
				x.Effects.Timescale = effect.Timescale{On: true, Speed: 1.5, Pitch: 1, Rate: 1}
				return nil
			})
			return err
		},
		"pause": func(s *stage) error { return s.p.Pause(s.Context()) },
		"skip":  func(s *stage) error { _, err := s.p.Skip(s.Context(), 1); return err },
		"stop":  func(s *stage) error { return s.p.Stop(s.Context()) },
		"seek":  func(s *stage) error { _, err := s.p.Seek(s.Context(), 40*time.Second); return err },
	} {
		t.Run(name, func(t *testing.T) {
			playReal(t, func(s *stage) {
				s.enqueue(s.lib.Add("a", frames(60*second)), s.lib.Add("b", frames(60*second)))
				s.after(5*time.Second + 10*time.Millisecond)
				before := len(s.voice.Conn().Heard())
				if err := control(s); err != nil {
					s.Fatal(err)
				}
				s.after(500 * time.Millisecond)
				same := 0
				for _, tick := range s.voice.Conn().Heard()[before:] {
					if !tick.OK || playertest.Name(tick.Frame.Opus) != fmt.Sprint("a ", before-1+same) {
						break
					}
					same++
				}
				if same > most {
					s.Errorf("%d frames as if nothing had been asked, want at most %d", same, most)
				}
			})
		})
	}
}

func TestTheNextTrackIsTrimmedAlthoughItWasOpenedBefore(t *testing.T) {
	playReal(t, func(s *stage) {
		s.enqueue(s.lib.Add("a", frames(10*second)), s.lib.Add("b", playertest.Script{Bytes: tone(440, 1, 1)}))
		s.after(5 * time.Second)
		s.set(func(x *player.Sound) error { x.Trim = true; return nil })
		s.after(15 * time.Second)
		if _, n := s.listened(); n < 557 || n > 563 {
			s.Errorf("%d frames were heard", n)
		}
	})
}
