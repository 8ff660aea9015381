package docs_test

import (
	"math"
	"math/cmplx"

	"segue/audio"
	"segue/audio/effect"
)

const (
	second = audio.SampleRate
	frame  = audio.FrameSamples * audio.Channels
)

// played is what a chain with those settings makes of pcm, frame by frame.
func played(s effect.Settings, pcm []float32) []float32 {
	c := effect.NewChain()
	c.Set(s)
	return inFrames(c, nil, pcm)
}

func inFrames(e audio.Effect, dst, pcm []float32) []float32 {
	for len(pcm) > 0 {
		n := min(frame, len(pcm))
		dst = e.Process(dst, pcm[:n])
		pcm = pcm[n:]
	}
	return dst
}

// channel is one of interleaved pcm.
func channel(pcm []float32, c int) (x []float64) {
	for i := c; i < len(pcm); i += audio.Channels {
		x = append(x, float64(pcm[i]))
	}
	return x
}

// impulse is what becomes of a sample of l and r, over n samples, in the left channel.
func impulse(s effect.Settings, l, r float32, n int) []float64 {
	const before = 1200 // a low-pass begins as if its first sample had always been there, and echoes swell in
	pcm := make([]float32, audio.Channels*(before+n))
	pcm[audio.Channels*before], pcm[audio.Channels*before+1] = l, r
	return channel(played(s, pcm), 0)[before:]
}

// level is the response in dB at each of the frequencies of a system with that
// impulse response.
func level(h, hz []float64) (db []float64) {
	for len(h) > 0 && math.Abs(h[len(h)-1]) < 1e-9 {
		h = h[:len(h)-1]
	}
	for _, f := range hz {
		step := cmplx.Rect(1, -2*math.Pi*f/second)
		at, sum := complex(1, 0), complex(0, 0)
		for i, v := range h {
			if i%1024 == 0 { // rounding adds up
				at = cmplx.Rect(1, -2*math.Pi*f/second*float64(i))
			}
			sum += complex(v, 0) * at
			at *= step
		}
		db = append(db, decibels(cmplx.Abs(sum)))
	}
	return db
}

func decibels(v float64) float64 { return 20 * math.Log10(v+1e-12) }

func factor(db float64) float64 { return math.Pow(10, db/20) }
