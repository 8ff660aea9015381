package bot

import (
	"context"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/snowflake/v2"

	"segue/music"
	"segue/player"
)

// A scene is who is where in a guild's voice channels, as the cache knows it.
type scene struct {
	user      music.ChannelID // where the person is, 0: nowhere
	bot       music.ChannelID // where the player is, 0: nowhere
	listeners int             // people who hear the bot
	status    player.Status   // zero if the guild has no player
}

// scene looks around for a command.
func (b *Bot) scene(ctx context.Context, g music.GuildID, u music.UserID) (scene, error) {
	s := scene{user: b.voiceOf(g, u)}
	p, ok := b.o.Players.Find(g)
	if !ok {
		return s, nil
	}
	var err error
	if s.status, err = p.Status(ctx); err != nil {
		return s, err
	}
	s.bot = s.status.Voice
	if s.bot != 0 {
		s.listeners = b.listeners(g, s.bot)
	}
	return s, nil
}

// voiceOf is the voice channel somebody is in, 0 if none.
func (b *Bot) voiceOf(g music.GuildID, u music.UserID) music.ChannelID {
	state, ok := b.client.Caches.VoiceState(snowflake.ID(g), snowflake.ID(u))
	if !ok || state.ChannelID == nil {
		return 0
	}
	return music.ChannelID(*state.ChannelID)
}

// listeners counts the people in a voice channel. Bots are none.
func (b *Bot) listeners(g music.GuildID, c music.ChannelID) int {
	var ids []snowflake.ID
	for state := range b.client.Caches.VoiceStates(snowflake.ID(g)) { // holds a lock: collect first
		if state.ChannelID != nil && *state.ChannelID == snowflake.ID(c) && state.UserID != snowflake.ID(b.Self()) {
			ids = append(ids, state.UserID)
		}
	}
	n := 0
	for _, id := range ids {
		if m, ok := b.client.Caches.Member(snowflake.ID(g), id); !ok || !m.User.Bot {
			n++
		}
	}
	return n
}

// mayControl says whether the person may change what plays: who hears it may,
// and anybody may while nobody hears it.
func (s scene) mayControl() error {
	switch {
	case s.bot == 0 || s.user == s.bot || s.listeners == 0:
		return nil
	case s.user == 0:
		return &music.Error{Kind: music.Forbidden, Code: "voice.join_mine", Args: []any{s.bot}}
	}
	return &music.Error{Kind: music.Forbidden, Code: "voice.other_channel", Args: []any{s.bot, s.listeners}}
}

// mayPlay says whether music may be brought to where the person is, and whether
// the bot has to move there from a channel where nobody listens.
func (b *Bot) mayPlay(g music.GuildID, s scene) (move bool, err error) {
	switch {
	case s.user == 0:
		return false, &music.Error{Kind: music.Invalid, Code: "voice.not_in_channel"}
	case s.user == s.bot:
		return false, nil
	case s.bot != 0 && s.listeners > 0:
		return false, &music.Error{Kind: music.Forbidden, Code: "voice.other_channel", Args: []any{s.bot, s.listeners}}
	}
	return s.bot != 0, b.mayJoin(g, s.user)
}

// mayJoin says whether the bot can join a voice channel and be heard there. What
// the cache does not know it does not hold against anybody: joining will tell.
func (b *Bot) mayJoin(g music.GuildID, c music.ChannelID) error {
	guild, ok := b.client.Caches.Guild(snowflake.ID(g))
	if !ok {
		return nil
	}
	channel, ok := b.client.Caches.GuildAudioChannel(snowflake.ID(c))
	if !ok {
		return nil
	}
	if guild.AfkChannelID != nil && *guild.AfkChannelID == snowflake.ID(c) {
		return &music.Error{Kind: music.Forbidden, Code: "voice.afk_channel", Args: []any{c}}
	}
	may, ok := b.permissions(guild, channel)
	if !ok {
		return nil
	}
	if missing := missingNames(channel, may); len(missing) > 0 {
		return &music.Error{Kind: music.Forbidden, Code: "voice.missing_permission", Args: []any{c, missing}}
	}
	limit := 0
	if v, ok := channel.(discord.GuildVoiceChannel); ok {
		limit = v.UserLimit
	}
	if limit > 0 && b.occupants(g, c) >= limit && may.Missing(discord.PermissionMoveMembers) {
		return &music.Error{Kind: music.Forbidden, Code: "voice.full", Args: []any{c, limit}}
	}
	return nil
}

// missingNames lists, in Discord's words, what the bot lacks to be heard in a
// channel. On a stage nobody needs Speak: a moderator invites speakers.
func missingNames(channel discord.GuildAudioChannel, may discord.Permissions) []string {
	var names []string
	for _, p := range []struct {
		bit  discord.Permissions
		name string
	}{
		{discord.PermissionViewChannel, "View Channel"},
		{discord.PermissionConnect, "Connect"},
		{discord.PermissionSpeak, "Speak"},
	} {
		if p.bit == discord.PermissionSpeak && channel.Type() == discord.ChannelTypeGuildStageVoice {
			continue
		}
		if may.Missing(p.bit) {
			names = append(names, p.name)
		}
	}
	return names
}

// occupants counts everybody in a voice channel but us.
func (b *Bot) occupants(g music.GuildID, c music.ChannelID) int {
	n := 0
	for state := range b.client.Caches.VoiceStates(snowflake.ID(g)) {
		if state.ChannelID != nil && *state.ChannelID == snowflake.ID(c) && state.UserID != snowflake.ID(b.Self()) {
			n++
		}
	}
	return n
}

// permissions computes what the bot may do in a channel; false if the cache
// does not know the bot's roles.
func (b *Bot) permissions(guild discord.Guild, channel discord.GuildChannel) (discord.Permissions, bool) {
	me, ok := b.client.Caches.Member(guild.ID, snowflake.ID(b.Self()))
	if !ok {
		return 0, false
	}
	roles := map[snowflake.ID]discord.Permissions{}
	for role := range b.client.Caches.Roles(guild.ID) {
		roles[role.ID] = role.Permissions
	}
	if _, ok := roles[guild.ID]; !ok {
		return 0, false
	}
	quiet := me.CommunicationDisabledUntil != nil && me.CommunicationDisabledUntil.After(time.Now())
	return standing{
		guild: guild.ID, owner: guild.OwnerID == me.User.ID, user: me.User.ID, roles: me.RoleIDs, timedOut: quiet,
	}.in(roles, channel.PermissionOverwrites()), true
}

// A standing is what a member's permissions follow from.
type standing struct {
	guild    snowflake.ID // also the id of the role everyone has
	user     snowflake.ID
	owner    bool
	roles    []snowflake.ID
	timedOut bool
}

// in follows Discord's order: all roles together; then the channel's overwrites
// for everyone, for roles (all denies, then all allows), for the member. Without
// View Channel there is nothing, without Connect no voice permission.
func (s standing) in(roles map[snowflake.ID]discord.Permissions, overwrites discord.PermissionOverwrites) discord.Permissions {
	if s.owner {
		return discord.PermissionsAll
	}
	may := roles[s.guild]
	for _, id := range s.roles {
		may |= roles[id]
	}
	if may.Has(discord.PermissionAdministrator) {
		return discord.PermissionsAll
	}
	if o, ok := overwrites.Role(s.guild); ok {
		may = may&^o.Deny | o.Allow
	}
	var allow, deny discord.Permissions
	for _, id := range s.roles {
		if o, ok := overwrites.Role(id); ok && id != s.guild {
			allow |= o.Allow
			deny |= o.Deny
		}
	}
	may = may&^deny | allow
	if o, ok := overwrites.Member(s.user); ok {
		may = may&^o.Deny | o.Allow
	}
	if s.timedOut {
		may &= discord.PermissionViewChannel | discord.PermissionReadMessageHistory
	}
	if may.Missing(discord.PermissionViewChannel) {
		return 0
	}
	return may
}
