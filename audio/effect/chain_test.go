package effect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

func TestEffectsKeepTheContract(t *testing.T) {
	cases := each()
	cases["all"] = everything()
	cases["none"] = Settings{}
	cases["two"] = Settings{Timescale: Timescale{true, 0.85, 0.85, 1}, Reverb: Defaults().Reverb}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			audiotest.TestEffect(t, func(testing.TB) audio.Effect {
				c := NewChain()
				c.Set(s)
				return c
			})
		})
	}
}

func TestEachEffectIsHeardAndGoesAway(t *testing.T) {
	music := audiotest.Music(3 * second)
	for name, s := range each() {
		c := NewChain()
		if !c.Settled() {
			t.Fatal("a new chain is not settled")
		}
		const frame = audio.FrameSamples * audio.Channels
		var out []float32
		changed, settledAfter := false, -1
		for i := range len(music) / frame {
			switch i {
			case 50:
				c.Set(s)
			case 100:
				c.Set(Settings{Volume: -6})
			}
			out = c.Process(out, music[i*frame:(i+1)*frame])
			if i > 50 && i < 100 && c.Settled() {
				t.Fatalf("%s: settled while it is on", name)
			}
			if i >= 100 && settledAfter < 0 && c.Settled() {
				settledAfter = i - 100
			}
			if c.Settled() && (len(out) != (i+1)*frame || c.Latency() != 0) && s.Timescale == (Timescale{}) {
				t.Fatalf("%s: %d values for %d frames, latency %d", name, len(out), i+1, c.Latency())
			}
		}
		if settledAfter < 0 || settledAfter > 15 {
			t.Errorf("%s: settled after %d frames", name, settledAfter)
		}
		if !slices.Equal(out[:50*frame], music[:50*frame]) {
			t.Errorf("%s: what came before it was changed", name)
		}
		n := 30 * frame
		if !slices.Equal(out[len(out)-n:], music[len(music)-n:]) {
			t.Errorf("%s: what came after it is changed", name)
		}
		changed = !slices.Equal(out[50*frame:100*frame], music[50*frame:100*frame])
		if !changed {
			t.Errorf("%s: nothing was changed", name)
		}
	}
}

func TestTailsEndInSilenceItself(t *testing.T) {
	for name, s := range each() {
		c := NewChain()
		c.Set(s)
		frames(c, audiotest.Music(second/2))
		// Low-level noise of a bad converter, to seed what denormals there may be.
		frames(c, audiotest.Noise(1, 1e-12, second/2))
		frames(c, make([]float32, 2*15*second))
		out := frames(c, make([]float32, 2*second))
		for i, v := range out {
			if v != 0 && math.Abs(float64(v)) < 1e-15 {
				t.Errorf("%s: value %d is %g", name, i, v)
				break
			}
		}
		for where, v := range c.state() {
			if v != 0 && math.Abs(v) < 1e-30 {
				t.Errorf("%s: %s is %g", name, where, v)
			}
		}
	}
}

// state is what the stages remember that could become a denormal.
func (c *Chain) state() map[string]float64 {
	m := map[string]float64{}
	for i := range c.stages {
		switch k := c.stages[i].k.(type) {
		case *equalizer:
			for ch := range k.seen {
				for j, v := range k.seen[ch] {
					m[fmt.Sprintf("equalizer %d.%d", ch, j)] = float64(v)
				}
			}
		case *karaoke:
			m["karaoke"], m["karaoke 2"] = k.y1, k.y2
		case *pass:
			m["pass l"], m["pass r"] = k.l, k.r
		case *compressor:
			m["envelope"] = k.envelope
		case *echo:
			k.line.state("echo", m)
		case *vibrato:
			k.line.state("vibrato", m)
		case *chorus:
			k.voices[0].line.state("chorus", m)
		case *reverb:
			for ch := range k.combs {
				for j, x := range k.combs[ch] {
					m[fmt.Sprintf("comb %d.%d", ch, j)] = float64(x.store)
					smallest(fmt.Sprintf("comb %d.%d line", ch, j), x.pcm, m)
				}
				for j, x := range k.all[ch] {
					smallest(fmt.Sprintf("all-pass %d.%d line", ch, j), x.pcm, m)
				}
			}
		}
	}
	return m
}

func (d *line) state(name string, m map[string]float64) { smallest(name, d.pcm, m) }

// smallest notes the value nearest to zero that is not.
func smallest(name string, pcm []float32, m map[string]float64) {
	for _, v := range pcm {
		if v != 0 && (m[name] == 0 || math.Abs(float64(v)) < math.Abs(m[name])) {
			m[name] = float64(v)
		}
	}
}

func TestNothingIsAllocatedAFrame(t *testing.T) {
	cases := each()
	cases["all"] = everything()
	cases["none"] = Settings{}
	music := audiotest.Music(second / 2)
	const frame = audio.FrameSamples * audio.Channels
	for name, s := range cases {
		c := NewChain()
		c.Set(s)
		dst := make([]float32, 0, 2*len(music))
		at := 0
		if n := testing.AllocsPerRun(20, func() {
			c.Set(s)
			if s.Neutral() != (name == "none") {
				t.Fatal("neutral")
			}
			dst = c.Process(dst[:0], music[at:at+frame])
			at = (at + frame) % (len(music) - frame)
		}); n != 0 {
			t.Errorf("%s: %v allocations a frame", name, n)
		}
	}
}

// random is settings in their ranges, most effects off.
func random(rnd *rand.Rand) (s Settings) {
	for i := range filters {
		f := &filters[i]
		if rnd.IntN(3) != 0 {
			continue
		}
		f.defaults(&s)
		for _, n := range f.fields {
			switch rnd.IntN(4) {
			case 0:
				*n.of(&s) = n.nearest(n.least)
			case 1:
				*n.of(&s) = n.most
			case 2:
				*n.of(&s) = n.nearest(n.byDefault * (0.5 + rnd.Float64()))
			}
		}
		for _, b := range f.flags {
			*b.of(&s) = rnd.IntN(2) == 0
		}
	}
	if rnd.IntN(2) == 0 {
		for i := range s.Equalizer {
			s.Equalizer[i] = mutedBand + rnd.Float64()*(fullBand-mutedBand)
		}
	}
	return s
}

// wander sets a chain to this and that while it plays, and checks what comes.
func wander(t testing.TB, seed uint64, frameCount int) {
	rnd := rand.New(rand.NewPCG(seed, 3))
	c := NewChain()
	music := audiotest.Music(second / 4)
	var dst []float32
	taken := 0
	put := func(n int) {
		from := rnd.IntN(len(music)/2-n) * 2
		dst = c.Process(dst[:0], music[from:from+2*n])
		taken += n
		if len(dst)%2 != 0 {
			t.Fatalf("seed %d: %d values", seed, len(dst))
		}
		for i, v := range dst {
			if !(v < 1e7 && v > -1e7) {
				t.Fatalf("seed %d: value %d is %v with %+v", seed, i, v, c.settings)
			}
		}
	}
	for range frameCount {
		switch rnd.IntN(8) {
		case 0, 1:
			c.Set(random(rnd))
		case 2:
			c.Set(Settings{})
		case 3:
			if rnd.IntN(8) == 0 {
				c.Reset()
				taken = 0
			}
		}
		if l := c.Latency(); l > taken+1 || l < -1 {
			t.Fatalf("seed %d: latency %d after %d samples", seed, l, taken)
		}
		n := audio.FrameSamples
		if rnd.IntN(4) == 0 {
			n = 1 + rnd.IntN(3000)
		}
		put(n)
	}
	c.Set(Settings{})
	for i := 0; !c.Settled(); i++ {
		if i > 400 {
			t.Fatalf("seed %d: never settles: %+v", seed, c.time.rate)
		}
		put(audio.FrameSamples)
	}
	if out := c.Process(nil, music); !slices.Equal(out, music) || c.Latency() != 0 {
		t.Fatalf("seed %d: settled, and not the same", seed)
	}
}

func TestSettingsMayChangeAtAnyTime(t *testing.T) {
	for seed := range uint64(12) {
		wander(t, seed, 60)
	}
}

func FuzzChanges(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { wander(t, seed, 40) })
}

func TestWhatIsNoSoundLeavesNothingBehind(t *testing.T) {
	c := NewChain()
	c.Set(everything())
	bad := audiotest.Music(second / 10)
	bad[100], bad[201], bad[302] = float32(math.NaN()), float32(math.Inf(1)), float32(math.Inf(-1))
	frames(c, bad)
	for i, v := range frames(c, audiotest.Music(second/2)) {
		if v != v || math.IsInf(float64(v), 0) {
			t.Fatalf("value %d is %v", i, v)
		}
	}
}

func TestWildSettingsAreBroughtIntoRange(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1e9, 1e9, 0} {
		s := Defaults()
		for i := range filters {
			for _, n := range filters[i].fields {
				*n.of(&s) = v
			}
		}
		s.Equalizer[3] = v
		c := NewChain()
		c.Set(s)
		for i, x := range frames(c, audiotest.Music(second/5)) {
			if x != x || math.IsInf(float64(x), 0) {
				t.Fatalf("%v: value %d is %v", v, i, x)
			}
		}
	}
}

// TestWhatIsSwitchedOffTakesNoMemory switches all effects on and off.
func TestWhatIsSwitchedOffTakesNoMemory(t *testing.T) {
	all := Settings{
		Equalizer: Equalizer{0.2}, Timescale: Timescale{On: true, Speed: 1.2, Pitch: 1.1, Rate: 1},
		Echo: Echo{On: true, Delay: 2000, Feedback: 0.5, Mix: 0.5}, Reverb: Reverb{On: true, Mix: 0.5}, Chorus: Chorus{On: true, Delay: 45, Mix: 0.5},
		Vibrato: Vibrato{On: true, Frequency: 2, Depth: 1},
	}
	music := audiotest.Music(audio.SampleRate)
	var dst []float32
	held := func(c *Chain) (kernels int) {
		for i := range c.stages {
			if c.stages[i].k != nil {
				kernels++
			}
		}
		if cap(c.time.stretch.pcm)+cap(c.time.rate.left)+len(c.time.in) > 0 || c.time.rate.now != nil {
			kernels++
		}
		return kernels
	}
	for name, off := range map[string]func(c *Chain){
		"by gliding": func(c *Chain) { c.Set(Settings{}) },
		"at once":    func(c *Chain) { c.Set(Settings{}); c.Reset() },
	} {
		c := NewChain()
		c.Process(nil, music[:9600])
		c.Set(all)
		dst = c.Process(dst[:0], music)
		if n := held(c); n != 6 {
			t.Fatalf("%s: %d effects are on", name, n)
		}
		off(c)
		for i := 0; i < 4; i++ {
			dst = c.Process(dst[:0], music)
		}
		if n := held(c); n != 0 || !c.Settled() {
			t.Errorf("%s: %d effects take memory, settled %v", name, n, c.Settled())
		}
	}
}
