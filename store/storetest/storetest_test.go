package storetest

import (
	"context"
	"errors"
	"testing"

	"segue/music"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	stores := map[string]*Memory{}
	Test(t, func(_ *testing.T, name string) Store {
		if stores[name] == nil {
			stores[name] = &Memory{}
		}
		stores[name].Reopen()
		return stores[name]
	})
}

func TestABrokenMemoryFailsUntilMended(t *testing.T) {
	var m Memory
	cause := errors.New("broken on purpose")
	m.Break(cause)
	if _, err := m.Settings(t.Context(), 1); !errors.Is(err, cause) {
		t.Errorf("got %v, want %v", err, cause)
	}
	m.Break(nil)
	if _, err := m.Settings(t.Context(), 1); err != nil {
		t.Errorf("got %v after mending", err)
	}
}

// liar forgets the text channel.
type liar struct{ Memory }

func (l *liar) SaveSettings(ctx context.Context, s music.Settings) error {
	s.LastText = 0
	return l.Memory.SaveSettings(ctx, s)
}

func TestALyingStoreIsCaught(t *testing.T) {
	x := music.Settings{Guild: 1, LastText: 2}
	if err := saved(t.Context(), &liar{}, x); err == nil {
		t.Error("a store that loses what it was given passed")
	}
	if err := saved(t.Context(), &Memory{}, x); err != nil {
		t.Error(err)
	}
}
