// Package storetest is the contract every store keeps, as one suite of tests,
// and a store in memory that keeps it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"segue/music"
)

// Store is what the contract speaks about.
type Store interface {
	Settings(ctx context.Context, g music.GuildID) (music.Settings, error)
	SaveSettings(ctx context.Context, s music.Settings) error
	Sound(ctx context.Context, g music.GuildID) (string, error)
	SaveSound(ctx context.Context, g music.GuildID, sound string) error
	Loudness(ctx context.Context, t music.TrackID) (music.Loudness, error)
	SaveLoudness(ctx context.Context, t music.TrackID, l music.Loudness) error
	Close() error
}

// Test runs the contract. open opens the store called name: the same name
// within one test is the same data, a new name is empty. Test closes what it
// opened.
func Test(t *testing.T, open func(t *testing.T, name string) Store) {
	t.Helper()
	for name, f := range clauses() {
		t.Run(name, func(t *testing.T) { f(t, func() Store { return open(t, name) }) })
	}
}

// clauses are the contract by name. Each opens one and the same store, as often
// as it needs to.
func clauses() map[string]func(t testing.TB, open func() Store) {
	on := func(f func(testing.TB, Store)) func(testing.TB, func() Store) {
		return func(t testing.TB, open func() Store) {
			t.Helper()
			s := open()
			defer func() { _ = s.Close() }()
			f(t, s)
		}
	}
	return map[string]func(testing.TB, func() Store){
		"AGuildThatNeverChose":       on(testNeverChose),
		"WhatIsSavedIsRead":          on(testSavedIsRead),
		"GuildsDoNotMix":             on(testGuildsDoNotMix),
		"NobodysSettingsAreRefused":  on(testNobody),
		"ACancelledContextIsSilence": on(testCancelled),
		"ManyAtOnce":                 on(testManyAtOnce),
		"AfterCloseNothingWorks":     on(testClosed),
		"SavedSettingsSurvive":       testSurvive,
		"TheSoundIsKept":             on(testSound),
		"SoundAndSettingsDoNotMix":   on(testSoundApart),
		"NobodysSoundIsRefused":      on(testNobodysSound),
		"LoudnessIsKept":             on(testLoudness),
		"TheBetterMeasurementStays":  on(testBetter),
		"NothingMeasuredIsRefused":   on(testNothingMeasured),
		"TheSoundSurvives":           testSoundSurvives,
	}
}

// saved saves x and reads it back.
func saved(ctx context.Context, s Store, x music.Settings) error {
	return errors.Join(s.SaveSettings(ctx, x), holds(ctx, s, x))
}

// holds checks that want is what s has for its guild.
func holds(ctx context.Context, s Store, want music.Settings) error {
	got, err := s.Settings(ctx, want.Guild)
	if err != nil || got != want {
		return fmt.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	return nil
}

// all fails the test with the first of what went wrong.
func all(t testing.TB, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func testNeverChose(t testing.TB, s Store) {
	all(t, holds(t.Context(), s, music.Settings{Guild: 41771983423143937}))
}

func testSavedIsRead(t testing.TB, s Store) {
	all(
		t,
		saved(t.Context(), s, music.Settings{Guild: 1, LastVoice: 2, LastText: 3}),
		saved(t.Context(), s, music.Settings{Guild: 1, LastVoice: 4}), // a later save replaces all of it
		saved(t.Context(), s, music.Settings{Guild: 1<<63 - 1, LastVoice: 1<<63 - 1, LastText: 1<<63 - 1}),
	)
}

func testGuildsDoNotMix(t testing.TB, s Store) {
	a, b := music.Settings{Guild: 10, LastVoice: 11}, music.Settings{Guild: 20, LastVoice: 21}
	all(
		t,
		saved(t.Context(), s, a), saved(t.Context(), s, b),
		holds(t.Context(), s, a), holds(t.Context(), s, music.Settings{Guild: 30}),
	)
}

func testNobody(t testing.TB, s Store) {
	if err := s.SaveSettings(t.Context(), music.Settings{LastVoice: 1}); err == nil {
		t.Error("settings without a guild were saved")
	}
}

func testCancelled(t testing.TB, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Settings(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("reading: got %v, want context.Canceled", err)
	}
	if err := s.SaveSettings(ctx, music.Settings{Guild: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("saving: got %v, want context.Canceled", err)
	}
}

func testManyAtOnce(t testing.TB, s Store) {
	const guilds, rounds = 8, 25
	errs := make([]error, guilds)
	var wg sync.WaitGroup
	for g := range guilds {
		wg.Go(func() {
			for i := range rounds {
				x := music.Settings{Guild: music.GuildID(g + 1), LastVoice: music.ChannelID(i + 1)}
				errs[g] = errors.Join(errs[g], saved(t.Context(), s, x))
			}
		})
	}
	wg.Wait()
	all(t, errs...)
}

func testClosed(t testing.TB, s Store) {
	all(t, s.Close())
	if _, err := s.Settings(t.Context(), 1); err == nil {
		t.Error("a closed store was read")
	}
	if err := s.SaveSettings(t.Context(), music.Settings{Guild: 1}); err == nil {
		t.Error("a closed store was written")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func testSurvive(t testing.TB, open func() Store) {
	want := music.Settings{Guild: 5, LastVoice: 6, LastText: 7}
	s := open()
	all(t, saved(t.Context(), s, want), s.Close())
	s = open()
	defer func() { _ = s.Close() }()
	all(t, holds(t.Context(), s, want))
}
