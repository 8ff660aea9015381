package pipeline

import (
	"math"
	"reflect"
	"testing"

	"segue/audio"
	"segue/audio/effect"
)

// alone are all effects there are, each of them by itself, by name.
func alone() map[string]effect.Settings {
	all := map[string]effect.Settings{"volume": {Volume: -6}, "equalizer": {Equalizer: effect.Equalizer{0.2, 0.1, 0, -0.1, 0.2}}}
	defaults := reflect.ValueOf(effect.Defaults())
	for i := range defaults.NumField() {
		name := defaults.Type().Field(i).Name
		if name == "Volume" || name == "Equalizer" {
			continue
		}
		var s effect.Settings
		field := reflect.ValueOf(&s).Elem().Field(i)
		field.Set(defaults.Field(i))
		field.FieldByName("On").SetBool(true)
		all[name] = s
	}
	all["Timescale"] = effect.Settings{Timescale: effect.Timescale{On: true, Speed: 1.1, Pitch: 1.05, Rate: 1}}
	all["Distortion"] = effect.Settings{Distortion: effect.Distortion{On: true, SinScale: 1, CosScale: 1, TanScale: 1, Scale: 0.7, Offset: 0.01}}
	all["ChannelMix"] = effect.Settings{ChannelMix: effect.ChannelMix{On: true, LeftToRight: 1, RightToLeft: 1}}
	all["Rotation"] = effect.Settings{Rotation: effect.Rotation{On: true, RotationHz: 0.5}}
	return all
}

// bend is the most that pcm bends anywhere: a click does, more than music without attacks.
func bend(pcm []float32) (most float64) {
	for i := 3 * audio.Channels; i < len(pcm); i++ {
		d := float64(pcm[i]) - 3*float64(pcm[i-2]) + 3*float64(pcm[i-4]) - float64(pcm[i-6])
		most = max(most, math.Abs(d))
	}
	return most
}

// TestNoEffectClicks switches each effect on and off in the middle of steady tones, all
// the way through our encoder and one decoder that is never reset. What is heard may
// bend no more than the tones do with and without the effect.
func TestNoEffectClicks(t *testing.T) {
	file := encoded(t, organ(4*audio.SampleRate))
	open := func() *Stream {
		f := *file
		return New(&f, nothing{}, Options{Encoder: opusEncoder})
	}
	middle := func(pcm []float32) []float32 { // codecs are warm by then, and it does not end yet
		return pcm[20*frameLen : len(pcm)-8*frameLen]
	}
	dry, _ := listen(t, open(), always(neutral))
	for name, e := range alone() {
		if raced && len(name)%3 != 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wet, _ := listen(t, open(), always(e))
			got, modes := listen(t, open(), func(i int) effect.Settings {
				if i > 30 && i/17%2 == 1 {
					return e
				}
				return neutral
			})
			most := 1.5 * max(bend(middle(dry)), bend(middle(wet)))
			t.Logf("%.5f, of at most %.5f (%s)", bend(middle(got)), most, modes)
			if b := bend(middle(got)); b > most {
				t.Errorf("it bends by %.5f, the tones by %.5f without the effect, by %.5f with it", b, bend(middle(dry)), bend(middle(wet)))
			}
		})
	}
}
