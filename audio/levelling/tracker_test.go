package levelling_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/levelling"
	"segue/audio/limiter"
	"segue/audio/loudness"
)

const (
	second = audio.SampleRate
	frame  = audio.FrameSamples
)

func scaled(pcm []float32, db float64) []float32 {
	by := float32(math.Pow(10, db/20))
	out := make([]float32, len(pcm))
	for i, v := range pcm {
		out[i] = v * by
	}
	return out
}

// play has t hear pcm from one sample to another.
func play(t *levelling.Tracker, pcm []float32, from, to int) {
	for at := from; at < to; at += frame {
		t.Add(int64(at), pcm[2*at:2*min(at+frame, to)])
	}
}

// measured is what a meter says of pcm.
func measured(pcm []float32) *loudness.Meter {
	m := loudness.New()
	m.Add(pcm)
	return m
}

func TestSecondPlayIsAtTheTarget(t *testing.T) {
	music := audiotest.Music(12 * second)
	peaky := slices.Clone(scaled(music, -10))
	for i := second; i < len(peaky); i += 8 * second { // which the limiter has to take down
		peaky[i] = 0.5
	}
	for _, pcm := range [][]float32{scaled(music, -30), scaled(music, -8), scaled(music, -4), music, scaled(music, 6), peaky} {
		tracker := levelling.NewTracker(12 * second)
		play(tracker, pcm, 0, 12*second)
		m := tracker.Measurement()
		want := measured(pcm)
		if !m.Told || m.Heard != 12*second || math.Abs(m.LUFS-want.Integrated()) > 0.01 || math.Abs(20*math.Log10(m.Peak)-want.TruePeak()) > 0.1 {
			t.Fatalf("%+v, want %.2f LUFS, %.2f dBTP", m, want.Integrated(), want.TruePeak())
		}
		d := levelling.Decide(levelling.Defaults(), levelling.Piece{Measured: m.Level})
		l := limiter.New(limiter.Ceiling)
		out := measured(l.Flush(l.Process(nil, scaled(pcm, d.DB))))
		t.Logf("%6.1f LUFS %6.1f dBTP: %+5.1f dB, %.1f short -> %6.1f LUFS %6.1f dBTP", want.Integrated(), want.TruePeak(), d.DB, d.Short, out.Integrated(), out.TruePeak())
		if diff := out.Integrated() + d.Short + 14; math.Abs(diff) > 0.3 && d.DB != 0 || math.Abs(diff) > 3.3 || out.TruePeak() > limiter.Ceiling {
			t.Errorf("from %.1f LUFS to %.1f, %.1f dBTP (%+v)", want.Integrated(), out.Integrated(), out.TruePeak(), d)
		}
	}
}

func TestWhatIsHeardAgainCountsOnce(t *testing.T) {
	pcm := slices.Concat(scaled(audiotest.Music(10*second), -20), audiotest.Music(10*second))
	straight, back := levelling.NewTracker(20*second), levelling.NewTracker(20*second)
	play(straight, pcm, 0, 20*second)
	play(back, pcm, 0, 15*second)
	play(back, pcm, 10*second, 18*second+77) // twice the loud part, not on a frame's edge
	play(back, pcm, 0, second)
	play(back, pcm, 17*second, 20*second)
	if a, b := straight.Measurement(), back.Measurement(); a != b || !a.Told {
		t.Errorf("straight on %+v, back and forth %+v", a, b)
	}
}

func TestTooLittleTellsNothing(t *testing.T) {
	pcm := audiotest.Noise(1, 0.1, 60*second)
	for _, c := range []struct {
		name         string
		length       int64
		from, to     int
		told, peaked bool
	}{
		{"the first 9 seconds", 12 * second, 0, 9 * second, false, false},
		{"10 of 12 seconds", 12 * second, 0, 10 * second, true, false},
		{"all but the last second", 12 * second, 0, 11 * second, true, true},
		{"a third", 60 * second, 0, 20 * second, false, false},
		{"the latter half", 60 * second, 30 * second, 60 * second, true, false},
		{"59 s without an end", 0, 0, 59 * second, false, false},
		{"a minute without an end", 0, 0, 60 * second, true, false},
		{"a negative length is none", -5, 0, 59 * second, false, false},
	} {
		tracker := levelling.NewTracker(c.length)
		play(tracker, pcm, c.from, c.to)
		if m := tracker.Measurement(); m.Told != c.told || (m.Peak > 0) != c.peaked || m.Heard != int64(c.to-c.from) {
			t.Errorf("%s: %+v", c.name, m)
		}
	}
	tracker := levelling.NewTracker(20 * second)
	play(tracker, make([]float32, 40*second), 0, 20*second)
	if m := tracker.Measurement(); m.Told {
		t.Errorf("silence: %+v", m)
	}
	tracker.Begin(15 * second)
	if m := tracker.Measurement(); m != (levelling.Measurement{}) {
		t.Errorf("after Begin: %+v", m)
	}
	play(tracker, pcm, 0, 15*second)
	if m := tracker.Measurement(); math.Abs(m.LUFS-measured(pcm[:30*second]).Integrated()) > 0.01 || m.Peak == 0 {
		t.Errorf("after Begin: %+v", m)
	}
}

func TestMoreOfAPieceIsBetter(t *testing.T) {
	none, little, much := levelling.Measurement{Heard: 99}, levelling.Measurement{Level: at(-9), Heard: 10}, levelling.Measurement{Level: at(-8), Heard: 20}
	for _, c := range []struct {
		m, than levelling.Measurement
		want    bool
	}{{little, none, true}, {much, little, true}, {little, much, false}, {none, little, false}, {much, much, false}, {none, levelling.Measurement{}, false}} {
		if got := c.m.Better(c.than); got != c.want {
			t.Errorf("%+v better than %+v: %v", c.m, c.than, got)
		}
	}
}

func TestTrackingAllocatesNothing(t *testing.T) {
	tracker, pcm := levelling.NewTracker(0), audiotest.Music(second)
	if n := testing.AllocsPerRun(5, func() {
		tracker.Begin(second)
		play(tracker, pcm, 0, second)
		_ = tracker.Measurement()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func ExampleTracker() {
	piece := scaled(audiotest.Music(12*second), -10)
	tracker := levelling.NewTracker(12 * second)
	play(tracker, piece, 0, 12*second) // frame by frame, as it is heard
	kept := tracker.Measurement()      // for the store

	again := levelling.Decide(levelling.Defaults(), levelling.Piece{Measured: kept.Level})
	fmt.Printf("%.1f LUFS: %+.1f dB\n", kept.LUFS, again.DB)
	// Output: -24.2 LUFS: +10.2 dB
}
