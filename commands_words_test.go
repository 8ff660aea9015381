package main

import (
	"strings"
	"testing"
)

func TestWhatATerminalShowsIsNoMarkup(t *testing.T) {
	t.Parallel()
	if got := unmarked(`**my\_song \\ x** is \*odd\*`); got != `my_song \ x is *odd*` {
		t.Errorf("got %q", got)
	}
	got := runs(t, nil, "resolve", "http://127.0.0.1/my_song.mp3")
	if got.code != exitFailed || !strings.Contains(got.errors, "127.0.0.1 is an address inside") {
		t.Errorf("exit code %d: %s", got.code, got.errors)
	}
}

func TestNobodyIsNotMeasured(t *testing.T) {
	t.Parallel()
	if got := runs(t, nil, "bench", "--guilds", "0"); got.code != exitUsage || !strings.Contains(got.errors, "at least 1") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
}

func TestANameIsSuggestedOnlyWhereItIsNear(t *testing.T) {
	t.Parallel()
	got := runs(t, map[string]string{"SEGUE_VOLUME": "3", "SEGUE_MUSIC_DRI": "/x"}, "healthcheck")
	if !strings.Contains(got.errors, `did you mean "SEGUE_MUSIC_DIR"?`) || strings.Contains(got.errors, "SEGUE_CONFIG\"?") {
		t.Errorf("said:\n%s", got.errors)
	}
}
