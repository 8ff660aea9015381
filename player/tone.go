package player

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/levelling"
	"segue/audio/pipeline"
	"segue/music"
)

const (
	// storeLimit bounds what is asked of the store.
	storeLimit = 2 * time.Second
	// recallLimit is how long a track that has been opened waits for what the store
	// knows of it.
	recallLimit = 200 * time.Millisecond
)

// Store keeps what must survive a restart. It may fail at any time and be slow:
// the music goes on.
type Store interface {
	// Sound gives what SaveSound was told last, "" if it never was.
	Sound(ctx context.Context, g music.GuildID) (string, error)
	SaveSound(ctx context.Context, g music.GuildID, sound string) error
	// Loudness gives what is known of a track, or of its very bytes (Media.Version),
	// zero if nothing. SaveLoudness keeps more about it, unless what is kept was measured
	// over more of it.
	Loudness(ctx context.Context, t music.TrackID) (music.Loudness, error)
	SaveLoudness(ctx context.Context, t music.TrackID, l music.Loudness) error
}

// forgetful is the store of players that keep nothing.
type forgetful struct{}

func (forgetful) Sound(context.Context, music.GuildID) (string, error)   { return "", nil }
func (forgetful) SaveSound(context.Context, music.GuildID, string) error { return nil }
func (forgetful) Loudness(context.Context, music.TrackID) (music.Loudness, error) {
	return music.Loudness{}, nil
}

func (forgetful) SaveLoudness(context.Context, music.TrackID, music.Loudness) error { return nil }

// Sound is what the guild wants of its sound. If the store is only just being
// asked for that, it waits.
func (p *Player) Sound(ctx context.Context) (Sound, error) {
	return recalled(ctx, p, func(s *state) (Sound, error) { return s.sound, nil })
}

// SetSound has change say what is different about the guild's sound from the next
// frame on, and gives the whole. It is kept: after a restart the sound is the same.
// change runs on the player's goroutine and must not wait; its error is returned.
// What is out of range is sound.invalid, and nothing has changed.
func (p *Player) SetSound(ctx context.Context, change func(*Sound) error) (Sound, error) {
	return recalled(ctx, p, func(s *state) (Sound, error) {
		want := s.sound
		if err := change(&want); err != nil {
			return s.sound, err
		}
		want.Effects = want.Effects.Canonical()
		if err := want.Validate(); err != nil {
			return s.sound, err
		}
		if want != s.sound || s.unknown {
			s.recalling, s.unknown = nil, false
			s.setSound(want)
			s.keep(want)
		}
		return want, nil
	})
}

// recalled is ask, once the store has said what the guild's sound is. If it could
// not, it is asked once more.
func recalled[T any](ctx context.Context, p *Player, f func(*state) (T, error)) (answer T, err error) {
	for again := true; ; again = false {
		var of error
		wait, err := ask(ctx, p, func(s *state) (<-chan struct{}, error) {
			if s.unknown && again && s.recalling == nil {
				s.recall()
			}
			if s.recalling != nil && (again || !s.unknown) {
				return s.recalling, nil
			}
			answer, of = f(s)
			return nil, nil
		})
		if err != nil || wait == nil {
			return answer, firstOf(err, of)
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return answer, context.Cause(ctx)
		}
	}
}

func firstOf(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// recall asks the store for the guild's sound. Nothing waits for that but who wants
// to know or change it.
func (s *state) recall() {
	done := make(chan struct{})
	s.recalling = done
	root := s.ctx
	s.task(func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(root, storeLimit)
		defer cancel()
		text, err := s.o.Store.Sound(ctx, s.p.guild)
		s.post(func(s *state) { s.wasRecalled(done, text, err) })
	})
}

// wasRecalled takes in what recall came to. What somebody wants meanwhile counts more.
func (s *state) wasRecalled(asked <-chan struct{}, text string, err error) {
	if s.recalling != asked {
		return
	}
	s.recalling, s.unknown = nil, err != nil
	if err != nil {
		s.log.Warn("sound not read", "err", err)
		return
	}
	sound := DefaultSound()
	if text != "" {
		if err := json.Unmarshal([]byte(text), &sound); err != nil {
			s.log.Warn("the sound that was kept makes no sense", "err", err)
		}
	}
	s.setSound(sound)
}

// setSound makes everything that is opened sound as is wanted.
func (s *state) setSound(sound Sound) {
	was := s.sound
	s.sound = sound
	s.p.sound.Store(&sound)
	if was.Trim != sound.Trim {
		s.dropNext() // it is opened for one or the other
	}
	for _, l := range []*load{s.old, s.cur, s.next} {
		s.tune(l)
	}
}

// tune makes l sound as is wanted; nil is fine.
func (s *state) tune(l *load) {
	if l == nil || l.reel == nil {
		return
	}
	l.reel.pump.Want(s.sound.Effects)
	l.reel.pump.Fade(s.sound.Fade)
	l.reel.pump.Level(level(s.sound, l.entry.Track, l.reel.info, l.reel.measured))
}

// level is by how many decibels a track is to be louder.
func level(sound Sound, t music.Track, info audio.Info, known levelling.Measurement) float64 {
	rules := levelling.Defaults()
	rules.Mode = sound.Levelling
	return levelling.Decide(rules, levelling.Piece{
		Measured: known.Level,
		Track:    levelling.FromGain(info.Track),
		Album:    levelling.FromGain(info.Whole),
		Service:  fromLoudness(t.Loudness).Level,
	}).DB
}

// measure is how much of a track is measured: all, if the guild wants tracks levelled
// and nothing is known of this one, so that it is the next time; it costs as much as
// decoding it.
func (s *state) measure(sound Sound, t music.Track, known levelling.Measurement, live bool) pipeline.Measure {
	_, forgets := s.o.Store.(forgetful)
	switch {
	case forgets || sound.Levelling == levelling.Off || known.Told && known.Peak > 0: // heard from end to end
		return pipeline.MeasureNothing
	case known.Told || t.Loudness.Told || t.Live || live:
		return pipeline.MeasureDecoded
	}
	return pipeline.MeasureAll
}

func fromLoudness(l music.Loudness) levelling.Measurement {
	return levelling.Measurement{
		Level: levelling.Level{Told: l.Told, LUFS: l.LUFS, Peak: l.Peak},
		Heard: int64(l.Heard.Seconds() * audio.SampleRate),
	}
}

// keep writes the guild's sound down, off the player's goroutine, what was wanted last
// last.
func (s *state) keep(sound Sound) {
	if !s.notes.put(sound) {
		return
	}
	s.task(func() {
		for {
			sound, ok := s.notes.take()
			if !ok {
				return
			}
			s.save(sound)
		}
	})
}

// save outlives the player's context on purpose: somebody was told that it is so.
func (s *state) save(sound Sound) {
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	text, err := json.Marshal(sound)
	if err == nil {
		err = s.o.Store.SaveSound(ctx, s.p.guild, string(text))
	}
	if err != nil {
		s.log.Warn("sound not kept", "err", err)
	}
}

// notes is what is to be written down next, by one at a time.
type notes struct {
	mu      sync.Mutex
	next    *Sound
	writing bool
}

// put leaves a sound to be written, and reports whether somebody has to begin.
func (n *notes) put(s Sound) (begin bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	begin = !n.writing
	n.next, n.writing = &s, true
	return begin
}

// take is what is to be written now, false if nothing is left.
func (n *notes) take() (Sound, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.next == nil {
		n.writing = false
		return Sound{}, false
	}
	s := *n.next
	n.next = nil
	return s, true
}

// busy reports whether something is still being written.
func (n *notes) busy() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.writing
}

// measuredAs is what the loudness of t is kept under: its bytes, where version names
// them, for a file may be replaced by another.
func measuredAs(t music.Track, version string) music.TrackID {
	if version != "" {
		return music.TrackID(version)
	}
	return t.ID
}

// recallLoudness asks the store how loud what is kept under key was found to be. It
// is called from a task.
func (s *state) recallLoudness(ctx context.Context, key music.TrackID) <-chan levelling.Measurement {
	known := make(chan levelling.Measurement, 1)
	s.task(func() {
		ctx, cancel := context.WithTimeout(ctx, storeLimit)
		defer cancel()
		l, err := s.o.Store.Loudness(ctx, key)
		if err != nil && ctx.Err() == nil {
			s.log.Warn("loudness not read", "track", key, "err", err)
		}
		known <- fromLoudness(l)
	})
	return known
}

// keepLoudness notes under key how loud a track was found to be, if that tells more
// than was known. It is called from a task.
func (s *state) keepLoudness(key music.TrackID, known, m levelling.Measurement) {
	if !m.Better(known) || key == "" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), storeLimit)
	defer cancel()
	l := music.Loudness{Told: true, LUFS: m.LUFS, Peak: m.Peak, Heard: samples(m.Heard)}
	if err := s.o.Store.SaveLoudness(ctx, key, l); err != nil {
		s.log.Warn("loudness not kept", "track", key, "err", err)
	}
}
