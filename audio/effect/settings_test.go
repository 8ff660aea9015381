package effect

import (
	"math"
	"testing"
)

func TestVolumeInPercentBecomesItsGain(t *testing.T) {
	for _, c := range []struct{ percent, gain float64 }{
		{100, 1}, {50, 0.5}, {200, 2}, {1, 0.01}, {0, 0}, {-3, 0}, {1000, 10},
	} {
		s := Settings{Volume: Percent(c.percent)}
		if got := s.Gain(); math.Abs(got-c.gain) > 1e-12 {
			t.Errorf("%v %%: gain %v, want %v", c.percent, got, c.gain)
		}
		if got, want := s.Neutral(), c.percent == 100; got != want {
			t.Errorf("%v %%: neutral %v, want %v", c.percent, got, want)
		}
	}
	if g := (Settings{Volume: math.NaN()}).Gain(); g != 1 {
		t.Errorf("a volume that is not a number has gain %v, want 1", g)
	}
}

func TestZeroSettingsChangeNothing(t *testing.T) {
	if !(Settings{}).Neutral() || (Settings{}).Gain() != 1 {
		t.Fatal("the zero value must be neutral")
	}
}
