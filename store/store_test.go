package store

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestErrorReadsAsSentences(t *testing.T) {
	err := &Error{Problem: Unusable, Where: "/data", What: "/data cannot be written.", Do: "Choose another folder.", Err: fs.ErrPermission}
	if got, want := err.Error(), "/data cannot be written. Choose another folder. (permission denied)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	err.Err = nil
	if got, want := err.Error(), "/data cannot be written. Choose another folder."; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestProblemIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("starting: %w", &Error{Problem: Full, Err: fs.ErrClosed})
	if got := ProblemOf(err); got != Full {
		t.Errorf("got %q, want %q", got, Full)
	}
	if !errors.Is(err, fs.ErrClosed) {
		t.Error("the cause is lost")
	}
	if got := ProblemOf(errors.New("other")); got != "" {
		t.Errorf("got %q for a foreign error, want none", got)
	}
}
