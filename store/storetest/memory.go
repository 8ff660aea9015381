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
	broken error
}

var (
	errClosed = errors.New("storetest: closed")
	errNobody = errors.New("storetest: settings without a guild")
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
