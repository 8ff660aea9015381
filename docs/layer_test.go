package docs_test

import (
	"testing"
	"testing/synctest"

	"segue/audio/audiotest"
	"segue/audio/pipeline"
)

func layersPicture(t *testing.T) *picture {
	p := newPicture(860, 430, "An announcement over the music: the gains of both, and which frames pass, as measured")
	const duck, long = 12, 8 * second / 10
	frames := over(t, (&wave{onlyIn(0, ones(0.5, 5*second/2))}).stream(), (&wave{onlyIn(1, ones(0.5, long))}).stream(), duck)
	out := unpacked(frames)
	q := p.plot(60, 30, 560, 220, "An announcement of 0.8 s, with the music 12 dB softer", seconds(2.4, 0.4), axis{to: 1, ticks: between(0, 1, 0.25), label: "gain"})
	for i, class := range []string{"c0", "c1"} {
		at, y := every(480, channel(out, i))
		for k := range y {
			y[k] /= 0.5
		}
		q.curve(class, at, y)
	}
	p.legend(630, 60, [2]string{"c0", "the music"}, [2]string{"c1", "the announcement"})

	music := coded(t, audiotest.Music(5*second/2))
	frames = over(t, music.stream(), (&wave{audiotest.Sine(880, 0.2, long)}).stream(), duck)
	p.text(60, 325, "start", "head", "Which frames pass, where the music is Opus")
	p.strip(340, frames, func(data []byte) string {
		if music.number(data) < 0 {
			return ""
		}
		return "of the music"
	})
	p.text(60, 415, "start", "small", "Numbers of frames of 20 ms. Blue passes; orange is encoded.")
	return p
}

// over is what is sent of the music when something is laid over it after 20 frames.
func over(t *testing.T, music, layer *pipeline.Stream, duck float64) (frames [][]byte) {
	synctest.Test(t, func(t *testing.T) {
		p := pipeline.Start(t.Context(), music)
		for n := 0; !p.Ended(); n++ {
			synctest.Wait()
			if f, ok := p.Take(); ok {
				frames = append(frames, f.Opus)
			}
			if n == 20 {
				synctest.Wait() // the next frame has been made: the one after it is the first
				if _, ok := p.Overlay(layer, duck); !ok {
					t.Error("nothing can be laid over the music")
				}
			}
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return frames
}
