package bot

import (
	"math"
	"strconv"
	"strings"
	"time"

	"segue/audio/effect"
	"segue/bot/text"
	"segue/player"
)

// mostVolume is the loudest in percent. What people listen to with their ears has
// less than effects may have.
const mostVolume = 200

// adjust changes how the guild's music sounds, for somebody who may: who hears it,
// or anybody while nobody does. It need not be playing.
func (b *Bot) adjust(v *visit, change func(*player.Sound) error) (player.Sound, error) {
	ctx, cancel := v.local()
	defer cancel()
	s, err := b.scene(ctx, v.guild, v.user)
	if err != nil {
		return player.Sound{}, err
	}
	if err := s.mayControl(); err != nil {
		return player.Sound{}, err
	}
	return b.o.Players.Player(v.guild).SetSound(ctx, change)
}

// sound is how the guild's music sounds.
func (b *Bot) sound(v *visit) (player.Sound, error) {
	ctx, cancel := v.local()
	defer cancel()
	return b.o.Players.Player(v.guild).Sound(ctx)
}

// tuned is one knob of the sound: if its option was given it is changed, and in
// any case told.
func (b *Bot) tuned(v *visit, given bool, change func(*player.Sound) error, tell func(player.Sound) string) (answer, error) {
	get := b.sound
	if given {
		get = func(v *visit) (player.Sound, error) { return b.adjust(v, change) }
	}
	s, err := get(v)
	if err != nil {
		return "", err
	}
	return answer(tell(s)), nil
}

func (b *Bot) volume(v *visit) (answer, error) {
	level, given := v.data.OptInt("level")
	return b.tuned(v, given, func(s *player.Sound) error {
		s.Effects.Volume = effect.Percent(float64(level))
		return nil
	}, v.volume)
}

func (b *Bot) levelling(v *visit) (answer, error) {
	mode, given := v.data.OptString("mode")
	return b.tuned(v, given, func(s *player.Sound) error { return s.Levelling.UnmarshalText([]byte(mode)) }, v.levelling)
}

func (b *Bot) crossfade(v *visit) (answer, error) {
	seconds, given := v.data.OptFloat("seconds")
	return b.tuned(v, given, func(s *player.Sound) error {
		s.Crossfade = rounded(seconds)
		return nil
	}, v.crossfade)
}

func (b *Bot) fade(v *visit) (answer, error) {
	ms, given := v.data.OptInt("milliseconds")
	return b.tuned(v, given, func(s *player.Sound) error {
		s.Fade = time.Duration(ms) * time.Millisecond
		return nil
	}, v.fade)
}

func (b *Bot) trim(v *visit) (answer, error) {
	on, given := v.data.OptBool("on")
	return b.tuned(v, given, func(s *player.Sound) error {
		s.Trim = on
		return nil
	}, v.trim)
}

// rounded is a time to the millisecond.
func rounded(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds*1000)) * time.Millisecond
}

func (v *visit) volume(s player.Sound) string {
	return v.tell("answer.volume", int(math.Round(100*s.Effects.Gain())))
}

func (v *visit) levelling(s player.Sound) string {
	switch s.Levelling.String() {
	case "on":
		return v.tell("answer.levelling_on")
	case "off":
		return v.tell("answer.levelling_off")
	}
	return v.tell("answer.levelling_auto")
}

func (v *visit) crossfade(s player.Sound) string {
	if s.Crossfade == 0 {
		return v.tell("answer.crossfade_off")
	}
	return v.tell("answer.crossfade", number(s.Crossfade.Seconds()))
}

func (v *visit) fade(s player.Sound) string {
	if s.Fade == 0 {
		return v.tell("answer.fade_off")
	}
	return v.tell("answer.fade", s.Fade.Milliseconds())
}

func (v *visit) trim(s player.Sound) string {
	if s.Trim {
		return v.tell("answer.trim_on")
	}
	return v.tell("answer.trim_off")
}

// whole tells everything about the sound.
func (v *visit) whole(s player.Sound) string {
	lines := []string{v.effects(s), v.volume(s)}
	if s.Effects.Equalizer != (effect.Equalizer{}) {
		lines = append(lines, v.equalizer(s))
	}
	if s.Effects.Timescale.On {
		lines = append(lines, v.timescale(s))
	}
	lines = append(lines, v.levelling(s), v.crossfade(s), v.fade(s), v.trim(s))
	return strings.Join(lines, "\n")
}

// number writes a number as people do: at most two places.
func number(f float64) text.Safe {
	s := strconv.FormatFloat(f, 'f', 2, 64)
	return text.Safe(strings.TrimSuffix(strings.TrimRight(s, "0"), "."))
}
