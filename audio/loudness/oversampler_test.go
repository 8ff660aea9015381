package loudness

import (
	"math/rand/v2"
	"testing"

	"segue/audio/audiotest"

	"github.com/tphakala/simd/f32"
)

// What Most says must hold for whatever comes, or a limiter would let peaks through.
func TestNothingBetweenSamplesIsAboveMost(t *testing.T) {
	o, rnd := NewOversampler(), rand.New(rand.NewPCG(1, 1))
	music := audiotest.Music(20_000)
	near := 0
	for range 20_000 {
		x := make([]float32, Taps-1+1+rnd.IntN(40))
		switch from := rnd.IntN(len(music)/2 - len(x)); rnd.IntN(4) {
		case 0: // noise
			for i := range x {
				x[i] = 2*rnd.Float32() - 1
			}
		case 1: // as high as can be: signs as the filter has them, from somewhere on
			shift := rnd.IntN(len(x))
			for i := range x {
				x[i] = 1
				if (o.middle[min(max(i-shift, 0), half-1)] < 0) != (i > shift+half) {
					x[i] = -1
				}
			}
		case 2:
			for i := range x {
				x[i] = music[2*(from+i)]
			}
		default: // a step, scaled
			scale := rnd.Float32() * 1e4
			for i := range x {
				if i > len(x)/2 {
					x[i] = scale
				}
			}
		}
		most := o.Most(x)
		n := len(x) - (Taps - 1)
		top := f32.MaxAbs(x[Taps/2-1 : Taps/2+n])
		quarter, middle, last := o.Between(x)
		top = max(top, f32.MaxAbs(quarter), f32.MaxAbs(middle), f32.MaxAbs(last))
		if top > most {
			t.Fatalf("%v, most %v", top, most)
		}
		if top > 0.9*most {
			near++
		}
	}
	if near < 2000 {
		t.Errorf("only %d of 20,000 are near it: it says little", near)
	}
}

// A tone whose samples all lie below its peaks still has those found.
func TestMostIsNeverBelowAPeakThatCounts(t *testing.T) {
	m := New()
	m.Add(audiotest.Sine(997, 0.5, 48_000)) // a peak to pass over what is lower
	loud := make([]float32, 2*4800)
	for i := range len(loud) / 2 {
		v := [4]float32{1, 1, -1, -1}[i%4] * 0.5 // a quarter of the rate, 45 degrees on: 0.707 at its peaks
		loud[2*i], loud[2*i+1] = v, v
	}
	m.Add(loud)
	if peak := m.TruePeak(); peak < -3.2 || peak > -2.4 {
		t.Errorf("%.2f dBTP, want -3.0 or, where it begins, a little more", peak)
	}
}
