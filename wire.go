package main

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/pipeline"
	"segue/audio/resample"
	"segue/bot"
	"segue/music"
	"segue/player"
	"segue/source"
	"segue/source/httpfile"
	"segue/source/local"
	"segue/store/sqlite"
	"segue/voice"
)

// Who satisfies what, checked where both sides are in sight.
var (
	_ player.Library    = (*source.Library)(nil)
	_ player.Conn       = (*voice.Conn)(nil)
	_ bot.Resolver      = (*source.Library)(nil)
	_ bot.SettingsStore = (*sqlite.Store)(nil)
	_ bot.Players       = (*player.Registry)(nil)
)

// hooks are doors for the demo and the tests; the zero value is the real world.
type hooks struct {
	tls   *tls.Config // nil: the system's roots
	ready func(*app)  // called once, when the bot is ready
}

// app is the running program. Its parts are listed in the order they are built;
// they are closed in reverse.
type app struct {
	cfg     Config
	log     *slog.Logger
	store   *sqlite.Store
	library *source.Library
	voice   *voice.Manager
	players *player.Registry
	bot     *bot.Bot
	hooks   hooks
	up      atomic.Bool
}

// engine is the audio engine as the configuration wants it.
func engine(cfg Config) pipeline.Options {
	return pipeline.Options{
		Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Bitrate: cfg.OpusBitrate}) },
		Tables:  new(resample.Tables),
	}
}

// library makes the sources, in the order they are asked. The caller closes them.
func library(cfg Config, log *slog.Logger) (*source.Library, error) {
	web, err := httpfile.New(httpfile.Options{Allow: cfg.HTTPAllow, MaxSize: cfg.HTTPMaxSize})
	if err != nil {
		return nil, err
	}
	sources := []source.Source{web}
	if cfg.MusicDir != "" {
		folder, err := local.New(cfg.MusicDir)
		if err != nil {
			return nil, err
		}
		sources = append(sources, folder)
	}
	return source.NewLibrary(log, sources...), nil
}

// build makes every part. If one cannot be made, those before it are closed.
func build(ctx context.Context, cfg Config, who bot.Identity, log *slog.Logger, h hooks) (*app, error) {
	a := &app{cfg: cfg, log: log, hooks: h}
	if err := a.assemble(ctx, who); err != nil {
		return nil, errors.Join(err, a.close(ctx))
	}
	return a, nil
}

// assemble makes the parts in dependency order, up to the first that fails.
func (a *app) assemble(ctx context.Context, who bot.Identity) (err error) {
	if a.store, err = sqlite.Open(ctx, filepath.Join(a.cfg.Data, "segue.db"), a.log); err != nil {
		return err
	}
	if a.library, err = library(a.cfg, a.log); err != nil {
		return err
	}
	a.voice = voice.NewManager(voice.Options{Log: a.log, TLS: a.hooks.tls})
	a.players = player.NewRegistry(context.WithoutCancel(ctx), player.Options{
		Library: a.library, Voice: joiner{a.voice}, Pipeline: engine(a.cfg), Log: a.log, Limit: a.cfg.QueueLimit, Idle: a.cfg.PlayerIdle,
	})
	if a.bot, err = bot.New(bot.Options{
		Token: a.cfg.Token, APIURL: a.cfg.APIURL, Log: a.log, Voice: a.voice, Players: a.players, Resolver: a.library, Settings: a.store, Version: version,
		Renewed: func() { a.voice.Rejoin() },
	}); err != nil {
		return err
	}
	a.voice.Attach(who.User, a.bot.UpdateVoiceState)
	return nil
}

// run serves until ctx ends or a part fails, then closes everything within the
// grace period.
func (a *app) run(ctx context.Context) error {
	live, end := context.WithCancelCause(ctx)
	defer end(nil)
	var parts sync.WaitGroup
	ready := make(chan struct{})
	part := func(f func(context.Context) error) {
		parts.Go(func() {
			if err := f(live); err != nil && !errors.Is(err, context.Canceled) {
				end(err)
			}
		})
	}
	start := time.Now()
	part(func(ctx context.Context) error { return keepStatus(ctx, a.cfg.Data, a.well, ready) })
	part(func(ctx context.Context) error {
		select {
		case <-a.bot.Ready():
			a.up.Store(true)
			close(ready)
			a.log.Info("ready", "after", time.Since(start).Round(time.Millisecond))
			if a.hooks.ready != nil {
				a.hooks.ready(a)
			}
		case <-ctx.Done():
		}
		return nil
	})
	// The bot goes last: players leave their channels through it.
	gateway, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	served := make(chan error, 1)
	go func() { served <- a.bot.Run(gateway) }()
	var err error
	select {
	case err = <-served:
		end(err)
	case <-live.Done():
		if cause := context.Cause(live); !errors.Is(cause, context.Canceled) {
			err = cause
		}
		a.log.Info("stopping")
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if e := a.players.Close(stop); e != nil {
			a.log.Warn("players did not end in time", "err", e)
		}
		disconnect()
		select {
		case e := <-served:
			err = errors.Join(err, e)
		case <-stop.Done():
			err = errors.Join(err, errors.New("the connection to Discord did not close in time"))
		}
	}
	parts.Wait()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return errors.Join(err, a.close(stop))
}

// well reports whether the bot can be used now.
func (a *app) well() bool { return a.up.Load() && a.bot.Connected() }

// close frees what was built, in reverse. Parts that were never built are skipped.
func (a *app) close(ctx context.Context) error {
	var errs []error
	if a.players != nil {
		errs = append(errs, a.players.Close(ctx))
	}
	if a.voice != nil {
		a.voice.Close(ctx)
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// joiner makes the voice manager what a player asks for.
type joiner struct{ *voice.Manager }

// Join connects to c and hands over the connection.
func (j joiner) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (player.Conn, error) {
	conn, err := j.Manager.Join(ctx, g, c)
	if err != nil {
		return nil, err // not a typed nil
	}
	return conn, nil
}
