package bot

import (
	"slices"
	"testing"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/snowflake/v2"

	"segue/music"
)

const (
	view    = discord.PermissionViewChannel
	connect = discord.PermissionConnect
	speak   = discord.PermissionSpeak
)

func role(id snowflake.ID, allow, deny discord.Permissions) discord.RolePermissionOverwrite {
	return discord.RolePermissionOverwrite{RoleID: id, Allow: allow, Deny: deny}
}

func member(id snowflake.ID, allow, deny discord.Permissions) discord.MemberPermissionOverwrite {
	return discord.MemberPermissionOverwrite{UserID: id, Allow: allow, Deny: deny}
}

func TestPermissionsFollowDiscordsOrder(t *testing.T) {
	const guild, me, a, b = 1, 2, 3, 4
	roles := map[snowflake.ID]discord.Permissions{guild: view | connect, a: speak, b: 0, 5: discord.PermissionAdministrator}
	for _, c := range []struct {
		name string
		s    standing
		over discord.PermissionOverwrites
		want discord.Permissions
	}{
		{"everyone's", standing{}, nil, view | connect},
		{"with a role", standing{roles: []snowflake.ID{a}}, nil, view | connect | speak},
		{"a role unknown", standing{roles: []snowflake.ID{77}}, nil, view | connect},
		{"the owner", standing{owner: true}, discord.PermissionOverwrites{member(me, 0, view)}, discord.PermissionsAll},
		{"an administrator", standing{roles: []snowflake.ID{5}}, discord.PermissionOverwrites{role(guild, 0, view)}, discord.PermissionsAll},
		{"everyone denied", standing{roles: []snowflake.ID{a}}, discord.PermissionOverwrites{role(guild, 0, connect)}, view | speak},
		{"a role over everyone", standing{roles: []snowflake.ID{a}}, discord.PermissionOverwrites{role(a, connect, 0), role(guild, 0, connect)}, view | connect | speak},
		{"one role's allow over another's deny", standing{roles: []snowflake.ID{a, b}}, discord.PermissionOverwrites{role(a, 0, speak), role(b, speak, 0)}, view | connect | speak},
		{"the member's deny over a role's allow", standing{roles: []snowflake.ID{a}}, discord.PermissionOverwrites{role(a, speak, 0), member(me, 0, speak)}, view | connect},
		{"the member's allow over all", standing{roles: []snowflake.ID{a}}, discord.PermissionOverwrites{role(guild, 0, speak), role(a, 0, speak), member(me, speak, 0)}, view | connect | speak},
		{"another member's", standing{}, discord.PermissionOverwrites{member(99, speak, view)}, view | connect},
		{"another role's", standing{}, discord.PermissionOverwrites{role(a, speak, view)}, view | connect},
		{"nothing without view", standing{roles: []snowflake.ID{a}}, discord.PermissionOverwrites{role(guild, 0, view)}, 0},
		{"timed out", standing{roles: []snowflake.ID{a}, timedOut: true}, nil, view},
	} {
		c.s.guild, c.s.user = guild, me
		if got := c.s.in(roles, c.over); got != c.want {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
}

func TestMissingPermissionsAreNamedInDiscordsWords(t *testing.T) {
	for _, c := range []struct {
		channel discord.GuildAudioChannel
		may     discord.Permissions
		want    []string
	}{
		{discord.GuildVoiceChannel{}, view | connect | speak, nil},
		{discord.GuildVoiceChannel{}, 0, []string{"View Channel", "Connect", "Speak"}},
		{discord.GuildVoiceChannel{}, view | connect, []string{"Speak"}},
		{discord.GuildStageVoiceChannel{}, view | connect, nil}, // a moderator invites speakers
		{discord.GuildStageVoiceChannel{}, view, []string{"Connect"}},
	} {
		if got := missingNames(c.channel, c.may); !slices.Equal(got, c.want) {
			t.Errorf("%T with %v: got %v, want %v", c.channel, c.may, got, c.want)
		}
	}
}

func TestWhoMayControl(t *testing.T) {
	for _, c := range []struct {
		name string
		s    scene
		want string
	}{
		{"the bot is nowhere", scene{}, ""},
		{"together", scene{user: 1, bot: 1, listeners: 3}, ""},
		{"nobody listens", scene{user: 2, bot: 1}, ""},
		{"nobody listens, person nowhere", scene{bot: 1}, ""},
		{"person nowhere", scene{bot: 1, listeners: 1}, "voice.join_mine"},
		{"person elsewhere", scene{user: 2, bot: 1, listeners: 1}, "voice.other_channel"},
	} {
		err := c.s.mayControl()
		got := ""
		if e, ok := err.(*music.Error); ok {
			got = e.Code
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}
