package pipeline

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
)

// TestAHoldLastsAsLongAsAsked fades out and in: the sine of an angle that goes on evenly,
// for as long as was said, beginning within 60 ms.
func TestAHoldLastsAsLongAsAsked(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		for _, fade := range []int64{960, 4800, 24000} {
			synctest.Test(t, func(t *testing.T) {
				k := &track{name: name, base: 10000}
				for range 400 {
					k.lengths = append(k.lengths, frameSamples)
				}
				p := Start(t.Context(), k.stream(Options{Fade: toTime(fade)}))
				defer p.Close()
				var left []float32
				take := func(frames int) (got int) {
					for range frames {
						time.Sleep(20 * time.Millisecond)
						synctest.Wait()
						f, ok := p.Take()
						if !ok {
							continue
						}
						got++
						for pcm := unpack(f.Opus); len(pcm) > 0; pcm = pcm[2:] {
							left = append(left, pcm[0])
						}
					}
					return got
				}
				take(20)
				asked := len(left)
				p.Hold(true)
				if p.Held() {
					t.Error("held before it has faded")
				}
				take(60)
				if out := len(left); !p.Held() || take(10) != 0 || len(left) != out {
					t.Fatalf("fade %d: held: %v", fade, p.Held())
				}
				resumed := len(left)
				p.Hold(false)
				synctest.Wait()
				if take(60) != 60 || p.Held() {
					t.Fatalf("fade %d: it does not go on", fade)
				}
				checkFade(t, k, left[:resumed], asked, fade, func(x float64) float64 { return math.Cos(math.Pi / 2 * x) })
				checkFade(t, k, left, resumed, fade, func(x float64) float64 { return math.Sin(math.Pi / 2 * x) })
			})
		}
	}
}

// checkFade fails unless the gain becomes shape, within 60 ms of sample from on, for so many
// samples.
func checkFade(t *testing.T, k *track, left []float32, from int, fade int64, shape func(x float64) float64) {
	t.Helper()
	gain := func(i int) float64 { return float64(left[i]) / float64(k.at(int64(i))) }
	begin := from
	for start := shape(0); math.Abs(gain(begin)-start) < 1e-6; begin++ {
	}
	if late := begin - from; late > 3*audio.FrameSamples+lookahead+delayed {
		t.Errorf("fade %d: it begins after %d samples", fade, late)
	}
	for i := int64(0); i < fade; i++ {
		if got, want := gain(begin+int(i)), shape(float64(i)/float64(fade)); math.Abs(got-want) > 0.003 {
			t.Fatalf("fade %d: after %d samples it is at %.5f, want %.5f", fade, i, got, want)
		}
	}
	for i := begin + int(fade); i < len(left); i++ {
		if got := gain(i); got != shape(1) && math.Abs(got-shape(1)) > 1e-9 {
			t.Fatalf("fade %d: %d samples after it, it is at %v", fade, i-begin-int(fade), got)
		}
	}
}
