package discordtest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"segue/discordtest/listener"
)

// A Member is a person, or a bot's user, in one guild.
type Member struct {
	guild  *Guild
	user   *user
	roles  []*role
	joined time.Time
	locale string
	text   *Channel // where they type; nil is the first text channel
	mute   bool     // by the server, in whatever call
	deaf   bool     // by the server

	dialling sync.Mutex // one dial at a time
	listener *listener.Listener
}

// Member gives the person of that name in this guild, who joins if new. A
// person of the same name in another guild is the same person.
func (g *Guild) Member(name string) *Member {
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	u := g.d.person(name)
	if m := g.member(u.id); m != nil {
		return m
	}
	m := g.add(u)
	g.d.dispatch(event{name: "GUILD_MEMBER_ADD", guild: g, intents: IntentGuildMembers, data: with(m.json(), "guild_id", g.id)})
	return m
}

// add makes a user a member. d.mu is held.
func (g *Guild) add(u *user) *Member {
	m := &Member{guild: g, user: u, joined: g.d.now(), locale: "en-US"}
	g.members = append(g.members, m)
	return m
}

// ID is the person's user id.
func (m *Member) ID() ID { return m.user.id }

// Name is the person's user name.
func (m *Member) Name() string { return m.user.name }

// Guild is the guild this membership is of.
func (m *Member) Guild() *Guild { return m.guild }

// Speaks sets the language of the person's client, "en-US" at first.
func (m *Member) Speaks(locale string) *Member {
	m.guild.d.mu.Lock()
	defer m.guild.d.mu.Unlock()
	m.locale = locale
	return m
}

// At makes the person type in this channel from now on.
func (m *Member) At(c *Channel) *Member {
	m.guild.d.mu.Lock()
	defer m.guild.d.mu.Unlock()
	m.text = c
	return m
}

// May gives the person a role with these permissions.
func (m *Member) May(p Permissions) *Member {
	g := m.guild
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	r := &role{id: g.d.ids.next(g.d.now()), name: "role of " + m.user.name, permissions: p}
	g.roles = append(g.roles, r)
	m.roles = append(m.roles, r)
	g.d.dispatch(event{name: "GUILD_ROLE_CREATE", guild: g, intents: IntentGuilds, data: obj{"guild_id": g.id, "role": r.json(len(g.roles) - 1)}})
	g.d.dispatch(event{name: "GUILD_MEMBER_UPDATE", guild: g, intents: IntentGuildMembers, data: with(m.json(), "guild_id", g.id)})
	return m
}

// place is where the person types. d.mu is held.
func (m *Member) place() *Channel {
	if m.text != nil {
		return m.text
	}
	i := slices.IndexFunc(m.guild.channels, func(c *Channel) bool { return c.kind == kindText })
	if i < 0 {
		return nil
	}
	return m.guild.channels[i]
}

// Voice is the voice channel the person is in, nil if none.
func (m *Member) Voice() *Channel {
	m.guild.d.mu.Lock()
	defer m.guild.d.mu.Unlock()
	return m.guild.voiceOf(m.user.id)
}

// Joins joins a voice or stage channel of the guild, or moves there. A refusal
// fails the test.
func (m *Member) Joins(channel string) error { return m.guild.d.fail(m.TryJoin(channel)) }

// TryJoin is Joins that gives refusals back: no permission, full, no such channel.
func (m *Member) TryJoin(channel string) error {
	g := m.guild
	g.d.mu.Lock()
	defer g.d.mu.Unlock()
	c, err := g.named(channel, kindVoice, kindStage)
	if err != nil {
		return err
	}
	if err := g.mayJoin(m, c); err != nil {
		return fmt.Errorf("%w: %s wants to join %s", err, m.user.name, channel)
	}
	next := &voiceState{user: m.user.id, channel: c, session: secret(16)}
	if vs := g.voice[m.user.id]; vs != nil {
		if vs.channel == c {
			return nil
		}
		next.selfMute, next.selfDeaf = vs.selfMute, vs.selfDeaf
		g.d.calls.dismiss(g, vs, 4014)
	}
	g.d.place(m, next)
	return nil
}

// Leaves leaves voice. Not being in voice is fine.
func (m *Member) Leaves() {
	m.guild.d.mu.Lock()
	defer m.guild.d.mu.Unlock()
	m.guild.d.moveVoice(m.guild, m, nil)
}

// inVoice finds who is to be moderated. d.mu is held.
func (m *Member) inVoice(who Someone) (*Member, *voiceState, error) {
	target := m.guild.member(who.ID())
	if target == nil {
		return nil, nil, fmt.Errorf("discordtest: %v is not in guild %q", who.ID(), m.guild.name)
	}
	vs := m.guild.voice[who.ID()]
	if vs == nil {
		return nil, nil, fmt.Errorf("discordtest: %s is not in voice", target.user.name)
	}
	return target, vs, nil
}

// moderate does something to someone in voice; the person acts as a moderator.
func (m *Member) moderate(who Someone, f func(*Member, *voiceState) error) error {
	d := m.guild.d
	d.mu.Lock()
	target, vs, err := m.inVoice(who)
	if err == nil {
		err = f(target, vs)
	}
	d.mu.Unlock()
	return d.fail(err)
}

// Moves drags someone into another channel, as a moderator would.
func (m *Member) Moves(who Someone, channel string) error {
	return m.moderate(who, func(target *Member, _ *voiceState) error {
		c, err := m.guild.named(channel, kindVoice, kindStage)
		if err != nil {
			return err
		}
		m.guild.d.moveVoice(m.guild, target, c)
		return nil
	})
}

// Disconnects throws someone out of voice, as a moderator would.
func (m *Member) Disconnects(who Someone) error {
	return m.moderate(who, func(target *Member, _ *voiceState) error {
		m.guild.d.moveVoice(m.guild, target, nil)
		return nil
	})
}

// alter changes the voice state of someone in voice, and tells it.
func (m *Member) alter(who Someone, f func(*voiceState)) error {
	return m.moderate(who, func(target *Member, vs *voiceState) error {
		f(vs)
		m.guild.d.tellVoice(target, vs)
		m.guild.d.touch()
		return nil
	})
}

// Mutes mutes someone for the whole server, or lifts that.
func (m *Member) Mutes(who Someone, on bool) error {
	return m.alter(who, func(vs *voiceState) { vs.mute = on })
}

// Deafens deafens someone for the whole server, or lifts that.
func (m *Member) Deafens(who Someone, on bool) error {
	return m.alter(who, func(vs *voiceState) { vs.deaf = on })
}

// LetsSpeak makes someone in the audience of a stage a speaker.
func (m *Member) LetsSpeak(who Someone) error {
	return m.alter(who, func(vs *voiceState) { vs.suppress, vs.raised = false, nil })
}
