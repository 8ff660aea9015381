package audiotest

import (
	"math"
	"math/rand/v2"

	"segue/audio"
)

// All signals are in the engine's format, n samples per channel long, and the
// same each time they are made.

// Sine is a tone of amplitude amp in both channels.
func Sine(hz, amp float64, n int) []float32 {
	return both(n, func(i int) float64 {
		return amp * math.Sin(2*math.Pi*hz*float64(i)/audio.SampleRate)
	})
}

// Sweep is a tone of amplitude amp that rises from one frequency to another,
// the same number of octaves each second. A gap, a repeat or a shift shows in it
// at once.
func Sweep(from, to, amp float64, n int) []float32 {
	k := math.Log(to/from) / float64(n)
	return both(n, func(i int) float64 {
		return amp * math.Sin(2*math.Pi*from/audio.SampleRate*math.Expm1(k*float64(i))/k)
	})
}

// Noise is white noise between -amp and amp, different in the two channels.
func Noise(seed uint64, amp float64, n int) []float32 {
	rnd := rand.New(rand.NewPCG(seed, 1))
	pcm := make([]float32, n*audio.Channels)
	for i := range pcm {
		pcm[i] = float32(amp * (2*rnd.Float64() - 1))
	}
	return pcm
}

// Impulses are single samples of amplitude amp, the first at 0, then one every
// so many.
func Impulses(every int, amp float64, n int) []float32 {
	return both(n, func(i int) float64 {
		if i%every == 0 {
			return amp
		}
		return 0
	})
}

// Music has what coders find hard, in stereo: chords with vibrato and overtones,
// hats, a kick. It repeats nothing within ten seconds, since the hats are noise.
func Music(n int) []float32 {
	chords := [4][4]float64{{220, 277.18, 329.63, 440}, {196, 246.94, 293.66, 392}, {174.61, 220, 261.63, 349.23}, {164.81, 207.65, 246.94, 329.63}}
	rnd := rand.New(rand.NewPCG(1, 2))
	var phase [4]float64
	var low, lower float64
	pcm := make([]float32, 0, n*audio.Channels)
	for i := range n {
		t := float64(i) / audio.SampleRate
		var l, r float64
		for k, f := range chords[int(t/0.5)%4] {
			phase[k] += 2 * math.Pi * f * (1 + 0.002*math.Sin(2*math.Pi*5*t)) / audio.SampleRate
			s := 0.0
			for h := 1.0; h <= 8; h++ {
				s += math.Sin(h*phase[k]) / h
			}
			l += 0.06 * s * (1 + 0.3*float64(k&1))
			r += 0.06 * s * (1 + 0.3*float64(1-k&1))
		}
		noise := 2*rnd.Float64() - 1
		low += 0.2 * (noise - low)
		lower += 0.6 * (noise - lower)
		hat := math.Exp(-40 * math.Mod(t, 0.25))
		beat := math.Mod(t, 0.5)
		kick := 0.35 * math.Exp(-14*beat) * math.Sin(2*math.Pi*55*beat*(1+math.Exp(-30*beat)))
		l += 0.25*hat*lower + kick
		r += 0.25*hat*(noise-low)*0.7 + kick
		pcm = append(pcm, float32(max(-0.95, min(0.95, l))), float32(max(-0.95, min(0.95, r))))
	}
	return pcm
}

func both(n int, f func(i int) float64) []float32 {
	pcm := make([]float32, 0, n*audio.Channels)
	for i := range n {
		v := float32(f(i))
		pcm = append(pcm, v, v)
	}
	return pcm
}
