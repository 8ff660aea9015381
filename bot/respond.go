package bot

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"segue/bot/text"
	"segue/music"
)

// maxContent is what Discord takes as one message, in characters.
const maxContent = 2000

// respondLimit bounds giving an answer, also when the command itself was cut off.
const respondLimit = 10 * time.Second

// An answer is what a command has to say: markup, ready to be sent. Everybody
// may read it.
type answer string

// Stats counts what a Bot did since it started.
type Stats struct {
	Commands int64            // people typed
	Errors   map[string]int64 // answered with an error, by kind
	News     int64            // messages nobody asked for
	Late     int64            // answers that came too late for Discord
}

type counts struct {
	commands, news, late atomic.Int64
	errors               [music.Unavailable + 1]atomic.Int64
}

// Stats gives the counters.
func (b *Bot) Stats() Stats {
	s := Stats{Commands: b.counts.commands.Load(), News: b.counts.news.Load(), Late: b.counts.late.Load(), Errors: map[string]int64{}}
	for kind := range b.counts.errors {
		s.Errors[music.Kind(kind).String()] = b.counts.errors[kind].Load()
	}
	return s
}

// answer gives a command's answer.
func (v *visit) answer(a answer) {
	ctx, cancel := v.last()
	defer cancel()
	content := fit(string(a))
	if v.thinking {
		flags := discord.MessageFlagSuppressEmbeds
		_, err := v.b.client.Rest.UpdateInteractionResponse(v.e.ApplicationID(), v.e.Token(), discord.MessageUpdate{
			Content: &content, Flags: &flags, AllowedMentions: nobody(),
		}, rest.WithCtx(ctx))
		v.given(err)
		return
	}
	v.given(v.e.CreateMessage(discord.MessageCreate{
		Content: content, Flags: discord.MessageFlagSuppressEmbeds, AllowedMentions: nobody(),
	}, rest.WithCtx(ctx)))
}

// fail answers with what went wrong, for the person alone, and is where an
// error ends: counted, and logged as loudly as its kind deserves.
func (v *visit) fail(err error) {
	if v.over {
		v.b.log.Error("failed after its answer", "err", err)
		return
	}
	if late(err) { // nobody waits for an answer any more
		v.given(err)
		return
	}
	content := fit(v.b.explain(v.ctx, err, v.say, slog.Uint64("guild", uint64(v.guild)), slog.String("command", v.data.CommandName())))
	ctx, cancel := v.last()
	defer cancel()
	m := discord.MessageCreate{
		Content: content, Flags: discord.MessageFlagEphemeral | discord.MessageFlagSuppressEmbeds, AllowedMentions: nobody(),
	}
	if !v.thinking {
		err := v.e.CreateMessage(m, rest.WithCtx(ctx))
		if !rest.IsJSONErrorCode(err, rest.JSONErrorCodeInteractionAlreadyAcknowledged) {
			v.given(err)
			return
		}
		// A defer that seemed to fail got through after all.
	}
	// What was deferred is public and stays so: it goes, and the error comes
	// after it. While it is there a follow-up would only fill it.
	if err := v.b.client.Rest.DeleteInteractionResponse(v.e.ApplicationID(), v.e.Token(), rest.WithCtx(ctx)); err != nil {
		v.given(err)
		return
	}
	_, err = v.b.client.Rest.CreateFollowupMessage(v.e.ApplicationID(), v.e.Token(), m, rest.WithCtx(ctx))
	v.given(err)
}

// last is the time for the answer, which a command that was cut off has too.
func (v *visit) last() (context.Context, context.CancelFunc) {
	v.over = true
	return context.WithTimeout(context.WithoutCancel(v.ctx), respondLimit)
}

// given notes how the answer was taken. One that came too late goes nowhere:
// there is nobody left to tell.
func (v *visit) given(err error) {
	if err == nil {
		return
	}
	log := v.b.log.With("guild", v.guild, "command", v.data.CommandName(), "err", err)
	if late(err) {
		v.b.counts.late.Add(1)
		log.Debug("answer came too late")
		return
	}
	log.Warn("answer not given")
}

// late reports whether Discord says that an interaction is over.
func late(err error) bool {
	return rest.IsJSONErrorCode(
		err, rest.JSONErrorCodeUnknownInteraction, rest.JSONErrorCodeUnknownWebhook, rest.JSONErrorCodeUnknownMessage,
		rest.JSONErrorCodeInvalidWebhookToken,
	)
}

// explain turns err into a sentence, counts it and logs it. say words codes in
// the reader's language.
func (b *Bot) explain(ctx context.Context, err error, say func(code string, args ...any) string, where ...any) string {
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errShutdown):
		return say("error.shutdown") // our own doing, and neither an error nor news
	case errors.Is(cause, errTimeout), errors.Is(err, errTimeout), errors.Is(err, context.DeadlineExceeded) && music.KindOf(err) == music.Internal:
		err = &music.Error{Kind: music.Unavailable, Code: "error.timeout", Err: err}
	}
	kind := music.KindOf(err)
	b.counts.errors[kind].Add(1)
	log := b.log.With(where...).With("kind", kind.String(), "err", err)
	switch kind {
	case music.Invalid, music.NotFound, music.Forbidden, music.Limit:
		log.Debug("command refused")
	case music.Unplayable:
		log.Info("track not playable")
	case music.Unavailable:
		log.Warn("something outside is down")
	default:
		id, stack := shortID(), debug.Stack()
		if p, ok := errors.AsType[*panicked](err); ok {
			stack = p.stack
		}
		log.Error("command failed", "id", id, "stack", string(stack))
		return say("error.internal", text.Safe(id))
	}
	known, _ := errors.AsType[*music.Error](err)
	return say(known.Code, known.Args...)
}

// shortID is what a person can read out and a log can be searched for.
func shortID() string {
	var b [5]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.StdEncoding.EncodeToString(b[:])
}

// nobody makes sure that a message never pings anyone, whatever is in it.
func nobody() *discord.AllowedMentions {
	return &discord.AllowedMentions{Parse: []discord.AllowedMentionType{}, Roles: []snowflake.ID{}, Users: []snowflake.ID{}}
}

// fit cuts a message to what Discord takes, at the end of a line if there is one.
func fit(s string) string {
	if utf8.RuneCountInString(s) <= maxContent {
		return s
	}
	s = string([]rune(s)[:maxContent-2])
	if i := strings.LastIndexByte(s, '\n'); i > 0 {
		s = s[:i]
	}
	return s + "\n…"
}
