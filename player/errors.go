package player

import (
	"context"
	"errors"

	"segue/audio"
	"segue/music"
)

// errEmpty is a track that ended without a single frame.
var errEmpty = &music.Error{Kind: music.Unplayable, Code: "track.empty"}

func invalid(code string) error { return &music.Error{Kind: music.Invalid, Code: code} }

// trackError says what a track's failure means to a person.
func trackError(err error) *music.Error {
	if known, ok := errors.AsType[*music.Error](err); ok {
		return known
	}
	if foreign, ok := errors.AsType[*audio.Foreign](err); ok {
		return &music.Error{Kind: music.Unplayable, Code: "track.foreign", Args: []any{foreign.Looks}, Err: err}
	}
	kind, code := music.Internal, "track.failed"
	switch {
	case errors.Is(err, audio.ErrTruncated): // before malformed, which it also is
		kind, code = music.Unplayable, "track.truncated"
	case errors.Is(err, audio.ErrUnsupported):
		kind, code = music.Unplayable, "track.unsupported"
	case errors.Is(err, audio.ErrMalformed):
		kind, code = music.Unplayable, "track.malformed"
	case errors.Is(err, audio.ErrLimit):
		kind, code = music.Unplayable, "track.limit"
	case errors.Is(err, context.DeadlineExceeded):
		kind, code = music.Unavailable, "track.timeout"
	}
	return &music.Error{Kind: kind, Code: code, Err: err}
}

// voiceError says what a failed join means, where voice did not.
func voiceError(err error) error {
	if _, ok := errors.AsType[*music.Error](err); ok {
		return err
	}
	code := "voice.failed"
	if errors.Is(err, context.DeadlineExceeded) {
		code = "voice.timeout"
	}
	return &music.Error{Kind: music.Unavailable, Code: code, Err: err}
}
