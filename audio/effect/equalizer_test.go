package effect

import (
	"math"
	"math/rand/v2"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
)

// recursion is the equalizer as its formula says, sample by sample.
type recursion struct{ x1, x2, v1, v2 [Bands]float64 }

// next is what the bands make of a sample.
func (r *recursion) next(x float64, gains *params) (y float64) {
	q := math.Cbrt(2) / (math.Cbrt(4) - 1)
	for i, hz := range bandHz {
		w := 2 * math.Pi * hz / audio.SampleRate
		b := (1 - math.Tan(w/(2*q))) / (1 + math.Tan(w/(2*q)))
		v := (1-b)/2*(x-r.x2[i]) + (1+b)*math.Cos(w)*r.v1[i] - b*r.v2[i]
		r.x2[i], r.x1[i], r.v2[i], r.v1[i] = r.x1[i], x, r.v1[i], v
		y += 4 * gains[i] * v
	}
	return x + y
}

// Gains stay, slide and stay again, in pieces of all lengths.
func TestEqualizerGivesWhatItsFormulaSays(t *testing.T) {
	random := func(rnd *rand.Rand) (p params) {
		for i := range p {
			p[i] = mutedBand + rnd.Float64()*(fullBand-mutedBand)
		}
		return p
	}
	for name, pcm := range map[string][]float32{
		"music": audiotest.Music(2 * second), "noise": audiotest.Noise(1, 0.5, second), "25 Hz": audiotest.Sine(25, 1, 3*second), "16 kHz": audiotest.Sine(16000, 1, second),
	} {
		e, rnd := newEqualizer().(*equalizer), rand.New(rand.NewPCG(4, 2))
		var formula [audio.Channels]recursion
		now := random(rnd)
		top, worst := 0.0, 0.0
		for round, rest := 0, pcm; len(rest) > 0; round++ {
			n := min(1+rnd.IntN(100), len(rest)/2)
			from, to := now, now
			if round%5 == 0 {
				to = random(rnd)
			}
			now = to
			got := append([]float32(nil), rest[:2*n]...)
			if from == to {
				e.run(got, &from)
			} else {
				e.move(got, &from, &to)
			}
			for i, v := range rest[:2*n] {
				gains := from
				for b := range gains {
					gains[b] += (to[b] - from[b]) * float64(i/2+1) / float64(n)
				}
				want := formula[i%2].next(float64(v), &gains)
				top, worst = max(top, math.Abs(want)), max(worst, math.Abs(want-float64(got[i])))
			}
			rest = rest[2*n:]
			e.flush()
		}
		t.Logf("%s: %.1f dB below its peak", name, dB(worst/top))
		if !(worst < 1e-6*top) {
			t.Errorf("%s: off by %g where the loudest is %g", name, worst, top)
		}
	}
}

func TestEqualizerBeginsAnewAfterReset(t *testing.T) {
	gains, noise := params(each()["equalizer"].Equalizer), audiotest.Noise(1, 0.5, 1000)
	used, fresh := newEqualizer().(*equalizer), newEqualizer().(*equalizer)
	used.run(audiotest.Noise(2, 0.5, 777), &gains)
	used.reset()
	a, b := append([]float32(nil), noise...), append([]float32(nil), noise...)
	used.run(a, &gains)
	fresh.run(b, &gains)
	for i := range a {
		if a[i] != b[i] {
			t.Fatalf("value %d is %v, want %v", i, a[i], b[i])
		}
	}
}
