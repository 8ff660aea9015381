package discordtest

import (
	"errors"

	"segue/discordtest/voiceserver"
)

// A voiceState says where someone is in a guild's calls.
type voiceState struct {
	user     ID
	channel  *Channel
	session  string
	via      *session // the gateway session that joined; nil for people
	selfMute bool
	selfDeaf bool
	mute     bool // by the server
	deaf     bool // by the server
	suppress bool // may not speak
	raised   any  // request_to_speak_timestamp
	token    string
	endpoint string
	server   *voiceserver.Server // where it was admitted
}

// Refusals of a voice channel.
var (
	errFull   = errors.New("discordtest: the channel is full")
	errAccess = errors.New("discordtest: no permission to view or to connect to the channel")
)

func (vs *voiceState) json(m *Member) obj {
	var channel any
	if vs.channel != nil {
		channel = vs.channel.id
	}
	return obj{
		"guild_id": m.guild.id, "channel_id": channel, "user_id": vs.user, "member": m.json(), "session_id": vs.session,
		"deaf": vs.deaf, "mute": vs.mute, "self_deaf": vs.selfDeaf, "self_mute": vs.selfMute, "self_video": false,
		"self_stream": false, "suppress": vs.suppress, "request_to_speak_timestamp": vs.raised,
	}
}

func (g *Guild) voiceOf(user ID) *Channel {
	if vs := g.voice[user]; vs != nil {
		return vs.channel
	}
	return nil
}

// present counts who is in a channel, without one of them.
func (g *Guild) present(c *Channel, without ID) int {
	n := 0
	for user, vs := range g.voice {
		if vs.channel == c && user != without {
			n++
		}
	}
	return n
}

// mayJoin says why a member cannot join a channel.
func (g *Guild) mayJoin(m *Member, c *Channel) error {
	p := m.in(c)
	if !p.Has(ViewChannel | Connect) {
		return errAccess
	}
	if c.limit > 0 && g.present(c, m.user.id) >= c.limit && !p.Has(MoveMembers) {
		return errFull
	}
	return nil
}

// resuppress works out anew whether someone may speak, and tells it if that
// changed.
func (d *Discord) resuppress(m *Member, vs *voiceState) {
	p := m.in(vs.channel)
	want := !p.Has(Speak)
	if vs.channel.kind == kindStage {
		want = vs.suppress && !p.Has(MuteMembers)
	}
	if want != vs.suppress {
		vs.suppress = want
		d.tellVoice(m, vs)
	}
}

// tellVoice tells the bots, and the voice server, what a voice state is now.
func (d *Discord) tellVoice(m *Member, vs *voiceState) {
	m.mute, m.deaf = vs.mute, vs.deaf
	d.calls.hush(m.guild, vs)
	d.dispatch(event{name: "VOICE_STATE_UPDATE", guild: m.guild, intents: IntentGuildVoiceStates, data: vs.json(m)})
}

// tellServer gives a bot a new token for its call. A nil endpoint says that
// the voice server is gone and another will follow.
func (d *Discord) tellServer(m *Member, vs *voiceState, endpoint any) {
	if m.user.bot == nil || len(d.calls.servers) == 0 {
		return
	}
	d.dispatch(event{
		name: "VOICE_SERVER_UPDATE", guild: m.guild, only: m.user.bot, session: vs.via,
		data: obj{"guild_id": m.guild.id, "token": vs.token, "endpoint": endpoint},
	})
}

// moveVoice puts a member into a channel, or out of voice if c is nil. What a
// drag looks like: voice close 4014, VOICE_STATE_UPDATE, VOICE_SERVER_UPDATE.
func (d *Discord) moveVoice(g *Guild, m *Member, c *Channel) {
	vs := g.voice[m.user.id]
	if vs == nil {
		return
	}
	d.calls.dismiss(g, vs, 4014)
	if c == nil {
		delete(g.voice, m.user.id)
		gone := *vs
		gone.channel = nil
		d.tellVoice(m, &gone)
		d.touch()
		return
	}
	next := *vs
	next.channel = c
	d.place(m, &next)
}

// place makes vs the member's voice state, registers it with the voice server
// and tells everyone.
func (d *Discord) place(m *Member, vs *voiceState) {
	p := m.in(vs.channel)
	vs.mute, vs.deaf = m.mute, m.deaf
	vs.suppress = !p.Has(Speak)
	if vs.channel.kind == kindStage {
		vs.suppress = !p.Has(MuteMembers)
	}
	m.guild.voice[m.user.id] = vs
	d.calls.admit(m.guild, vs)
	d.tellVoice(m, vs)
	d.tellServer(m, vs, vs.endpoint)
	d.touch()
}

// botJoins is gateway op 4. What Discord does not allow it answers with
// silence: neither event arrives.
func (d *Discord) botJoins(s *session, g *Guild, c *Channel, selfMute, selfDeaf bool) {
	m := g.member(s.bot.user.id)
	vs := g.voice[s.bot.user.id]
	switch {
	case c == nil:
		d.moveVoice(g, m, nil)
		return
	case d.faults.noVoice:
		d.opt.Logf("voice join swallowed by fault")
		return
	}
	if vs == nil || vs.channel != c {
		if err := g.mayJoin(m, c); err != nil {
			d.opt.Logf("bot may not join %s: %v", c.name, err)
			return
		}
	}
	if vs != nil && vs.channel == c && vs.via == s && (vs.selfMute != selfMute || vs.selfDeaf != selfDeaf) {
		vs.selfMute, vs.selfDeaf = selfMute, selfDeaf
		d.tellVoice(m, vs)
		d.touch()
		return
	}
	next := &voiceState{user: m.user.id, channel: c, session: s.id, via: s, selfMute: selfMute, selfDeaf: selfDeaf}
	if vs != nil {
		d.calls.dismiss(g, vs, 4014)
	}
	d.place(m, next)
}

// leaveAll takes whoever joined through a session out of voice.
func (d *Discord) leaveAll(s *session) {
	for _, g := range d.guilds {
		if vs := g.voice[s.bot.user.id]; vs != nil && vs.via == s {
			d.moveVoice(g, g.member(s.bot.user.id), nil)
		}
	}
}
