package discordtest

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Message flags.
const (
	flagSuppressEmbeds = 1 << 2
	flagEphemeral      = 1 << 6
	flagLoading        = 1 << 7
	flagSilent         = 1 << 12
	flagV2             = 1 << 15
)

// message is a message as stored. Lists are replaced, never changed in place.
type message struct {
	d           *Discord
	id          ID
	channel     *Channel
	author      *user
	at          time.Time
	edited      time.Time
	edits       int
	content     string
	embeds      []any
	components  []any
	attachments []obj
	flags       int
	kind        int // 0 default, 19 reply, 20 command reply, 23 context menu reply
	reference   *message
	nonce       any
	tts         bool
	ix          *Interaction
	deleted     bool
}

func (m *message) ephemeral() bool { return m.flags&flagEphemeral != 0 }

// json is the message as REST and the gateway give it.
func (m *message) json() obj {
	o := obj{
		"id": m.id, "channel_id": m.channel.id, "author": m.author.json(), "type": m.kind, "content": m.content,
		"mentions": m.mentions(), "mention_roles": []ID{}, "attachments": m.attachments, "embeds": m.embeds,
		"timestamp": stamp(m.at), "edited_timestamp": nil, "flags": m.flags, "components": m.components,
		"pinned": false, "mention_everyone": false, "tts": m.tts,
	}
	for _, k := range []string{"embeds", "components"} {
		if o[k] == nil || len(o[k].([]any)) == 0 {
			o[k] = []any{}
		}
	}
	if m.attachments == nil {
		o["attachments"] = []obj{}
	}
	if m.flags&flagSuppressEmbeds != 0 {
		o["embeds"] = []any{}
	}
	if !m.edited.IsZero() {
		o["edited_timestamp"] = stamp(m.edited)
	}
	if m.nonce != nil {
		o["nonce"] = m.nonce
	}
	if r := m.reference; r != nil {
		o["message_reference"] = obj{"type": 0, "channel_id": r.channel.id, "message_id": r.id, "guild_id": r.channel.guild.id}
		o["referenced_message"] = nil
		if !r.deleted {
			inner := r.json()
			delete(inner, "referenced_message")
			o["referenced_message"] = inner
		}
	}
	if m.ix != nil {
		o["application_id"], o["webhook_id"] = m.ix.bot.user.id, m.ix.bot.user.id
		o["interaction_metadata"] = m.ix.metadata(m)
		if m.ix.command != nil && m.ix.kind == interactionCommand {
			o["interaction"] = obj{"id": m.ix.id, "type": m.ix.kind, "name": m.ix.command.name, "user": m.ix.member.user.json()}
		}
	}
	return o
}

// mentions lists the users named in the content.
func (m *message) mentions() []obj {
	out := []obj{}
	for id, u := range m.d.users {
		if strings.Contains(m.content, "<@"+id.String()+">") || strings.Contains(m.content, "<@!"+id.String()+">") {
			out = append(out, u.json())
		}
	}
	return out
}

// text is all a person can read in the message.
func (m *message) text() string {
	var b strings.Builder
	b.WriteString(m.content)
	readText(&b, m.embeds)
	readText(&b, m.components)
	return b.String()
}

// readText appends the readable strings of embeds and components.
func readText(b *strings.Builder, v any) {
	switch t := v.(type) {
	case []any:
		for _, e := range t {
			readText(b, e)
		}
	case obj:
		for _, k := range slices.Sorted(maps.Keys(t)) {
			switch k {
			case "title", "description", "content", "name", "value", "text", "label", "placeholder":
				if s, ok := t[k].(string); ok && s != "" {
					b.WriteString("\n" + s)
				}
			default:
				readText(b, t[k])
			}
		}
	}
}

// post stores a new message, and tells who may see it unless it is ephemeral.
func (d *Discord) post(m *message) {
	d.messages[m.id] = m
	m.channel.messages = append(m.channel.messages, m)
	if !m.ephemeral() {
		d.dispatch(m.event("MESSAGE_CREATE"))
	}
	d.touch()
}

// event is a message event, with the member who wrote it.
func (m *message) event(name string) event {
	data := with(m.json(), "guild_id", m.channel.guild.id)
	if w := m.channel.guild.member(m.author.id); w != nil {
		member := w.json()
		delete(member, "user")
		data["member"] = member
	}
	return event{name: name, guild: m.channel.guild, channel: m.channel, intents: IntentGuildMessages, author: m.author, data: data}
}

// remove deletes a message.
func (d *Discord) remove(m *message) {
	m.deleted = true
	m.channel.messages = slices.DeleteFunc(m.channel.messages, func(o *message) bool { return o == m })
	if !m.ephemeral() {
		d.dispatch(event{
			name: "MESSAGE_DELETE", guild: m.channel.guild, channel: m.channel, intents: IntentGuildMessages,
			data: obj{"id": m.id, "channel_id": m.channel.id, "guild_id": m.channel.guild.id},
		})
	}
	d.touch()
}

// A Message is a copy of a message as someone who may see it saw it.
type Message struct {
	ID          ID
	Channel     ID
	Author      ID
	Content     string
	Embeds      []Embed
	Components  []Component
	Attachments []Attachment
	Flags       int
	Ephemeral   bool
	Loading     bool // "… is thinking"
	Edits       int  // how often it was edited
	Sent        time.Time
	Edited      time.Time // zero if never
	JSON        json.RawMessage

	text string
}

// Text is everything a person can read in the message, one piece a line.
func (m Message) Text() string { return m.text }

// An Embed is a message embed.
type Embed struct {
	Title       string
	Description string
	URL         string
	Color       int
	Fields      []EmbedField
	Footer      struct{ Text string }
	Author      struct{ Name, URL string }
	Image       struct{ URL string }
	Thumbnail   struct{ URL string }
}

// An EmbedField is one field of an embed.
type EmbedField struct {
	Name, Value string
	Inline      bool
}

// A Component is any message component; which fields mean something depends on
// Type, as Discord numbers it.
type Component struct {
	Type        int
	ID          int
	CustomID    string `json:"custom_id"`
	Label       string
	Style       int
	URL         string
	Disabled    bool
	Content     string
	Placeholder string
	MinValues   *int `json:"min_values"`
	MaxValues   *int `json:"max_values"`
	Options     []SelectOption
	Components  []Component
	Component   *Component
	Accessory   *Component
	Emoji       struct{ Name string }
}

// A SelectOption is one choice of a string select.
type SelectOption struct {
	Label, Value, Description string
	Default                   bool
}

// find looks a component up by custom_id, however deep.
func find(list []Component, customID string) *Component {
	for i := range list {
		c := &list[i]
		if c.CustomID == customID {
			return c
		}
		nested := c.Components
		for _, one := range []*Component{c.Component, c.Accessory} {
			if one != nil {
				nested = append(slices.Clone(nested), *one)
			}
		}
		if hit := find(nested, customID); hit != nil {
			return hit
		}
	}
	return nil
}

// Component finds a component by custom_id, however deep; nil if there is none.
func (m Message) Component(customID string) *Component { return find(m.Components, customID) }

// snapshot copies the message. d.mu is held.
func (m *message) snapshot() Message {
	out := Message{
		ID: m.id, Channel: m.channel.id, Author: m.author.id, Flags: m.flags, Ephemeral: m.ephemeral(),
		Loading: m.flags&flagLoading != 0, Edits: m.edits, Sent: m.at, Edited: m.edited, text: m.text(),
	}
	out.JSON, _ = json.Marshal(m.json())
	var seen struct {
		Content     string
		Embeds      []Embed
		Components  []Component
		Attachments []Attachment
	}
	_ = json.Unmarshal(out.JSON, &seen) // it is our own JSON
	out.Content, out.Embeds, out.Components, out.Attachments = seen.Content, seen.Embeds, seen.Components, seen.Attachments
	return out
}
