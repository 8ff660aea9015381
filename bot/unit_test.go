package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/gateway"

	"segue/bot/text"
	"segue/discordtest"
	"segue/music"
)

// TestEveryCodeHasItsSentence walks this package for codes it words, and the
// commands for what Discord wants of descriptions.
func TestEveryCodeHasItsSentence(t *testing.T) {
	shape := regexp.MustCompile(`^[a-z]+\.[a-z_]+$`)
	files, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.BasicLit)
			if !ok || lit.Kind != token.STRING {
				return true
			}
			if s, _ := strconv.Unquote(lit.Value); shape.MatchString(s) {
				seen++
				if !text.Has(text.English, s) {
					t.Errorf("%s: no sentence for %q", name, s)
				}
			}
			return true
		})
	}
	if seen < 40 {
		t.Errorf("only %d codes found: the walk is broken", seen)
	}
}

func TestCommandsAreFitForDiscord(t *testing.T) {
	name := regexp.MustCompile(`^[-_\p{L}\p{N}]{1,32}$`)
	for _, c := range declarations() {
		check := func(what, s string) {
			if n := utf8.RuneCountInString(s); n < 1 || n > 100 {
				t.Errorf("%s: description of %d characters", what, n)
			}
		}
		if !name.MatchString(c.Name) || c.Name != strings.ToLower(c.Name) {
			t.Errorf("name %q", c.Name)
		}
		check(c.Name, c.Description)
		var options func(of string, all []discord.ApplicationCommandOption)
		options = func(of string, all []discord.ApplicationCommandOption) {
			if len(all) > 25 {
				t.Errorf("%s has %d options", of, len(all))
			}
			for _, o := range all {
				what := of + " " + o.OptionName()
				if !name.MatchString(o.OptionName()) || o.OptionName() != strings.ToLower(o.OptionName()) {
					t.Errorf("name %q", what)
				}
				check(what, o.OptionDescription())
				switch o := o.(type) {
				case discord.ApplicationCommandOptionSubCommand:
					options(what, o.Options)
				case discord.ApplicationCommandOptionString:
					if len(o.Choices) > 25 {
						t.Errorf("%s has %d choices", what, len(o.Choices))
					}
				}
			}
		}
		options(c.Name, c.Options)
		if len(c.Contexts) != 1 || c.Contexts[0] != discord.InteractionContextTypeGuild || len(c.IntegrationTypes) != 1 || c.IntegrationTypes[0] != discord.ApplicationIntegrationTypeGuildInstall {
			t.Errorf("%s: contexts %v, integration types %v", c.Name, c.Contexts, c.IntegrationTypes)
		}
	}
}

// declarations lists the declarations with their types.
func declarations() (all []discord.SlashCommandCreate) {
	for _, c := range (&Bot{}).declare() {
		all = append(all, c.create)
	}
	return all
}

func TestCommandsAreComparedByWhatTheirAuthorChose(t *testing.T) {
	ours := []discord.ApplicationCommandCreate{
		slash("skip", discord.ApplicationCommandOptionInt{Name: "count"}), slash("stop"),
	}
	theirs := func(change string, by string) []json.RawMessage {
		skip := `{"id":"1","application_id":"2","version":"3","type":1,"name":"skip","nsfw":false,"default_member_permissions":null,"dm_permission":false,
			"name_localizations":null,"description_localizations":{},"contexts":[0],"integration_types":[0],
			"description":"Skip this track, or several","options":[{"type":4,"name":"count","name_localized":"count","required":false,"description":"How many tracks to skip (1 if left out)"}]}`
		stop := `{"id":"4","name":"stop","description":"Stop the music and clear the queue","contexts":[0],"integration_types":[0],"options":[]}`
		if change != "" && !strings.Contains(skip, change) {
			t.Fatalf("%q is not in the command", change)
		}
		return []json.RawMessage{json.RawMessage(stop), json.RawMessage(strings.Replace(skip, change, by, 1))}
	}
	for _, c := range []struct {
		name, change, by string
		want             bool
	}{
		{"the same, in another order", "", "", true},
		{"another description", "or several", "or more", false},
		{"another option", `"name":"count"`, `"name":"number"`, false},
		{"an option required", `"required":false`, `"required":true`, false},
		{"a limit", `"required":false`, `"min_value":1`, false},
		{"other contexts", `"contexts":[0]`, `"contexts":[0,1]`, false},
		{"age-restricted", `"nsfw":false`, `"nsfw":true`, false},
		{"hidden from members", `"default_member_permissions":null`, `"default_member_permissions":"0"`, false},
		{"translated", `"description_localizations":{}`, `"description_localizations":{"de":"Weiter"}`, false},
		{"another kind", `"type":1`, `"type":2`, false},
		{"a new version", `"version":"3"`, `"version":"9"`, true},
	} {
		got, err := sameCommands(ours, theirs(c.change, c.by))
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	if same, _ := sameCommands(ours, theirs("", "")[:1]); same {
		t.Error("a missing command went unnoticed")
	}
	if _, err := sameCommands(ours, []json.RawMessage{json.RawMessage("1"), json.RawMessage("2")}); err == nil {
		t.Error("nonsense was compared")
	}
}

func TestTokensOfTheWrongKindAreRecognised(t *testing.T) {
	good := "MTE4NjU0MzIxMDk4NzY1NDMyMQ.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789_-"
	for token, want := range map[string]string{
		"":                                    "token.empty",
		"  \n":                                "token.empty",
		"Bot " + good:                         "token.prefix",
		"Bearer abc":                          "token.prefix",
		"mfa.abcdefghijklmnop":                "token.user",
		"abcdefghijklmnopqrstuvwxyzABCDEF":    "token.client_secret",
		strings.Repeat("0123456789abcdef", 4): "token.public_key",
		"118654321098765432":                  "token.application_id",
		good + "\n":                           "token.malformed",
		`"` + good + `"`:                      "token.malformed",
		"a.b":                                 "token.malformed",
		"notbase64!.GaBcDe.abc":               "token.malformed",
		"aGVsbG8.GaBcDe.abc":                  "token.malformed", // base64 of "hello"
		"https://discord.com/developers/somewhere": "token.malformed",
	} {
		_, err := CheckToken(t.Context(), "http://127.0.0.1:1", token)
		e, ok := errors.AsType[*SetupError](err)
		if !ok || e.Code != want || e.Temporary {
			t.Errorf("%q: got %v, want %s", token, err, want)
		}
		if token != "" && strings.TrimSpace(token) != "" && ok && len(token) > 20 && strings.Contains(err.Error(), token) {
			t.Errorf("%q is repeated in %q", token, err)
		}
		if _, err := New(Options{Token: token}); err == nil {
			t.Errorf("%q: a bot was made", token)
		}
	}
	if _, err := New(Options{Token: good}); err == nil {
		t.Error("a bot was made of a token alone")
	}
}

func TestTheTokenTellsWhoseItIs(t *testing.T) {
	d := discordtest.New(t)
	got, err := CheckToken(t.Context(), d.APIURL(), d.Token())
	if err != nil || got.Name != "Segue" || got.App != d.Application().String() || got.User != music.UserID(d.Application()) {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = CheckToken(t.Context(), d.APIURL()+"/", d.Token()[:len(d.Token())-3]+"xyz")
	if e, ok := errors.AsType[*SetupError](err); !ok || e.Code != "token.revoked" || e.Temporary {
		t.Errorf("a revoked token: got %v", err)
	}
}

func TestWhatDiscordMayAnswerToAToken(t *testing.T) {
	const token = "MTE4NjU0MzIxMDk4NzY1NDMyMQ.GaBcDe.abcdefghijklmnopqrstuvwxyz0123456789_-"
	const user = `{"id":"118654321098765432","username":"x","bot":true}`
	for _, c := range []struct {
		name      string
		status    int
		user, app string
		want      string
		temporary bool
	}{
		{"fine", 200, user, `{"id":"7","bot_public":true,"owner":{"username":"me"}}`, "", false},
		{"a person", 200, `{"id":"118654321098765432"}`, "", "token.user", false},
		{"a strange id", 200, `{"id":"x","bot":true}`, "", "discord.unexpected", false},
		{"not JSON", 200, `<html>`, "", "discord.unexpected", false},
		{"the application is not JSON", 200, user, "", "discord.unexpected", false},
		{"down", 502, "", "", "discord.unreachable", true},
		{"too many", 429, "", "", "discord.rate_limited", true},
		{"gone", 404, "", "", "discord.unexpected", false},
	} {
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bot "+token || !strings.HasPrefix(r.Header.Get("User-Agent"), "DiscordBot (") {
				t.Errorf("asked with %v", r.Header)
			}
			w.Header().Set("Retry-After", "1.5")
			w.WriteHeader(c.status)
			_, _ = fmt.Fprint(w, map[string]string{"/users/@me": c.user, "/applications/@me": c.app}[r.URL.Path])
		}))
		got, err := CheckToken(t.Context(), srv.URL, token)
		srv.Close()
		if c.want == "" {
			if err != nil || got != (Identity{User: 118654321098765432, Name: "x", App: "7", Public: true, Owner: "me"}) {
				t.Errorf("%s: got %+v, %v", c.name, got, err)
			}
			continue
		}
		e, ok := errors.AsType[*SetupError](err)
		if !ok || e.Code != c.want || e.Temporary != c.temporary || strings.Contains(err.Error(), token) {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	_, err := CheckToken(t.Context(), "http://127.0.0.1:1", token) // nobody listens on port 1
	if e, ok := errors.AsType[*SetupError](err); !ok || e.Code != "discord.unreachable" || !e.Temporary || e.Unwrap() == nil {
		t.Errorf("network down: got %v", err)
	}
	_, err = CheckToken(t.Context(), "no\x7furl", token)
	if e, ok := errors.AsType[*SetupError](err); !ok || e.Temporary {
		t.Errorf("no address: got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := CheckToken(ctx, "http://127.0.0.1:1", token); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: got %v", err)
	}
}

func TestTheInviteLinkAsksForTheLeast(t *testing.T) {
	u, err := url.Parse(InviteURL("123"))
	if err != nil || u.Host != "discord.com" || u.Path != "/oauth2/authorize" {
		t.Fatalf("got %v, %v", u, err)
	}
	q := u.Query()
	if q.Get("client_id") != "123" || q.Get("permissions") != "274914724864" || q.Get("scope") != "bot applications.commands" {
		t.Errorf("got %v", q)
	}
	if discordtest.InvitePermissions != invitePermissions {
		t.Errorf("the stand-in invites with %d", discordtest.InvitePermissions)
	}
}

func TestUnaskedMessagesAreFew(t *testing.T) {
	n := newsroom{last: map[music.GuildID]bucket{}}
	now := time.Unix(0, 0)
	sent := func(g music.GuildID, tries int) (got int) {
		for range tries {
			if n.may(g, now) {
				got++
			}
		}
		return got
	}
	if got := sent(1, 20); got != newsBurst {
		t.Errorf("%d at once, want %d", got, newsBurst)
	}
	if got := sent(2, 1); got != 1 {
		t.Error("one guild silences another")
	}
	now = now.Add(newsEvery)
	if got := sent(1, 20); got != 1 {
		t.Errorf("%d after a while, want 1", got)
	}
	now = now.Add(time.Hour)
	if got := sent(1, 20); got != newsBurst {
		t.Errorf("%d after an hour, want %d", got, newsBurst)
	}
	now = now.Add(time.Hour)
	sent(3, 1)
	if len(n.last) != 1 {
		t.Errorf("%d guilds remembered, want only the one with news", len(n.last))
	}
}

func TestTheBarShowsHowFar(t *testing.T) {
	for _, c := range []struct {
		at, of time.Duration
		dot    int
	}{
		{0, time.Minute, 0},
		{30 * time.Second, time.Minute, 10},
		{time.Minute, time.Minute, 19},
		{time.Hour, time.Minute, 19},
		{-time.Second, time.Minute, 0},
		{time.Second, 0, 0},
		{20 * time.Hour, 40 * time.Hour, 10},
	} {
		got := []rune(bar(c.at, c.of))
		if len(got) != barWidth || got[c.dot] != '●' {
			t.Errorf("%v of %v: got %q, want the dot at %d", c.at, c.of, string(got), c.dot)
		}
	}
}

func TestMessagesFitDiscord(t *testing.T) {
	if s := strings.Repeat("é", maxContent); fit(s) != s {
		t.Error("a message that fits was cut")
	}
	long := strings.Repeat(strings.Repeat("é", 99)+"\n", 30)
	got := fit(long)
	if n := utf8.RuneCountInString(got); n > maxContent || !strings.HasSuffix(got, "é\n…") {
		t.Errorf("cut to %d characters, ends %q", n, got[len(got)-8:])
	}
	if n := utf8.RuneCountInString(fit(strings.Repeat("x", 5000))); n != maxContent {
		t.Errorf("one long line cut to %d", n)
	}
}

func TestTracksAreNamedSafely(t *testing.T) {
	for _, c := range []struct {
		t    music.Track
		want text.Safe
	}{
		{music.Track{Title: "A"}, "**A**"},
		{music.Track{Title: "A", Artist: "B", Duration: 65 * time.Second}, "**A** · B (1:05)"},
		{music.Track{Title: "A", Live: true, Duration: time.Hour}, "**A** (live)"},
		{music.Track{Title: "**A**\n@everyone"}, `**\*\*A\*\* \@everyone**`},
	} {
		if got := track(c.t); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestWhatOfAResultIsQueued(t *testing.T) {
	a, b := tune("a"), tune("b")
	for _, c := range []struct {
		r    music.Result
		want int
		is   string
	}{
		{music.Result{}, 0, ""},
		{music.Result{Tracks: []music.Track{a, b}}, 1, "a"},
		{music.Result{Tracks: []music.Track{a, b}, Selected: 1}, 1, "b"},
		{music.Result{Tracks: []music.Track{a, b}, Selected: 9}, 1, "a"},
		{music.Result{Tracks: []music.Track{a, b}, Playlist: "p", Selected: 1}, 2, "a"},
	} {
		got := chosen(c.r)
		if len(got) != c.want || c.want > 0 && got[0].Title != c.is {
			t.Errorf("%+v: got %v", c.r, got)
		}
	}
}

func TestLibrariesMayOnlyWarn(t *testing.T) {
	var l logbook
	log := slog.New(warnings{l.handler()})
	log.With("a", 1).WithGroup("g").Info("chatter")
	log.With("a", 1).WithGroup("g").Warn("trouble", "b", 2)
	if got := l.text(); strings.Contains(got, "chatter") || !strings.Contains(got, "a=1 g.b=2") {
		t.Errorf("got %q", got)
	}
}

// FuzzCanonical: whatever Discord lists as commands, comparing it neither
// panics nor depends on being done twice.
func FuzzCanonical(f *testing.F) {
	for _, c := range declarations() {
		raw, err := json.Marshal(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"options":[1,null,{"options":[{"choices":[{"name":"a","value":1.5}]}]}],"contexts":[2,"1",null],"type":1}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		once, err := canonical(raw)
		if err != nil {
			return
		}
		twice, err := canonical(once)
		if err != nil || string(once) != string(twice) {
			t.Fatalf("%s\nonce  %s\ntwice %s (%v)", raw, once, twice, err)
		}
	})
}

// FuzzDispatch: an event that makes no sense costs nothing but itself.
func FuzzDispatch(f *testing.F) {
	for _, kind := range []string{"READY", "RESUMED", "GUILD_CREATE", "VOICE_STATE_UPDATE", "INTERACTION_CREATE", "CHANNEL_UPDATE"} {
		f.Add(kind, []byte(`{"id":"1","type":2,"guild_id":"3","channels":[{"id":"1","type":99}]}`))
		f.Add(kind, []byte(`null`))
	}
	f.Fuzz(func(t *testing.T, kind string, data []byte) {
		s := newSession(sessionOptions{log: quiet, handle: func(gateway.Gateway, gateway.EventType, int, gateway.EventData) {}})
		_, _ = s.hand(message{Type: gateway.EventType(kind), Data: data}, 1)
	})
}
