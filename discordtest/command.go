package discordtest

import (
	"maps"
	"unicode/utf8"
)

// Application command types.
const (
	commandSlash   = 1
	commandUser    = 2
	commandMessage = 3
)

// Option types.
const (
	optSub = iota + 1
	optGroup
	optString
	optInteger
	optBoolean
	optUser
	optChannel
	optRole
	optMentionable
	optNumber
	optAttachment
)

// command is an application command as registered.
type command struct {
	id, version, guild ID
	bot                *Bot
	raw                obj // what was sent, for PATCH
	kind               int
	name               string
	names              map[string]string // localisations
	description        string
	descriptions       map[string]string
	options            []*option
	permissions        any // decimal string, or nil
	contexts           any // []int, or nil
	installs           []int
	nsfw               bool
}

// option is an option of a command, or a subcommand.
type option struct {
	kind         int
	name         string
	names        map[string]string
	description  string
	descriptions map[string]string
	required     bool
	autocomplete bool
	choices      []choice
	min, max     *float64
	minLen       *int
	maxLen       *int
	channels     []any
	options      []*option
}

type choice struct {
	name  string
	names map[string]string
	value any // string or json.Number
}

// json is the command as lists give it: with dictionaries of localisations, or
// with what fits the locale.
func (c *command) json(dictionaries bool, locale string) obj {
	o := obj{
		"id": c.id, "application_id": c.bot.user.id, "version": c.version, "type": c.kind, "name": c.name,
		"description": c.description, "default_member_permissions": c.permissions, "nsfw": c.nsfw,
	}
	localise(o, "name", c.names, dictionaries, locale)
	localise(o, "description", c.descriptions, dictionaries, locale)
	if c.guild != 0 {
		o["guild_id"] = c.guild
	} else {
		o["contexts"], o["integration_types"], o["dm_permission"] = c.contexts, c.installs, true
	}
	if len(c.options) > 0 {
		o["options"] = optionsJSON(c.options, dictionaries, locale)
	}
	return o
}

func localise(o obj, key string, dict map[string]string, dictionaries bool, locale string) {
	if dictionaries {
		o[key+"_localizations"] = nil
		if dict != nil {
			o[key+"_localizations"] = maps.Clone(dict)
		}
		return
	}
	if s, ok := inLocale(dict, locale); ok {
		o[key+"_localized"] = s
	}
}

// inLocale finds a localisation, or its fallback.
func inLocale(dict map[string]string, locale string) (string, bool) {
	fallback := map[string]string{"en-US": "en-GB", "en-GB": "en-US", "es-419": "es-ES"}
	if s, ok := dict[locale]; ok {
		return s, true
	}
	s, ok := dict[fallback[locale]]
	return s, ok
}

func optionsJSON(list []*option, dictionaries bool, locale string) []obj {
	out := []obj{}
	for _, p := range list {
		o := obj{"type": p.kind, "name": p.name, "description": p.description}
		localise(o, "name", p.names, dictionaries, locale)
		localise(o, "description", p.descriptions, dictionaries, locale)
		if p.required {
			o["required"] = true
		}
		if p.autocomplete {
			o["autocomplete"] = true
		}
		if p.choices != nil {
			choices := []obj{}
			for _, ch := range p.choices {
				one := obj{"name": ch.name, "value": ch.value}
				localise(one, "name", ch.names, dictionaries, locale)
				choices = append(choices, one)
			}
			o["choices"] = choices
		}
		for key, n := range map[string]*float64{"min_value": p.min, "max_value": p.max} {
			if n != nil {
				o[key] = *n
			}
		}
		for key, n := range map[string]*int{"min_length": p.minLen, "max_length": p.maxLen} {
			if n != nil {
				o[key] = *n
			}
		}
		if p.channels != nil {
			o["channel_types"] = p.channels
		}
		if p.options != nil {
			o["options"] = optionsJSON(p.options, dictionaries, locale)
		}
		out = append(out, o)
	}
	return out
}

// size is what the limit of 8000 characters counts: names, descriptions and
// values; of a text and its localisations only the longest.
func (c *command) size() int {
	return longest(c.name, c.names) + longest(c.description, c.descriptions) + optionsSize(c.options)
}

func optionsSize(list []*option) int {
	n := 0
	for _, o := range list {
		n += longest(o.name, o.names) + longest(o.description, o.descriptions) + optionsSize(o.options)
		for _, ch := range o.choices {
			n += longest(ch.name, ch.names)
			if s, ok := ch.value.(string); ok {
				n += utf8.RuneCountInString(s)
			}
		}
	}
	return n
}

func longest(s string, dict map[string]string) int {
	n := utf8.RuneCountInString(s)
	for _, l := range dict {
		n = max(n, utf8.RuneCountInString(l))
	}
	return n
}
