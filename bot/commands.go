package bot

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"segue/bot/text"
)

// A command is one thing people may type, and what happens then.
type command struct {
	create discord.SlashCommandCreate
	run    func(v *visit) (answer, error)
}

const (
	longestQuery = 1000 // characters
	longestTime  = 32
)

// declare lists every command there is. Their words are in bot/text.
func (b *Bot) declare() map[string]command {
	one := 1
	longest, time := longestQuery, longestTime
	all := map[string]command{
		"play": {slash(
			"play",
			discord.ApplicationCommandOptionString{Name: "query", MaxLength: &longest},
			discord.ApplicationCommandOptionAttachment{Name: "file"},
		), b.play},
		"sound": {slash(
			"sound",
			discord.ApplicationCommandOptionString{Name: "query", MaxLength: &longest},
			discord.ApplicationCommandOptionAttachment{Name: "file"},
		), b.overlay},
		"pause":      {slash("pause"), b.pause},
		"resume":     {slash("resume"), b.resume},
		"skip":       {slash("skip", discord.ApplicationCommandOptionInt{Name: "count", MinValue: &one}), b.skip},
		"seek":       {slash("seek", discord.ApplicationCommandOptionString{Name: "to", Required: true, MaxLength: &time}), b.seek},
		"stop":       {slash("stop"), b.stop},
		"queue":      {slash("queue", discord.ApplicationCommandOptionInt{Name: "page", MinValue: &one}), b.queue},
		"nowplaying": {slash("nowplaying"), b.nowPlaying},
		"leave":      {slash("leave"), b.goAway},
	}
	maps.Copy(all, b.declareSound())
	return all
}

// slash makes a command that is used in guilds only, described in every
// language there is.
func slash(name string, options ...discord.ApplicationCommandOption) discord.SlashCommandCreate {
	c := discord.SlashCommandCreate{
		Name: name, Options: described("command."+name, options),
		Contexts:         []discord.InteractionContextType{discord.InteractionContextTypeGuild},
		IntegrationTypes: []discord.ApplicationIntegrationType{discord.ApplicationIntegrationTypeGuildInstall},
	}
	c.Description, c.DescriptionLocalizations = describe("command." + name)
	return c
}

// described gives options with their descriptions, whose codes begin with that of
// what they belong to.
func described(of string, options []discord.ApplicationCommandOption) []discord.ApplicationCommandOption {
	for i, o := range options {
		words, others := describe(of + "." + o.OptionName())
		switch o := o.(type) {
		case discord.ApplicationCommandOptionSubCommand:
			o.Options = described(of+"."+o.Name, o.Options)
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		case discord.ApplicationCommandOptionString:
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		case discord.ApplicationCommandOptionInt:
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		case discord.ApplicationCommandOptionFloat:
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		case discord.ApplicationCommandOptionBool:
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		case discord.ApplicationCommandOptionAttachment:
			o.Description, o.DescriptionLocalizations = words, others
			options[i] = o
		}
	}
	return options
}

// describe gives the description for code in English and in all other languages.
func describe(code string) (string, map[discord.Locale]string) {
	var others map[discord.Locale]string
	for _, locale := range text.Locales() {
		if locale != text.English && text.Has(locale, code) {
			if others == nil {
				others = map[discord.Locale]string{}
			}
			others[discord.Locale(locale)] = text.Sentence(locale, code)
		}
	}
	return text.Sentence(text.English, code), others
}

// register makes Discord's list of our commands equal to ours, without a word
// if it already is. It gives the time to wait before another try, 0 if there is
// nothing to try: what Discord refuses, it refuses the next time too.
func (b *Bot) register(ctx context.Context, try int) (again time.Duration) {
	err := b.registerOnce(ctx)
	if err == nil || ctx.Err() != nil {
		return 0
	}
	if answer, ok := errors.AsType[*rest.Error](err); ok && answer.Response != nil &&
		answer.Response.StatusCode/100 == 4 && answer.Response.StatusCode != http.StatusTooManyRequests {
		b.log.Error("commands refused: those that Discord has from before stay as they are", "err", err)
		return 0
	}
	again = min(time.Second<<min(try, 10), longestPause)
	b.log.Warn("commands not registered yet", "err", err, "retry", again)
	return again
}

func (b *Bot) registerOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	app := snowflake.ID(b.app.Load())
	var theirs []json.RawMessage
	get := rest.GetGlobalCommands.Compile(discord.QueryValues{"with_localizations": true}, app)
	if err := b.calls.Do(get, nil, &theirs, rest.WithCtx(ctx)); err != nil {
		return err
	}
	ours := b.creates()
	same, err := sameCommands(ours, theirs)
	if err != nil || same {
		return err
	}
	if _, err := b.client.Rest.SetGlobalCommands(app, ours, rest.WithCtx(ctx)); err != nil {
		return err
	}
	b.log.Info("commands registered", "count", len(ours))
	return nil
}

// creates lists the commands by name.
func (b *Bot) creates() []discord.ApplicationCommandCreate {
	var all []discord.ApplicationCommandCreate
	for _, c := range b.commands {
		all = append(all, c.create)
	}
	slices.SortFunc(all, func(x, y discord.ApplicationCommandCreate) int { return cmp.Compare(x.CommandName(), y.CommandName()) })
	return all
}

// sameCommands compares what we declare with what Discord has, apart from what
// only Discord writes (ids, versions) and from defaults spelled out or not.
func sameCommands(ours []discord.ApplicationCommandCreate, theirs []json.RawMessage) (bool, error) {
	if len(ours) != len(theirs) {
		return false, nil
	}
	var a, b [][]byte
	for _, c := range ours {
		raw, err := json.Marshal(c)
		if err != nil {
			return false, fmt.Errorf("bot: command %s: %w", c.CommandName(), err)
		}
		form, err := canonical(raw)
		if err != nil {
			return false, err
		}
		a = append(a, form)
	}
	for _, raw := range theirs {
		form, err := canonical(raw)
		if err != nil {
			return false, err
		}
		b = append(b, form)
	}
	slices.SortFunc(a, bytes.Compare)
	slices.SortFunc(b, bytes.Compare)
	return slices.EqualFunc(a, b, bytes.Equal), nil
}

// declared are the keys of a command that its author chooses; each value is
// what leaving it out means.
var declared = map[string]any{
	"name": nil, "description": nil, "name_localizations": nil, "description_localizations": nil, "options": nil, "choices": nil, "value": nil,
	"type": 1.0, "required": false, "autocomplete": false, "nsfw": false, "default_member_permissions": nil,
	"min_value": nil, "max_value": nil, "min_length": nil, "max_length": nil, "channel_types": nil, "contexts": nil, "integration_types": nil,
}

// canonical is one command with only what its author chose, keys in order.
func canonical(raw []byte) ([]byte, error) {
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		return nil, fmt.Errorf("bot: command: %w", err)
	}
	out, err := json.Marshal(strip(c))
	if err != nil {
		return nil, fmt.Errorf("bot: command: %w", err)
	}
	return out, nil
}

// strip removes defaults, empties and what Discord adds, at every level.
func strip(c map[string]any) map[string]any {
	out := map[string]any{}
	for key, value := range c {
		usual, known := declared[key]
		if !known {
			continue
		}
		switch v := value.(type) {
		case []any:
			if len(v) > 0 {
				out[key] = stripAll(key, v)
			}
		case map[string]any: // localizations: their keys are languages
			if len(v) > 0 {
				out[key] = v
			}
		default:
			if v != nil && v != usual {
				out[key] = v
			}
		}
	}
	return out
}

// stripAll strips each of a list; the order of options means something, that
// of plain numbers does not.
func stripAll(key string, list []any) []any {
	out := make([]any, len(list))
	for i, x := range list {
		if m, ok := x.(map[string]any); ok {
			out[i] = strip(m)
			continue
		}
		out[i] = x
	}
	if key == "contexts" || key == "integration_types" || key == "channel_types" {
		slices.SortFunc(out, func(x, y any) int { return cmp.Compare(fmt.Sprint(x), fmt.Sprint(y)) })
	}
	return out
}
