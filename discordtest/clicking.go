package discordtest

import (
	"fmt"
	"slices"
)

// Shown is something with components on it: a Message, a Reply, or the
// Interaction that it answers.
type Shown interface {
	shown() ID
}

func (m Message) shown() ID { return m.ID }

func (ix *Interaction) shown() ID {
	ix.d.mu.Lock()
	defer ix.d.mu.Unlock()
	if ix.original == nil {
		return 0
	}
	return ix.original.id
}

// Clicks clicks the button with that custom_id. What a person's client would
// not let them click fails the test, or is Err of the interaction.
func (m *Member) Clicks(on Shown, customID string) *Interaction {
	ix, err := m.TryClick(on, customID)
	return m.madeOr(ix, err)
}

// TryClick is Clicks that gives the client's refusal back.
func (m *Member) TryClick(on Shown, customID string) (*Interaction, error) {
	return m.component(on, customID, func(c *Component) (obj, error) {
		if c.Type != compButton {
			return nil, fmt.Errorf("it is no button")
		}
		return obj{}, nil
	})
}

// Picks chooses values of the string select with that custom_id, by value or
// by label. A refusal of the client fails the test.
func (m *Member) Picks(on Shown, customID string, values ...string) *Interaction {
	ix, err := m.TryPick(on, customID, values...)
	return m.madeOr(ix, err)
}

// TryPick is Picks that gives the client's refusal back.
func (m *Member) TryPick(on Shown, customID string, values ...string) (*Interaction, error) {
	return m.component(on, customID, func(c *Component) (obj, error) {
		picked, err := c.pick(values)
		return obj{"values": picked}, err
	})
}

// pick checks a choice against a string select.
func (c *Component) pick(values []string) ([]string, error) {
	if c.Type != compStringSelect {
		return nil, fmt.Errorf("it is no string select")
	}
	picked := []string{}
	for _, v := range values {
		i := slices.IndexFunc(c.Options, func(o SelectOption) bool { return o.Value == v })
		if i < 0 {
			i = slices.IndexFunc(c.Options, func(o SelectOption) bool { return o.Label == v })
		}
		if i < 0 {
			return nil, fmt.Errorf("there is no option %q", v)
		}
		if slices.Contains(picked, c.Options[i].Value) {
			return nil, fmt.Errorf("%q twice", v)
		}
		picked = append(picked, c.Options[i].Value)
	}
	lo, hi := 1, 1
	if c.MinValues != nil {
		lo = *c.MinValues
	}
	if c.MaxValues != nil {
		hi = *c.MaxValues
	}
	if len(picked) < lo || len(picked) > hi {
		return nil, fmt.Errorf("%d to %d can be picked, not %d", lo, hi, len(picked))
	}
	return picked, nil
}

// PicksSomeone chooses people in the user select with that custom_id.
func (m *Member) PicksSomeone(on Shown, customID string, who ...Someone) *Interaction {
	ix, err := m.component(on, customID, func(c *Component) (obj, error) {
		if c.Type != compUserSelect {
			return nil, fmt.Errorf("it is no user select")
		}
		t := &typing{m: m, where: m.place(), lookup: obj{}}
		values := []ID{}
		for _, w := range who {
			if _, err := t.someone(w); err != nil {
				return nil, err
			}
			values = append(values, w.ID())
		}
		return obj{"values": values, "resolved": t.lookup}, nil
	})
	return m.madeOr(ix, err)
}

// Submits fills a form in, by custom_id and text, and sends it. Fields not
// named stay as the bot filled them.
func (m *Member) Submits(form *Modal, fields map[string]string) *Interaction {
	ix, err := m.TrySubmit(form, fields)
	return m.madeOr(ix, err)
}

// TrySubmit is Submits that gives the client's refusal back.
func (m *Member) TrySubmit(form *Modal, fields map[string]string) (*Interaction, error) {
	d := m.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	if form == nil || form.ix.member != m {
		return nil, fmt.Errorf("discordtest: %s has no such form", m.user.name)
	}
	for id := range fields {
		if find(form.Components, id) == nil {
			return nil, fmt.Errorf("discordtest: the form has no field %q", id)
		}
	}
	rows, err := filled(form.ix.modal["components"].([]any), fields)
	if err != nil {
		return nil, err
	}
	p := form.ix
	ix := &Interaction{bot: p.bot, kind: interactionModal, guild: p.guild, channel: p.channel, member: m, on: p.on, parent: p}
	return d.start(ix, obj{"custom_id": form.CustomID, "components": rows}), nil
}

// filled gives a form's rows and labels with their values.
func filled(list []any, fields map[string]string) ([]obj, error) {
	out := []obj{}
	for _, v := range list {
		c := v.(obj)
		switch c["type"] {
		case compRow:
			kids, err := filled(c["components"].([]any), fields)
			if err != nil {
				return nil, err
			}
			out = append(out, obj{"type": compRow, "id": c["id"], "components": kids})
		case compLabel:
			kids, err := filled([]any{c["component"]}, fields)
			if err != nil {
				return nil, err
			}
			out = append(out, obj{"type": compLabel, "id": c["id"], "component": kids[0]})
		case compTextInput:
			id := c["custom_id"].(string)
			value, typed := fields[id]
			if !typed {
				value, _ = c["value"].(string)
			}
			if n := len([]rune(value)); n < c["min_length"].(int) || n > c["max_length"].(int) || c["required"] == true && n == 0 {
				return nil, fmt.Errorf("discordtest: field %q: %d characters are out of bounds", id, n)
			}
			out = append(out, obj{"type": compTextInput, "id": c["id"], "custom_id": id, "value": value})
		}
	}
	return out, nil
}

// madeOr is the interaction, or one that only carries its error.
func (m *Member) madeOr(ix *Interaction, err error) *Interaction {
	if m.guild.d.fail(err) != nil {
		return &Interaction{d: m.guild.d, member: m, kind: interactionComponent, err: err}
	}
	return ix
}

// component makes a component interaction, if the person can see and use it.
func (m *Member) component(on Shown, customID string, use func(*Component) (obj, error)) (*Interaction, error) {
	id := on.shown()
	d := m.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	refuse := func(err error) (*Interaction, error) {
		return nil, fmt.Errorf("discordtest: %s uses %q: %w", m.user.name, customID, err)
	}
	msg := d.messages[id]
	switch {
	case msg == nil || msg.deleted:
		return refuse(fmt.Errorf("there is no message"))
	case msg.author.bot == nil:
		return refuse(fmt.Errorf("the message is not a bot's"))
	case msg.ephemeral() && msg.ix.member.user != m.user:
		return refuse(fmt.Errorf("the message is for %s only", msg.ix.member.user.name))
	case !m.in(msg.channel).Has(ViewChannel):
		return refuse(errAccess)
	}
	c := msg.snapshot().Component(customID)
	if c == nil {
		return refuse(fmt.Errorf("the message has no such component"))
	}
	if c.Disabled {
		return refuse(fmt.Errorf("it is disabled"))
	}
	data, err := use(c)
	if err != nil {
		return refuse(err)
	}
	data["custom_id"], data["component_type"], data["id"] = customID, c.Type, c.ID
	ix := &Interaction{bot: msg.author.bot, kind: interactionComponent, guild: m.guild, channel: msg.channel, member: m, on: msg}
	return d.start(ix, data), nil
}

// Says writes a message into the channel the person types in.
func (m *Member) Says(content string, files ...*Attachment) Message {
	d := m.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	msg := &message{d: d, id: d.ids.next(d.now()), channel: m.place(), author: m.user, at: d.now(), content: content}
	for _, f := range files {
		msg.attachments = append(msg.attachments, f.json)
	}
	d.post(msg)
	return msg.snapshot()
}

// Uses picks a command of the context menu of a message or a person. A
// refusal of the client fails the test.
func (m *Member) Uses(command string, target any) *Interaction {
	ix, err := m.TryUse(command, target)
	return m.madeOr(ix, err)
}

// TryUse is Uses that gives the client's refusal back. The target is a
// Message or Someone.
func (m *Member) TryUse(name string, target any) (*Interaction, error) {
	d := m.guild.d
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &typing{m: m, where: m.place(), lookup: obj{}}
	kind, id := commandUser, ID(0)
	switch v := target.(type) {
	case Message:
		kind, id = commandMessage, v.ID
		msg := d.messages[v.ID]
		if msg == nil || msg.deleted {
			return nil, fmt.Errorf("discordtest: there is no such message")
		}
		t.resolve("messages", id, msg.json())
	case Someone:
		id = v.ID()
		if _, err := t.someone(v); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("discordtest: a %T has no context menu", target)
	}
	for _, b := range d.bots {
		for _, c := range append(slices.Clone(b.commands[m.guild.id]), b.commands[0]...) {
			if c.kind != kind || c.name != name || m.guild.member(b.user.id) == nil {
				continue
			}
			t.cmd = c
			if err := t.allowed(); err != nil {
				return nil, err
			}
			ix := &Interaction{bot: b, kind: interactionCommand, guild: m.guild, channel: t.where, member: m, command: c}
			return d.start(ix, with(t.data(), "target_id", id)), nil
		}
	}
	return nil, fmt.Errorf("discordtest: %s finds no command %q in the menu", m.user.name, name)
}
