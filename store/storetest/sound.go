package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"segue/music"
)

// sounds checks that want is the sound s has for g.
func sounds(ctx context.Context, s Store, g music.GuildID, want string) error {
	got, err := s.Sound(ctx, g)
	if err != nil || got != want {
		return fmt.Errorf("the sound of %d is %q, %v; want %q", g, got, err, want)
	}
	return nil
}

// measures checks that want is the loudness s has for t.
func measures(ctx context.Context, s Store, t music.TrackID, want music.Loudness) error {
	got, err := s.Loudness(ctx, t)
	if err != nil || got != want {
		return fmt.Errorf("the loudness of %s is %+v, %v; want %+v", t, got, err, want)
	}
	return nil
}

func testSound(t testing.TB, s Store) {
	ctx := t.Context()
	all(
		t,
		sounds(ctx, s, 1, ""),
		s.SaveSound(ctx, 1, `{"effects":{"volume":0.5}}`), s.SaveSound(ctx, 2, "any text: '\u00fc' \"?"),
		sounds(ctx, s, 1, `{"effects":{"volume":0.5}}`), sounds(ctx, s, 2, "any text: '\u00fc' \"?"),
		s.SaveSound(ctx, 1, ""), sounds(ctx, s, 1, ""),
	)
}

func testSoundApart(t testing.TB, s Store) {
	ctx, x := t.Context(), music.Settings{Guild: 1, LastVoice: 2, LastText: 3}
	all(
		t,
		s.SaveSound(ctx, 1, "a"), holds(ctx, s, music.Settings{Guild: 1}),
		saved(ctx, s, x), sounds(ctx, s, 1, "a"),
		s.SaveSound(ctx, 1, "b"), holds(ctx, s, x), sounds(ctx, s, 1, "b"),
	)
}

func testNobodysSound(t testing.TB, s Store) {
	if err := s.SaveSound(t.Context(), 0, "a"); err == nil {
		t.Error("a sound without a guild was saved")
	}
}

func testLoudness(t testing.TB, s Store) {
	ctx := t.Context()
	a := music.Loudness{Told: true, LUFS: -9.25, Peak: 1.125, Heard: 3*time.Minute + 7*time.Millisecond}
	b := music.Loudness{Told: true, LUFS: -23, Heard: time.Minute}
	all(
		t,
		measures(ctx, s, "local:a.mp3", music.Loudness{}),
		s.SaveLoudness(ctx, "local:a.mp3", a), s.SaveLoudness(ctx, "local:b'%.mp3", b),
		measures(ctx, s, "local:a.mp3", a), measures(ctx, s, "local:b'%.mp3", b), measures(ctx, s, "local:A.mp3", music.Loudness{}),
	)
}

func testBetter(t testing.TB, s Store) {
	ctx := t.Context()
	half := music.Loudness{Told: true, LUFS: -9, Heard: time.Minute}
	whole := music.Loudness{Told: true, LUFS: -12, Peak: 0.5, Heard: 2 * time.Minute}
	again := music.Loudness{Told: true, LUFS: -13, Peak: 0.25, Heard: 2 * time.Minute}
	all(
		t,
		s.SaveLoudness(ctx, "a", half), s.SaveLoudness(ctx, "a", whole), measures(ctx, s, "a", whole),
		s.SaveLoudness(ctx, "a", half), measures(ctx, s, "a", whole),
		s.SaveLoudness(ctx, "a", again), measures(ctx, s, "a", again),
	)
}

func testNothingMeasured(t testing.TB, s Store) {
	if err := s.SaveLoudness(t.Context(), "a", music.Loudness{LUFS: -14, Heard: time.Minute}); err == nil {
		t.Error("a loudness that says nothing was saved")
	}
	if err := s.SaveLoudness(t.Context(), "", music.Loudness{Told: true, LUFS: -14}); err == nil {
		t.Error("a loudness without a track was saved")
	}
}

func testSoundSurvives(t testing.TB, open func() Store) {
	ctx, loud := t.Context(), music.Loudness{Told: true, LUFS: -9, Peak: 1, Heard: time.Minute}
	s := open()
	all(t, s.SaveSound(ctx, 5, "x"), s.SaveLoudness(ctx, "t", loud), s.Close())
	if _, err := s.Sound(ctx, 5); err == nil {
		t.Error("the sound was read from a closed store")
	}
	if _, err := s.Loudness(ctx, "t"); err == nil {
		t.Error("the loudness was read from a closed store")
	}
	if s.SaveSound(ctx, 5, "y") == nil || s.SaveLoudness(ctx, "u", loud) == nil {
		t.Error("a closed store was written")
	}
	s = open()
	defer func() { _ = s.Close() }()
	all(t, sounds(ctx, s, 5, "x"), measures(ctx, s, "t", loud))
}
