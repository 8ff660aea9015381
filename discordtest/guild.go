package discordtest

import (
	"fmt"
	"strings"
)

// Channel types, as Discord numbers them.
const (
	kindText  = 0
	kindVoice = 2
	kindStage = 13
)

// A Guild is one guild. Its bots are members from the start.
type Guild struct {
	d        *Discord
	id       ID
	name     string
	locale   string
	owner    *Member
	everyone *role
	roles    []*role
	channels []*Channel
	members  []*Member
	voice    map[ID]*voiceState // by user
	gone     bool               // unavailable or deleted
}

type role struct {
	id          ID
	name        string
	permissions Permissions
	bot         ID // the bot a managed role belongs to
}

type overwrite struct {
	allow, deny Permissions
	member      bool
}

// A Channel is a text, voice or stage channel of a guild.
type Channel struct {
	guild      *Guild
	id         ID
	name       string
	kind       int
	limit      int
	bitrate    int // bit/s
	status     string
	topic      string
	overwrites map[ID]overwrite
	messages   []*message
	deleted    bool
}

// Guild gives the guild of that name; a new one has an owner, a text channel
// "general", and all bots as members with the permissions of their invite link.
func (d *Discord) Guild(name string) *Guild {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, g := range d.guilds {
		if g.name == name {
			return g
		}
	}
	g := &Guild{d: d, id: d.ids.next(d.now()), name: name, locale: "en-US", voice: map[ID]*voiceState{}}
	g.everyone = &role{id: g.id, name: "@everyone", permissions: everyonePermissions}
	g.roles = []*role{g.everyone}
	g.owner = g.add(d.person("owner of " + name))
	g.addChannel("general", kindText)
	d.guilds = append(d.guilds, g)
	for _, b := range d.bots {
		g.invite(b)
	}
	return g
}

// invite makes a bot a member, with a managed role, and tells it. d.mu is held.
func (g *Guild) invite(b *Bot) {
	m := g.add(b.user)
	r := &role{id: g.d.ids.next(g.d.now()), name: b.user.name, permissions: b.permissions, bot: b.user.id}
	g.roles = append(g.roles, r)
	m.roles = append(m.roles, r)
	g.d.dispatch(event{name: "GUILD_CREATE", guild: g, only: b, intents: IntentGuilds, data: g.createJSON(b)})
	g.d.dispatch(event{name: "GUILD_MEMBER_ADD", guild: g, not: b, intents: IntentGuildMembers, data: with(m.json(), "guild_id", g.id)})
	g.d.touch()
}

// ID is the guild's id.
func (g *Guild) ID() ID { return g.id }

// Name is the guild's name.
func (g *Guild) Name() string { return g.name }

// Speaks sets the guild's preferred locale, "en-US" at first.
func (g *Guild) Speaks(locale string) *Guild {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	g.locale = locale
	return g
}

// Owner is the person the guild belongs to; they may do anything.
func (g *Guild) Owner() *Member { return g.owner }

// Text gives the text channel of that name, made if it is not there.
func (g *Guild) Text(name string) *Channel { return g.channel(name, kindText) }

// Voice gives the voice channel of that name, made if it is not there.
func (g *Guild) Voice(name string) *Channel { return g.channel(name, kindVoice) }

// Stage gives the stage channel of that name, made if it is not there.
func (g *Guild) Stage(name string) *Channel { return g.channel(name, kindStage) }

func (g *Guild) channel(name string, kind int) *Channel {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	for _, c := range g.channels {
		if c.name == name && c.kind == kind {
			return c
		}
	}
	c := g.addChannel(name, kind)
	g.d.dispatch(event{name: "CHANNEL_CREATE", guild: g, channel: c, intents: IntentGuilds, data: c.json()})
	g.d.touch()
	return c
}

func (g *Guild) addChannel(name string, kind int) *Channel {
	c := &Channel{guild: g, id: g.d.ids.next(g.d.now()), name: name, kind: kind, bitrate: 64000, overwrites: map[ID]overwrite{}}
	g.channels = append(g.channels, c)
	return c
}

// Goes takes the bot out of the guild: it is removed, and told with GUILD_DELETE.
func (g *Guild) Goes(b *Bot) {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	m := g.member(b.user.id)
	if m == nil {
		return
	}
	if g.voice[b.user.id] != nil {
		g.d.moveVoice(g, m, nil)
	}
	for i, other := range g.members {
		if other == m {
			g.members = append(g.members[:i:i], g.members[i+1:]...)
			break
		}
	}
	g.d.dispatch(event{name: "GUILD_DELETE", shardOf: g.id, only: b, intents: IntentGuilds, data: obj{"id": g.id}})
	g.d.touch()
}

// on reports whether a shard of so many has the guild.
func (g *Guild) on(shard, shards int) bool { return g.id.shard(shards) == shard }

// member finds a member by user id. d.mu is held.
func (g *Guild) member(id ID) *Member {
	for _, m := range g.members {
		if m.user.id == id {
			return m
		}
	}
	return nil
}

// find looks a channel up by id. d.mu is held.
func (g *Guild) find(id ID) *Channel {
	for _, c := range g.channels {
		if c.id == id {
			return c
		}
	}
	return nil
}

// named looks a channel of one of the kinds up by name. d.mu is held.
func (g *Guild) named(name string, kinds ...int) (*Channel, error) {
	var have []string
	for _, c := range g.channels {
		for _, k := range kinds {
			if c.kind == k {
				if c.name == name {
					return c, nil
				}
				have = append(have, c.name)
			}
		}
	}
	return nil, fmt.Errorf("discordtest: guild %q has no such channel %q, only %s", g.name, name, strings.Join(have, ", "))
}

// guildByID finds a guild. d.mu is held.
func (d *Discord) guildByID(id ID) *Guild {
	for _, g := range d.guilds {
		if g.id == id {
			return g
		}
	}
	return nil
}

// channelByID finds a channel of any guild. d.mu is held.
func (d *Discord) channelByID(id ID) *Channel {
	for _, g := range d.guilds {
		if c := g.find(id); c != nil {
			return c
		}
	}
	return nil
}
