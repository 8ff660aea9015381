package player_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/music"
	"segue/player"
)

func TestASoundGoesThroughJSON(t *testing.T) {
	loud := player.Sound{
		Effects:   effect.Settings{Volume: effect.Percent(80), Tremolo: effect.Tremolo{On: true, Frequency: 4, Depth: 0.75}},
		Levelling: levelling.On, Crossfade: 3500 * time.Millisecond, Fade: 250 * time.Millisecond, Trim: true,
	}
	for _, want := range []player.Sound{{}, player.DefaultSound(), loud, {Effects: effect.Settings{Volume: math.Inf(-1)}, Crossfade: player.MaxCrossfade, Fade: player.MaxFade}} {
		b, err := json.Marshal(want)
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		got := player.Sound{Trim: true, Crossfade: time.Second}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		if d := got.Effects.Volume - want.Effects.Volume; math.Abs(d) < 1e-9 {
			got.Effects.Volume = want.Effects.Volume // a factor in JSON, dB here
		}
		if got != want {
			t.Errorf("%s is %+v, want %+v", b, got, want)
		}
	}
	var s player.Sound
	if err := json.Unmarshal([]byte(`{}`), &s); err != nil || s != player.DefaultSound() {
		t.Errorf("nothing said is %+v, %v", s, err)
	}
}

func TestASoundThatCannotBeIsRefusedByFieldValueAndRange(t *testing.T) {
	for text, want := range map[string][3]any{
		`{"crossfade":12.5}`:                  {"crossfade", "12.5", "0 to 12 s"},
		`{"crossfade":-1}`:                    {"crossfade", "-1", "0 to 12 s"},
		`{"crossfade":null}`:                  {"crossfade", "null", "0 to 12 s"},
		`{"fade":"long"}`:                     {"fade", `"long"`, "0 to 2 s"},
		`{"fade":2.1}`:                        {"fade", "2.1", "0 to 2 s"},
		`{"levelling":"loud"}`:                {"levelling", `"loud"`, "auto, off or on"},
		`{"trim":1}`:                          {"trim", "1", "true or false"},
		`{"effects":{"volume":6}}`:            {"effects.volume", "6", "0 to 5"},
		`{"effects":{"tremolo":{"depth":2}}}`: {"effects.tremolo.depth", "2", "0 to 1"},
		`{"effects":{"echos":{}}}`:            {"effects.echos", nil, nil},
		`{"bass":1}`:                          {"bass", nil, nil},
		`[]`:                                  {"sound", "no object", "an object"},
		`{"crossfade":13,"effects":{"volume":"x"}}`:  {"crossfade", "13", "0 to 12 s"},
		`{"effects":{"timescale":{"speed":0.01}}}`:   {"effects.timescale.speed", "0.01", "0.1 to 10"},
		`{"effects":{"vibrato":{"frequency":14.5}}}`: {"effects.vibrato.frequency", "14.5", "above 0, up to 14"},
	} {
		got := player.Sound{Trim: true}
		err := json.Unmarshal([]byte(text), &got)
		e, ok := errors.AsType[*music.Error](err)
		if !ok {
			t.Fatalf("%s: got %v", text, err)
		}
		args, known := [3]any{}, "sound.invalid"
		copy(args[:], e.Args)
		if want[1] == nil {
			known = "sound.unknown"
		}
		if e.Kind != music.Invalid || e.Code != known || args != want {
			t.Errorf("%s: got %+v, want %v", text, e, want)
		}
		if got != (player.Sound{Trim: true}) {
			t.Errorf("%s changed the sound to %+v", text, got)
		}
	}
	for _, s := range []player.Sound{{Crossfade: 13 * time.Second}, {Fade: -1}, {Levelling: 7}, {Effects: effect.Settings{Volume: math.NaN()}}} {
		if _, err := json.Marshal(s); err == nil || !strings.Contains(err.Error(), "sound.invalid") {
			t.Errorf("%+v was written: %v", s, err)
		}
	}
}

// FuzzSound: whatever was kept, it is either a sound that can be written again and
// means the same, or refused without a change.
func FuzzSound(f *testing.F) {
	for _, s := range []string{
		`{}`, `null`, `[]`, `{"fade":0.06,"crossfade":12}`, `{"effects":{"volume":0},"levelling":"on","trim":true}`, `{"fade":1e-9}`, `{"crossfade":1e308}`,
		`{"effects":{"equalizer":[{"band":3,"gain":0.5}],"timescale":{"speed":1.2,"pitch":0.8}}}`, `{"levelling":null}`, `{"a":{"b":[]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again player.Sound
		if err := s.UnmarshalJSON(b); err != nil {
			if s != (player.Sound{}) {
				t.Fatalf("refused, and yet %+v", s)
			}
			return
		}
		if err := s.Validate(); err != nil {
			t.Fatalf("%q was taken: %v", b, err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if math.Abs(again.Effects.Volume-s.Effects.Volume) < 1e-6 {
			again.Effects.Volume = s.Effects.Volume
		}
		if again != s {
			t.Fatalf("%q: %+v, then %+v", b, s, again)
		}
	})
}
