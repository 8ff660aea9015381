package bot

import (
	"github.com/disgoorg/disgo/events"
	"github.com/disgoorg/snowflake/v2"

	"segue/music"
	"segue/player"
)

// Players are told how many bits a second their voice channel carries whenever
// that may have changed: we came to another channel, the channel was edited, or a
// new session tells anew how everything is.

func (b *Bot) moved(e *events.GuildVoiceStateUpdate) {
	if music.UserID(e.VoiceState.UserID) == b.Self() {
		b.carry(e.VoiceState.GuildID)
	}
}

func (b *Bot) rebuilt(e *events.GuildChannelUpdate) { b.carry(e.GuildID) }

func (b *Bot) begun(e *events.GuildReady) { b.carry(e.GuildID) }

func (b *Bot) back(e *events.GuildAvailable) { b.carry(e.GuildID) }

// carry tells the guild's player, if it has one, what the channel we are in
// carries. It waits for nothing, as listeners must not.
func (b *Bot) carry(g snowflake.ID) {
	p, ok := b.o.Players.Find(music.GuildID(g))
	if !ok {
		return
	}
	at, ok := b.client.Caches.VoiceState(g, snowflake.ID(b.Self()))
	if !ok || at.ChannelID == nil {
		return
	}
	b.carries(p, music.ChannelID(*at.ChannelID))
}

// carries tells p what channel carries, if that is known.
func (b *Bot) carries(p *player.Player, channel music.ChannelID) {
	if c, ok := b.client.Caches.GuildAudioChannel(snowflake.ID(channel)); ok {
		p.Carry(c.Bitrate())
	}
}
