package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"segue/bot"
	"segue/monitoring"
)

// grace is how long a stop may take in all: a container is killed 10 s after SIGTERM.
const grace = 8 * time.Second

type runCommand struct{}

// Run is the bot: it asks for what is missing, builds everything, and serves
// until ctx ends.
func (runCommand) Run(ctx context.Context, w world, s settings) error {
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	return runBot(ctx, w, cfg, hooks{})
}

// runBot runs a configured bot until ctx ends.
func runBot(ctx context.Context, w world, cfg Config, h hooks) error {
	log := newLogger(w, cfg)
	if err := prepareData(cfg.Data); err != nil {
		return err
	}
	who, err := signIn(ctx, w, &cfg)
	if ctx.Err() != nil { // stopped while it waited: that is no failure
		return nil
	}
	if err != nil {
		return err
	}
	banner(w, cfg, who)
	a, err := build(ctx, cfg, who, log, h)
	if ctx.Err() != nil && a == nil {
		return nil
	}
	if err != nil {
		return err
	}
	return explain(w, a.run(ctx))
}

// newLogger writes to stderr, as the configuration says, with secrets taken out.
func newLogger(w world, cfg Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	var h slog.Handler = slog.NewTextHandler(w.stderr, o)
	if cfg.LogJSON {
		h = slog.NewJSONHandler(w.stderr, o)
	}
	return slog.New(monitoring.Redact(h, cfg.Token))
}

// prepareData makes the data folder, and proves that it can be written to.
func prepareData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the data folder: %w; choose another with --data DIR", err)
	}
	f, err := os.CreateTemp(dir, ".write-test-*")
	if err != nil {
		return fmt.Errorf("cannot write to the data folder %s: %w; make it writable or choose another with --data DIR", dir, err)
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

// banner says, once per start, what runs, where, and how to invite it.
func banner(w world, cfg Config, who bot.Identity) {
	fmt.Fprintf(w.stderr, "Segue %s\n", versionLine())
	fmt.Fprintf(w.stderr, "  bot     %s\n", who.Name)
	fmt.Fprintf(w.stderr, "  data    %s\n", cfg.Data)
	if cfg.MusicDir != "" {
		fmt.Fprintf(w.stderr, "  music   %s\n", cfg.MusicDir)
	} else {
		fmt.Fprintf(w.stderr, "  music   no folder (SEGUE_MUSIC_DIR); attachments and web addresses play\n")
	}
	fmt.Fprintf(w.stderr, "  invite  %s\n", bot.InviteURL(who.App))
}

// tokenFile is where a token that was typed in is kept.
func tokenFile(data string) string { return filepath.Join(data, "token") }

const noToken = `segue: no bot token, and nobody at a terminal to ask.
  1. Make a bot at https://discord.com/developers/applications (New Application, Bot, Reset Token).
  2. Start with DISCORD_TOKEN=that-token, or with DISCORD_TOKEN_FILE naming a file that holds it.
`

// storedToken is the configured token, or else the one that was once typed in,
// or empty.
func storedToken(cfg Config) (string, error) {
	if cfg.Token != "" {
		return cfg.Token, nil
	}
	b, err := os.ReadFile(tokenFile(cfg.Data))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", fmt.Errorf("cannot read the stored token: %w", err)
	}
	return strings.TrimSpace(string(b)), nil
}

// signIn finds the token, asks for it where there is somebody to ask, and has
// Discord confirm it. The confirmed token ends up in cfg.
func signIn(ctx context.Context, w world, cfg *Config) (bot.Identity, error) {
	token, err := storedToken(*cfg)
	if err != nil {
		return bot.Identity{}, err
	}
	typed := cfg.Token == "" // once, at a terminal
	cfg.Token = token
	if cfg.Token == "" {
		return askForToken(ctx, w, cfg)
	}
	who, err := checkPatiently(ctx, w, cfg)
	if err != nil && typed && ctx.Err() == nil {
		fmt.Fprintf(w.stderr, "segue: the token kept in %s is not good any more.\n", tokenFile(cfg.Data))
		if w.terminal {
			return askForToken(ctx, w, cfg)
		}
	}
	return who, explain(w, err)
}

// checkPatiently has Discord confirm the token, again and again while Discord
// cannot be reached: a machine may start before its network does.
func checkPatiently(ctx context.Context, w world, cfg *Config) (bot.Identity, error) {
	for wait := time.Second; ; wait = min(2*wait, time.Minute) {
		who, err := bot.CheckToken(ctx, cfg.APIURL, cfg.Token)
		setup, ok := errors.AsType[*bot.SetupError](err)
		if !ok || !setup.Temporary || ctx.Err() != nil {
			return who, err
		}
		for _, a := range setup.Args {
			if asked, ok := a.(time.Duration); ok { // by Discord
				wait = max(wait, asked)
			}
		}
		fmt.Fprintf(w.stderr, "segue: %v Trying again in %s.\n", setup, wait)
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return who, context.Cause(ctx)
		}
	}
}

// askForToken asks until Discord knows the token, three times at most, and
// stores it for the next start.
func askForToken(ctx context.Context, w world, cfg *Config) (bot.Identity, error) {
	if !w.terminal {
		fmt.Fprint(w.stderr, noToken)
		return bot.Identity{}, exit{exitNotConfigured}
	}
	fmt.Fprintln(w.stderr, "Segue needs the token of a Discord bot.")
	fmt.Fprintln(w.stderr, "Make one at https://discord.com/developers/applications: New Application, Bot, Reset Token.")
	for range 3 {
		fmt.Fprint(w.stderr, "Paste the token (it is not shown): ")
		token, err := w.secret()
		fmt.Fprintln(w.stderr)
		if err != nil {
			return bot.Identity{}, fmt.Errorf("no token was typed: %w", err)
		}
		cfg.Token = strings.TrimSpace(token)
		who, err := checkPatiently(ctx, w, cfg)
		if ctx.Err() != nil {
			return who, context.Cause(ctx)
		}
		if err != nil {
			fmt.Fprintln(w.stderr, "That did not work:", err)
			continue
		}
		if err := keepToken(*cfg); err != nil {
			return who, fmt.Errorf("the token is good but cannot be kept: %w", err)
		}
		fmt.Fprintf(w.stderr, "The token belongs to %q. It is kept in %s.\n", who.Name, tokenFile(cfg.Data))
		return who, nil
	}
	return bot.Identity{}, exit{exitNotConfigured}
}

// keepToken stores the token in a file that was never anybody else's to read.
func keepToken(cfg Config) error {
	path := tokenFile(cfg.Data)
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(cfg.Token+"\n"), 0o600)
}

// explain turns what Discord refuses for configuration's sake into words and
// the exit code that says so.
func explain(w world, err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	if setup, ok := errors.AsType[*bot.SetupError](err); ok && !setup.Temporary {
		fmt.Fprintln(w.stderr, "segue:", setup)
		return exit{exitNotConfigured}
	}
	return err
}
