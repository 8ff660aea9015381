package bot

import (
	"github.com/disgoorg/disgo/discord"

	"segue/audio/effect"
	"segue/player"
)

// longestFilters is what Discord lets people type into one option.
const longestFilters = 6000

// declareSound lists the commands that change how music sounds.
func (b *Bot) declareSound() map[string]command {
	return map[string]command{
		"volume":    {slash("volume", whole("level", 0, mostVolume)), b.volume},
		"effects":   {slash("effects", effectsOptions()...), b.effects},
		"equalizer": {slash("equalizer", equalizerOptions()...), b.equalizer},
		"speed":     {slash("speed", decimal("factor", 0.25, 4)), b.speed},
		"pitch":     {slash("pitch", decimal("semitones", -12, 12)), b.pitch},
		"levelling": {slash("levelling", discord.ApplicationCommandOptionString{Name: "mode", Choices: []discord.ApplicationCommandOptionChoiceString{
			{Name: "auto", Value: "auto"}, {Name: "on", Value: "on"}, {Name: "off", Value: "off"},
		}}), b.levelling},
		"crossfade": {slash("crossfade", decimal("seconds", 0, player.MaxCrossfade.Seconds())), b.crossfade},
		"fade":      {slash("fade", whole("milliseconds", 0, int(player.MaxFade.Milliseconds()))), b.fade},
		"trim":      {slash("trim", discord.ApplicationCommandOptionBool{Name: "on"}), b.trim},
	}
}

func effectsOptions() []discord.ApplicationCommandOption {
	longest := longestFilters
	preset := func(required bool) discord.ApplicationCommandOption {
		return discord.ApplicationCommandOptionString{Name: "preset", Required: required, Choices: presetChoices()}
	}
	return []discord.ApplicationCommandOption{
		sub("add", preset(true)),
		sub("only", preset(true)),
		sub("off", preset(false)),
		sub("custom", discord.ApplicationCommandOptionString{Name: "filters", Required: true, MaxLength: &longest}),
		sub("show"),
	}
}

func equalizerOptions() []discord.ApplicationCommandOption {
	least, most := -0.25, 1.0
	longest := 20 * effect.Bands
	return []discord.ApplicationCommandOption{
		sub(
			"band",
			discord.ApplicationCommandOptionInt{Name: "band", Required: true, Choices: bandChoices()},
			discord.ApplicationCommandOptionFloat{Name: "gain", Required: true, MinValue: &least, MaxValue: &most},
		),
		sub("all", discord.ApplicationCommandOptionString{Name: "gains", Required: true, MaxLength: &longest}),
		sub("flat"),
		sub("show"),
	}
}

func sub(name string, options ...discord.ApplicationCommandOption) discord.ApplicationCommandOption {
	return discord.ApplicationCommandOptionSubCommand{Name: name, Options: options}
}

func whole(name string, least, most int) discord.ApplicationCommandOption {
	return discord.ApplicationCommandOptionInt{Name: name, MinValue: &least, MaxValue: &most}
}

func decimal(name string, least, most float64) discord.ApplicationCommandOption {
	return discord.ApplicationCommandOptionFloat{Name: name, MinValue: &least, MaxValue: &most}
}
