package storetest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"segue/audio/audiotest"
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

// broken is a store with a fault.
type broken struct {
	*Memory
	fault string
	last  music.Settings
}

func (b *broken) Settings(ctx context.Context, g music.GuildID) (music.Settings, error) {
	if b.fault == "reads when cancelled" {
		ctx = context.WithoutCancel(ctx)
	}
	s, err := b.Memory.Settings(ctx, g)
	switch {
	case b.fault == "makes up" && err == nil && s.LastVoice == 0:
		s.LastVoice = 1
	case b.fault == "mixes" && err == nil && s.LastVoice != 0:
		s = b.last
	case b.fault == "reads when closed" && errors.Is(err, errClosed):
		return s, nil
	}
	return s, err
}

func (b *broken) SaveSettings(ctx context.Context, s music.Settings) error {
	switch b.fault {
	case "forgets the text channel":
		s.LastText = 0
	case "keeps the old text channel":
		if old, err := b.Memory.Settings(ctx, s.Guild); err == nil && s.LastText == 0 {
			s.LastText = old.LastText
		}
	case "saves for nobody":
		if s.Guild == 0 {
			return nil
		}
	case "saves when cancelled":
		ctx = context.WithoutCancel(ctx)
	case "mixes":
		b.last = s
	}
	err := b.Memory.SaveSettings(ctx, s)
	if b.fault == "saves when closed" && errors.Is(err, errClosed) {
		return nil
	}
	return err
}

func (b *broken) SaveSound(ctx context.Context, g music.GuildID, sound string) error {
	switch {
	case b.fault == "forgets the sound":
		sound = ""
	case b.fault == "saves a sound for nobody" && g == 0:
		return nil
	case b.fault == "forgets the channels":
		delete(b.guilds, g)
	}
	return b.Memory.SaveSound(ctx, g, sound)
}

func (b *broken) SaveLoudness(ctx context.Context, t music.TrackID, l music.Loudness) error {
	switch {
	case b.fault == "forgets the peak":
		l.Peak = 0
	case b.fault == "keeps the last measurement":
		delete(b.tracks, t)
	case b.fault == "keeps the first measurement" && b.tracks[t].Told, b.fault == "keeps what says nothing" && !l.Told:
		return nil
	}
	return b.Memory.SaveLoudness(ctx, t, l)
}

func (b *broken) Close() error {
	err := b.Memory.Close()
	if b.fault == "closes once" && b.last.Guild != 0 {
		return errClosed
	}
	b.last.Guild = 1
	if b.fault == "forgets all" {
		b.guilds, b.sounds = nil, nil
	}
	return err
}

func TestBrokenStoresAreFound(t *testing.T) {
	all := clauses()
	for _, c := range []struct{ fault, clause, want string }{
		{"makes up", "AGuildThatNeverChose", "LastVoice:1"},
		{"forgets the text channel", "WhatIsSavedIsRead", "want {Guild:1 LastVoice:2 LastText:3}"},
		{"keeps the old text channel", "WhatIsSavedIsRead", "want {Guild:1 LastVoice:4 LastText:0}"},
		{"mixes", "GuildsDoNotMix", "want {Guild:10"},
		{"saves for nobody", "NobodysSettingsAreRefused", "without a guild were saved"},
		{"reads when cancelled", "ACancelledContextIsSilence", "reading: got <nil>"},
		{"saves when cancelled", "ACancelledContextIsSilence", "saving: got <nil>"},
		{"forgets the text channel", "SavedSettingsSurvive", "want {Guild:5"},
		{"reads when closed", "AfterCloseNothingWorks", "was read"},
		{"saves when closed", "AfterCloseNothingWorks", "was written"},
		{"closes once", "AfterCloseNothingWorks", "closing twice"},
		{"forgets all", "SavedSettingsSurvive", "want {Guild:5"},
		{"forgets the sound", "TheSoundIsKept", "the sound of 1"},
		{"forgets the channels", "SoundAndSettingsDoNotMix", "want {Guild:1"},
		{"saves a sound for nobody", "NobodysSoundIsRefused", "without a guild"},
		{"forgets the peak", "LoudnessIsKept", "Peak:1.125"},
		{"keeps the last measurement", "TheBetterMeasurementStays", "LUFS:-9"},
		{"keeps the first measurement", "TheBetterMeasurementStays", "LUFS:-9"},
		{"keeps what says nothing", "NothingMeasuredIsRefused", "says nothing"},
		{"forgets all", "TheSoundSurvives", "the sound of 5"},
	} {
		b := &broken{Memory: &Memory{}, fault: c.fault}
		found := audiotest.Found(t, func(v testing.TB) {
			all[c.clause](v, func() Store {
				b.Reopen()
				return b
			})
		})
		if !strings.Contains(found, c.want) {
			t.Errorf("%s, %s: found %q, want %q", c.fault, c.clause, found, c.want)
		}
	}
}

// racy loses what is saved while another saves.
type racy struct {
	Memory
	saves atomic.Int64
}

func (r *racy) SaveSettings(ctx context.Context, s music.Settings) error {
	if r.saves.Add(1)%20 == 0 {
		return nil
	}
	return r.Memory.SaveSettings(ctx, s)
}

func TestAStoreThatLosesSavesIsFound(t *testing.T) {
	found := audiotest.Found(t, func(v testing.TB) {
		clauses()["ManyAtOnce"](v, func() Store { return &racy{} })
	})
	if found == "" {
		t.Error("passed")
	}
}
