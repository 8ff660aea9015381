package discordtest

import "strconv"

// Permissions is Discord's permission bit set.
type Permissions uint64

// The permissions this Discord checks or hands out.
const (
	Administrator          Permissions = 1 << 3
	ManageChannels         Permissions = 1 << 4
	AddReactions           Permissions = 1 << 6
	PrioritySpeaker        Permissions = 1 << 8
	ViewChannel            Permissions = 1 << 10
	SendMessages           Permissions = 1 << 11
	ManageMessages         Permissions = 1 << 13
	EmbedLinks             Permissions = 1 << 14
	AttachFiles            Permissions = 1 << 15
	ReadMessageHistory     Permissions = 1 << 16
	MentionEveryone        Permissions = 1 << 17
	UseExternalEmojis      Permissions = 1 << 18
	Connect                Permissions = 1 << 20
	Speak                  Permissions = 1 << 21
	MuteMembers            Permissions = 1 << 22
	DeafenMembers          Permissions = 1 << 23
	MoveMembers            Permissions = 1 << 24
	UseVAD                 Permissions = 1 << 25
	ChangeNickname         Permissions = 1 << 26
	UseApplicationCommands Permissions = 1 << 31
	RequestToSpeak         Permissions = 1 << 32
	SendInThreads          Permissions = 1 << 38
	SetVoiceChannelStatus  Permissions = 1 << 48
)

// InvitePermissions is what Segue's invite link asks for: view, send, send in
// threads, embed, attach, history, connect, speak and voice activity.
const InvitePermissions = ViewChannel | SendMessages | SendInThreads | EmbedLinks | AttachFiles |
	ReadMessageHistory | Connect | Speak | UseVAD

// everyonePermissions is what a new guild gives to @everyone here.
const everyonePermissions = ViewChannel | SendMessages | SendInThreads | EmbedLinks | AttachFiles | AddReactions |
	ReadMessageHistory | UseExternalEmojis | Connect | Speak | UseVAD | ChangeNickname | UseApplicationCommands | RequestToSpeak

const allPermissions Permissions = 1<<53 - 1

// String gives the decimal form Discord uses.
func (p Permissions) String() string { return strconv.FormatUint(uint64(p), 10) }

// Has reports whether all of want are there.
func (p Permissions) Has(want Permissions) bool { return p&want == want }

// base is what a member may do in the guild as a whole.
func (g *Guild) base(m *Member) Permissions {
	if g.owner == m {
		return allPermissions
	}
	p := g.everyone.permissions
	for _, r := range m.roles {
		p |= r.permissions
	}
	if p.Has(Administrator) {
		return allPermissions
	}
	return p
}

// in is what a member may do in a channel: roles, then overwrites for everyone,
// for roles, for the member; without ViewChannel nothing is left.
func (m *Member) in(c *Channel) Permissions {
	p := m.guild.base(m)
	if p == allPermissions {
		return p
	}
	apply := func(o overwrite) { p = p&^o.deny | o.allow }
	apply(c.overwrites[m.guild.id])
	var roles overwrite
	for _, r := range m.roles {
		o := c.overwrites[r.id]
		roles.allow |= o.allow
		roles.deny |= o.deny
	}
	apply(roles)
	apply(c.overwrites[m.user.id])
	if !p.Has(ViewChannel) {
		return 0
	}
	if c.kind != kindText && !p.Has(Connect) {
		// Discord takes all voice permissions away with Connect.
		p &^= Speak | MuteMembers | DeafenMembers | MoveMembers | UseVAD | PrioritySpeaker
	}
	if c.kind == kindText && !p.Has(SendMessages) {
		p &^= EmbedLinks | AttachFiles | MentionEveryone
	}
	return p
}
