package levelling_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/levelling"
)

// at is a level told, with a peak in dBTP or none.
func at(lufs float64, peak ...float64) levelling.Level {
	l := levelling.Level{Told: true, LUFS: lufs}
	if len(peak) > 0 {
		l.Peak = math.Pow(10, peak[0]/20)
	}
	return l
}

func with(change func(r *levelling.Rules)) levelling.Rules {
	r := levelling.Defaults()
	change(&r)
	return r
}

func TestDecide(t *testing.T) {
	auto := levelling.Defaults()
	off := with(func(r *levelling.Rules) { r.Mode = levelling.Off })
	on := with(func(r *levelling.Rules) { r.Mode = levelling.On })
	album := with(func(r *levelling.Rules) { r.Album = true })
	quietly := with(func(r *levelling.Rules) { r.Target, r.Mode = -23, levelling.On })
	never := with(func(r *levelling.Rules) { r.MaxBoost = 0 })
	pure := with(func(r *levelling.Rules) { r.MaxLimiting, r.Mode = 0, levelling.On })
	nan, inf := math.NaN(), math.Inf(1)

	for _, c := range []struct {
		name  string
		rules levelling.Rules
		piece levelling.Piece
		want  levelling.Decision
	}{
		{"nothing is known", on, levelling.Piece{}, levelling.Decision{}},
		{"off", off, levelling.Piece{Track: at(-5)}, levelling.Decision{}},

		{"at the target", auto, levelling.Piece{Track: at(-14)}, levelling.Decision{By: levelling.Track}},
		{"3 dB too loud, just left alone", auto, levelling.Piece{Track: at(-11)}, levelling.Decision{By: levelling.Track}},
		{"3 dB too soft, just left alone", auto, levelling.Piece{Track: at(-17, -20)}, levelling.Decision{By: levelling.Track}},
		{"louder than that goes to the target", auto, levelling.Piece{Track: at(-10.9)}, levelling.Decision{DB: -3.1, By: levelling.Track}},
		{"softer than that too", auto, levelling.Piece{Track: at(-17.1, -9)}, levelling.Decision{DB: 3.1, By: levelling.Track}},
		{"on: within 3 dB too", on, levelling.Piece{Track: at(-13)}, levelling.Decision{DB: -1, By: levelling.Track}},
		{"on: but not what no meter is sure of", on, levelling.Piece{Track: at(-13.91)}, levelling.Decision{By: levelling.Track}},
		{"another target", quietly, levelling.Piece{Track: at(-14)}, levelling.Decision{DB: -9, By: levelling.Track}},

		{"no more than the most", auto, levelling.Piece{Track: at(-40, -40)}, levelling.Decision{DB: 12, By: levelling.Track, Short: 14}},
		{"no more than the limiter may take", auto, levelling.Piece{Track: at(-24, -3)}, levelling.Decision{DB: 6, By: levelling.Track, Short: 4}},
		{"an unknown peak is at full scale", auto, levelling.Piece{Track: at(-24)}, levelling.Decision{DB: 3, By: levelling.Track, Short: 7}},
		{"a peak above full scale", auto, levelling.Piece{Track: at(-24, 2.5)}, levelling.Decision{By: levelling.Track, Short: 10}},
		{"a peak so high that nothing is left", on, levelling.Piece{Track: at(-24, 6)}, levelling.Decision{By: levelling.Track, Short: 10}},
		{"auto: less than 1 dB is not worth it", auto, levelling.Piece{Track: at(-18, 2.1)}, levelling.Decision{By: levelling.Track, Short: 4}},
		{"on: it is", on, levelling.Piece{Track: at(-18, 2.1)}, levelling.Decision{DB: 0.9, By: levelling.Track, Short: 3.1}},
		{"boosting nothing", never, levelling.Piece{Track: at(-24, -20)}, levelling.Decision{By: levelling.Track, Short: 10}},
		{"limiting nothing", pure, levelling.Piece{Track: at(-24, -3)}, levelling.Decision{DB: 2, By: levelling.Track, Short: 8}},
		{"softer whatever the peak is", never, levelling.Piece{Track: at(-4, 9)}, levelling.Decision{DB: -10, By: levelling.Track}},

		{"measured counts before what is told", auto, levelling.Piece{Measured: at(-8), Track: at(-20), Album: at(-20), Service: at(-20)}, levelling.Decision{DB: -6, By: levelling.Measured}},
		{"the track before the service", auto, levelling.Piece{Track: at(-8), Service: at(-20)}, levelling.Decision{DB: -6, By: levelling.Track}},
		{"the service before nothing", auto, levelling.Piece{Service: at(-8)}, levelling.Decision{DB: -6, By: levelling.Service}},
		{"no album unless asked for", auto, levelling.Piece{Album: at(-8)}, levelling.Decision{}},
		{"the album if asked for", album, levelling.Piece{Measured: at(-14), Track: at(-14), Album: at(-8)}, levelling.Decision{DB: -6, By: levelling.Album}},
		{"the track where no album is", album, levelling.Piece{Track: at(-8)}, levelling.Decision{DB: -6, By: levelling.Track}},
		{"the album's peak, not its piece's", album, levelling.Piece{Track: at(-24, -20), Album: at(-24)}, levelling.Decision{DB: 3, By: levelling.Album, Short: 7}},
		{"the peak of another who tells", auto, levelling.Piece{Service: at(-24), Track: levelling.Level{Told: true, LUFS: nan, Peak: 0.1}}, levelling.Decision{DB: 10, By: levelling.Service}},

		{"what cannot be is not believed", on, levelling.Piece{Measured: at(nan), Track: at(40), Album: at(inf), Service: at(-300)}, levelling.Decision{}},
		{"nor a peak that cannot be", auto, levelling.Piece{Track: levelling.Level{Told: true, LUFS: -24, Peak: inf}}, levelling.Decision{DB: 3, By: levelling.Track, Short: 7}},
	} {
		got := levelling.Decide(c.rules, c.piece)
		if math.Abs(got.DB-c.want.DB) > 1e-9 || c.want.DB == 0 && got.DB != 0 || got.By != c.want.By || math.Abs(got.Short-c.want.Short) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// Whatever is told, no decision asks for what the rules do not allow.
func FuzzDecide(f *testing.F) {
	f.Add(uint8(0), true, -14.0, 3.0, 12.0, 4.0, -8.0, 1.0, -20.0, 0.0)
	f.Add(uint8(2), false, -30.0, 0.0, 24.0, 12.0, math.NaN(), math.Inf(1), math.Inf(-1), -1.0)
	f.Fuzz(func(t *testing.T, mode uint8, album bool, target, tolerance, boost, limiting, lufs, peak, other, otherPeak float64) {
		r := levelling.Rules{Mode: levelling.Mode(mode), Album: album, Target: target, Tolerance: tolerance, MaxBoost: boost, MaxLimiting: limiting}
		if r.Validate() != nil {
			return
		}
		d := levelling.Decide(r, levelling.Piece{Measured: levelling.Level{Told: true, LUFS: lufs, Peak: peak}, Album: levelling.Level{Told: album, LUFS: other, Peak: otherPeak}})
		if !(d.DB >= -40 && d.DB <= r.MaxBoost) || !(d.Short >= 0) || d.DB != 0 && (d.By == levelling.Nothing || r.Mode == levelling.Off) {
			t.Errorf("%+v gives %+v", r, d)
		}
		p := peak
		if d.By == levelling.Album {
			p = otherPeak
		}
		if d.DB > 0 && p > 0 && p <= 1e3 && 20*math.Log10(p)+d.DB > -1+r.MaxLimiting+1e-9 {
			t.Errorf("a peak of %v is raised by %v dB", p, d.DB)
		}
	})
}

func TestLevelsOfWhatOthersTell(t *testing.T) {
	for _, c := range []struct{ got, want levelling.Level }{
		{levelling.FromGain(audio.Gain{}), levelling.Level{LUFS: -18}},
		{levelling.FromGain(audio.Gain{Told: true, DB: -7.5, Peak: 0.5}), levelling.Level{Told: true, LUFS: -10.5, Peak: 0.5}},
		{levelling.FromRelative(6.25, levelling.YouTube), levelling.Level{Told: true, LUFS: -7.75}},
	} {
		if c.got.Told != c.want.Told || c.got.Told && c.got != c.want {
			t.Errorf("%+v, want %+v", c.got, c.want)
		}
	}
}

func TestRulesOutOfRangeAreNamed(t *testing.T) {
	if err := levelling.Defaults().Validate(); err != nil {
		t.Error(err)
	}
	for want, r := range map[string]levelling.Rules{
		"target is 0, not from -30 to -6":  {},
		"target is NaN":                    with(func(r *levelling.Rules) { r.Target = math.NaN() }),
		"tolerance is -1, not from 0 to":   with(func(r *levelling.Rules) { r.Tolerance = -1 }),
		"maxBoost is 30, not from 0 to 24": with(func(r *levelling.Rules) { r.MaxBoost = 30 }),
		"maxLimiting is 13":                with(func(r *levelling.Rules) { r.MaxLimiting = 13 }),
		"mode 7 is none of auto":           with(func(r *levelling.Rules) { r.Mode = 7 }),
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", r, err, want)
		}
	}
}

func TestModesAreWords(t *testing.T) {
	for m, word := range map[levelling.Mode]string{levelling.Auto: `"auto"`, levelling.Off: `"off"`, levelling.On: `"on"`} {
		b, err := json.Marshal(m)
		if err != nil || string(b) != word {
			t.Errorf("%v is written as %s, %v", m, b, err)
		}
		back := levelling.Mode(9)
		if err := json.Unmarshal(b, &back); err != nil || back != m {
			t.Errorf("%s is read as %v, %v", b, back, err)
		}
	}
	var m levelling.Mode
	if err := json.Unmarshal([]byte(`"loud"`), &m); err == nil {
		t.Error("any word is a mode")
	}
	if _, err := json.Marshal(levelling.Mode(9)); err == nil {
		t.Error("any number is a mode")
	}
}

func ExampleDecide() {
	rules := levelling.Defaults()
	tags := audio.Gain{Told: true, DB: -9.5, Peak: 1.05} // a modern record: -8.5 LUFS
	loud := levelling.Decide(rules, levelling.Piece{Track: levelling.FromGain(tags)})
	near := levelling.Decide(rules, levelling.Piece{Service: levelling.FromRelative(-2, levelling.YouTube)})
	fmt.Println(loud.DB, near.DB)
	// Output: -5.5 0
}
