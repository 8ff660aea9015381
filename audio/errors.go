package audio

import "errors"

// What can be wrong with audio. Lower packages wrap these; the player turns
// them into sentences.
var (
	ErrMalformed   = errors.New("malformed audio data")
	ErrUnsupported = errors.New("unsupported audio format")
	ErrNotSeekable = errors.New("audio is not seekable")
	ErrLimit       = errors.New("audio exceeds a limit")
	// ErrTruncated is a stream that ended before its format said it would. What
	// came before is good. It also matches ErrMalformed.
	ErrTruncated error = truncated{}
)

type truncated struct{}

func (truncated) Error() string        { return "audio ends too early" }
func (truncated) Is(target error) bool { return target == ErrMalformed }
