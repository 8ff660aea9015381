package player_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/music"
	"segue/player"
	"segue/player/playertest"
)

const softer = `{"fade":0.02,"effects":{"volume":0.8}}`

func TestGuildsThatBeginATrackTogetherShareIt(t *testing.T) {
	for _, after := range []time.Duration{0, 300 * time.Millisecond, 900 * time.Millisecond} {
		gather(t, "", softer, func(h *hall) {
			track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 10, 0)})
			var all []guest
			for g := range music.GuildID(3) {
				all = append(all, h.begins(g+1, track))
				h.after(after)
			}
			h.after(12 * time.Second)
			if o := h.lib.Opened(); len(o) != 1 {
				h.Errorf("%v: opened %q", after, o)
			}
			first := all[0].frames()
			if len(first) < 500 || h.encoded.Load() > int64(len(first))+10 {
				h.Errorf("%v: %d frames were encoded of %d", after, h.encoded.Load(), len(first))
			}
			for i, g := range all[1:] {
				if f := g.frames(); !same(f, first) {
					h.Errorf("%v: guest %d heard %d frames, not the %d of the first", after, i+1, len(f), len(first))
				}
			}
			h.fine(all...)
		})
	}
}

func same(a, b [][]byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestWhoComesLaterPlaysATrackByHimself(t *testing.T) {
	gather(t, "", softer, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 10, 0)})
		a := h.begins(1, track)
		h.after(3 * time.Second)
		b := h.begins(2, track)
		h.after(12 * time.Second)
		if o := h.lib.Opened(); len(o) != 2 || len(a.frames()) != len(b.frames()) {
			h.Errorf("opened %q; %d and %d frames", o, len(a.frames()), len(b.frames()))
		}
		h.fine(a, b)
	})
}

// sine fails unless what g heard from from to to is one continuous sine of hz and amplitude.
func (h *hall) sine(what string, left []float32, hz float64, from, to time.Duration) {
	h.Helper()
	a, b := int(from.Seconds()*audio.SampleRate), int(to.Seconds()*audio.SampleRate)
	if b > len(left) {
		h.Errorf("%s: %d samples are heard, want %d", what, len(left), b)
		return
	}
	// The phase that fits the first 100 ms has to fit all.
	re, im := 0.0, 0.0
	for i := a; i < a+4800; i++ {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		re, im = re+float64(left[i])*s, im+float64(left[i])*c
	}
	re, im = re/2400, im/2400
	worst, at, sum := 0.0, 0, 0.0
	for i := a; i < b; i++ {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		d := float64(left[i]) - re*s - im*c
		if sum += d * d; (i-a)%240 == 239 { // 5 ms
			if sum > worst {
				worst, at = sum, i
			}
			sum = 0
		}
	}
	amp := math.Hypot(re, im)
	if db := 10 * math.Log10(worst/240/(amp*amp/2)); amp < 0.2 || db > -15 {
		h.Errorf("%s: amplitude %.3f, and an error of %.1f dB after %.3f s", what, amp, db, float64(at)/audio.SampleRate)
	}
}

func TestASharedTrackIsLeftByPauseSeekSkipAndStop(t *testing.T) {
	gather(t, "", softer, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 60, 0)})
		other := h.lib.Add("other", playertest.Script{Bytes: tone(1000, 60, 0)})
		rest := h.begins(1, track)
		pauses, seeks, skips, stops := h.begins(2, track), h.begins(3, track), h.begins(4, track, other), h.begins(5, track)
		h.after(5 * time.Second)
		must := func(err error) {
			h.Helper()
			if err != nil {
				h.Fatal(err)
			}
		}
		must(pauses.Pause(h.Context()))
		for _, to := range []time.Duration{40 * time.Second, 10 * time.Second} {
			at, err := seeks.Seek(h.Context(), to)
			must(err)
			h.after(time.Second)
			if st := seeks.is(h); at != to || st.Position < to+800*time.Millisecond || st.Position > to+1100*time.Millisecond {
				h.Errorf("a second after %v at %v", to, st.Position)
			}
		}
		_, err := skips.Skip(h.Context(), 1)
		must(err)
		must(stops.Stop(h.Context()))
		h.after(20 * time.Second)
		was := pauses.is(h).Position
		must(pauses.Resume(h.Context()))
		h.after(10 * time.Second)
		if st := pauses.is(h); st.Position < was+9800*time.Millisecond || st.Position > was+10100*time.Millisecond {
			h.Errorf("ten seconds after a pause at %v it is at %v", was, st.Position)
		}
		h.sine("who goes on", rest.samples(h.T), 440, 200*time.Millisecond, 30*time.Second)
		left := skips.samples(h.T)
		h.sine("who skips", left, 1000, 8*time.Second, 25*time.Second)
		if n := len(stops.frames()); n < 350 || n > 370 {
			h.Errorf("who stops heard %d frames", n)
		}
		h.sine("who pauses", pauses.samples(h.T), 440, 6*time.Second, 14*time.Second)
		h.sine("who seeks", seeks.samples(h.T), 440, 8*time.Second, 25*time.Second)
		if o := h.lib.Opened(); len(o) > 5 {
			h.Errorf("opened %q", o)
		}
		h.fine(rest, pauses, seeks, skips, stops)
	})
}

func TestWhoChangesTheVolumePartsAndComesBack(t *testing.T) {
	gather(t, "", softer, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 60, 0)})
		all := []guest{h.begins(1, track), h.begins(2, track), h.begins(3, track)}
		h.after(4 * time.Second)
		volume := func(g guest, part float64) {
			h.Helper()
			if _, err := g.SetSound(h.Context(), func(s *player.Sound) error { s.Effects.Volume = effect.Percent(part); return nil }); err != nil {
				h.Fatal(err)
			}
		}
		encodes := func(d time.Duration) float64 {
			was := h.encoded.Load()
			h.after(d)
			return float64(h.encoded.Load()-was) / d.Seconds() / 50
		}
		for _, g := range all {
			volume(g, 80)
		}
		h.after(4 * time.Second)
		if n := encodes(2 * time.Second); n > 1.1 {
			h.Errorf("%.2f encoders work for three who want the same", n)
		}
		for i, g := range all {
			volume(g, 40)
			h.after(time.Second)
			if n := encodes(2 * time.Second); n < 1.9 || n > 2.1 {
				h.Errorf("%.2f encoders work for two wishes", n)
			}
			volume(g, 80)
			h.after(4 * time.Second)
			if n := encodes(2 * time.Second); n > 1.1 {
				h.Errorf("guest %d is back: %.2f encoders work", i, n)
			}
		}
		if o := h.lib.Opened(); len(o) != 1 {
			h.Errorf("opened %q", o)
		}
		h.fine(all...)
	})
}

func TestSharedTracksFollowEachOther(t *testing.T) {
	for name, sound := range map[string]string{
		"gapless":    `{"fade":0.02,"effects":{"volume":0.8}}`,
		"cross-fade": `{"fade":0.02,"crossfade":2,"effects":{"volume":0.8}}`,
	} {
		gather(t, "", sound, func(h *hall) {
			one := h.lib.Add("one", playertest.Script{Bytes: tone(440, 8, 0)})
			two := h.lib.Add("two", playertest.Script{Bytes: tone(440, 8, 0)})
			all := []guest{h.begins(1, one, two), h.begins(2, one, two), h.begins(3, one, two)}
			h.after(20 * time.Second)
			if o := h.lib.Opened(); len(o) != 2 {
				h.Errorf("%s: opened %q", name, o)
			}
			want := map[string]int{"gapless": 800, "cross-fade": 700}[name]
			for i, g := range all {
				if n := len(g.frames()); n < want || n > want+4 {
					h.Errorf("%s: guest %d heard %d frames, want %d", name, i, n, want)
				}
				if name == "gapless" { // a multiple of its period
					h.sine(name, g.samples(h.T), 440, 200*time.Millisecond, 15800*time.Millisecond)
				}
			}
			h.fine(all...)
		})
	}
}

func TestASharedPlayIsKeptAndMeasured(t *testing.T) {
	gather(t, t.TempDir(), `{"fade":0.02,"levelling":"off"}`, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 10, 0), Version: "tone 1"})
		all := []guest{h.begins(1, track), h.begins(2, track), h.begins(3, track)}
		h.after(11 * time.Second)
		first, encoded := all[0].frames(), h.encoded.Load()
		if st := h.kept.Stats(); st.Kept != 1 || encoded > 510 {
			h.Errorf("%+v, %d frames encoded", st, encoded)
		}
		again := []guest{h.begins(4, track), h.begins(5, track)}
		h.after(11 * time.Second)
		if n := h.encoded.Load(); n != encoded || h.kept.Stats().Hits != 1 {
			h.Errorf("the second time %d frames were encoded; %+v", n-encoded, h.kept.Stats())
		}
		for i, g := range append(all, again...) {
			if !same(g.frames(), first) {
				h.Errorf("guest %d heard %d frames, not those %d", i, len(g.frames()), len(first))
			}
		}
		h.fine(append(all, again...)...)
		before := h.lib.Add("before", playertest.Script{Bytes: tone(440, 4, 1)})
		parked := h.lib.Add("parked", playertest.Script{Bytes: tone(660, 5, 0), Version: "parked 1"})
		h.begins(6, before, parked)
		h.begins(7, before, parked)
		h.after(12 * time.Second)
		if st := h.kept.Stats(); st.Kept != 2 || h.encoded.Load() > encoded+650 {
			h.Errorf("%+v, %d frames encoded", st, h.encoded.Load()-encoded)
		}
	})
	gather(t, "", `{"fade":0.02,"levelling":"auto"}`, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 12, 0)})
		all := []guest{h.begins(1, track), h.begins(2, track)}
		h.after(14 * time.Second)
		l, err := h.store.Loudness(h.Context(), track.ID)
		if err != nil || !l.Told || l.Heard < 11*time.Second || math.Abs(l.LUFS+8.7) > 1 {
			h.Errorf("measured %+v, %v", l, err)
		}
		h.begins(3, track)
		g := h.begins(4, track)
		h.after(14 * time.Second)
		was, is := power(all[0].samples(h.T)), power(g.samples(h.T))
		if db := 10 * math.Log10(is/was); math.Abs(db-(-14-l.LUFS)) > 0.3 {
			h.Errorf("the second time it is %.2f dB louder, at %.2f LUFS", db, l.LUFS)
		}
		if o := h.lib.Opened(); len(o) != 2 {
			h.Errorf("opened %q", o)
		}
	})
}

// power is that of the middle of what was heard.
func power(left []float32) (sum float64) {
	for _, v := range left[2*audio.SampleRate : 8*audio.SampleRate] {
		sum += float64(v) * float64(v)
	}
	return sum
}

func TestASoundOverASharedTrackIsOneGuilds(t *testing.T) {
	gather(t, "", softer, func(h *hall) {
		track := h.lib.Add("tone", playertest.Script{Bytes: tone(440, 30, 0)})
		sound := h.lib.Add("sound", playertest.Script{Bytes: tone(1000, 1, 0)})
		a, b := h.begins(1, track), h.begins(2, track)
		h.after(4 * time.Second)
		if err := b.Overlay(h.Context(), sound); err != nil {
			h.Fatal(err)
		}
		h.after(6 * time.Second)
		was := h.encoded.Load()
		h.after(2 * time.Second)
		if n := h.encoded.Load() - was; n > 105 {
			h.Errorf("%d frames were encoded in 2 s after it", n)
		}
		h.sine("the other guild", a.samples(h.T), 440, 200*time.Millisecond, 11*time.Second)
		if same(a.frames(), b.frames()) {
			h.Error("the sound was heard by nobody, or by both")
		}
		h.fine(a, b)
	})
}
