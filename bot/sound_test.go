package bot

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/audio/effect"
	"segue/player"
)

// sound is how the house's music sounds.
func (h *house) sound() player.Sound {
	h.t.Helper()
	s, err := h.reg.Player(h.id()).Sound(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

func TestTheVolumeIsSetShownAndKept(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "The volume is 100 %.", "/volume")
	h.says(alice, "The volume is 80 %.", "/volume", "level", 80) // nothing plays yet
	h.says(alice, "Now playing", "/play", "query", "One")
	h.says(alice, "The volume is 80 %.", "/volume")
	h.says(alice, "The volume is 80 %.\n", "/nowplaying")
	h.says(alice, "The volume is 0 %.", "/volume", "level", 0)
	if v := h.sound().Effects.Volume; !math.IsInf(v, -1) {
		t.Errorf("silence is %v dB", v)
	}
	h.says(alice, "The volume is 200 %.", "/volume", "level", 200)
	h.until("it is kept", func() bool {
		s, err := h.store.Sound(t.Context(), h.id())
		return err == nil && strings.Contains(s, `"volume":2`)
	})
	if _, err := alice.TryType("/volume", "level", 201); err == nil {
		t.Error("Discord offers more than 200 %")
	}
}

func TestOnlyListenersChangeTheSound(t *testing.T) {
	h := live(t)
	alice, bob := h.alice("Lounge"), h.person("bob")
	h.says(alice, "Now playing", "/play", "query", "One")
	for _, c := range [][]any{
		{"/volume", "level", 1},
		{"/effects add", "preset", "nightcore"},
		{"/effects off"},
		{"/equalizer flat"},
		{"/speed", "factor", 2},
		{"/pitch", "semitones", 1},
		{"/levelling", "mode", "off"},
		{"/crossfade", "seconds", 5},
		{"/fade", "milliseconds", 0},
		{"/trim", "on", true},
		{"/seek", "to", "0:10"},
	} {
		h.refuses(bob, "only people who hear the music can change it", c[0].(string), c[1:]...)
	}
	if got := h.sound(); got != player.DefaultSound() {
		t.Errorf("the sound is %+v", got)
	}
	h.says(bob, "The volume is 100 %.", "/volume") // to look is free
	h.says(bob, "No effects", "/effects show")
}

func TestEffectsAreSwitchedOnTogetherAndOff(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "The volume is 50 %.", "/volume", "level", 50)
	h.says(alice, "Effects: **nightcore**.", "/effects add", "preset", "nightcore")
	h.says(alice, "Effects: **bassboost, nightcore**.", "/effects add", "preset", "bassboost")
	h.says(alice, "Effects: **bassboost-high, nightcore**.", "/effects add", "preset", "bassboost-high")
	h.says(alice, "Effects: **bassboost-high, vaporwave**.", "/effects add", "preset", "vaporwave") // both are speeds
	h.says(alice, "Effects: **bassboost-high**.", "/effects off", "preset", "vaporwave")
	h.says(alice, "Effects: **8d**.", "/effects only", "preset", "8d")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.says(alice, "The volume is 50 %.\nEffects: **8d**.\nAsked for by", "/nowplaying")
	h.says(alice, "No effects", "/effects off")
	if got, want := h.sound().Effects, (effect.Settings{Volume: effect.Percent(50)}); got != want {
		t.Errorf("with all off: %+v", got)
	}
	h.says(alice, "Effects: **tremolo**.", "/effects add", "preset", "tremolo")
	h.says(alice, "Speed 1.5, pitch 0 semitones.", "/speed", "factor", 1.5)
	h.says(alice, "Equalizer: 25 Hz +0.50.", "/equalizer band", "band", 0, "gain", 0.5)
	h.says(alice, "Effects: **tremolo, equalizer, timescale**.\nThe volume is 50 %.\nEqualizer: 25 Hz +0.50.\nSpeed 1.5, pitch 0 semitones.\nLevelling is on auto", "/effects show")
}

func TestEffectsInDetail(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "The volume is 50 %.", "/volume", "level", 50)
	h.says(alice, "Effects: **tremolo**.", "/effects custom", "filters", `{"tremolo":{"frequency":3}}`)
	if got, want := h.sound().Effects, (effect.Settings{Volume: effect.Percent(50), Tremolo: effect.Tremolo{On: true, Frequency: 3, Depth: 0.5}}); got != want {
		t.Errorf("got %+v", got)
	}
	h.says(alice, "No effects", "/effects custom", "filters", `{"volume":0.25}`)
	h.says(alice, "The volume is 25 %.", "/volume")
	for filters, want := range map[string]string{
		`tremolo`:                     "no JSON object",
		`[1]`:                         "no JSON object",
		`{"tremolo":{"depth":7}}`:     `**effects.tremolo.depth** cannot be **7**: what works is 0 to 1.`,
		`{"bass*boost":{}}`:           `nothing called **effects.bass\*boost**`,
		`{"volume":9}`:                `**effects.volume** cannot be **9**`,
		`{"equalizer":[{"band":15}]}`: "cannot be",
	} {
		h.refuses(alice, want, "/effects custom", "filters", filters)
	}
}

func TestTheEqualizerByBandAndWhole(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "The equalizer is flat.", "/equalizer show")
	h.says(alice, "Equalizer: 1 kHz +0.25.", "/equalizer band", "band", 8, "gain", 0.25)
	h.says(alice, "Equalizer: 25 Hz -0.10, 1 kHz +0.25.", "/equalizer band", "band", 0, "gain", -0.1)
	h.says(alice, "Equalizer: 1 kHz +0.25.", "/equalizer band", "band", 0, "gain", 0)
	h.says(alice, "Equalizer: 25 Hz +1.00, 16 kHz -0.25.", "/equalizer all", "gains", "1, 0 0 0 0 0 0 0 0 0 0 0 0 0 -0.25")
	h.refuses(alice, "15 numbers", "/equalizer all", "gains", "1 2 3")
	h.refuses(alice, "15 numbers", "/equalizer all", "gains", strings.Repeat("x ", 15))
	h.refuses(alice, "**effects.equalizer\\[0\\].gain** cannot be **2**", "/equalizer all", "gains", "2"+strings.Repeat(" 0", 14))
	h.says(alice, "The equalizer is flat.", "/equalizer flat")
}

func TestSpeedAndPitchAreApart(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Speed 1, pitch 0 semitones.", "/speed")
	h.says(alice, "Speed 1.25, pitch 0 semitones.", "/speed", "factor", 1.25)
	h.says(alice, "Speed 1.25, pitch -2 semitones.", "/pitch", "semitones", -2)
	h.says(alice, "Speed 1, pitch -2 semitones.", "/speed", "factor", 1)
	h.says(alice, "Speed 1, pitch 0 semitones.", "/pitch", "semitones", 0)
	if got := h.sound().Effects; got != (effect.Settings{}) {
		t.Errorf("back at the original: %+v", got)
	}
}

func TestTrackToTrackAsTheGuildWants(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	for _, c := range []struct {
		want    string
		command string
		options []any
	}{
		{"Levelling is on auto", "/levelling", nil},
		{"Levelling is off", "/levelling", []any{"mode", "off"}},
		{"Levelling is on: every track", "/levelling", []any{"mode", "on"}},
		{"without a fade, and without a gap", "/crossfade", nil},
		{"fade into each other for 4.5 s.", "/crossfade", []any{"seconds", 4.5}},
		{"fades for 60 ms", "/fade", nil},
		{"fades for 250 ms", "/fade", []any{"milliseconds", 250}},
		{"without a fade.", "/fade", []any{"milliseconds", 0}},
		{"played whole", "/trim", nil},
		{"is left out", "/trim", []any{"on", true}},
	} {
		h.says(alice, c.want, c.command, c.options...)
	}
	got := h.sound()
	if got.Levelling.String() != "on" || got.Crossfade != 4500*time.Millisecond || got.Fade != 0 || !got.Trim {
		t.Errorf("got %+v", got)
	}
	h.says(alice, "is left out", "/trim")
	h.says(alice, "played whole", "/trim", "on", false)
}

func TestPlacesAreReadAsPeopleWriteThem(t *testing.T) {
	const m, h = time.Minute, time.Hour
	for s, want := range map[string]struct {
		d        time.Duration
		relative bool
	}{
		"0": {}, "+0": {0, true}, "90": {90 * time.Second, false}, "1.5": {1500 * time.Millisecond, false}, "90s": {90 * time.Second, false}, "1:23": {83 * time.Second, false}, "01:02:03": {h + 2*m + 3*time.Second, false},
		"75:00": {75 * m, false}, "0:07.5": {7500 * time.Millisecond, false}, "1m30s": {90 * time.Second, false}, "1m 30s": {90 * time.Second, false}, "2H": {2 * h, false}, "1m": {m, false},
		"+30": {30 * time.Second, true}, "-10": {-10 * time.Second, true}, "−10": {-10 * time.Second, true}, "+ 1:00": {m, true}, "+1m": {m, true},
	} {
		d, relative, ok := parseSeek(s)
		if !ok || d != want.d || relative != want.relative {
			t.Errorf("%q is %v, %v, %v", s, d, relative, ok)
		}
	}
	for _, s := range []string{"", "x", "1:60", "1:2:3:4", "1:-2", "--1", "+-1", "1:", ":", "1.5:00", "1e9", "9999999h", "NaN", "Inf", "1:inf", "0x10:00", "+"} {
		if d, _, ok := parseSeek(s); ok {
			t.Errorf("%q is %v", s, d)
		}
	}
}

// FuzzSeek: whatever is typed is a place within reason, or none.
func FuzzSeek(f *testing.F) {
	for _, s := range []string{"1:23", "+30", "-1m", "90s", "1:02:03.5", "−5", "1e300", "+", "0x1p-2:0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d, relative, ok := parseSeek(s)
		if d > longestSeek || d < -longestSeek || d < 0 && !relative || !ok && d != 0 {
			t.Fatalf("%q is %v, %v, %v", s, d, relative, ok)
		}
	})
}

func TestEveryPresetIsKnownAgain(t *testing.T) {
	for _, p := range effect.Presets() {
		s := effect.Settings{Volume: -3, Distortion: effect.Distortion{On: true, SinScale: 2, CosScale: 1, TanScale: 1, Scale: 1}}
		if err := withPreset(&s, p.Name, true); err != nil {
			t.Fatal(err)
		}
		if got := on(s); !slices.Equal(got, []string{p.Name, "distortion"}) {
			t.Errorf("%s beside distortion is %q", p.Name, got)
		}
		if err := without(&s, p.Name); err != nil || s.Volume != -3 || !slices.Equal(on(s), []string{"distortion"}) {
			t.Errorf("%s taken away leaves %q at %v dB, %v", p.Name, on(s), s.Volume, err)
		}
		if err := withPreset(&s, p.Name, false); err != nil || !slices.Equal(on(s), []string{p.Name}) {
			t.Errorf("%s alone is %q, %v", p.Name, on(s), err)
		}
		want, got := p.Settings, s
		got.Volume = 0
		if got != want.Canonical() {
			t.Errorf("%s is %+v, want %+v", p.Name, got, want)
		}
	}
	var s effect.Settings
	for _, f := range []func(*effect.Settings, string) error{without, func(s *effect.Settings, n string) error { return withPreset(s, n, true) }} {
		if err := f(&s, "loud"); err == nil {
			t.Error("a preset that is none was taken")
		}
	}
}

// FuzzFilters: whatever is pasted makes valid settings, or changes nothing.
func FuzzFilters(f *testing.F) {
	for _, p := range effect.Presets() {
		b, err := json.Marshal(p.Settings)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(b))
	}
	for _, s := range []string{"", "null", "{}", `{"volume":0}`, `{"VOLUME":1}`, `{"echo":null}`, `{"a":{}},"trim":true`, `{"equalizer":[{"band":1}]}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, filters string) {
		was := effect.Settings{Volume: -6, Tremolo: effect.Defaults().Tremolo}
		s := was
		if err := custom(&s, filters); err != nil {
			if s != was {
				t.Fatalf("%q is refused, and yet %+v", filters, s)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("%q: %v", filters, err)
		}
		on(s)
	})
}
