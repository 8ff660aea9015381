package bot

import (
	"errors"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/omit"

	"segue/music"
)

var errMayNotAsk = errors.New("bot: no permission to request to speak")

// audible sees to it that the bot is heard in c, as far as it may, and says what
// only a person can do about it; nothing if all is well.
func (b *Bot) audible(v *visit, c music.ChannelID) string {
	state, ok := b.client.Caches.VoiceState(flake(v.guild), flake(b.Self()))
	if !ok {
		return ""
	}
	if state.GuildMute {
		return "\n" + v.tell("voice.muted")
	}
	stage, ok := b.client.Caches.GuildStageVoiceChannel(flake(c))
	if !ok || !state.Suppress {
		return ""
	}
	guild, _ := b.client.Caches.Guild(flake(v.guild))
	may, known := b.permissions(guild, stage)
	if known && may.Has(discord.PermissionMuteMembers) {
		err := b.speak(v, stage, false)
		if err == nil {
			return ""
		}
		b.log.Debug("not made a speaker", "guild", v.guild, "err", err)
	}
	err := errMayNotAsk
	if !known || may.Has(discord.PermissionRequestToSpeak) {
		err = b.speak(v, stage, true)
	}
	if err != nil {
		b.log.Debug("not asked to speak", "guild", v.guild, "err", err)
		return "\n" + v.tell("stage.audience", c)
	}
	return "\n" + v.tell("stage.asked", c)
}

// speak makes the bot a speaker on a stage, or only raises its hand.
func (b *Bot) speak(v *visit, stage discord.GuildStageVoiceChannel, ask bool) error {
	id, no, now := stage.ID(), false, time.Now().UTC()
	change := discord.CurrentUserVoiceStateUpdate{ChannelID: &id}
	if ask {
		change.RequestToSpeakTimestamp = omit.New(&now)
	} else {
		change.Suppress = &no
	}
	return b.client.Rest.UpdateCurrentUserVoiceState(flake(v.guild), change, rest.WithCtx(v.ctx))
}
