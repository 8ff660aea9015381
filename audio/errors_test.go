package audio_test

import (
	"errors"
	"fmt"
	"testing"

	"segue/audio"
)

func TestATruncatedStreamIsMalformedToo(t *testing.T) {
	err := fmt.Errorf("ogg: %w", audio.ErrTruncated)
	if !errors.Is(err, audio.ErrTruncated) || !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("%v matches neither", err)
	}
	if errors.Is(audio.ErrMalformed, audio.ErrTruncated) || errors.Is(err, audio.ErrUnsupported) {
		t.Error("it matches too much")
	}
}

func TestWhatIsForeignSaysWhatItLooksLike(t *testing.T) {
	err := fmt.Errorf("container: %w", &audio.Foreign{Looks: "a web page"})
	if !errors.Is(err, audio.ErrUnsupported) || errors.Is(err, audio.ErrMalformed) {
		t.Errorf("%v is not what it should be", err)
	}
	if f, ok := errors.AsType[*audio.Foreign](err); !ok || f.Looks != "a web page" {
		t.Errorf("it got lost: %v", f)
	}
	if got, want := err.Error(), "container: not audio we play: it looks like a web page"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
