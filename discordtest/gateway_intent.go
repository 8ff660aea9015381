package discordtest

// Intents is the bit set of gateway events a session asks for.
type Intents uint64

// Gateway intents.
const (
	IntentGuilds           Intents = 1 << 0
	IntentGuildMembers     Intents = 1 << 1 // privileged
	IntentGuildVoiceStates Intents = 1 << 7
	IntentGuildPresences   Intents = 1 << 8 // privileged
	IntentGuildMessages    Intents = 1 << 9
	IntentGuildTyping      Intents = 1 << 11
	IntentMessageContent   Intents = 1 << 15 // privileged
)

const (
	privilegedIntents = IntentGuildMembers | IntentGuildPresences | IntentMessageContent
	allIntents        = Intents(1<<17-1) | 1<<20 | 1<<21 | 1<<24 | 1<<25
)

// An event is a dispatch on its way to the sessions that may see it.
type event struct {
	name    string
	guild   *Guild   // its members see it
	shardOf ID       // for guilds that are no more
	channel *Channel // only those who may view it see it
	only    *Bot     // nobody else
	not     *Bot     // everybody else
	session *session // this one alone
	intents Intents  // at least one of these, 0 is none needed
	author  *user    // of a message: others lack its content without the intent
	data    any
}

// reaches reports whether a session gets an event.
func (e *event) reaches(s *session) bool {
	if e.session != nil && e.session != s || e.only != nil && e.only != s.bot || e.not != nil && e.not == s.bot {
		return false
	}
	if e.intents != 0 && s.intents&e.intents == 0 && !e.ownMember(s) {
		return false
	}
	id := e.shardOf
	if e.guild != nil {
		id = e.guild.id
		m := e.guild.member(s.bot.user.id)
		if m == nil || e.channel != nil && !m.in(e.channel).Has(ViewChannel) {
			return false
		}
	}
	return id.shard(s.shards) == s.shard
}

// ownMember is the exception of GUILD_MEMBER_UPDATE: a bot always hears of itself.
func (e *event) ownMember(s *session) bool {
	if e.name != "GUILD_MEMBER_UPDATE" {
		return false
	}
	o, _ := e.data.(obj)
	u, _ := o["user"].(obj)
	return u["id"] == s.bot.user.id
}

// forSession is the event's data as one session may see it.
func (e *event) forSession(s *session) any {
	o, ok := e.data.(obj)
	if !ok || e.author == nil || e.author == s.bot.user || s.intents&IntentMessageContent != 0 {
		return e.data
	}
	if mentions, _ := o["mentions"].([]obj); mentionsUser(mentions, s.bot.user.id) {
		return e.data
	}
	return with(o, "content", "", "embeds", []any{}, "attachments", []any{}, "components", []any{})
}

func mentionsUser(list []obj, id ID) bool {
	for _, u := range list {
		if u["id"] == id {
			return true
		}
	}
	return false
}
