package bot

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/disgoorg/disgo/discord"

	"segue/audio/effect"
	"segue/bot/text"
	"segue/music"
	"segue/player"
)

// centres are the equalizer's bands, in Hz.
var centres = [effect.Bands]int{25, 40, 63, 100, 160, 250, 400, 630, 1000, 1600, 2500, 4000, 6300, 10000, 16000}

// presetChoices are the presets as Discord shows them.
func presetChoices() (all []discord.ApplicationCommandOptionChoiceString) {
	for _, p := range effect.Presets() {
		all = append(all, discord.ApplicationCommandOptionChoiceString{Name: p.Name, Value: p.Name})
	}
	return all
}

// bandChoices are the equalizer's bands as Discord shows them.
func bandChoices() (all []discord.ApplicationCommandOptionChoiceInt) {
	for i := range centres {
		all = append(all, discord.ApplicationCommandOptionChoiceInt{Name: bandName(i), Value: i})
	}
	return all
}

func bandName(i int) string {
	if hz := centres[i]; hz >= 1000 {
		return string(number(float64(hz)/1000)) + " kHz"
	}
	return strconv.Itoa(centres[i]) + " Hz"
}

// effects is /effects with all that comes after it.
func (b *Bot) effects(v *visit) (answer, error) {
	var change func(*player.Sound) error
	preset, _ := v.data.OptString("preset")
	switch v.subcommand() {
	case "add":
		change = func(s *player.Sound) error { return withPreset(&s.Effects, preset, true) }
	case "only":
		change = func(s *player.Sound) error { return withPreset(&s.Effects, preset, false) }
	case "off":
		change = func(s *player.Sound) error { return without(&s.Effects, preset) }
	case "custom":
		change = func(s *player.Sound) error { return custom(&s.Effects, v.data.String("filters")) }
	default:
		return b.tuned(v, false, nil, v.whole)
	}
	return b.tuned(v, true, change, v.effects)
}

// subcommand is the word after the command's name, empty if there is none.
func (v *visit) subcommand() string {
	if v.data.SubCommandName == nil {
		return ""
	}
	return *v.data.SubCommandName
}

// equalizer is /equalizer with all that comes after it.
func (b *Bot) equalizer(v *visit) (answer, error) {
	var change func(*player.Sound) error
	switch v.subcommand() {
	case "band":
		band, gain := v.data.Int("band"), v.data.Float("gain")
		if band < 0 || band >= effect.Bands {
			return "", &music.Error{Kind: music.Invalid, Code: "equalizer.nonsense"}
		}
		change = func(s *player.Sound) error { s.Effects.Equalizer[band] = gain; return nil }
	case "all":
		gains, ok := parseGains(v.data.String("gains"))
		if !ok {
			return "", &music.Error{Kind: music.Invalid, Code: "equalizer.nonsense"}
		}
		change = func(s *player.Sound) error { s.Effects.Equalizer = gains; return nil }
	case "flat":
		change = func(s *player.Sound) error { s.Effects.Equalizer = effect.Equalizer{}; return nil }
	}
	return b.tuned(v, change != nil, change, v.equalizer)
}

// parseGains reads one gain for each band, from the lowest to the highest.
func parseGains(s string) (e effect.Equalizer, ok bool) {
	words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" \t\n,;/", r) })
	if len(words) != len(e) {
		return e, false
	}
	for i, w := range words {
		g, err := strconv.ParseFloat(w, 64)
		if err != nil || math.IsNaN(g) {
			return e, false
		}
		e[i] = g
	}
	return e, true
}

func (b *Bot) speed(v *visit) (answer, error) {
	factor, given := v.data.OptFloat("factor")
	return b.tuned(v, given, func(s *player.Sound) error {
		scale(&s.Effects).Speed = factor
		return nil
	}, v.timescale)
}

func (b *Bot) pitch(v *visit) (answer, error) {
	semitones, given := v.data.OptFloat("semitones")
	return b.tuned(v, given, func(s *player.Sound) error {
		scale(&s.Effects).Pitch = math.Pow(2, semitones/12)
		return nil
	}, v.timescale)
}

// scale is the timescale of s, on.
func scale(s *effect.Settings) *effect.Timescale {
	if !s.Timescale.On {
		s.Timescale = effect.Defaults().Timescale
	}
	return &s.Timescale
}

func (v *visit) effects(s player.Sound) string {
	if names := on(s.Effects); len(names) > 0 {
		return v.tell("answer.effects", names)
	}
	return v.tell("answer.effects_none")
}

func (v *visit) equalizer(s player.Sound) string {
	var bands []string
	for i, g := range s.Effects.Equalizer {
		if g != 0 {
			bands = append(bands, fmt.Sprintf("%s %+.2f", bandName(i), g))
		}
	}
	if len(bands) == 0 {
		return v.tell("answer.equalizer_flat")
	}
	return v.tell("answer.equalizer", text.Safe(strings.Join(bands, ", ")))
}

func (v *visit) timescale(s player.Sound) string {
	t := s.Effects.Timescale
	if !t.On {
		t = effect.Defaults().Timescale
	}
	return v.tell("answer.speed", number(t.Speed*t.Rate), number(12*math.Log2(t.Pitch*t.Rate)))
}

// parts are the effects that are on in s, apart from its volume, by the names that
// JSON has for them.
func parts(s effect.Settings) (map[string]json.RawMessage, error) {
	s.Volume = 0
	b, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	all := map[string]json.RawMessage{}
	return all, json.Unmarshal(b, &all)
}

// joined makes s what parts it is of, at the volume it has.
func joined(s *effect.Settings, all map[string]json.RawMessage) error {
	b, err := json.Marshal(all)
	if err != nil {
		return err
	}
	volume := s.Volume
	if err := json.Unmarshal(b, s); err != nil {
		return err
	}
	s.Volume = volume
	return nil
}

// presetParts are the parts of a preset.
func presetParts(name string) (map[string]json.RawMessage, error) {
	for _, p := range effect.Presets() {
		if p.Name == name {
			return parts(p.Settings)
		}
	}
	return nil, &music.Error{Kind: music.NotFound, Code: "effects.unknown", Args: []any{name}}
}

// withPreset adds a preset to the other effects, or puts it in their place. Where both
// have the same effect, it is the preset's.
func withPreset(s *effect.Settings, name string, keep bool) error {
	all, err := presetParts(name)
	if err != nil {
		return err
	}
	if keep {
		others, err := parts(*s)
		if err != nil {
			return err
		}
		maps.Copy(others, all)
		all = others
	}
	return joined(s, all)
}

// without switches a preset's effects off, or all if name is empty. The volume stays.
func without(s *effect.Settings, name string) error {
	if name == "" {
		*s = effect.Settings{Volume: s.Volume}
		return nil
	}
	off, err := presetParts(name)
	if err != nil {
		return err
	}
	all, err := parts(*s)
	if err != nil {
		return err
	}
	maps.DeleteFunc(all, func(part string, _ json.RawMessage) bool { return off[part] != nil })
	return joined(s, all)
}

// custom makes s what a "filters" object of Lavalink's says. A volume that it does
// not mention stays.
func custom(s *effect.Settings, filters string) error {
	var said map[string]json.RawMessage
	if err := json.Unmarshal([]byte(filters), &said); err != nil {
		return &music.Error{Kind: music.Invalid, Code: "effects.no_json", Err: err}
	}
	whole, err := json.Marshal(map[string]any{"effects": said})
	if err != nil {
		return err
	}
	var got player.Sound
	if err := json.Unmarshal(whole, &got); err != nil {
		return err
	}
	named := slices.ContainsFunc(slices.Collect(maps.Keys(said)), func(name string) bool { return strings.EqualFold(name, "volume") })
	if !named {
		got.Effects.Volume = s.Volume
	}
	*s = got.Effects
	return nil
}

// on names what is on: presets that are there as they are, and the rest by effect.
func on(s effect.Settings) (names []string) {
	all, err := parts(s)
	if err != nil {
		return nil
	}
	for _, p := range effect.Presets() {
		if whole, err := parts(p.Settings); err == nil && holds(all, whole) {
			names = append(names, p.Name)
			maps.DeleteFunc(all, func(part string, _ json.RawMessage) bool { return whole[part] != nil })
		}
	}
	return append(names, slices.Sorted(maps.Keys(all))...)
}

// holds reports whether all of whole's parts are among all, as they are.
func holds(all, whole map[string]json.RawMessage) bool {
	for part, how := range whole {
		if string(all[part]) != string(how) {
			return false
		}
	}
	return true
}
