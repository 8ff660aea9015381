package bot

import (
	"context"
	"errors"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"

	"segue/bot/text"
	"segue/music"
	"segue/player"
)

const (
	newsBurst = 3                // messages in a row that a guild may get unasked
	newsEvery = 10 * time.Second // and one more after each such time
)

// A newsroom remembers how many unasked messages each guild had lately. Only
// the goroutine of tell uses it.
type newsroom struct{ last map[music.GuildID]bucket }

type bucket struct {
	left int
	at   time.Time // when left was true
}

// may takes one message out of a guild's share at now.
func (n newsroom) may(g music.GuildID, now time.Time) bool {
	b, ok := n.last[g]
	if !ok {
		n.forget(now)
		b = bucket{left: newsBurst, at: now}
	}
	if more := int(now.Sub(b.at) / newsEvery); more > 0 {
		b.left, b.at = min(b.left+more, newsBurst), b.at.Add(time.Duration(more)*newsEvery)
	}
	may := b.left > 0
	if may {
		b.left--
	}
	n.last[g] = b
	return may
}

// forget drops guilds that have their whole share again, so that the newsroom
// does not grow with every guild that ever had news.
func (n newsroom) forget(now time.Time) {
	for g, b := range n.last {
		if now.Sub(b.at) >= newsBurst*newsEvery {
			delete(n.last, g)
		}
	}
}

// tell posts what people need to know of the players' news until ctx ends.
func (b *Bot) tell(ctx context.Context) {
	events := b.o.Players.Events()
	for {
		select {
		case <-ctx.Done():
			return
		case e, ok := <-events:
			if !ok {
				return
			}
			content := b.worded(ctx, e)
			if content == "" || e.Text == 0 {
				continue
			}
			if !b.news.may(e.Guild, time.Now()) {
				b.log.Debug("news withheld: too many", "guild", e.Guild)
				continue
			}
			b.work.Go(func() { b.post(ctx, e, content) }) // at most a few per guild and ten seconds
		}
	}
}

// worded is the sentence for an event, empty if nobody needs one.
func (b *Bot) worded(ctx context.Context, e player.Event) string {
	say := func(code string, args ...any) string { return text.Sentence(b.localeOf(e.Guild), code, args...) }
	switch n := e.News.(type) {
	case player.TrackFailed:
		return say("news.track_failed", track(bare(n.Entry.Track)), text.Safe(b.explain(ctx, n.Err, say, "guild", e.Guild, "track", n.Entry.Track.ID)))
	case player.TrackStuck:
		return say("news.track_stuck", track(bare(n.Entry.Track)))
	case player.GaveUp:
		return say("news.gave_up", n.Failures, n.Left)
	case player.VoiceLost:
		known, ok := errors.AsType[*music.Error](n.Err)
		if !ok {
			known = &music.Error{Kind: music.Unavailable, Code: "voice.lost", Err: n.Err}
		}
		return say("news.voice_lost", n.Channel, text.Safe(b.explain(ctx, known, say, "guild", e.Guild)))
	}
	return ""
}

// localeOf is the language of a guild.
func (b *Bot) localeOf(g music.GuildID) string {
	if guild, ok := b.client.Caches.Guild(flake(g)); ok {
		return guild.PreferredLocale
	}
	return text.English
}

// post writes into a text channel, if the bot may.
func (b *Bot) post(ctx context.Context, e player.Event, content string) {
	if guild, ok := b.client.Caches.Guild(flake(e.Guild)); ok {
		if channel, ok := b.client.Caches.Channel(flake(e.Text)); ok {
			may, known := b.permissions(guild, channel)
			if known && may.Missing(discord.PermissionViewChannel, discord.PermissionSendMessages) {
				b.log.Debug("news withheld: no permission", "guild", e.Guild, "channel", e.Text)
				return
			}
		}
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	_, err := b.client.Rest.CreateMessage(flake(e.Text), discord.MessageCreate{
		Content: fit(content), Flags: discord.MessageFlagSuppressEmbeds, AllowedMentions: nobody(),
	}, rest.WithCtx(ctx))
	if err != nil {
		b.log.Debug("news not posted", "guild", e.Guild, "channel", e.Text, "err", err)
		return
	}
	b.counts.news.Add(1)
}
