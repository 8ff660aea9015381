package discordtest

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// remarshal copies between JSON shapes of our own making.
func remarshal(from, to any) {
	raw, _ := json.Marshal(from)
	_ = json.Unmarshal(raw, to)
}

// Types types a slash command with options by name: Types("/play", "query",
// "something"); subcommands follow the name: "/effects preset". Values are
// strings, numbers, booleans, people, channels and attachments. What a person's
// client would not let them send (no such command or option, a required option
// missing, a value out of bounds) fails the test, or is Err of the interaction.
func (m *Member) Types(command string, options ...any) *Interaction {
	ix, err := m.TryType(command, options...)
	if m.guild.d.fail(err) != nil {
		return &Interaction{d: m.guild.d, member: m, kind: interactionCommand, err: err}
	}
	return ix
}

// TryType is Types that gives the client's refusal back.
func (m *Member) TryType(command string, options ...any) (*Interaction, error) {
	d := m.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	t, err := m.typed(command, options)
	if err != nil {
		return nil, fmt.Errorf("discordtest: %s types %s: %w", m.user.name, command, err)
	}
	if err := t.complete(); err != nil {
		return nil, fmt.Errorf("discordtest: %s types %s: %w", m.user.name, command, err)
	}
	ix := &Interaction{bot: t.cmd.bot, kind: interactionCommand, guild: m.guild, channel: t.where, member: m, command: t.cmd}
	return d.start(ix, t.data()), nil
}

// TryAutocomplete asks for suggestions while typing; the last option given is
// the one being typed. It gives what the bot suggested, or an error when it did
// not within 3 s.
func (m *Member) TryAutocomplete(ctx context.Context, command string, options ...any) ([]Choice, error) {
	d := m.guild.d
	d.mu.Lock()
	t, err := m.typed(command, options)
	if err == nil && (len(t.given) == 0 || !t.given[len(t.given)-1].opt.autocomplete) {
		err = fmt.Errorf("the last option has no autocomplete")
	}
	if err != nil {
		d.mu.Unlock()
		return nil, fmt.Errorf("discordtest: %s autocompletes %s: %w", m.user.name, command, err)
	}
	t.given[len(t.given)-1].focused = true
	ix := d.start(&Interaction{bot: t.cmd.bot, kind: interactionAutocomplete, guild: m.guild, channel: t.where, member: m, command: t.cmd}, t.data())
	ix.focus = t.given[len(t.given)-1].opt.kind
	d.mu.Unlock()
	if _, err := ix.TryReply(ctx); err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return ix.choices, nil
}

// typing is a command on its way out of a person's client.
type typing struct {
	m      *Member
	where  *Channel
	cmd    *command
	path   []*option // group and subcommand
	opts   []*option
	given  []typedOption
	lookup obj // resolved
}

type typedOption struct {
	opt     *option
	value   any
	focused bool
}

// typed finds command and options, and turns the values into Discord's.
func (m *Member) typed(line string, options []any) (*typing, error) {
	t := &typing{m: m, where: m.place(), lookup: obj{}}
	if t.where == nil {
		return nil, fmt.Errorf("there is no channel to type in")
	}
	if !m.in(t.where).Has(ViewChannel | UseApplicationCommands) {
		return nil, fmt.Errorf("%w, or none to use commands there", errAccess)
	}
	words := strings.Fields(strings.TrimPrefix(line, "/"))
	if len(words) == 0 {
		return nil, fmt.Errorf("no command")
	}
	if err := t.find(words); err != nil {
		return nil, err
	}
	if len(options)%2 != 0 {
		return nil, fmt.Errorf("options come as name, value")
	}
	for i := 0; i < len(options); i += 2 {
		name, _ := options[i].(string)
		j := slices.IndexFunc(t.opts, func(o *option) bool { return o.name == name })
		if j < 0 {
			return nil, fmt.Errorf("no option %q, only %s", name, names(t.opts))
		}
		if slices.ContainsFunc(t.given, func(g typedOption) bool { return g.opt == t.opts[j] }) {
			return nil, fmt.Errorf("option %q twice", name)
		}
		v, err := t.convert(t.opts[j], options[i+1])
		if err != nil {
			return nil, fmt.Errorf("option %q: %w", name, err)
		}
		t.given = append(t.given, typedOption{opt: t.opts[j], value: v})
	}
	return t, nil
}

func names(list []*option) string {
	var out []string
	for _, o := range list {
		out = append(out, o.name)
	}
	return strings.Join(out, ", ")
}

// find finds the command, and the subcommand if it has any.
func (t *typing) find(words []string) error {
	g := t.m.guild
	var have []string
	for _, b := range g.d.bots {
		if g.member(b.user.id) == nil {
			continue
		}
		for _, c := range append(slices.Clone(b.commands[g.id]), b.commands[0]...) {
			if c.kind == commandSlash {
				have = append(have, "/"+c.name)
				if c.name == words[0] && t.cmd == nil {
					t.cmd = c
				}
			}
		}
	}
	if t.cmd == nil {
		return fmt.Errorf("no such command, only %s", strings.Join(have, " "))
	}
	if err := t.allowed(); err != nil {
		return err
	}
	t.opts = t.cmd.options
	for _, w := range words[1:] {
		i := slices.IndexFunc(t.opts, func(o *option) bool { return o.name == w && o.kind <= optGroup })
		if i < 0 {
			return fmt.Errorf("no subcommand %q, only %s", w, names(t.opts))
		}
		t.path = append(t.path, t.opts[i])
		t.opts = t.opts[i].options
	}
	if len(t.opts) > 0 && t.opts[0].kind <= optGroup {
		return fmt.Errorf("a subcommand is needed: %s", names(t.opts))
	}
	return nil
}

// allowed checks what hides a command from a person.
func (t *typing) allowed() error {
	if s, ok := t.cmd.permissions.(string); ok {
		n, _ := strconv.ParseUint(s, 10, 64)
		p := t.m.in(t.where)
		if n == 0 && !p.Has(Administrator) || !p.Has(Permissions(n)) {
			return fmt.Errorf("the command is not for people without permissions %s", s)
		}
	}
	if c, ok := t.cmd.contexts.([]int); ok && !slices.Contains(c, 0) {
		return fmt.Errorf("the command cannot be used in guilds")
	}
	return nil
}

// complete checks that nothing required is missing and all values are within
// bounds, as the client does before sending.
func (t *typing) complete() error {
	for _, o := range t.opts {
		if o.required && !slices.ContainsFunc(t.given, func(g typedOption) bool { return g.opt == o }) {
			return fmt.Errorf("option %q is required", o.name)
		}
	}
	for _, g := range t.given {
		if err := g.check(); err != nil {
			return fmt.Errorf("option %q: %w", g.opt.name, err)
		}
	}
	return nil
}

func (g typedOption) check() error {
	o := g.opt
	switch v := g.value.(type) {
	case string:
		n := utf8.RuneCountInString(v)
		if o.kind == optString && (n > 6000 || o.minLen != nil && n < *o.minLen || o.maxLen != nil && n > *o.maxLen || n == 0) {
			return fmt.Errorf("a text of %d characters is out of bounds", n)
		}
	case float64:
		if o.min != nil && v < *o.min || o.max != nil && v > *o.max {
			return fmt.Errorf("%v is out of bounds", v)
		}
		if math.Abs(v) > 1<<53 {
			return fmt.Errorf("%v is not exact in JSON", v)
		}
	}
	if o.choices != nil && !slices.ContainsFunc(o.choices, func(c choice) bool { return jsonText(c.value) == jsonText(g.value) }) {
		return fmt.Errorf("%v is none of the choices", g.value)
	}
	return nil
}

// data is the data of the interaction.
func (t *typing) data() obj {
	opts := []obj{}
	for _, g := range t.given {
		o := obj{"name": g.opt.name, "type": g.opt.kind, "value": g.value}
		if g.focused {
			o["focused"] = true
		}
		opts = append(opts, o)
	}
	for _, p := range slices.Backward(t.path) {
		opts = []obj{{"name": p.name, "type": p.kind, "options": opts}}
	}
	out := obj{"id": t.cmd.id, "name": t.cmd.name, "type": t.cmd.kind}
	if len(opts) > 0 {
		out["options"] = opts
	}
	if t.cmd.guild != 0 {
		out["guild_id"] = t.cmd.guild
	}
	if len(t.lookup) > 0 {
		out["resolved"] = t.lookup
	}
	return out
}

// resolve files an object under resolved.
func (t *typing) resolve(kind string, id ID, o obj) ID {
	m, _ := t.lookup[kind].(obj)
	if m == nil {
		m = obj{}
		t.lookup[kind] = m
	}
	m[id.String()] = o
	return id
}

// convert turns a Go value into an option's value.
func (t *typing) convert(o *option, v any) (any, error) {
	switch o.kind {
	case optString:
		if s, ok := v.(string); ok {
			return s, nil
		}
	case optInteger, optNumber:
		n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err == nil && (o.kind == optNumber || n == math.Trunc(n)) {
			return n, nil
		}
	case optBoolean:
		if b, ok := v.(bool); ok {
			return b, nil
		}
	case optUser, optMentionable:
		if s, ok := v.(Someone); ok {
			return t.someone(s)
		}
	case optChannel:
		if c, ok := v.(*Channel); ok {
			if len(o.channels) > 0 && !slices.ContainsFunc(o.channels, func(k any) bool { n, _ := intOf(k); return n == c.kind }) {
				return nil, fmt.Errorf("channel %s is of a type not asked for", c.name)
			}
			short := obj{"id": c.id, "name": c.name, "type": c.kind, "permissions": t.m.in(c).String(), "parent_id": nil}
			return t.resolve("channels", c.id, short), nil
		}
	case optAttachment:
		if a, ok := v.(*Attachment); ok {
			if a.Size > t.m.guild.d.opt.AttachmentLimit {
				return nil, fmt.Errorf("%s is too large", a.Filename)
			}
			return t.resolve("attachments", a.ID, with(a.json, "ephemeral", true)), nil
		}
	}
	return nil, fmt.Errorf("a %T does not fit an option of type %d", v, o.kind)
}

func (t *typing) someone(s Someone) (any, error) {
	u := t.m.guild.d.users[s.ID()]
	if u == nil {
		return nil, fmt.Errorf("there is no user %v", s.ID())
	}
	t.resolve("users", u.id, u.json())
	if m := t.m.guild.member(u.id); m != nil {
		short := with(m.json(), "permissions", m.in(t.where).String())
		delete(short, "user")
		delete(short, "mute")
		delete(short, "deaf")
		t.resolve("members", u.id, short)
	}
	return u.id, nil
}
