package effect

import (
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func parse(t testing.TB, text string) (s Settings) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return s
}

func TestLavalinksFiltersAreRead(t *testing.T) {
	d := Defaults()
	for text, want := range map[string]Settings{
		`{}`:             {},
		`null`:           {},
		`{"volume":1.0}`: {},
		`{"volume":0.5}`: {Volume: Percent(50)},
		`{"volume":0}`:   {Volume: math.Inf(-1)},
		`{"equalizer":[{"band":0,"gain":0.2},{"band":14,"gain":-0.25}]}`: {Equalizer: Equalizer{0: 0.2, 14: -0.25}},
		`{"equalizer":[{"band":3}]}`:                                     {Equalizer: Equalizer{3: 1}},
		`{"equalizer":[]}`:                                               {},
		`{"karaoke":{}}`:                                                 {Karaoke: Karaoke{true, 1, 1, 220, 100}},
		`{"karaoke":null,"timescale":null,"volume":null,"equalizer":null,"pluginFilters":null}`: {},
		`{"timescale":{"speed":1.2}}`:                               {Timescale: Timescale{true, 1.2, 1, 1}},
		`{"timescale":{}}`:                                          {},
		`{"tremolo":{}}`:                                            {Tremolo: Tremolo{true, 2, 0.5}},
		`{"tremolo":{"depth":0}}`:                                   {},
		`{"vibrato":{"frequency":14,"depth":1}}`:                    {Vibrato: Vibrato{true, 14, 1}},
		`{"vibrato":{"depth":null}}`:                                {Vibrato: Vibrato{true, 2, 0.5}},
		`{"rotation":{}}`:                                           {},
		`{"rotation":{"rotationHz":0.2}}`:                           {Rotation: Rotation{true, 0.2}},
		`{"distortion":{}}`:                                         {},
		`{"distortion":{"tanScale":2}}`:                             {Distortion: Distortion{On: true, SinScale: 1, CosScale: 1, TanScale: 2, Scale: 1}},
		`{"channelMix":{}}`:                                         {},
		`{"channelMix":{"leftToLeft":0,"rightToRight":0}}`:          {ChannelMix: ChannelMix{On: true}},
		`{"lowPass":{}}`:                                            {LowPass: LowPass{true, 20}},
		`{"lowPass":{"smoothing":1}}`:                               {},
		`{"LOWPASS":{"SMOOTHING":3}}`:                               {LowPass: LowPass{true, 3}},
		`{"highPass":{}}`:                                           {HighPass: d.HighPass},
		`{"echo":{"delay":300,"feedback":0.2,"mix":0.5}}`:           {Echo: Echo{true, 300, 0.2, 0.5}},
		`{"reverb":{}}`:                                             {Reverb: Reverb{true, 0.5, 0.5, 0.5, 1}},
		`{"chorus":{"delay":45}}`:                                   {Chorus: Chorus{true, 1.5, 0.5, 45, 0.5, 0}},
		`{"compressor":{}}`:                                         {Compressor: Compressor{true, -24, 4, 0.01, 0.1, 0}},
		`{"normalization":{"maxAmplitude":0.6,"adaptive":false}}`:   {Normalization: Normalization{true, 0.6, false}},
		`{"pluginFilters":{},"volume":5,"tremolo":{"frequency":9}}`: {Volume: Percent(500), Tremolo: Tremolo{true, 9, 0.5}},
	} {
		if got := parse(t, text); got != want {
			t.Errorf("%s is %+v, want %+v", text, got, want)
		}
	}
}

func TestWhatIsWrongIsNamed(t *testing.T) {
	for text, want := range map[string]string{
		`[]`:                                     `filters is [], want an object`,
		`7`:                                      `filters is 7, want an object`,
		`{"volume":5.1}`:                         `volume is 5.1, want 0 to 5`,
		`{"volume":-1}`:                          `volume is -1, want 0 to 5`,
		`{"volume":"loud"}`:                      `volume is "loud", want 0 to 5`,
		`{"flanger":{}}`:                         `flanger: there is no such effect`,
		`{"flanger":null}`:                       `flanger: there is no such effect`,
		`{"pluginFilters":{"high-pass":{}}}`:     `pluginFilters.high-pass: there is no such effect`,
		`{"tremolo":{"speed":1}}`:                `tremolo.speed: there is no such field`,
		`{"tremolo":{"depth":1.5}}`:              `tremolo.depth is 1.5, want 0 to 1`,
		`{"tremolo":{"frequency":0}}`:            `tremolo.frequency is 0, want above 0, up to 24000`,
		`{"tremolo":{"frequency":"2"}}`:          `tremolo.frequency is "2", want above 0, up to 24000`,
		`{"tremolo":[]}`:                         `tremolo is [], want an object`,
		`{"tremolo":true}`:                       `tremolo is true, want an object`,
		`{"vibrato":{"frequency":14.5}}`:         `vibrato.frequency is 14.5, want above 0, up to 14`,
		`{"channelMix":{"leftToLeft":-0.1}}`:     `channelMix.leftToLeft is -0.1, want 0 to 1`,
		`{"timescale":{"speed":0}}`:              `timescale.speed is 0, want 0.1 to 10`,
		`{"timescale":{"speed":5,"pitch":0.2}}`:  `timescale.speed/pitch is 25, want 0.1 to 10`,
		`{"timescale":{"rate":5,"pitch":4}}`:     `timescale.rate*pitch is 20, want 0.1 to 10`,
		`{"equalizer":{}}`:                       `equalizer is {}, want a list of bands`,
		`{"equalizer":[{"band":15,"gain":0}]}`:   `equalizer[0].band is 15, want 0 to 14`,
		`{"equalizer":[{"gain":0.1}]}`:           `equalizer[0].band is -1, want 0 to 14`,
		`{"equalizer":[{"band":1.5}]}`:           `equalizer[0].band is 1.5, want 0 to 14`,
		`{"equalizer":[{"band":0,"gain":1.01}]}`: `equalizer[0].gain is 1.01, want -0.25 to 1`,
		`{"equalizer":[{"band":0,"q":1}]}`:       `equalizer[0].q: there is no such field`,
		`{"equalizer":[null]}`:                   `equalizer[0] is null, want an object`,
		`{"normalization":{"adaptive":1}}`:       `normalization.adaptive is 1, want true or false`,
		`{"normalization":{"maxAmplitude":0}}`:   `normalization.maxAmplitude is 0, want above 0, up to 1`,
		`{"echo":{"delay":2001}}`:                `echo.delay is 2001, want above 0, up to 2000`,
		`{"reverb":{"roomSize":2},"x":1}`:        `x: there is no such effect`,
	} {
		s := Settings{Volume: -3}
		err := json.Unmarshal([]byte(text), &s)
		var bad *Invalid
		if !errors.As(err, &bad) {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !slices.ContainsFunc(bad.Problems, func(p Problem) bool { return p.String() == want }) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
		if s != (Settings{Volume: -3}) {
			t.Errorf("%s: the settings were changed", text)
		}
	}
}

func TestAllProblemsAreToldAtOnce(t *testing.T) {
	var s Settings
	err := json.Unmarshal([]byte(`{"tremolo":{"depth":"x","what":1},"nothing":{},"equalizer":[{"band":99}]}`), &s)
	var bad *Invalid
	if !errors.As(err, &bad) || len(bad.Problems) != 4 {
		t.Fatalf("%v", err)
	}
	if want := "effects: "; !strings.HasPrefix(err.Error(), want) || strings.Count(err.Error(), "; ") != 3 {
		t.Errorf("%q", err)
	}
	many := `{"equalizer":[` + strings.Repeat(`{"band":-1},`, 500) + `{"band":0}]}`
	if err := json.Unmarshal([]byte(many), &s); !errors.As(err, &bad) || len(bad.Problems) != mostProblems {
		t.Errorf("%d problems are told", len(bad.Problems))
	}
}

func TestValidateNamesFieldValueAndRange(t *testing.T) {
	s := Settings{Volume: 20, Equalizer: Equalizer{2: -0.3}, Tremolo: Tremolo{true, 1, math.NaN()}, Echo: Echo{Delay: -5}}
	var bad *Invalid
	if err := s.Validate(); !errors.As(err, &bad) {
		t.Fatal(err)
	}
	want := []Problem{
		{"volume", "10", "0 to 5"},
		{"equalizer[2].gain", "-0.3", "-0.25 to 1"},
		{"tremolo.depth", "NaN", "0 to 1"},
	}
	if !slices.Equal(bad.Problems, want) {
		t.Errorf("%+v", bad.Problems)
	}
	if err := Defaults().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	if _, err := json.Marshal(s); err == nil {
		t.Error("a number that is none was written")
	}
}

func TestJSONComesBackAsItWas(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	for range 300 {
		s := random(rnd)
		if s.Validate() != nil {
			continue
		}
		if rnd.IntN(2) == 0 {
			s.Volume = Percent(float64(rnd.IntN(501)))
		}
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := parse(t, string(b)); got != s.Canonical() {
			t.Fatalf("%s\nis  %+v\nwas %+v", b, got, s.Canonical())
		}
	}
	b, err := json.Marshal(Settings{Volume: Percent(80), Equalizer: Equalizer{1: 0.2}, Rotation: Rotation{true, 0.25}})
	if want := `{"volume":0.8,"equalizer":[{"band":1,"gain":0.2}],"rotation":{"rotationHz":0.25}}`; err != nil || string(b) != want {
		t.Errorf("%s, %v, want %s", b, err, want)
	}
}

func TestCanonicalSettingsOfSilenceAndNothing(t *testing.T) {
	if !(Settings{Tremolo: Tremolo{Frequency: 3}}).Neutral() {
		t.Error("an effect that is off is not neutral")
	}
	if (Settings{ChannelMix: ChannelMix{On: true}}).Neutral() {
		t.Error("silence is neutral")
	}
	for name, s := range each() {
		if s.Neutral() {
			t.Errorf("%s is neutral", name)
		}
	}
	for i := range filters {
		f := &filters[i]
		var s Settings
		f.defaults(&s)
		if s.Neutral() != (s.Canonical() == Settings{}) {
			t.Errorf("%s: neutral %v, %+v", f.name, s.Neutral(), s.Canonical())
		}
	}
	d := Defaults()
	if d.Neutral() || d.Timescale != (Timescale{true, 1, 1, 1}) {
		t.Errorf("defaults: %+v", d)
	}
}

func TestPresetsAreGoodAndDifferent(t *testing.T) {
	seen := map[Settings]string{}
	for _, p := range Presets() {
		if err := p.Settings.Validate(); err != nil || p.Settings.Neutral() || p.Settings != p.Settings.Canonical() {
			t.Errorf("%s: %v", p.Name, err)
		}
		if other, ok := seen[p.Settings]; ok {
			t.Errorf("%s is %s", p.Name, other)
		}
		seen[p.Settings] = p.Name
	}
	for _, name := range []string{"bassboost", "nightcore", "vaporwave", "8d", "karaoke"} {
		if !slices.ContainsFunc(Presets(), func(p Preset) bool { return p.Name == name }) {
			t.Errorf("there is no %s", name)
		}
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		`{"volume":1.0,"equalizer":[{"band":0,"gain":0.2}],"karaoke":{"level":1.0,"monoLevel":1.0,"filterBand":220.0,"filterWidth":100.0}}`,
		`{"timescale":{"speed":1.2,"pitch":0.9,"rate":1e0},"pluginFilters":{}}`,
		`{"normalization":{"maxAmplitude":0.5,"adaptive":false},"echo":null}`,
		`{"volume":1e999}`, `[]`, `null`, `{"equalizer":[{"band":1e300}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s Settings
		if s.UnmarshalJSON(b) != nil {
			if s != (Settings{}) {
				t.Fatalf("refused, and %+v", s)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("%s was taken: %v", b, err)
		}
		again, err := s.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var back Settings
		if err := back.UnmarshalJSON(again); err != nil || back != s {
			t.Fatalf("%s gives %s, which gives %+v, %v, not %+v", b, again, back, err, s)
		}
	})
}
