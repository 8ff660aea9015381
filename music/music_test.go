package music_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

	"segue/music"
)

func TestAnErrorKeepsItsKindAndCauseOnTheWayUp(t *testing.T) {
	err := error(&music.Error{Kind: music.Limit, Code: "queue.full", Args: []any{3}, Err: io.ErrShortWrite})
	wrapped := fmt.Errorf("enqueue: %w", err)
	if got := music.KindOf(wrapped); got != music.Limit {
		t.Errorf("the kind is %v", got)
	}
	if !errors.Is(wrapped, io.ErrShortWrite) {
		t.Error("the cause is lost")
	}
	if got, want := err.Error(), "queue.full: short write"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := (&music.Error{Code: "queue.full"}).Error(), "queue.full"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := music.KindOf(io.EOF); got != music.Internal {
		t.Errorf("an error that is not ours is %v", got)
	}
}

func TestKindsHaveNamesForMetrics(t *testing.T) {
	seen := map[string]bool{}
	for k := music.Internal; k <= music.Unavailable; k++ {
		name := k.String()
		if name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[name] = true
	}
	if got := music.Kind(200).String(); got != "internal" {
		t.Errorf("an unknown kind is called %q", got)
	}
}

func TestIDsAreWrittenAsDiscordWritesThem(t *testing.T) {
	const n = 18446744073709551615
	for _, got := range []string{music.GuildID(n).String(), music.ChannelID(n).String(), music.UserID(n).String()} {
		if got != "18446744073709551615" {
			t.Errorf("got %s", got)
		}
	}
}
