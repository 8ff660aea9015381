package meter_test

import (
	"math"
	"slices"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/meter"
)

const second = audio.SampleRate

func scaled(pcm []float32, g float32) []float32 {
	out := slices.Clone(pcm)
	for i := range out {
		out[i] *= g
	}
	return out
}

func mixed(a, b []float32) []float32 {
	out := slices.Clone(a)
	for i := range out {
		out[i] += b[i]
	}
	return out
}

func silence(n int) []float32 { return make([]float32, n*audio.Channels) }

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within {
		t.Errorf("%s is %v, want %v within %v", what, got, want, within)
	}
}

func TestCompareFindsShiftGainAndError(t *testing.T) {
	ref := audiotest.Music(3 * second)
	for _, shift := range []int{0, 1, -960, 4321, -9000} {
		got := scaled(ref, 0.5)
		if shift >= 0 {
			got = append(silence(shift), got...)
		} else {
			got = got[-shift*audio.Channels:]
		}
		m := meter.Compare(ref, got, 10000)
		if m.Shift != shift {
			t.Errorf("shift %d, want %d", m.Shift, shift)
		}
		near(t, "gain", m.Gain, 0.5, 1e-6)
		near(t, "error", m.ErrorDB, -6.02, 0.01)
		if m.FitDB > -100 {
			t.Errorf("error after the fit is %v dB", m.FitDB)
		}
	}
}

func TestErrorIsTheNoisesLevel(t *testing.T) {
	ref := audiotest.Sine(440, 0.5, second) // power 1/8
	noise := audiotest.Noise(1, 0.01, second)
	want := 10 * math.Log10(0.01*0.01/3/0.125)
	near(t, "error", meter.Error(ref, mixed(ref, noise), 0), want, 0.1)
	if e := meter.Error(ref, ref, 0); e > -250 {
		t.Errorf("the same has an error of %v dB", e)
	}
	if e := meter.Error(silence(10), audiotest.Noise(1, 1, 10), 0); e < 200 {
		t.Errorf("noise in the place of silence has an error of %v dB", e)
	}
}

func TestWorstPointsAtTheDamage(t *testing.T) {
	ref := audiotest.Music(second)
	got := slices.Clone(ref)
	clear(got[2*20000 : 2*20240])
	db, at := meter.Worst(ref, got, 0, 240)
	near(t, "worst", db, 0, 0.2)
	if at < 19900 || at > 20100 {
		t.Errorf("found at %d, want 20000", at)
	}
	db, at = meter.Worst(ref, append(silence(100), got...), 100, 240)
	if near(t, "worst of a late one", db, 0, 0.2); at < 19900 || at > 20100 {
		t.Errorf("found at %d, want 20000", at)
	}
	db, at = meter.Worst(ref, got[2*1000:], -1000, 240)
	if near(t, "worst of an early one", db, 0, 0.2); at < 19900 || at > 20100 {
		t.Errorf("found at %d, want 20000", at)
	}
	if _, at := meter.Worst(silence(2000), silence(2000), 0, 240); at != -1 {
		t.Errorf("silence has its worst place at %d", at)
	}
}

func TestSettlesSaysHowLongItIsBad(t *testing.T) {
	ref := audiotest.Music(second)
	got := slices.Clone(ref)
	for i := 2 * 9600; i < 2*9600+2*2400; i++ {
		got[i] *= 0.5
	}
	if n := meter.Settles(ref, got, 9600, -20); n < 2000 || n > 2400+960 {
		t.Errorf("settles after %d, want about 2400", n)
	}
	if n := meter.Settles(ref, ref, 0, -20); n != 0 {
		t.Errorf("the same settles after %d", n)
	}
}

func TestToneIsFoundExactly(t *testing.T) {
	for _, hz := range []float64{110, 440, 997.3, 4186.01, 12000.25} {
		tone := meter.Loudest(audiotest.Sine(hz, 0.25, 2*second))
		near(t, "frequency", tone.Hz, hz, 0.01)
		near(t, "level", tone.LevelDB, -12.04, 0.01)
		if tone.RestDB > -100 {
			t.Errorf("%v Hz: rest %v dB", hz, tone.RestDB)
		}
	}
	noisy := mixed(audiotest.Sine(1000, 0.5, second), audiotest.Noise(3, 0.05, second))
	tone := meter.Loudest(noisy)
	near(t, "frequency in noise", tone.Hz, 1000, 0.1)
	// Half the noise's power is left where two channels are added.
	near(t, "noise", tone.RestDB, 10*math.Log10(0.05*0.05/3/2/0.125), 0.5)
	if (meter.Loudest(silence(10)) != meter.Tone{}) {
		t.Error("ten samples have a tone")
	}
}

func TestBreaksAreFoundAndNamed(t *testing.T) {
	for name, ref := range map[string][]float32{
		"sweep": audiotest.Sweep(100, 8000, 0.5, 3*second),
		"music": audiotest.Music(3 * second),
	} {
		cut := func(a, b int) []float32 { return slices.Clone(ref[2*a : 2*b]) }
		all := len(ref) / 2
		for _, c := range []struct {
			what string
			got  []float32
			want []meter.Break
		}{
			{"whole", ref, nil},
			{"skips 100 ms", append(cut(0, 48000), cut(52800, all)...), []meter.Break{{meter.Skipped, 48000, 4800}}},
			{"repeats 20 ms", append(cut(0, 70000), cut(69040, all)...), []meter.Break{{meter.Again, 70000, 960}}},
			{"a hole", append(append(cut(0, 48000), silence(4800)...), cut(52800, all)...), []meter.Break{{meter.Hole, 48000, 4800}}},
			{"something else", append(append(cut(0, 48000), audiotest.Noise(5, 0.5, 1920)...), cut(49920, all)...), []meter.Break{{meter.Other, 48000, 1920}}},
		} {
			found := meter.Breaks(ref, c.got, 0, -6, 5000)
			if len(found) != len(c.want) {
				t.Errorf("%s, %s: %v, want %v", name, c.what, found, c.want)
				continue
			}
			for i, b := range found {
				w := c.want[i]
				if b.Kind != w.Kind || b.Length != w.Length || b.At > w.At+960 || b.At < w.At-960 {
					t.Errorf("%s, %s: %v, want %v", name, c.what, b, w)
				}
			}
		}
	}
}

func TestBreaksFollowALateRecording(t *testing.T) {
	ref := audiotest.Music(second)
	late := append(silence(500), ref...)
	if found := meter.Breaks(ref, late, 500, -6, 960); len(found) != 0 {
		t.Errorf("%v", found)
	}
	if found := meter.Breaks(ref, ref[2*700:], -700, -6, 960); len(found) != 0 {
		t.Errorf("%v", found)
	}
}

func TestABreakReadsWell(t *testing.T) {
	b := meter.Break{Kind: meter.Hole, At: 4800, Length: 960}
	if got := b.String(); got != "hole of 20.0 ms at 100.0 ms" {
		t.Errorf("%q", got)
	}
	for k, want := range []string{"hole", "skipped", "again", "other"} {
		if got := meter.Kind(k).String(); !strings.EqualFold(got, want) {
			t.Errorf("%q", got)
		}
	}
}
