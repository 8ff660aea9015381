package meter

import (
	"math"

	"segue/audio"
)

// A Tone is the loudest sine in a stretch of sound.
type Tone struct {
	Hz      float64
	LevelDB float64 // of its amplitude, to full scale
	RestDB  float64 // energy of everything else, to that of the tone
}

// Loudest finds the loudest tone in pcm (both channels together), of which it
// looks at the middle 0.7 s, to well under a hundredth of a Hertz. Less than 20 ms
// give the zero Tone.
func Loudest(pcm []float32) Tone {
	n := len(pcm) / audio.Channels
	if n < audio.FrameSamples {
		return Tone{}
	}
	size := min(powerOfTwo(n+1)/2, 1<<15)
	x := make([]float64, size)
	spectrum := make([]complex128, size)
	from := (n - size) / 2
	for i := range x {
		x[i] = mono(pcm, from+i) / 2
		spectrum[i] = complex(x[i]*(0.5-0.5*math.Cos(2*math.Pi*float64(i)/float64(size))), 0)
	}
	transform(spectrum, false)
	level := func(k int) float64 {
		return math.Hypot(real(spectrum[k]), imag(spectrum[k])) + 1e-30
	}
	peak := 1
	for k := 1; k < size/2-1; k++ {
		if level(k) > level(peak) {
			peak = k
		}
	}
	hz := float64(peak) * audio.SampleRate / float64(size)
	// Narrow down: the residual of the fit is smooth around its minimum.
	for step := float64(audio.SampleRate) / float64(size) / 2; step > 1e-7; step /= 2 {
		_, here := fit(x, hz)
		if _, e := fit(x, hz+step); e < here {
			hz += step
		} else if _, e := fit(x, hz-step); e < here {
			hz -= step
		}
	}
	amp, rest := fit(x, hz)
	return Tone{Hz: hz, LevelDB: 20 * math.Log10(amp+1e-30), RestDB: rest}
}

// fit is the amplitude of the sine of frequency hz that explains x best, and in
// dB what it leaves, to what it explains.
func fit(x []float64, hz float64) (amp, restDB float64) {
	var ss, cc, sc, xs, xc, xx float64
	for i, v := range x {
		s, c := math.Sincos(2 * math.Pi * hz * float64(i) / audio.SampleRate)
		ss, cc, sc, xs, xc, xx = ss+s*s, cc+c*c, sc+s*c, xs+v*s, xc+v*c, xx+v*v
	}
	det := ss*cc - sc*sc
	if det == 0 {
		return 0, 0
	}
	a, b := (xs*cc-xc*sc)/det, (xc*ss-xs*sc)/det
	explained := a*xs + b*xc
	return math.Hypot(a, b), ratio(xx-explained, explained)
}
