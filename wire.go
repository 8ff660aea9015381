package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/framecache"
	"segue/audio/governor"
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
	_ player.Store      = (*sqlite.Store)(nil)
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
	frames  *framecache.Cache // nil: none
	voice   *voice.Manager
	players *player.Registry
	bot     *bot.Bot
	hooks   hooks
	up      atomic.Bool
}

// engine is the audio engine as the configuration wants it, at its best whatever
// time that takes.
func engine(cfg Config) pipeline.Options {
	return pipeline.Options{
		Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Bitrate: cfg.OpusBitrate}) },
		Tables:  new(resample.Tables),
	}
}

// live is the engine for what has to be in time.
func live(cfg Config) pipeline.Options {
	o := engine(cfg)
	o.Governor = governor.New()
	return o
}

// library makes the sources, in the order they are asked. They are used until the
// process ends.
func library(cfg Config, log *slog.Logger) (*source.Library, error) {
	web, err := httpfile.New(httpfile.Options{Allow: cfg.HTTPAllow, MaxSize: cfg.HTTPMaxSize})
	if err != nil {
		return nil, err
	}
	sources := []source.Source{web}
	if cfg.MusicDir != "" {
		folder, err := local.New(cfg.MusicDir, web.Refs)
		if err != nil {
			return nil, err
		}
		sources = append(sources, folder)
	}
	return source.NewLibrary(log, sources...), nil
}

// frames makes the cache of frames; nil if there is to be none. The log hears why
// something is not kept.
func frames(cfg Config, log *slog.Logger) *framecache.Cache {
	if cfg.CacheFrames == 0 {
		return nil
	}
	return framecache.New(framecache.Options{
		Dir: filepath.Join(cfg.Data, "frames"), Max: cfg.CacheFrames, Free: cfg.CacheFree,
		Build: fmt.Sprintf("%s, %s, %d bit/s", versionLine(), opus.Build(), cfg.OpusBitrate),
		Lost:  func(err error) { log.Warn("frames not kept", "err", err) },
	})
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
	if a.frames = frames(a.cfg, a.log); a.frames != nil {
		if _, err := a.frames.Look(); err != nil {
			a.log.Warn("what is encoded cannot be kept", "err", err)
		}
	}
	sound := live(a.cfg)
	sound.Kept = a.frames
	a.voice = voice.NewManager(voice.Options{Log: a.log, TLS: a.hooks.tls})
	a.players = player.NewRegistry(context.WithoutCancel(ctx), player.Options{
		Library: a.library, Voice: joiner{a.voice}, Store: a.store, Pipeline: sound, Bitrate: a.cfg.OpusBitrate,
		Log: a.log, Limit: a.cfg.QueueLimit, Idle: a.cfg.PlayerIdle,
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
	live, end := context.WithCancel(ctx)
	defer end()
	var parts sync.WaitGroup
	ready := make(chan struct{})
	start := time.Now()
	parts.Go(func() { keepStatus(live, a.cfg.Data, a.well, ready, a.log) })
	parts.Go(func() {
		select {
		case <-a.bot.Ready():
			a.up.Store(true)
			close(ready)
			a.log.Info("ready", "after", time.Since(start).Round(time.Millisecond))
			if a.hooks.ready != nil {
				a.hooks.ready(a)
			}
		case <-live.Done():
		}
	})
	// The bot goes last: players leave their channels through it.
	gateway, disconnect := context.WithCancel(context.WithoutCancel(ctx))
	defer disconnect()
	served := make(chan error, 1)
	go func() { served <- a.bot.Run(gateway) }()
	var err error
	gone := false
	select {
	case err = <-served:
		gone = true
	case <-ctx.Done():
	}
	end()
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if !gone {
		a.log.Info("stopping")
		err = a.depart(stop, disconnect, served)
	}
	parts.Wait()
	return errors.Join(err, a.close(stop))
}

// depart has players leave their channels, then the bot go offline. Players get
// half the time that is left, so that the bot has some.
func (a *app) depart(ctx context.Context, disconnect func(), served <-chan error) error {
	half, cancel := context.WithTimeout(ctx, grace/2)
	defer cancel()
	if err := a.players.Close(half); err != nil {
		a.log.Warn("players did not end in time", "err", err)
	}
	disconnect()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
		return errors.New("the connection to Discord did not close in time")
	}
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
	errs = append(errs, a.frames.Close(ctx))
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
