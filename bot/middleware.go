package bot

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/events"
	"github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"

	"segue/bot/text"
	"segue/music"
)

const (
	maxCommands  = 256             // in work at once; more are asked to come back
	commandLimit = 2 * time.Minute // for one command, far below the 15 minutes an answer may take
	localLimit   = 2 * time.Second // for what needs no network: an answer is due within three
)

var (
	errShutdown = errors.New("bot: shutting down")
	errTimeout  = errors.New("bot: the command took too long")
)

// A visit is one command on its way to its answer. It belongs to one goroutine.
type visit struct {
	b        *Bot
	ctx      context.Context
	e        *events.ApplicationCommandInteractionCreate
	data     discord.SlashCommandInteractionData
	guild    music.GuildID
	user     music.UserID
	text     music.ChannelID
	thinking bool // a public reply was deferred
	over     bool // the answer was given
}

// hear takes a command off disgo's hands.
func (b *Bot) hear(e *events.ApplicationCommandInteractionCreate) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.root == nil || b.closed {
		return // too early or too late to answer anything
	}
	root := b.root
	b.work.Go(func() { b.serve(root, e) })
}

// serve runs one command to its answer, whatever happens on the way.
func (b *Bot) serve(root context.Context, e *events.ApplicationCommandInteractionCreate) {
	ctx, cancel := context.WithTimeoutCause(root, commandLimit, errTimeout)
	defer cancel()
	v := &visit{b: b, ctx: ctx, e: e, user: music.UserID(e.User().ID), text: music.ChannelID(e.Channel().ID())}
	if id := e.GuildID(); id != nil {
		v.guild = music.GuildID(*id)
	}
	b.counts.commands.Add(1)
	defer func() {
		if r := recover(); r != nil {
			v.fail(&panicked{value: r, stack: debug.Stack()})
		}
	}()
	select {
	case b.room <- struct{}{}:
		defer func() { <-b.room }()
	default:
		v.fail(&music.Error{Kind: music.Unavailable, Code: "error.busy"})
		return
	}
	a, err := b.dispatch(v)
	if err != nil {
		v.fail(err)
		return
	}
	v.answer(a)
	b.remember(v)
}

// panicked is a panic on its way to the log.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// dispatch finds the command and runs it.
func (b *Bot) dispatch(v *visit) (answer, error) {
	if v.guild == 0 {
		return "", &music.Error{Kind: music.Invalid, Code: "command.guild_only"}
	}
	data, ok := v.e.Data.(discord.SlashCommandInteractionData)
	if !ok {
		return "", &music.Error{Kind: music.NotFound, Code: "command.unknown"}
	}
	c, ok := b.commands[data.CommandName()]
	if !ok {
		return "", &music.Error{Kind: music.NotFound, Code: "command.unknown"}
	}
	v.data = data
	return c.run(v)
}

// think shows that an answer is coming, for everybody to see. A command that
// waits for anything outside calls it first: Discord gives it three seconds.
func (v *visit) think() error {
	// Not cut short with the command: whether Discord took it decides how the
	// command can be answered.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), respondLimit)
	defer cancel()
	if err := v.e.DeferCreateMessage(false, rest.WithCtx(ctx)); err != nil {
		return fmt.Errorf("bot: defer: %w", err)
	}
	v.thinking = true
	return nil
}

// local bounds what a command asks before it has shown any sign of life.
func (v *visit) local() (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(v.ctx, localLimit, errTimeout)
}

// say words code for the person who typed the command.
func (v *visit) say(code string, args ...any) string {
	return text.Sentence(v.e.Locale().Code(), code, args...)
}

// tell words code for everybody in the guild.
func (v *visit) tell(code string, args ...any) string {
	return text.Sentence(v.guildLocale(), code, args...)
}

func (v *visit) guildLocale() string {
	if l := v.e.GuildLocale(); l != nil {
		return l.Code()
	}
	return text.English
}

// remember notes where a guild was last served, if that is news. The store may
// fail: nobody waits for it.
func (b *Bot) remember(v *visit) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(v.ctx), callLimit)
	defer cancel()
	old, err := b.o.Settings.Settings(ctx, v.guild)
	if err != nil {
		b.log.Warn("settings not read", "guild", v.guild, "err", err)
		return
	}
	now := old
	now.Guild, now.LastText = v.guild, v.text
	if c := b.voiceOf(v.guild, b.Self()); c != 0 {
		now.LastVoice = c
	}
	if now == old {
		return
	}
	if err := b.o.Settings.SaveSettings(ctx, now); err != nil {
		b.log.Warn("settings not saved", "guild", v.guild, "err", err)
	}
}

func flake[T ~uint64](id T) snowflake.ID { return snowflake.ID(id) }
