package effect

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// jolt is the largest second difference of a signal.
func jolt(pcm []float32) (most float64) {
	for i := 4; i < len(pcm); i++ {
		most = max(most, math.Abs(float64(pcm[i])-2*float64(pcm[i-2])+float64(pcm[i-4])))
	}
	return most
}

// splatter is the energy above 6 kHz in the loudest 5 ms, in dB of full scale.
func splatter(pcm []float32) float64 {
	// Four times (1 - z^-1)/2 twice: what is low is gone.
	worst := 0.0
	x := make([]float64, len(pcm)/2)
	for i := range x {
		x[i] = float64(pcm[2*i])
	}
	for range 8 {
		for i := len(x) - 1; i > 0; i-- {
			x[i] = (x[i] - x[i-1]) / 2
		}
		x[0] = 0
	}
	for i := 0; i+240 <= len(x); i += 60 {
		e := 0.0
		for _, v := range x[i : i+240] {
			e += v * v
		}
		worst = max(worst, e/240)
	}
	return 10 * math.Log10(worst+1e-20)
}

// changes are settings to go between, by the effect that changes.
func changes() map[string][2]Settings {
	c := map[string][2]Settings{}
	all := each()
	for name, s := range all {
		c[name+" on"] = [2]Settings{{}, s}
		c[name+" off"] = [2]Settings{s, {}}
	}
	eq := all["equalizer"].Equalizer
	flat := eq
	flat[3], flat[8] = 0.5, -0.25
	c["equalizer changes"] = [2]Settings{{Equalizer: eq}, {Equalizer: flat}}
	// Every number of every effect, from its default to elsewhere in its range.
	for i := range filters {
		f := &filters[i]
		for _, n := range f.fields {
			a := Settings{}
			f.defaults(&a)
			if f.name == "rotation" {
				a.Rotation.RotationHz = 0.3
			}
			if f.name == "distortion" {
				a.Distortion = all["distortion"].Distortion
			}
			for _, to := range []float64{0.6 * n.byDefault, 1.6 * n.byDefault, 0.7} {
				if b := a; n.allows(to) && to != n.byDefault && (to != 0.7 || n.byDefault == 0) {
					*n.of(&b) = to
					c[fmt.Sprintf("%s.%s to %v", f.name, n.name, to)] = [2]Settings{a, b}
				}
			}
		}
		for _, n := range f.flags {
			a := Settings{}
			f.defaults(&a)
			b := a
			*n.of(&b) = !n.byDefault
			c[f.name+"."+n.name] = [2]Settings{a, b}
		}
	}
	c["timescale to another"] = [2]Settings{{Timescale: Timescale{true, 1.1, 1.1, 1}}, {Timescale: Timescale{true, 0.8, 1.3, 0.9}}}
	presets := Presets()
	for i, p := range presets {
		next := presets[(i+1)%len(presets)]
		c[p.Name+" to "+next.Name] = [2]Settings{p.Settings, next.Settings}
	}
	if len(c) < 90 {
		panic(fmt.Sprint("only ", len(c), " changes"))
	}
	c["everything on"] = [2]Settings{{}, everything()}
	c["everything off"] = [2]Settings{everything(), {}}
	return c
}

// A low tone has next to nothing up high, and bends slowly: what a change adds to
// either is a click.
func TestNoChangeClicks(t *testing.T) {
	tone := audiotest.Sine(220, 0.4, 2*second)
	const frame = audio.FrameSamples * audio.Channels
	all := changes()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		pair := all[name]
		c := NewChain()
		c.Set(pair[0])
		before := frames(c, tone[:len(tone)/2])
		c.Set(pair[1])
		after := frames(c, tone[len(tone)/2:])
		// What is steady, before and long after, is the measure.
		n := len(before) / 2
		steady := max(jolt(before[n:]), jolt(after[len(after)/2:]))
		limit := steady*1.5 + 0.0015
		join := append(slices.Clone(before[max(0, len(before)-4*frame):]), after[:len(after)/2]...)
		if j := jolt(join); j > limit {
			t.Errorf("%s: bends by %.5f, steady %.5f", name, j, steady)
		}
		up := max(splatter(before[n:]), splatter(after[len(after)/2:]), -75)
		if s := splatter(join); s > up+6 {
			t.Errorf("%s: %.1f dB above 6 kHz, steady %.1f", name, s, up)
		}
	}
}

// Changes may come long before the last is over: back and forth, every few
// milliseconds, is no worse.
func TestHastyChangesDoNotClick(t *testing.T) {
	tone := audiotest.Sine(220, 0.4, second)
	for name, s := range each() {
		rnd := rand.New(rand.NewPCG(5, 5))
		c := NewChain()
		out := c.Process(nil, tone[:2000])
		for rest, i := tone[2000:], 0; len(rest) > 0; i++ {
			if i%2 == 0 {
				c.Set(s)
			} else {
				c.Set(Settings{})
			}
			n := min(2*(50+rnd.IntN(900)), len(rest))
			out, rest = c.Process(out, rest[:n]), rest[n:]
		}
		// As much as the effect does by itself, and what a glide begun anew adds.
		steady := max(jolt(through(s, tone)[second/2:]), jolt(tone))
		if j := jolt(out); j > 1.5*steady+0.001 {
			t.Errorf("%s: bends by %.5f, steady %.5f", name, j, steady)
		}
	}
}
