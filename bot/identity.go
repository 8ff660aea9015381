package bot

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/disgoorg/disgo"

	"segue/bot/text"
	"segue/music"
)

// A SetupError is something the person who runs the program has to change (or
// wait for, if Temporary) before the bot can work. Its text is sentences.
type SetupError struct {
	Code      string
	Args      []any
	Temporary bool // the same may work later
	Err       error
}

// Error words what is wrong and what to do, in English.
func (e *SetupError) Error() string {
	s := text.Sentence(text.English, e.Code, e.Args...)
	if e.Err != nil {
		s += " (" + e.Err.Error() + ")"
	}
	return s
}

// Unwrap gives the cause.
func (e *SetupError) Unwrap() error { return e.Err }

// An Identity is whom a token belongs to.
type Identity struct {
	User   music.UserID
	Name   string // of the bot, unescaped
	App    string // application id, for InviteURL
	Public bool   // anybody may invite it
	Owner  string // name of who owns the application, unescaped; may be empty
}

// invitePermissions is the least that everything works with: view, send (also
// in threads), embed, attach, read history, connect, speak, voice activity.
const invitePermissions = 274914724864

// InviteURL is where somebody lets the bot into a guild.
func InviteURL(appID string) string {
	q := url.Values{
		"client_id":   {appID},
		"scope":       {"bot applications.commands"},
		"permissions": {strconv.FormatInt(invitePermissions, 10)},
	}
	return "https://discord.com/oauth2/authorize?" + q.Encode()
}

var (
	secretShape = regexp.MustCompile(`^[A-Za-z0-9_-]{30,36}$`) // client secret, or a person's OAuth token
	keyShape    = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	idShape     = regexp.MustCompile(`^[0-9]{15,20}$`)
)

// checkShape refuses what cannot be a bot token, and says what it looks like.
func checkShape(token string) error {
	trimmed := strings.TrimSpace(token)
	parts := strings.Split(trimmed, ".")
	switch {
	case trimmed == "":
		return &SetupError{Code: "token.empty"}
	case strings.HasPrefix(trimmed, "Bot ") || strings.HasPrefix(trimmed, "Bearer "):
		return &SetupError{Code: "token.prefix"}
	case strings.HasPrefix(trimmed, "mfa."):
		return &SetupError{Code: "token.user"}
	case secretShape.MatchString(trimmed):
		return &SetupError{Code: "token.client_secret"}
	case keyShape.MatchString(trimmed):
		return &SetupError{Code: "token.public_key"}
	case idShape.MatchString(trimmed):
		return &SetupError{Code: "token.application_id"}
	case trimmed != token || len(parts) != 3 || strings.ContainsAny(token, " \t\r\n\"'"):
		return &SetupError{Code: "token.malformed"}
	}
	id, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(parts[0], "="))
	if err != nil || !idShape.Match(id) {
		return &SetupError{Code: "token.malformed"}
	}
	return nil
}

// CheckToken asks Discord whom token belongs to. apiURL is the REST base, empty
// for Discord itself. What is wrong comes back as a *SetupError, Temporary if
// only Discord could not be reached.
func CheckToken(ctx context.Context, apiURL, token string) (Identity, error) {
	if err := checkShape(token); err != nil {
		return Identity{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, callLimit)
	defer cancel()
	var user struct {
		ID       string `json:"id"`
		Username string `json:"username"`
		Bot      bool   `json:"bot"`
	}
	if err := ask(ctx, base(apiURL)+"/users/@me", token, &user); err != nil {
		return Identity{}, err
	}
	id, err := strconv.ParseUint(user.ID, 10, 64)
	if err != nil {
		return Identity{}, &SetupError{Code: "discord.unexpected", Err: err}
	}
	if !user.Bot {
		return Identity{}, &SetupError{Code: "token.user"}
	}
	var app struct {
		ID     string `json:"id"`
		Public bool   `json:"bot_public"`
		Owner  struct {
			Username string `json:"username"`
		} `json:"owner"`
	}
	if err := ask(ctx, base(apiURL)+"/applications/@me", token, &app); err != nil {
		return Identity{}, err
	}
	return Identity{User: music.UserID(id), Name: user.Username, App: app.ID, Public: app.Public, Owner: app.Owner.Username}, nil
}

// ask gets one JSON object from Discord.
func ask(ctx context.Context, address, token string, into any) error {
	rq, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return &SetupError{Code: "discord.unreachable", Err: err}
	}
	rq.Header.Set("Authorization", "Bot "+token)
	rq.Header.Set("User-Agent", userAgent(""))
	rs, err := (&http.Client{Timeout: callLimit}).Do(rq)
	if err != nil {
		if cause, ok := errors.AsType[*url.Error](err); ok {
			err = cause.Err // without the address
		}
		return &SetupError{Code: "discord.unreachable", Temporary: true, Err: err}
	}
	defer func() { _ = rs.Body.Close() }()
	switch {
	case rs.StatusCode == http.StatusUnauthorized:
		return &SetupError{Code: "token.revoked"}
	case rs.StatusCode == http.StatusTooManyRequests:
		return &SetupError{Code: "discord.rate_limited", Args: []any{after(rs)}, Temporary: true}
	case rs.StatusCode >= 500:
		return &SetupError{Code: "discord.unreachable", Temporary: true, Err: errors.New(rs.Status)}
	case rs.StatusCode != http.StatusOK:
		return &SetupError{Code: "discord.unexpected", Err: errors.New(rs.Status)}
	}
	if err := json.NewDecoder(io.LimitReader(rs.Body, 1<<20)).Decode(into); err != nil {
		return &SetupError{Code: "discord.unexpected", Err: fmt.Errorf("answer: %w", err)}
	}
	return nil
}

// after is how long Discord asks to wait, in whole seconds.
func after(rs *http.Response) time.Duration {
	s, err := strconv.ParseFloat(rs.Header.Get("Retry-After"), 64)
	if err != nil || s < 0 || s > 86400 {
		s = 60
	}
	return time.Duration(s+0.999) * time.Second
}

// base is the REST base without a slash at its end.
func base(apiURL string) string {
	if apiURL == "" {
		return DefaultAPI
	}
	return strings.TrimRight(apiURL, "/")
}

// userAgent is how Discord wants bots to call themselves.
func userAgent(version string) string {
	if version == "" {
		version = "0"
	}
	return "DiscordBot (" + disgo.GitHub + ", " + version + ")" // the library: there is no one address of ours
}
