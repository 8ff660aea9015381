package storetest

import (
	"context"
	"errors"
	"sync"

	"segue/music"
)

// Memory is a store that forgets when the process ends. Its zero value is
// empty and ready; it is safe for use from any goroutine.
type Memory struct {
	mu     sync.Mutex
	closed bool
	guilds map[music.GuildID]music.Settings
	sounds map[music.GuildID]string
	tracks map[music.TrackID]music.Loudness
	broken error
}

var (
	errClosed  = errors.New("storetest: closed")
	errNobody  = errors.New("storetest: settings without a guild")
	errNothing = errors.New("storetest: a loudness without a track, or that says nothing")
)

// Settings gives what was saved for g, or a guild that never chose.
func (m *Memory) Settings(ctx context.Context, g music.GuildID) (music.Settings, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return music.Settings{}, err
	}
	if s, ok := m.guilds[g]; ok {
		return s, nil
	}
	return music.Settings{Guild: g}, nil
}

// SaveSettings replaces what is known about s.Guild.
func (m *Memory) SaveSettings(ctx context.Context, s music.Settings) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return err
	}
	if s.Guild == 0 {
		return errNobody
	}
	if m.guilds == nil {
		m.guilds = map[music.GuildID]music.Settings{}
	}
	m.guilds[s.Guild] = s
	return nil
}

// Sound gives what SaveSound was told for g.
func (m *Memory) Sound(ctx context.Context, g music.GuildID) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return "", err
	}
	return m.sounds[g], nil
}

// SaveSound keeps what g wants of its sound.
func (m *Memory) SaveSound(ctx context.Context, g music.GuildID, sound string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return err
	}
	if g == 0 {
		return errNobody
	}
	if m.sounds == nil {
		m.sounds = map[music.GuildID]string{}
	}
	m.sounds[g] = sound
	return nil
}

// Loudness gives what is known of t.
func (m *Memory) Loudness(ctx context.Context, t music.TrackID) (music.Loudness, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return music.Loudness{}, err
	}
	return m.tracks[t], nil
}

// SaveLoudness keeps how loud t is, unless more of it was heard for what is kept.
func (m *Memory) SaveLoudness(ctx context.Context, t music.TrackID, l music.Loudness) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refuse(ctx); err != nil {
		return err
	}
	if t == "" || !l.Told {
		return errNothing
	}
	if m.tracks == nil {
		m.tracks = map[music.TrackID]music.Loudness{}
	}
	if l.Heard >= m.tracks[t].Heard {
		m.tracks[t] = l
	}
	return nil
}

// Break makes every further call fail with err; nil mends it.
func (m *Memory) Break(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// Close ends it; the settings stay for Reopen.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	return nil
}

// Reopen makes a closed store usable again, with what it held.
func (m *Memory) Reopen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = false
}

func (m *Memory) refuse(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.closed {
		return errClosed
	}
	return m.broken
}
