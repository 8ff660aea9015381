package pipeline

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
)

// levelOf is how loud the tone of so many Hz is in a tenth of a second of pcm, as an amplitude.
func levelOf(hz float64, pcm []float32) float64 {
	var re, im float64
	for i, v := range pcm[:4800] {
		sin, cos := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		re, im = re+float64(v)*cos, im+float64(v)*sin
	}
	return math.Hypot(re, im) * 2 / 4800
}

// An announcement is said where one track ends and the next begins: it neither holds
// the next one up, nor is it cut off by it, however long the rest of it is.
func TestASoundGoesOnOverTheNextTrack(t *testing.T) {
	for _, c := range []struct {
		name    string
		codec   string
		from    int64 // where the music of the second begins
		overlap time.Duration
		cut     bool
	}{
		{"to the sample", "pcm", 0, 0, false},
		{"passing, the second begins softly", "opus", 30 * 960, 0, false},
		{"passing", "opus", 0, 0, false},
		{"cross-fade", "opus", 0, time.Second, false},
		{"skip", "opus", 0, 0, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				first := Start(t.Context(), toneOf(c.codec, 200, 0, 200*960).stream(Options{}))
				second := Park(t.Context(), toneOf(c.codec, 620, c.from, 620*960).stream(Options{}))
				first.Follow(second, c.overlap)
				sound := toneOf("opus", 600, 0, 600*960)
				sound.hz, sound.level = 1000, 0.25
				var heard <-chan struct{}
				was, _ := heardOf(t, first, func(frame int) {
					if frame == 100 {
						ok := false
						if heard, ok = first.Overlay(sound.stream(Options{}), 20); !ok {
							t.Error("refused")
						}
					}
					if frame == 150 && c.cut {
						first.Cut(60 * time.Millisecond)
					}
				})
				if err := first.Close(); err != nil {
					t.Error(err)
				}
				if n := len(was) / 960; n > 205 {
					t.Fatalf("the first track lasts %d frames: the second waits for the sound", n)
				}
				if gone(heard) {
					t.Error("the sound is said to have been heard, and has not")
				}
				left, _ := heardOf(t, second, nobody)
				if !gone(heard) {
					t.Error("the sound is not said to have been heard")
				}
				if err := second.Close(); err != nil {
					t.Error(err)
				}
				ends := 710*960 - len(was) // of the sound, in the second, at the latest
				for _, at := range []int{4800, 100 * 960, ends - 40*960} {
					if s := levelOf(1000, left[at:]); math.Abs(s-0.25) > 0.002 {
						t.Errorf("the sound is at %.4f in sample %d of the next track, want 0.25", s, at)
					}
				}
				if m := levelOf(440, left[100*960:]); math.Abs(m-0.05) > 0.002 {
					t.Errorf("the music under it is at %.4f, want 0.05", m)
				}
				if s, m := levelOf(1000, left[ends+40*960:]), levelOf(440, left[ends+40*960:]); s > 0.001 || math.Abs(m-0.5) > 0.001 {
					t.Errorf("in the end the sound is at %.4f, want 0, and the music at %.4f, want 0.5", s, m)
				}
			})
		})
	}
}

func gone(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// What is laid over the music ends with who plays it at the latest.
func TestASoundEndsWithTheLastTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := Start(t.Context(), toneOf("opus", 200, 0, 200*960).stream(Options{}))
		second := Park(t.Context(), toneOf("opus", 200, 0, 200*960).stream(Options{}))
		first.Follow(second, 0)
		sound := toneOf("opus", 3000, 0, 3000*960)
		heard, ok := first.Overlay(sound.stream(Options{}), 20)
		if !ok {
			t.Fatal("refused")
		}
		heardOf(t, first, nobody)
		if err := first.Close(); err != nil || gone(heard) {
			t.Errorf("ended with the first track: %v, %v", gone(heard), err)
		}
		if err := second.Close(); err != nil || !gone(heard) {
			t.Errorf("ended with the second track: %v, %v", gone(heard), err)
		}
		if _, ok := second.Overlay(toneOf("opus", 10, 0, 0).stream(Options{}), 20); ok {
			t.Error("laid over nothing")
		}
	})
}
