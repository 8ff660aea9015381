package opus

import (
	"math"
	"testing"

	"segue/audio"
)

// sweep is a stereo chirp: a signal that matches itself at one delay only.
func sweep(samples int) []float32 {
	pcm := make([]float32, samples*2)
	for i := range samples {
		t := float64(i) / audio.SampleRate
		pcm[2*i] = float32(0.4 * math.Sin(2*math.Pi*(200*t+2000*t*t)))
		pcm[2*i+1] = float32(0.4 * math.Sin(2*math.Pi*(300*t+1500*t*t)))
	}
	return pcm
}

func mustEncoder(t testing.TB, o EncoderOptions) audio.Encoder {
	t.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustDecoder(t testing.TB) audio.Decoder {
	t.Helper()
	d, err := NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// errorAt is the error of heard against played, in dB, if heard trails by delay.
func errorAt(played, heard []float32, delay int) float64 {
	var signal, noise float64
	for i := 48000; i < 2*48000; i++ {
		for c := range 2 {
			s, h := float64(played[2*i+c]), float64(heard[2*(i+delay)+c])
			signal += s * s
			noise += (s - h) * (s - h)
		}
	}
	return 10 * math.Log10(noise/signal)
}

func TestLookaheadIsTheDelayToTheSample(t *testing.T) {
	enc, dec := mustEncoder(t, EncoderOptions{}), mustDecoder(t)
	played := sweep(3 * audio.SampleRate)
	var heard []float32
	for at := 0; at < len(played); at += audio.FrameSamples * 2 {
		data, err := enc.Encode(nil, played[at:at+audio.FrameSamples*2])
		if err != nil {
			t.Fatal(err)
		}
		if heard, err = dec.Decode(heard, audio.Packet{Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	best := 0
	for delay := range 1000 {
		if errorAt(played, heard, delay) < errorAt(played, heard, best) {
			best = delay
		}
	}
	if best != enc.Lookahead() {
		t.Errorf("output trails by %d samples, Lookahead says %d", best, enc.Lookahead())
	}
	if e := errorAt(played, heard, best); e > -20 {
		t.Errorf("error %.1f dB at delay %d, want below -20", e, best)
	}
	t.Logf("delay %d, error %.1f dB", best, errorAt(played, heard, best))
}
