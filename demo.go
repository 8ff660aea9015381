package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"segue/discordtest"
	"segue/discordtest/listener"
	"segue/testdata"
)

type demoCommand struct {
	Out    string   `placeholder:"FILE" default:"demo.wav" help:"Where what the listener heard goes: .wav or .opus (default: ${default})."`
	Listen string   `placeholder:"ADDR" help:"Stay up and serve a page that plays live what the listener hears, for example 127.0.0.1:8080."`
	Query  []string `arg:"" optional:"" help:"A file, an address, or words of a bundled piece (lantern, clockwork)."`
}

// demo is one run: a Discord on loopback, the bot, and a person who listens.
type demo struct {
	w      world
	cfg    Config
	start  time.Time
	query  string // what alice types
	file   string // what that is, for the judge; empty for an address
	d      *discordtest.Discord
	den    *discordtest.Guild
	alice  *discordtest.Member
	ears   *listener.Listener
	live   *broadcast
	asked  time.Time
	folder string // temporary, removed at the end
}

// Run plays QUERY through the real program and the real protocol to a listener
// on loopback, and judges what the listener heard.
func (c demoCommand) Run(ctx context.Context, w world, s settings) (err error) {
	query := strings.Join(c.Query, " ")
	if ext := filepath.Ext(c.Out); ext != ".wav" && ext != ".opus" {
		fmt.Fprintf(w.stderr, "segue: --out %s: it must end in .wav or .opus\n", c.Out)
		return exit{exitUsage}
	}
	if err := writable(c.Out, query); err != nil { // better now than when the music is over
		return fmt.Errorf("--out %s: %w", c.Out, err)
	}
	var page net.Listener
	if c.Listen != "" {
		if page, err = net.Listen("tcp", c.Listen); err != nil {
			return fmt.Errorf("--listen: %w", err)
		}
		defer page.Close()
	}
	folder, err := os.MkdirTemp("", "segue-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	d := &demo{w: w, start: time.Now(), folder: folder, live: newBroadcast()}
	if err := d.choose(query); err != nil {
		return err
	}
	if d.cfg, err = d.configure(s); err != nil {
		return err
	}
	if d.d, err = discordtest.Start(discordtest.Options{Name: "Segue"}); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.d.Close()) }()
	d.say("Discord on loopback: %s", d.d.APIURL())
	var v *verdict
	if err := d.withBot(ctx, func(ctx context.Context) (err error) {
		if v, err = d.play(ctx, c.Out); err != nil {
			return err
		}
		v.print(d)
		if page != nil {
			if err := d.listenOn(ctx); err != nil {
				return err
			}
			return d.serve(ctx, page)
		}
		return nil
	}); err != nil {
		return err
	}
	d.say("the bot has left and ended")
	if v := d.d.TakeViolations(); len(v) > 0 {
		return fmt.Errorf("the stand-in objects:\n  %s", strings.Join(v, "\n  "))
	}
	if !v.good() {
		return errors.New("what was heard is not the music, whole and end-to-end encrypted")
	}
	return nil
}

// withBot runs f while the real program runs, then stops the program.
func (d *demo) withBot(ctx context.Context, f func(context.Context) error) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- d.runBot(ctx, func() { close(ready) }) }()
	select {
	case <-ready:
	case err := <-ended:
		return errors.Join(errors.New("the bot did not start"), err)
	}
	d.say("the bot is ready, its commands are registered")
	err := f(ctx)
	stop()
	if e := <-ended; e != nil {
		err = errors.Join(err, fmt.Errorf("the bot did not end cleanly: %w", e))
	}
	return err
}

// say prints a step with the time since the start.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.w.stdout, "%7.3f s  %s\n", time.Since(d.start).Seconds(), fmt.Sprintf(format, args...))
}

// choose finds out what query means: a file of the person's, an address, or a
// bundled piece. Files are put where the bot finds them.
func (d *demo) choose(query string) error {
	shelf := filepath.Join(d.folder, "music")
	if err := os.Mkdir(shelf, 0o700); err != nil {
		return err
	}
	if strings.HasPrefix(query, "http://") || strings.HasPrefix(query, "https://") {
		d.query = query
		return nil
	}
	if st, err := os.Stat(query); err == nil && st.Mode().IsRegular() {
		whole, err := filepath.EvalSymlinks(query)
		if err != nil {
			return err
		}
		name := strings.TrimLeft(filepath.Base(query), ".") // hidden files are not for /play
		d.query, d.file = name, filepath.Join(shelf, name)
		if err := os.Link(whole, d.file); err == nil {
			return nil
		}
		b, err := os.ReadFile(whole)
		if err != nil {
			return err
		}
		return os.WriteFile(d.file, b, 0o600)
	}
	pieces, err := fs.Glob(testdata.Sounds, "sounds/*")
	if err != nil {
		return err
	}
	for _, p := range pieces {
		b, err := testdata.Sounds.ReadFile(p)
		if err != nil {
			return err
		}
		name := filepath.Base(p)
		if err := os.WriteFile(filepath.Join(shelf, name), b, 0o600); err != nil {
			return err
		}
		if title := strings.TrimSuffix(name, filepath.Ext(name)); query == title || query == "" && p == testdata.Lantern {
			d.query, d.file = title, filepath.Join(shelf, name)
		}
	}
	if d.file == "" {
		return fmt.Errorf("%q is neither a file, nor an address, nor a bundled piece (lantern, clockwork)", query)
	}
	return nil
}

// configure takes the person's settings, but for what has to be the demo's own.
func (d *demo) configure(s settings) (Config, error) {
	env := map[string]string{}
	for name, value := range d.w.env {
		if strings.HasPrefix(name, "SEGUE_") {
			env[name] = value
		}
	}
	w := d.w
	w.env = env
	s.DiscordToken, s.DiscordAPIURL = "", ""
	if s.LogLevel == "" && env["SEGUE_LOG_LEVEL"] == "" {
		s.LogLevel = "warn"
	}
	cfg, err := configured(w, s)
	cfg.Data, cfg.MusicDir = filepath.Join(d.folder, "data"), filepath.Join(d.folder, "music")
	return cfg, err
}

// tls trusts the stand-in's voice servers.
func (d *demo) tls() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(d.d.CAPEM())
	return &tls.Config{RootCAs: roots}
}

// runBot is the real program, told where Discord is.
func (d *demo) runBot(ctx context.Context, ready func()) error {
	cfg := d.cfg
	cfg.Token, cfg.APIURL = d.d.Token(), d.d.APIURL()
	return runBot(ctx, d.w, cfg, hooks{tls: d.tls(), ready: func(*app) { ready() }})
}

const (
	replyLimit = 20 * time.Second
	quiet      = 700 * time.Millisecond // without a packet, the music is over
)

// play has alice join, type and listen until the music is over, and judges it.
func (d *demo) play(ctx context.Context, out string) (*verdict, error) {
	d.den = d.d.Guild("the den")
	d.den.Voice("Lounge")
	d.alice = d.den.Member("alice")
	if err := d.alice.Joins("Lounge"); err != nil {
		return nil, err
	}
	join, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	var err error
	if d.ears, err = d.alice.Listener(join, listener.Options{TLS: d.tls()}); err != nil {
		return nil, err
	}
	d.say("alice joined Lounge and listens")
	if err := d.ask(ctx, d.query); err != nil {
		return nil, err
	}
	user := uint64(d.d.Bot().ID())
	first, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	if err := d.ears.AwaitPackets(first, user, 1); err != nil {
		return nil, fmt.Errorf("alice heard nothing: %w", err)
	}
	heard := d.ears.Heard(user)
	d.say("first packet, %d ms after /play; voice %s", heard.Packets[0].At.Sub(d.asked).Milliseconds(), encrypted(heard.Packets[0].E2EE))
	if err := d.awaitSilence(ctx, user); err != nil {
		return nil, err
	}
	heard = d.ears.Heard(user)
	d.say("the music is over: %d packets heard", heard.Counts.Packets)
	if err := writeHeard(out, &heard); err != nil {
		return nil, fmt.Errorf("cannot write what was heard: %w", err)
	}
	d.say("written to %s", out)
	return d.judge(ctx, &heard)
}

// listenOn has alice listen for as long as it takes: what the judge has heard was
// kept, what the page plays is not.
func (d *demo) listenOn(ctx context.Context) (err error) {
	if err := d.ears.Close(); err != nil {
		return err
	}
	join, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	d.ears, err = d.alice.Listener(join, listener.Options{TLS: d.tls(), OnPCM: d.live.hear, Forget: true})
	return err
}

// ask has alice type /play and prints the answer.
func (d *demo) ask(ctx context.Context, query string) error {
	d.asked = time.Now()
	ix, err := d.alice.TryType("/play", "query", query)
	if err != nil {
		return err
	}
	d.say("alice types /play %s", query)
	reply, cancel := context.WithTimeout(ctx, replyLimit)
	defer cancel()
	text, public, err := answered(reply, ix)
	if err != nil {
		return fmt.Errorf("/play was not answered: %w", err)
	}
	took, _ := ix.Acked()
	d.say("Segue answers (acknowledged after %d ms): %s", took.Milliseconds(), oneLine(text))
	if !public {
		return errors.New("the bot does not play that")
	}
	return nil
}

// answered is the answer to a command. One that is for the person alone says
// what went wrong; after a public sign of life it comes as a message of its own.
func answered(ctx context.Context, ix *discordtest.Interaction) (text string, public bool, err error) {
	r, err := ix.TryReply(ctx)
	if err != nil {
		return "", false, err
	}
	if !r.Deleted {
		return r.Text(), !r.Ephemeral, nil
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if more := ix.Followups(); len(more) > 0 {
			return more[0].Text(), false, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return "", false, context.Cause(ctx)
		}
	}
}

func oneLine(s string) string { return strings.Join(strings.Fields(printable(s)), " ") }

func encrypted(yes bool) string {
	if yes {
		return "is end-to-end encrypted"
	}
	return "is NOT end-to-end encrypted"
}

// awaitSilence waits until no packet has come for a while.
func (d *demo) awaitSilence(ctx context.Context, user uint64) error {
	last, since := 0, time.Now()
	for tick := time.NewTicker(100 * time.Millisecond); ; {
		select {
		case <-ctx.Done():
			tick.Stop()
			return context.Cause(ctx)
		case <-tick.C:
		}
		if n := d.ears.Counts(user).Packets; n != last {
			last, since = n, time.Now()
		} else if time.Since(since) > quiet {
			tick.Stop()
			return nil
		}
	}
}
