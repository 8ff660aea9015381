// Package bot speaks Discord with people: it logs in, declares commands, checks
// who may do what, asks the player, and words every answer. Sentences live in
// bot/text; respond.go is the one exit for answers and errors.
package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/disgoorg/disgo"
	disgobot "github.com/disgoorg/disgo/bot"
	"github.com/disgoorg/disgo/cache"
	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/events"
	"github.com/disgoorg/disgo/gateway"
	"github.com/disgoorg/disgo/rest"
	disgovoice "github.com/disgoorg/disgo/voice"
	"github.com/disgoorg/snowflake/v2"
	"github.com/gorilla/websocket"

	"segue/music"
	"segue/player"
)

// DefaultAPI is the base of Discord's REST API.
const DefaultAPI = "https://discord.com/api/v10"

const (
	intents    = gateway.IntentGuilds | gateway.IntentGuildVoiceStates // none of them privileged
	callLimit  = 20 * time.Second                                      // one REST call, waiting for rate limits included
	closeGrace = 7 * time.Second                                       // a container is killed 10 s after SIGTERM
	workGrace  = 3 * time.Second                                       // of which commands in work get this much to say so
)

// Players are the guilds' players. *player.Registry is one.
type Players interface {
	Player(g music.GuildID) *player.Player
	Find(g music.GuildID) (*player.Player, bool)
	Events() <-chan player.Event
}

// Resolver says what a query means. No tracks and no error: nothing was found.
type Resolver interface {
	Resolve(ctx context.Context, q music.Query) (music.Result, error)
}

// SettingsStore remembers what guilds chose. A guild that never chose has the
// zero settings. It may fail at any time: the music goes on.
type SettingsStore interface {
	Settings(ctx context.Context, g music.GuildID) (music.Settings, error)
	SaveSettings(ctx context.Context, s music.Settings) error
}

// Options is what a Bot needs. All fields but APIURL, Log, Version and HTTP are
// required.
type Options struct {
	Token    string
	APIURL   string       // REST base; empty: DefaultAPI
	Version  string       // of the program, for the User-Agent
	Log      *slog.Logger // nil: no log
	HTTP     *http.Client // for REST; nil: a plain one
	Voice    disgovoice.Manager
	Players  Players
	Resolver Resolver
	Settings SettingsStore

	// Renewed is called when a new gateway session follows one that was lost:
	// Discord has forgotten where we were in voice. It must not block. May be nil.
	Renewed func()
}

// A Bot is one Discord application at work. New makes it, Run lets it work.
type Bot struct {
	o        Options
	log      *slog.Logger
	client   *disgobot.Client
	calls    rest.Client // the same that client uses
	session  *session
	commands map[string]command
	ready    chan struct{}
	self     atomic.Uint64 // user id
	app      atomic.Uint64 // application id, from READY
	logins   atomic.Int64  // sessions begun
	work     sync.WaitGroup
	room     chan struct{} // one token per command in work
	news     newsroom
	counts   counts

	mu     sync.Mutex
	root   context.Context // of commands; nil before Run and after
	closed bool
}

// New prepares a Bot without asking anybody. A token that cannot be one gives a
// *SetupError.
func New(o Options) (*Bot, error) {
	if err := checkShape(o.Token); err != nil {
		return nil, err
	}
	if o.Voice == nil || o.Players == nil || o.Resolver == nil || o.Settings == nil {
		return nil, errors.New("bot: Voice, Players, Resolver and Settings are required")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Timeout: callLimit}
	}
	o.APIURL = base(o.APIURL)
	b := &Bot{
		o: o, log: o.Log, ready: make(chan struct{}), room: make(chan struct{}, maxCommands),
		news: newsroom{last: map[music.GuildID]bucket{}},
	}
	b.commands = b.declare()
	theirs := slog.New(warnings{o.Log.Handler()})
	b.session = newSession(sessionOptions{token: o.Token, intents: intents, log: o.Log, handle: b.event})
	b.calls = rest.NewClient(
		o.Token, rest.WithURL(o.APIURL), rest.WithHTTPClient(o.HTTP), rest.WithLogger(theirs), rest.WithUserAgent(userAgent(o.Version)),
		rest.WithRateLimiterConfigOpts(rest.WithRateLimiterLogger(theirs)),
	)
	client, err := disgo.New(
		o.Token,
		disgobot.WithLogger(theirs),
		disgobot.WithRestClient(b.calls),
		disgobot.WithGateway(b.session),
		disgobot.WithVoiceManager(o.Voice),
		disgobot.WithCacheConfigOpts(
			cache.WithCaches(cache.FlagGuilds, cache.FlagChannels, cache.FlagRoles, cache.FlagMembers, cache.FlagVoiceStates),
			cache.WithMemberCachePolicy(func(m discord.Member) bool { return m.User.Bot }), // ourselves, and who is no listener
		),
		// Listeners run inside disgo's lock, so ours only hand over.
		disgobot.WithEventListenerFunc(b.loggedIn),
		disgobot.WithEventListenerFunc(b.hear),
		disgobot.WithEventListenerFunc(b.moved),
		disgobot.WithEventListenerFunc(b.rebuilt),
		disgobot.WithEventListenerFunc(b.begun),
		disgobot.WithEventListenerFunc(b.back),
	)
	if err != nil {
		return nil, &SetupError{Code: "token.malformed", Err: err}
	}
	b.client = client
	b.self.Store(uint64(client.ApplicationID)) // the same for all but the oldest bots; READY tells
	return b, nil
}

// event hands a gateway event to disgo.
func (b *Bot) event(g gateway.Gateway, kind gateway.EventType, seq int, data gateway.EventData) {
	b.client.EventManager.HandleGatewayEvent(g, kind, seq, data)
}

// loggedIn notes who we are. A new session tells anew who is in voice; what the
// cache holds from the old one may be long over.
func (b *Bot) loggedIn(e *events.Ready) {
	b.self.Store(uint64(e.User.ID))
	b.app.Store(uint64(e.Application.ID))
	for _, g := range e.Guilds {
		b.client.Caches.RemoveVoiceStatesByGuildID(g.ID)
	}
	if b.logins.Add(1) > 1 && b.o.Renewed != nil {
		b.o.Renewed()
	}
}

// Run logs in, brings Discord's list of our commands up to date (in the
// background, if the first attempt fails) and serves people until ctx ends; then
// it leaves all voice channels and goes offline, within 7 s. It is called once.
// An error that only the person who runs the program can mend is a *SetupError;
// while Discord cannot be reached it tries on.
func (b *Bot) Run(ctx context.Context) error {
	url, err := b.gatewayURL(ctx)
	if err != nil {
		return unlessOver(ctx, err)
	}
	root, end := context.WithCancelCause(context.WithoutCancel(ctx))
	b.open(root)
	defer b.leave(ctx, end)
	b.session.o.url = url
	if err := b.session.Open(ctx); err != nil {
		return unlessOver(ctx, refused(err))
	}
	b.work.Go(func() { b.tell(root) })
	if again := b.register(ctx, 0); again > 0 { // the music need not wait for it
		b.work.Go(func() {
			for try := 1; again > 0 && b.session.o.pause(root, again) == nil; try++ {
				again = b.register(root, try)
			}
		})
	}
	close(b.ready)
	b.log.Info("logged in", "user", b.Self())
	select {
	case <-ctx.Done():
		return nil
	case <-b.session.Done():
		return refused(b.session.Err())
	}
}

// unlessOver is err, unless it only says that ctx has ended.
func unlessOver(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// open lets commands in.
func (b *Bot) open(root context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.root = root
}

// leave ends commands in work, leaves voice and goes offline.
func (b *Bot) leave(ctx context.Context, end context.CancelCauseFunc) {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	end(errShutdown)
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeGrace)
	defer cancel()
	done := make(chan struct{})
	go func() { // ends with the last command, whose calls are all limited
		defer close(done)
		b.work.Wait()
	}()
	late := time.NewTimer(workGrace)
	defer late.Stop()
	select {
	case <-done:
	case <-late.C:
		b.log.Warn("commands still in work at the end")
	}
	b.client.Close(grace) // voice, gateway, REST
}

// gatewayURL asks Discord where its gateway is, again and again while it cannot
// be reached. When no login is left for today it waits for tomorrow: for one more
// Discord would reset the token.
func (b *Bot) gatewayURL(ctx context.Context) (string, error) {
	for try := 0; ; try++ {
		call, cancel := context.WithTimeout(ctx, callLimit)
		g, err := b.client.Rest.GetGatewayBot(rest.WithCtx(call))
		cancel()
		if err == nil {
			left := g.SessionStartLimit
			if left.Total == 0 || left.Remaining > 0 || left.ResetAfter <= 0 {
				return strings.TrimSuffix(g.URL, "/"), nil
			}
			wait := time.Duration(left.ResetAfter) * time.Millisecond
			b.log.Error("no logins left for today: the program was started too often; waiting for Discord to allow more", "limit", left.Total, "wait", wait)
			if err := b.session.o.pause(ctx, wait); err != nil {
				return "", fmt.Errorf("bot: %w", err)
			}
			continue
		}
		if answer, ok := errors.AsType[*rest.Error](err); ok && answer.Response != nil && answer.Response.StatusCode == http.StatusUnauthorized {
			return "", &SetupError{Code: "token.revoked", Err: err}
		}
		wait := min(time.Second<<min(try, 10), longestPause)
		b.log.Warn("Discord cannot be reached", "err", err, "retry", wait)
		if err := b.session.o.pause(ctx, wait); err != nil {
			return "", fmt.Errorf("bot: %w", err)
		}
	}
}

// refused says what a close code of the gateway means for who runs the program.
func refused(err error) error {
	closed, ok := errors.AsType[*websocket.CloseError](err)
	if !ok {
		return err
	}
	switch closed.Code {
	case gateway.CloseEventCodeAuthenticationFailed.Code:
		return &SetupError{Code: "token.revoked", Err: err}
	case gateway.CloseEventCodeDisallowedIntent.Code, gateway.CloseEventCodeInvalidIntent.Code:
		return &SetupError{Code: "discord.intents", Err: err}
	case gateway.CloseEventCodeShardingRequired.Code:
		return &SetupError{Code: "discord.sharding", Err: err}
	}
	return &SetupError{Code: "discord.refused", Args: []any{closed.Code}, Err: err}
}

// Ready is closed when the bot is logged in and has had its commands registered,
// or has been refused that once.
func (b *Bot) Ready() <-chan struct{} { return b.ready }

// Connected reports whether the gateway delivers events right now.
func (b *Bot) Connected() bool { return b.session.Status() == gateway.StatusReady }

// Latency is the round trip of the last heartbeat, 0 before the first.
func (b *Bot) Latency() time.Duration { return b.session.Latency() }

// Self is the bot's own user id.
func (b *Bot) Self() music.UserID { return music.UserID(b.self.Load()) }

// Application is the id of the application, which the invite link needs.
func (b *Bot) Application() string {
	if id := b.app.Load(); id != 0 {
		return snowflake.ID(id).String()
	}
	return b.client.ApplicationID.String()
}

// UpdateVoiceState asks Discord, through the main gateway, to put the bot into
// channel c of guild g, deafened; c = 0 leaves. While the gateway reconnects it
// waits, as long as ctx allows. Discord answers with events, not here.
func (b *Bot) UpdateVoiceState(ctx context.Context, g music.GuildID, c music.ChannelID) error {
	var channel *snowflake.ID
	if c != 0 {
		id := snowflake.ID(c)
		channel = &id
	}
	return b.session.Send(ctx, gateway.OpcodeVoiceStateUpdate, gateway.MessageDataVoiceStateUpdate{
		GuildID: snowflake.ID(g), ChannelID: channel, SelfDeaf: true,
	})
}

// Guilds is how many guilds the bot is in.
func (b *Bot) Guilds() int { return b.client.Caches.GuildsLen() }

// warnings lets a library's warnings and errors through, and drops its chatter.
type warnings struct{ slog.Handler }

// Enabled reports whether level is worth a line.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs keeps the limit.
func (w warnings) WithAttrs(a []slog.Attr) slog.Handler { return warnings{w.Handler.WithAttrs(a)} }

// WithGroup keeps the limit.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
