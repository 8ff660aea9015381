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

// Foreign is an ErrUnsupported that knows what was met instead of audio we play.
type Foreign struct {
	Looks string // like "a web page", "an image (PNG)", "text", for a sentence
}

// Error says what it looks like.
func (e *Foreign) Error() string { return "not audio we play: it looks like " + e.Looks }

// Is makes it an ErrUnsupported.
func (e *Foreign) Is(target error) bool { return target == ErrUnsupported }

type truncated struct{}

func (truncated) Error() string        { return "audio ends too early" }
func (truncated) Is(target error) bool { return target == ErrMalformed }
