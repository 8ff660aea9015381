package render

import (
	"math"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/effect"
)

// level is the root of the mean square from one time to another, in dB.
func levelOf(pcm []float32, from, to float64) float64 {
	sum, a, b := 0.0, int(from*audio.SampleRate)*2, min(int(to*audio.SampleRate)*2, len(pcm))
	for _, v := range pcm[a:b] {
		sum += float64(v) * float64(v)
	}
	return 10 * math.Log10(sum/float64(b-a)+1e-12)
}

// Echoes sound on after the end, each softer, until nobody hears them.
func TestEchoesAreWrittenToTheirEnd(t *testing.T) {
	in := audiotest.Noise(3, 0.5, 2*audio.SampleRate)
	for _, c := range []struct {
		json        string
		least, most float64 // s
	}{
		{`{"echo":{"delay":400,"feedback":0.5,"mix":0.5}}`, 2 + 8*0.4, 2 + 13*0.4},
		{`{"echo":{"delay":2000,"feedback":0.2,"mix":0.5}}`, 2 + 3*2, 2 + 8.03},
		{`{"echo":{"delay":500,"feedback":0.95,"mix":0.5}}`, 2 + 7.9, 2 + 8.03}, // it would take half a minute
		{`{"reverb":{"mix":0.3,"roomSize":0.6}}`, 2.5, 2 + 5},
		{`{"equalizer":[{"band":3,"gain":0.2}]}`, 2, 2},
		{`{"timescale":{"speed":2},"echo":{"delay":400,"feedback":0.5,"mix":0.5}}`, 1 + 8*0.4, 1 + 13*0.4},
	} {
		pcm := changed(t, in, asked(t, c.json))
		seconds := float64(len(pcm)/2) / audio.SampleRate
		if seconds < c.least || seconds > c.most {
			t.Errorf("%s: %.2f s, want %.2f to %.2f", c.json, seconds, c.least, c.most)
		}
		if seconds > 2.5 && seconds < 9.9 && levelOf(pcm, seconds-0.1, seconds) > -50 {
			t.Errorf("%s: it ends at %.1f dB", c.json, levelOf(pcm, seconds-0.1, seconds))
		}
	}
	pcm := changed(t, in, asked(t, `{"echo":{"delay":400,"feedback":0.5,"mix":0.5}}`))
	for i := range 5 {
		at := 2.05 + 0.4*float64(i)
		if fall := levelOf(pcm, at, at+0.3) - levelOf(pcm, at+0.4, at+0.7); math.Abs(fall-6) > 1 {
			t.Errorf("echo %d is %.1f dB above the next", i, fall)
		}
	}
}

func TestAPartHasNoEchoesBeyondItsEnd(t *testing.T) {
	in := wavOf(t, audiotest.Noise(3, 0.5, 3*audio.SampleRate))
	echo := effect.Settings{Echo: effect.Defaults().Echo}
	if _, s := rendered(t, media(in), Options{To: 2 * time.Second, Settings: echo, Pipeline: quick}, asOgg); s.Seconds != 2 {
		t.Errorf("%v s", s.Seconds)
	}
}
