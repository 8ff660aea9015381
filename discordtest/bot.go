package discordtest

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A user is an account: a person's or a bot's.
type user struct {
	id   ID
	name string
	bot  *Bot // nil for people
}

// A Bot is one application with its bot user, as Discord sees it.
type Bot struct {
	d           *Discord
	user        *user
	token       string
	permissions Permissions
	privileged  Intents
	commands    map[ID][]*command // by guild; 0 is global
	creates     map[ID]*window    // commands created in a day, by guild
	emojis      []*emoji
	identifies  map[int]time.Time // last identify, by rate-limit key
	starts      window            // sessions started today
	global      window
}

func itoa(n int) string { return strconv.Itoa(n) }

// secret gives n random bytes in hex.
func secret(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return hex.EncodeToString(b)
}

// addBot makes an application; d.mu is held, or nobody knows d yet.
func (d *Discord) addBot(name, token string, privileged Intents, p Permissions) *Bot {
	id := d.ids.next(d.now())
	if token == "" {
		token = freshToken(id)
	}
	b := &Bot{
		d: d, token: token, permissions: p, privileged: privileged,
		commands: map[ID][]*command{}, creates: map[ID]*window{}, identifies: map[int]time.Time{},
	}
	b.user = &user{id: id, name: name, bot: b}
	d.users[id] = b.user
	d.bots = append(d.bots, b)
	return b
}

// AddBot makes another application and invites its bot to every guild, with the
// permissions given (InvitePermissions if zero).
func (d *Discord) AddBot(name string, p Permissions) *Bot {
	if p == 0 {
		p = InvitePermissions
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	b := d.addBot(name, "", 0, p)
	for _, g := range d.guilds {
		g.invite(b)
	}
	return b
}

// portal is the person who owns the applications.
func (d *Discord) portal() *user { return d.person("developer") }

// person finds or makes a person's account by name. d.mu is held.
func (d *Discord) person(name string) *user {
	for _, u := range d.users {
		if u.name == name && u.bot == nil {
			return u
		}
	}
	u := &user{id: d.ids.next(d.now()), name: name}
	d.users[u.id] = u
	return u
}

// ID is the id of the application and of its user.
func (b *Bot) ID() ID { return b.user.id }

// Name is the bot's user name.
func (b *Bot) Name() string { return b.user.name }

// Token is the bot token to log in with, as it is now: too many identifies in a
// day reset it.
func (b *Bot) Token() string {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.token
}

// freshToken is another token, as the developer portal makes them.
func freshToken(id ID) string {
	return base64.RawStdEncoding.EncodeToString([]byte(id.String())) + ".GaBcDe." + secret(19)
}

// reset ends all sessions and makes the token worthless. d.mu is held.
func (b *Bot) reset() {
	b.token = freshToken(b.user.id)
	for _, s := range b.d.sessions {
		if s.bot != b {
			continue
		}
		if s.conn != nil {
			s.conn.close(4004, "Authentication failed.")
		}
		b.d.endSession(s)
	}
}

// Grants switches privileged intents on, as in the developer portal.
func (b *Bot) Grants(i Intents) {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	b.privileged |= i
}

func (b *Bot) flags() int {
	n := 0
	for intent, flag := range map[Intents]int{IntentGuildPresences: 1 << 13, IntentGuildMembers: 1 << 15, IntentMessageContent: 1 << 19} {
		if b.privileged&intent != 0 {
			n |= flag
		}
	}
	if len(b.commands[0]) > 0 {
		n |= 1 << 23
	}
	return n
}

func (b *Bot) guildCount() int { return b.guildsOn(0, 1) }

// guildsOn counts the bot's guilds that one shard of so many has.
func (b *Bot) guildsOn(shard, shards int) int {
	n := 0
	for _, g := range b.d.guilds {
		if g.member(b.user.id) != nil && g.on(shard, shards) {
			n++
		}
	}
	return n
}

// Online reports whether the bot has a live gateway session.
func (b *Bot) Online() bool {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return b.online()
}

func (b *Bot) online() bool {
	for _, s := range b.d.sessions {
		if s.bot == b && s.conn != nil {
			return true
		}
	}
	return false
}

// WaitOnline waits until the bot has identified or resumed.
func (b *Bot) WaitOnline(ctx context.Context) error {
	return b.wait(ctx, "come online", func() bool { return b.online() })
}

// WaitOffline waits until the bot has no live gateway session.
func (b *Bot) WaitOffline(ctx context.Context) error {
	return b.wait(ctx, "go offline", func() bool { return !b.online() })
}

func (b *Bot) wait(ctx context.Context, what string, cond func() bool) error {
	err := b.d.await(ctx, time.Time{}, func() (bool, error) { return cond(), nil })
	if err != nil {
		return b.d.fail(fmt.Errorf("discordtest: waiting for %s to %s: %w", b.user.name, what, err))
	}
	return nil
}

// Voice is the voice channel the bot is in, nil if none.
func (b *Bot) Voice(g *Guild) *Channel {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	return g.voiceOf(b.user.id)
}

// WaitVoice waits until the bot is in c, or in no channel if c is nil.
func (b *Bot) WaitVoice(ctx context.Context, g *Guild, c *Channel) error {
	what := "leave voice"
	if c != nil {
		what = "join " + c.name
	}
	return b.wait(ctx, what, func() bool { return g.voiceOf(b.user.id) == c })
}

// A Command is an application command as registered.
type Command struct {
	ID          ID
	Guild       ID // 0 for global commands
	Type        int
	Name        string
	Description string
	Version     ID
	JSON        json.RawMessage // as GET with_localizations=true gives it
}

// Commands lists the registered commands, global ones first, by name.
func (b *Bot) Commands() []Command {
	b.d.mu.Lock()
	defer b.d.mu.Unlock()
	var out []Command
	for guild, list := range b.commands {
		for _, c := range list {
			raw, _ := json.Marshal(c.json(true, ""))
			out = append(out, Command{ID: c.id, Guild: guild, Type: c.kind, Name: c.name, Description: c.description, Version: c.version, JSON: raw})
		}
	}
	slices.SortFunc(out, func(x, y Command) int {
		if x.Guild != y.Guild {
			return int(int64(x.Guild) - int64(y.Guild))
		}
		return strings.Compare(x.Name, y.Name)
	})
	return out
}

// WaitCommands waits until commands of all these names are registered.
func (b *Bot) WaitCommands(ctx context.Context, names ...string) error {
	return b.wait(ctx, "register "+strings.Join(names, ", "), func() bool {
		for _, n := range names {
			found := false
			for _, list := range b.commands {
				found = found || slices.ContainsFunc(list, func(c *command) bool { return c.name == n })
			}
			if !found {
				return false
			}
		}
		return true
	})
}

// Says waits for a message of the bot, ephemeral ones included, that shows
// text somewhere: in its content, an embed or a text component.
func (b *Bot) Says(ctx context.Context, text string) (Message, error) {
	var got Message
	err := b.wait(ctx, fmt.Sprintf("say %q", text), func() bool {
		for _, m := range b.d.messages {
			if m.author == b.user && !m.deleted && strings.Contains(m.text(), text) {
				got = m.snapshot()
				return true
			}
		}
		return false
	})
	return got, err
}
