package player_test

import (
	"context"
	"testing"

	"segue/player"
)

func TestTracksAreEncodedWithWhatTheChannelCarries(t *testing.T) {
	for _, c := range []struct{ most, carried, want int }{
		{0, 0, 0}, // nobody has said: as the encoder is
		{0, 64_000, 64_000},
		{0, 384_000, 384_000},
		{0, 8000, 24_000}, // music would fall apart
		{0, -1, 0},
		{96_000, 0, 0},
		{96_000, 64_000, 64_000},
		{96_000, 128_000, 96_000},
		{16_000, 64_000, 16_000}, // who runs the program may want less
	} {
		reg := player.NewRegistry(t.Context(), player.Options{Bitrate: c.most})
		p := reg.Player(guild)
		p.Carry(256_000)
		p.Carry(c.carried)
		if got := p.Bitrate(); got != c.want {
			t.Errorf("at most %d, carried %d: %d, want %d", c.most, c.carried, got, c.want)
		}
		if err := reg.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
}
