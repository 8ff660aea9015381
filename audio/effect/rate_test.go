package effect

import (
	"math"
	"testing"

	"segue/audio/audiotest"
)

// Rates whose places come round, few and many of them, and such that do not.
func TestASteadyRateReadsBetweenSamplesAsItShould(t *testing.T) {
	noise := audiotest.Noise(3, 0.5, 20*ratePiece)
	for _, rate := range []float64{0.5, 0.85, 1.05, 1.2, 1.25, 1.23, math.Sqrt2, 3, 9.99} {
		var r rater
		past := make([]float32, 2*rateReach)
		r.reset(rate, past)
		var got []float32
		for at := 0; at < len(noise); at += 2 * ratePiece {
			r.put(noise[at : at+2*ratePiece])
			got = r.take(got)
		}
		f := newSinc(max(rate, 1), newWindow())
		whole := make([][]float32, 2)
		for i, v := range append(past, noise...) {
			whole[i%2] = append(whole[i%2], v)
		}
		if want := float64(20*ratePiece-f.half) / rate; math.Abs(float64(len(got)/2)-want) > 1.001 {
			t.Fatalf("rate %v: %d samples, want %.1f", rate, len(got)/2, want)
		}
		worst := 0.0
		for k := range len(got) / 2 {
			pos := float64(rateReach) + float64(k)*rate
			l, right := f.at(whole[0], whole[1], int(pos), pos-math.Trunc(pos))
			worst = max(worst, math.Abs(float64(l-got[2*k])), math.Abs(float64(right-got[2*k+1])))
		}
		// A whole sample may be taken for the end of the one before: -98 dB at the filter's edge.
		if worst > 2e-5 {
			t.Errorf("rate %v: off by %.1f dB", rate, dB(worst))
		}
	}
}
