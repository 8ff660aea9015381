package player

import (
	"context"
	"slices"
	"time"

	"segue/audio"
	"segue/audio/levelling"
	"segue/music"
)

const (
	// duck is by how many decibels the music is softer under a sound.
	duck = 12
	// longestSound is how long what is laid over the music may be.
	longestSound = time.Minute
	// soundLimit is after how long a sound is closed whose media say nothing of their
	// length, or that do not come: the music must not stay soft for ever.
	soundLimit = longestSound + 10*time.Second
	// mostSounds is how many are laid over each other at most, those being opened
	// included.
	mostSounds = 4
)

// A layer is a sound that has been opened to be laid over the music: pipeline.Stream
// as the player sees it. It may be closed more than once.
type layer interface {
	Info() audio.Info
	Close() error
}

// A layerer opens the sound in media, which is its own from then on, also when it
// fails. Opening ends with ctx at the latest.
type layerer func(ctx context.Context, m *audio.Media, level func(audio.Info) float64) (layer, error)

// Overlay lays t, a sound of at most a minute, over what is heard now, and makes that
// softer meanwhile. It waits until t has been opened, at most 30 s. The sound is as loud as
// the guild's volume and levelling make a track; effects are the music's alone. It goes
// on over the track that follows, rests in a pause, and is heard in this guild only,
// also over a station that others hear too.
//
// Errors: player.nothing_playing; player.no_voice; overlay.paused; overlay.loading, the
// music is not heard yet; overlay.live and overlay.long, of t; overlay.many, there are as
// many sounds as can be; or why t could not be opened.
func (p *Player) Overlay(ctx context.Context, t music.Track) error {
	w, err := ask(ctx, p, func(s *state) (*waiter, error) { return s.overlay(ctx, t) })
	if err != nil {
		return err
	}
	if _, err = w.wait(ctx); err != nil && ctx.Err() != nil {
		return context.Cause(ctx) // which ended the opening
	}
	return err
}

// overlay begins to open t. When asked ends that is given up.
func (s *state) overlay(asked context.Context, t music.Track) (*waiter, error) {
	if _, err := s.under(); err != nil {
		return nil, err
	}
	if err := fit(t.Live, t.Duration); err != nil {
		return nil, err
	}
	s.sounds = slices.DeleteFunc(s.sounds, func(heard <-chan struct{}) bool {
		select {
		case <-heard:
			return true
		default:
			return false
		}
	})
	if s.laying+len(s.sounds) >= mostSounds {
		return nil, tooMany()
	}
	life, cancel := context.WithCancel(s.ctx)
	stop := context.AfterFunc(asked, cancel)
	w := &waiter{done: make(chan error, 1)}
	s.laying++
	s.task(func() {
		defer cancel()
		defer stop()
		l, err := s.openSound(life, t)
		if s.post(func(s *state) { s.lay(w, t, l, err) }) {
			return
		}
		if err == nil {
			shut(l)
		}
		w.answer(ErrClosed)
	})
	return w, nil
}

// under is what a sound is laid over.
func (s *state) under() (*reel, error) {
	l := s.cur
	switch {
	case l == nil:
		return nil, invalid("player.nothing_playing")
	case s.paused:
		return nil, invalid("overlay.paused")
	case s.conn == nil:
		return nil, invalid("player.no_voice")
	case l.reel == nil || !l.reel.began.Load():
		return nil, &music.Error{Kind: music.Unavailable, Code: "overlay.loading"}
	}
	return l.reel, nil
}

// fit reports why a sound may not be laid over the music; nil if it may. A length
// that is not known is 0.
func fit(live bool, length time.Duration) error {
	switch {
	case live:
		return invalid("overlay.live")
	case length > longestSound:
		return &music.Error{Kind: music.Invalid, Code: "overlay.long", Args: []any{length, longestSound}}
	}
	return nil
}

func tooMany() error {
	return &music.Error{Kind: music.Unavailable, Code: "overlay.many", Args: []any{mostSounds}}
}

// openSound runs as a task.
func (s *state) openSound(life context.Context, t music.Track) (_ layer, err error) {
	var m *audio.Media
	defer func() {
		if r := recover(); r != nil {
			err = rescued(r, t, m)
		}
	}()
	ctx, cancel := context.WithTimeout(life, openLimit)
	defer cancel()
	m, err = s.o.Library.Open(ctx, t)
	if err != nil {
		return nil, err
	}
	if m.Live {
		_ = m.Close()
		return nil, fit(true, 0)
	}
	measured := s.knownLoudness(life, measuredAs(t, m.Version))
	sound := *s.p.sound.Load()
	l, err := s.p.reg.layer(ctx, m, func(info audio.Info) float64 { return level(sound, t, info, measured) })
	if err != nil {
		return nil, err
	}
	info := l.Info()
	if err := fit(info.Live, info.Duration); err != nil {
		shut(l)
		return nil, err
	}
	return l, nil
}

// lay takes in what overlay came to.
func (s *state) lay(w *waiter, t music.Track, l layer, err error) {
	s.laying--
	if err != nil {
		w.answer(trackError(err))
		return
	}
	r, err := s.under()
	if err != nil || !w.over.CompareAndSwap(false, true) { // or nobody waits for it any more
		s.task(func() { shut(l) })
		w.answer(err)
		return
	}
	heard, ok := r.pump.Overlay(l, duck)
	if !ok {
		w.done <- tooMany()
		return
	}
	s.sounds = append(s.sounds, heard)
	s.task(func() {
		late := time.NewTimer(soundLimit)
		defer late.Stop()
		select {
		case <-heard: // when the pump is closed at the latest
		case <-late.C:
			shut(l)
		}
	})
	s.log.Info("sound over the music", "entry", s.cur.entry.ID, "track", t.ID)
	w.done <- nil
}

// shut closes l, whatever its media do about that.
func shut(l layer) {
	defer func() { _ = recover() }()
	_ = l.Close()
}

// knownLoudness is what is known under key of how loud a track is, if the store says
// that in time. It is called from a task.
func (s *state) knownLoudness(life context.Context, key music.TrackID) (m levelling.Measurement) {
	known := s.recallLoudness(life, key)
	late := time.NewTimer(recallLimit)
	defer late.Stop()
	select {
	case m = <-known:
	case <-late.C: // the store is slow; this play goes without
	}
	return m
}
