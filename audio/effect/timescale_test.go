package effect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/meter"
)

// scales are timescales of every kind.
var scales = []Timescale{
	{true, 1.25, 1, 1},
	{true, 0.75, 1, 1},
	{true, 2, 1, 1},
	{true, 0.5, 1, 1},
	{true, 1.01, 1, 1},
	{true, 1, 1.2, 1},
	{true, 1, 0.8, 1},
	{true, 1, 2, 1},
	{true, 1, 0.5, 1},
	{true, 1, 1, 1.3},
	{true, 1, 1, 0.7},
	{true, 1, 1, 3},
	{true, 1.2, 1.2, 1},
	{true, 0.85, 0.8, 1},
	{true, 1.1, 1.3, 0.9},
	{true, 3, 0.5, 0.7},
}

func TestTimescaleKeepsTempoAndPitch(t *testing.T) {
	const n = 4 * second
	for i, s := range scales {
		t.Run(fmt.Sprintf("speed %v pitch %v rate %v", s.Speed, s.Pitch, s.Rate), func(t *testing.T) {
			for _, hz := range []float64{220, 1000}[:2-i%2] {
				c := NewChain()
				c.Set(Settings{Timescale: s})
				out := c.Flush(frames(c, audiotest.Sine(hz, 0.5, n)))
				// Tempo: the length, to the sample.
				near(t, "length", float64(len(out)/2), n/(s.Speed*s.Rate), 1)
				// Pitch.
				tone := meter.Loudest(out)
				cents := 1200 * math.Log2(tone.Hz/(hz*s.Pitch*s.Rate))
				near(t, "pitch in cents", cents, 0, 2)
				near(t, "level", tone.LevelDB, dB(0.5), 0.5)
			}
		})
	}
}

// clicks are short bursts of a tone, one every so many samples.
func clicks(every, n int) []float32 {
	pcm := audiotest.Sine(3000, 0.5, n)
	for i := range n {
		x := float64(i%every) / 1920
		if x > 1 {
			x = 1
		}
		w := float32(math.Sin(math.Pi * x))
		pcm[2*i] *= w
		pcm[2*i+1] *= w
	}
	return pcm
}

// onsets is where the energy of bursts has its middle.
func onsets(pcm []float32) (at []float64) {
	var sum, weight float64
	quiet := 0
	for i := range len(pcm) / 2 {
		e := float64(pcm[2*i]) * float64(pcm[2*i])
		if e > 1e-3 {
			sum, weight, quiet = sum+e*float64(i), weight+e, 0
			continue
		}
		if quiet++; quiet == 2000 && weight > 0 {
			at = append(at, sum/weight)
			sum, weight = 0, 0
		}
	}
	return at
}

// slope is that of the line nearest to the points.
func slope(y []float64) float64 {
	n := float64(len(y))
	var xy, xx float64
	for i, v := range y {
		x := float64(i) - (n-1)/2
		xy, xx = xy+x*v, xx+x*x
	}
	return xy / xx
}

func TestBeatsStayWhereTheTempoPutsThem(t *testing.T) {
	const every, n = second / 2, 20 * second
	for _, s := range []Timescale{{true, 1.25, 1, 1}, {true, 0.8, 1, 1}, {true, 1, 1.3, 1}, {true, 1.1, 0.9, 1.2}} {
		out := through(Settings{Timescale: s}, clicks(every, n))
		beats := onsets(out)
		scale := s.Speed * s.Rate
		if len(beats) < 36 {
			t.Fatalf("%+v: %d beats of 40", s, len(beats))
		}
		// The slope over all of them, and none far from it.
		tempo := every / slope(beats) / scale
		near(t, fmt.Sprintf("%+v: tempo", s), tempo, 1, 0.001)
		for i, b := range beats {
			near(t, fmt.Sprintf("%+v: beat %d", s, i), b*scale, float64(i*every+960), 0.03*second*max(scale, 1))
		}
	}
}

func TestLatencyTellsWhereTheMusicIs(t *testing.T) {
	// The tone's frequency says where in the sweep one is.
	const n = 12 * second
	sweep := audiotest.Sweep(200, 3200, 0.5, n)
	for _, s := range []Timescale{{true, 1.25, 1, 1}, {true, 0.8, 1, 1}, {true, 1, 1, 1.3}, {true, 1, 1.2, 1}, {true, 0.85, 0.9, 1.1}} {
		c := NewChain()
		c.Set(Settings{Timescale: s})
		out := frames(c, sweep[:2*8*second])
		at := float64(8*second - c.Latency())
		const look = 2400
		tone := meter.Loudest(out[len(out)-2*look:])
		middle := at - look/2*s.Speed*s.Rate
		want := 200 * math.Pow(16, middle/n) * s.Pitch * s.Rate
		off := math.Log(tone.Hz/want) / math.Log(16) * n
		near(t, fmt.Sprintf("%+v: off in samples", s), off, 0, 0.03*second)
	}
}

func TestTimescaleGoesOnWithTheVerySample(t *testing.T) {
	music := audiotest.Music(6 * second)
	for _, s := range scales {
		c := NewChain()
		out := frames(c, music[:2*second])
		if !slices.Equal(out, music[:2*second]) {
			t.Fatal("it changes something before it is on")
		}
		c.Set(Settings{Timescale: s})
		mid := frames(c, music[2*second:2*3*second])
		c.Set(Settings{})
		taken, end := 2*3*second, []float32(nil)
		for !c.Settled() {
			end = c.Process(end, music[taken:taken+1920])
			if taken += 1920; taken > 2*5*second {
				t.Fatalf("%+v: never settles", s)
			}
		}
		// The last it gave is the last it took: nothing is left out or repeated.
		const n = 200
		if !slices.Equal(end[len(end)-n:], music[taken-n:taken]) || c.Latency() != 0 {
			t.Errorf("%+v: it does not end on the last sample it took", s)
		}
		if len(mid) == 0 {
			t.Errorf("%+v: nothing came", s)
		}
		if rest := c.Process(nil, music[taken:]); !slices.Equal(rest, music[taken:]) {
			t.Errorf("%+v: the rest is changed", s)
		}
	}
}

func TestTimescaleChangesWithoutAGap(t *testing.T) {
	tone := audiotest.Sine(220, 0.5, 8*second)
	c := NewChain()
	var out []float32
	for i := range 400 {
		if i%3 == 0 {
			c.Set(Settings{Timescale: scales[i/3*7%len(scales)]})
		}
		out = c.Process(out, tone[i*1920:(i+1)*1920])
	}
	// At no time is the tone softer than it should be.
	for i := 0; i+960 < len(out)/2; i += 240 {
		e := 0.0
		for k := range 960 {
			e += float64(out[2*(i+k)]) * float64(out[2*(i+k)])
		}
		if level := dB(math.Sqrt(e / 480)); level < dB(0.5)-3 || level > dB(0.5)+1 {
			t.Fatalf("after %d ms it has %.1f dB, want %.1f", i/48, level, dB(0.5))
		}
	}
}

func TestResamplingIsFlatAndClean(t *testing.T) {
	for _, rate := range []float64{0.7, 1.2, 2} {
		for _, hz := range []float64{100, 1000, 5000, 9000} {
			out := through(Settings{Timescale: Timescale{true, 1, 1, rate}}, audiotest.Sine(hz, 0.5, 2*second))
			tone := meter.Loudest(out)
			near(t, "frequency", tone.Hz, hz*rate, 0.01)
			near(t, "level", tone.LevelDB, dB(0.5), 0.1)
			if tone.RestDB > -75 {
				t.Errorf("%v Hz at rate %v: %.1f dB of other things", hz, rate, tone.RestDB)
			}
		}
	}
	// What would be above 24 kHz is gone.
	out := through(Settings{Timescale: Timescale{true, 1, 1, 1.5}}, audiotest.Sine(18500, 0.5, second))
	e := 0.0
	for _, v := range out[len(out)/2:] {
		e += float64(v) * float64(v)
	}
	if level := dB(math.Sqrt(e / float64(len(out)/4))); level > -60 {
		t.Errorf("18.5 kHz at rate 1.5 leaves %.1f dB", level)
	}
}

func TestSpeedLeavesMusicMusic(t *testing.T) {
	// No sample step, and no level, that the original does not have.
	music := audiotest.Music(4 * second)
	for _, s := range []Timescale{{true, 1.25, 1, 1}, {true, 0.8, 1, 1}} {
		out := through(Settings{Timescale: s}, music)
		if j, was := jolt(out), jolt(music); j > 1.2*was {
			t.Errorf("%+v: bends by %.4f, the original by %.4f", s, j, was)
		}
		var e, was float64
		for _, v := range out {
			e += float64(v) * float64(v)
		}
		for _, v := range music {
			was += float64(v) * float64(v)
		}
		near(t, "level", 10*math.Log10(e/float64(len(out))/was*float64(len(music))), 0, 0.5)
	}
}

// TestATimescaleHasRoomForAllItHolds changes tempo and rate at random places, to
// random ones, and back.
func TestATimescaleHasRoomForAllItHolds(t *testing.T) {
	music := audiotest.Music(5 * audio.SampleRate)
	r := rand.New(rand.NewPCG(5, 11))
	factor := func() float64 { return []float64{1, 1.2, 0.5, 2, 0.1, 10, math.Exp(r.Float64()*4 - 2)}[r.IntN(7)] }
	var dst []float32
	for round := range 15 {
		c := NewChain()
		for at := 0; at < len(music); {
			if at == 0 || r.IntN(20) == 0 {
				c.Set(Settings{Timescale: Timescale{On: r.IntN(8) > 0, Speed: factor(), Pitch: 1, Rate: factor()}})
			}
			s, f := &c.time.stretch, &c.time.rate
			held, left := cap(s.pcm), cap(f.left)
			n := min(audio.Channels*(1+r.IntN(1200)), len(music)-at)
			dst = c.Process(dst[:0], music[at:at+n])
			at += n
			if cap(s.pcm) > held || cap(f.left) > left {
				t.Fatalf("round %d, tempo %v, rate %v: room for %d and %d values became %d and %d", round, s.tempo, f.goal, held, left, cap(s.pcm), cap(f.left))
			}
		}
	}
}

func TestThePaceIsHowMuchInputBecomesASample(t *testing.T) {
	music := audiotest.Music(4 * audio.SampleRate)
	for _, s := range append(scales, Timescale{}) {
		c := NewChain()
		c.Set(Settings{Timescale: s})
		out := c.Flush(c.Process(nil, music))
		if got := float64(len(music)) / float64(len(out)); math.Abs(got/c.Pace()-1) > 1e-3 {
			t.Errorf("%+v: %.4f samples for one, the pace is %.4f", s, got, c.Pace())
		}
	}
}
