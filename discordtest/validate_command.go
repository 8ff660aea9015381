package discordtest

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const commandSize = 8000 // characters of a command in all

// slashName is what CHAT_INPUT commands and options may be called.
var slashName = regexp.MustCompile(`^[-_'\p{L}\p{N}\p{Devanagari}\p{Thai}]{1,32}$`)

// locales are the languages Discord knows.
var locales = strings.Fields(`id da de en-GB en-US es-ES es-419 fr hr it lt hu nl no pl pt-BR ro fi sv-SE vi tr cs el bg ru uk hi th zh-CN ja zh-TW ko`)

// command checks a command. It always gives something, to be used only if the
// form stayed clean.
func (f *form) command(o obj, path string, guild ID) *command {
	at := func(key string) field { return f.at(o, path, key) }
	c := &command{raw: o, guild: guild, installs: []int{0}}
	c.kind = at("type").oneOf(commandSlash, commandSlash, commandUser, commandMessage, 4)
	slash := c.kind == commandSlash
	c.name = f.name(at("name"), slash)
	c.names = f.dictionary(at("name_localizations"), func(x field) { f.name(x, slash) })
	d := at("description")
	if slash {
		c.description = d.needText(1, 100)
		c.descriptions = f.dictionary(at("description_localizations"), func(x field) { x.needText(1, 100) })
	} else if d.given() && d.v != "" {
		f.add(d.path, "APPLICATION_COMMAND_DESCRIPTION_INVALID", "Context menu commands cannot have description")
	}
	if x := at("options"); x.given() {
		if slash {
			c.options = f.options(x, 0)
		} else if !emptyList(x.v) {
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_INVALID", "Context menu commands cannot have options")
		}
	}
	c.permissions = f.permissions(at("default_member_permissions"))
	c.nsfw = at("nsfw").yes()
	at("dm_permission").yes()
	f.places(c, at("contexts"), at("integration_types"), guild)
	if n := c.size(); n > commandSize {
		f.add(path, "APPLICATION_COMMAND_TOO_LARGE", "Command exceeds maximum size (%d)", commandSize)
	}
	return c
}

// places reads contexts and integration types, which only global commands have.
func (f *form) places(c *command, contexts, installs field, guild ID) {
	read := func(x field, allowed ...int) []int {
		out := []int{}
		for i, v := range x.list(0, 3) {
			n := field{f, join(x.path, itoa(i)), v, true}.oneOf(-1, allowed...)
			if slices.Contains(out, n) {
				f.add(x.path, "SET_TYPE_ALREADY_CONTAINS_VALUE", "The set already contains this value")
			}
			out = append(out, n)
		}
		return out
	}
	if contexts.given() {
		c.contexts = read(contexts, 0, 1, 2)
	}
	if installs.given() {
		c.installs = read(installs, 0, 1)
	}
	if guild != 0 && (contexts.given() || installs.given()) {
		f.add(contexts.path, "APPLICATION_COMMAND_CONTEXTS_INVALID", "Contexts and integration types are for global commands")
	}
}

// name checks the name of a command or option.
func (f *form) name(x field, slash bool) string {
	s := x.needText(1, 32)
	if s != "" && slash && (!slashName.MatchString(s) || s != strings.ToLower(s)) {
		f.add(x.path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
	}
	return s
}

// dictionary checks a localisation dictionary.
func (f *form) dictionary(x field, check func(field)) map[string]string {
	o := x.object()
	if o == nil {
		return nil
	}
	out := map[string]string{}
	for _, k := range sortedKeys(o) {
		v := field{f, join(x.path, k), o[k], true}
		if !slices.Contains(locales, k) {
			f.add(v.path, "ENUM_TYPE_COERCE", "Value %q is not a valid enum value.", k)
			continue
		}
		if v.v == nil {
			continue
		}
		check(v)
		out[k], _ = o[k].(string)
	}
	return out
}

func (f *form) permissions(x field) any {
	if !x.given() {
		return nil
	}
	s := jsonText(x.v)
	if _, err := strconv.ParseUint(s, 10, 63); err != nil {
		f.add(x.path, "BITFIELD_TYPE_CONVERT", "Not a valid bitfield.")
		return nil
	}
	return s
}

// options checks the options at a depth: 0 in the command, 1 in a group or
// subcommand, 2 in a subcommand of a group.
func (f *form) options(x field, depth int) []*option {
	out := []*option{}
	seen := map[string]bool{}
	optional, nested, plain := false, false, false
	for i, v := range x.list(0, 25) {
		path := join(x.path, itoa(i))
		o := field{f, path, v, true}.object()
		if o == nil {
			continue
		}
		p := f.option(o, path, depth)
		out = append(out, p)
		if seen[p.name] {
			f.add(join(path, "name"), "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name must be unique")
		}
		seen[p.name] = true
		if p.kind <= optGroup {
			nested = true
		} else {
			plain = true
			if p.required && optional {
				f.add(path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Required options must be placed before non-required options")
			}
			optional = optional || !p.required
		}
	}
	if nested && plain {
		f.add(x.path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-command and sub-command group option types are mutually exclusive to all other types")
	}
	f.localisedNames(x, out)
	return out
}

// localisedNames keeps the localised option names apart: from all default
// names, and from one another within a locale.
func (f *form) localisedNames(x field, list []*option) {
	for _, loc := range locales {
		seen := map[string]bool{}
		for i, p := range list {
			s, ok := p.names[loc]
			if !ok {
				continue
			}
			clash := seen[s] || slices.ContainsFunc(list, func(o *option) bool { return o != p && o.name == s })
			if clash {
				f.add(join(x.path, itoa(i)+".name_localizations."+loc), "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option name must be unique")
			}
			seen[s] = true
		}
	}
}

func (f *form) option(o obj, path string, depth int) *option {
	at := func(key string) field { return f.at(o, path, key) }
	p := &option{}
	if x := at("type"); x.need() {
		p.kind = x.oneOf(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	}
	p.name = f.name(at("name"), true)
	p.names = f.dictionary(at("name_localizations"), func(x field) { f.name(x, true) })
	p.description = at("description").needText(1, 100)
	p.descriptions = f.dictionary(at("description_localizations"), func(x field) { x.needText(1, 100) })
	if p.kind == optSub || p.kind == optGroup {
		f.subcommand(p, at, depth)
		return p
	}
	if at("options").given() && !emptyList(at("options").v) {
		f.add(join(path, "options"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Only subcommands and groups have options")
	}
	p.required = at("required").yes()
	p.autocomplete = at("autocomplete").yes()
	numeric := p.kind == optInteger || p.kind == optNumber
	valued := numeric || p.kind == optString
	if p.autocomplete && !valued {
		f.add(join(path, "autocomplete"), "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_INVALID", "Autocomplete is for strings and numbers")
	}
	if x := at("choices"); x.given() && !emptyList(x.v) {
		switch {
		case !valued:
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "Choices are for strings and numbers")
		case p.autocomplete:
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "Autocomplete and choices are mutually exclusive")
		default:
			p.choices = f.choices(x, p.kind)
		}
	}
	f.bounds(p, at, numeric)
	if x := at("channel_types"); x.given() {
		p.channels = x.list(0, 25)
		if p.kind != optChannel {
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_CHANNEL_TYPES_INVALID", "Channel types are for channel options")
		}
	}
	return p
}

func (f *form) subcommand(p *option, at func(string) field, depth int) {
	if at("required").yes() {
		f.add(at("required").path, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", "Subcommands cannot be required")
	}
	if p.kind == optGroup && depth > 0 || p.kind == optSub && depth > 1 {
		f.add(at("type").path, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Sub-commands and groups can only be nested as command > group > sub-command")
		return
	}
	x := at("options")
	next := 2
	if p.kind == optGroup {
		next = 1
	}
	p.options = f.options(x, next)
	for i, kid := range p.options {
		if p.kind == optGroup && kid.kind != optSub {
			f.add(join(x.path, itoa(i)+".type"), "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "A group holds only sub-commands")
		}
	}
	if p.kind == optGroup && len(p.options) == 0 {
		f.add(x.path, "BASE_TYPE_REQUIRED", "This field is required")
	}
}

func (f *form) bounds(p *option, at func(string) field, numeric bool) {
	for key, to := range map[string]**float64{"min_value": &p.min, "max_value": &p.max} {
		x := at(key)
		if !x.given() {
			continue
		}
		n, err := strconv.ParseFloat(jsonText(x.v), 64)
		if err != nil || !numeric {
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_VALUE_INVALID", "min_value and max_value are numbers of number options")
			continue
		}
		*to = &n
	}
	for key, to := range map[string]**int{"min_length": &p.minLen, "max_length": &p.maxLen} {
		x := at(key)
		if !x.given() {
			continue
		}
		lo := 0
		if key == "max_length" {
			lo = 1
		}
		n := x.number(lo, 6000, lo)
		if p.kind != optString {
			f.add(x.path, "APPLICATION_COMMAND_OPTIONS_LENGTH_INVALID", "Lengths are for strings")
		}
		*to = &n
	}
	if p.min != nil && p.max != nil && *p.min > *p.max || p.minLen != nil && p.maxLen != nil && *p.minLen > *p.maxLen {
		f.add(at("name").path, "APPLICATION_COMMAND_OPTIONS_VALUE_INVALID", "The minimum exceeds the maximum")
	}
}

func (f *form) choices(x field, kind int) []choice {
	out := []choice{}
	names := map[string]bool{}
	for i, v := range x.list(0, 25) {
		path := join(x.path, itoa(i))
		o := field{f, path, v, true}.object()
		if o == nil {
			continue
		}
		ch := choice{name: f.at(o, path, "name").needText(1, 100)}
		ch.names = f.dictionary(f.at(o, path, "name_localizations"), func(x field) { x.needText(1, 100) })
		if names[ch.name] {
			f.add(path, "APPLICATION_COMMAND_OPTIONS_CHOICE_NAMES_DUPLICATE", "Choice names must be unique")
		}
		names[ch.name] = true
		ch.value = f.value(f.at(o, path, "value"), kind)
		out = append(out, ch)
	}
	return out
}

// value checks the value of a choice against the option's type.
func (f *form) value(x field, kind int) any {
	if !x.need() {
		return nil
	}
	if kind == optString {
		return x.text(0, 100)
	}
	n, ok := x.v.(json.Number)
	if ok && kind == optInteger {
		_, err := n.Int64()
		ok = err == nil
	}
	if !ok {
		f.add(x.path, "NUMBER_TYPE_COERCE", "Value %q is not a number of the option's type.", jsonText(x.v))
	}
	return n
}
