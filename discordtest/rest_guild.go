package discordtest

import (
	"slices"
	"strconv"
	"strings"
)

// guildFor finds a guild of the path that the bot is a member of.
func (q *request) guildFor() (*Guild, *Member, error) {
	g := q.d.guildByID(q.id("guild_id"))
	if g == nil {
		return nil, nil, errUnknown("Guild")
	}
	m := g.member(q.bot.user.id)
	if m == nil {
		return nil, nil, errMissingAccess()
	}
	return g, m, nil
}

func getGuild(q *request) (int, any, error) {
	g, _, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	o := g.json()
	if q.query.Get("with_counts") == "true" {
		o["approximate_member_count"], o["approximate_presence_count"] = len(g.members), len(g.members)
	}
	return 200, o, nil
}

func getGuildChannels(q *request) (int, any, error) {
	g, _, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	return 200, g.channelsJSON(q.bot), nil
}

func getRoles(q *request) (int, any, error) {
	g, _, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	return 200, g.rolesJSON(), nil
}

// getMembers lists members by user id; it needs the members intent in the portal.
func getMembers(q *request) (int, any, error) {
	g, _, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	if q.bot.privileged&IntentGuildMembers == 0 {
		return 0, nil, errMissingAccess()
	}
	limit := 1
	if s := q.query.Get("limit"); s != "" {
		if limit, err = strconv.Atoi(s); err != nil || limit < 1 || limit > 1000 {
			return 0, nil, oneError("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 1000.")
		}
	}
	after, _ := parseID(q.query.Get("after"))
	list := slices.Clone(g.members)
	slices.SortFunc(list, func(a, b *Member) int { return strings.Compare(a.user.id.String(), b.user.id.String()) })
	out := []obj{}
	for _, m := range list {
		if m.user.id > after && len(out) < limit {
			out = append(out, m.json())
		}
	}
	return 200, out, nil
}

func getMember(q *request) (int, any, error) {
	g, _, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	if m := g.member(q.id("user_id")); m != nil {
		return 200, m.json(), nil
	}
	if q.d.users[q.id("user_id")] == nil {
		return 0, nil, errUnknown("User")
	}
	return 0, nil, errUnknown("Member")
}

// patchMember is how a bot moves, disconnects, mutes and deafens people.
func patchMember(q *request) (int, any, error) {
	g, self, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	m := g.member(q.id("user_id"))
	if m == nil {
		return 0, nil, errUnknown("Member")
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	mute, deaf, to := f.at(o, "", "mute"), f.at(o, "", "deaf"), f.at(o, "", "channel_id")
	wantMute, wantDeaf, channel := mute.yes(), deaf.yes(), to.id()
	for _, k := range []string{"nick", "roles", "communication_disabled_until", "flags"} {
		if f.at(o, "", k).set {
			f.add(k, "STAND_IN_NOT_MODELLED", "This stand-in changes voice only")
		}
	}
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	p := g.base(self)
	if mute.set && !p.Has(MuteMembers) || deaf.set && !p.Has(DeafenMembers) || to.set && !p.Has(MoveMembers) {
		return 0, nil, errMissingPermissions()
	}
	vs := g.voice[m.user.id]
	if vs == nil {
		return 0, nil, refusal(400, 40032, "Target user is not connected to voice.")
	}
	if mute.set || deaf.set {
		vs.mute, vs.deaf = mute.set && wantMute || !mute.set && vs.mute, deaf.set && wantDeaf || !deaf.set && vs.deaf
		q.d.tellVoice(m, vs)
	}
	if to.set {
		c := g.find(channel)
		if to.v != nil && (c == nil || c.kind == kindText) {
			return 0, nil, errUnknown("Channel")
		}
		q.d.moveVoice(g, m, c)
	}
	return 200, m.json(), nil
}

func getVoiceState(q *request) (int, any, error) {
	g, self, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	id := self.user.id
	if q.vars["user_id"] != "" {
		id = q.id("user_id")
	}
	vs := g.voice[id]
	if vs == nil {
		return 0, nil, errUnknown("Voice State")
	}
	return 200, vs.json(g.member(id)), nil
}

// patchVoiceState is how a bot becomes a speaker on a stage, or asks to.
func patchVoiceState(q *request) (int, any, error) {
	g, self, err := q.guildFor()
	if err != nil {
		return 0, nil, err
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	suppress, raised := f.at(o, "", "suppress"), f.at(o, "", "request_to_speak_timestamp")
	mute, when, in := suppress.yes(), raised.time(), f.at(o, "", "channel_id").id()
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	vs := g.voice[self.user.id]
	if vs == nil || in != 0 && vs.channel.id != in || vs.channel.kind != kindStage {
		return 0, nil, errUnknown("Voice State")
	}
	p := self.in(vs.channel)
	if suppress.given() && !mute && !p.Has(MuteMembers) || raised.given() && !p.Has(RequestToSpeak) {
		return 0, nil, errMissingPermissions()
	}
	if suppress.given() {
		vs.suppress = mute
	}
	if raised.set {
		vs.raised = nil
		if when != "" {
			vs.raised = when
		}
	}
	q.d.tellVoice(self, vs)
	return 204, nil, nil
}

// putVoiceStatus sets the line under a voice channel's name.
func putVoiceStatus(q *request) (int, any, error) {
	c, p, err := q.channelFor()
	if err != nil {
		return 0, nil, err
	}
	if c.kind != kindVoice {
		return 0, nil, refusal(400, 50024, "Cannot execute action on this channel type")
	}
	connected := c.guild.voiceOf(q.bot.user.id) == c
	if !p.Has(SetVoiceChannelStatus) || !connected && !p.Has(ManageChannels) {
		return 0, nil, errMissingPermissions()
	}
	o, err := q.object()
	if err != nil {
		return 0, nil, err
	}
	var f form
	s := f.at(o, "", "status").text(0, 500)
	if err := f.err(); err != nil {
		return 0, nil, err
	}
	c.status = s
	var shown any
	if s != "" {
		shown = s
	}
	q.d.dispatch(event{name: "VOICE_CHANNEL_STATUS_UPDATE", guild: c.guild, channel: c, intents: IntentGuilds, data: obj{"id": c.id, "guild_id": c.guild.id, "status": shown}})
	return 204, nil, nil
}

func getRegions(*request) (int, any, error) {
	return 200, []obj{{"id": "rotterdam", "name": "Rotterdam", "optimal": true, "deprecated": false, "custom": false}}, nil
}
