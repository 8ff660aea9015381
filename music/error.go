package music

import (
	"errors"
	"fmt"
)

// Kind steers what happens with an error: who sees it, how loudly it is logged.
type Kind uint8

// The kinds of error, from "our fault" to "try again later".
const (
	Internal    Kind = iota // our fault; the person sees an id, the log the cause
	Invalid                 // what was asked makes no sense
	NotFound                // what was asked for is not there
	Forbidden               // the person or the bot may not
	Limit                   // a limit was reached
	Unplayable              // this track cannot be played, another may
	Unavailable             // something outside is down; later may work
)

var kinds = [...]string{"internal", "invalid", "not_found", "forbidden", "limit", "unplayable", "unavailable"}

// String gives the name used as a metrics label and in logs.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "internal"
}

// An Error says what went wrong in terms a person can act on. Code is the key
// of a sentence in bot/text; Args fill its placeholders in order; Err is the
// cause and is for the log only.
type Error struct {
	Kind Kind
	Code string
	Args []any
	Err  error
}

// Error gives code and cause, for logs.
func (e *Error) Error() string {
	if e.Err == nil {
		return e.Code
	}
	return fmt.Sprintf("%s: %v", e.Code, e.Err)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf reports the Kind of err. An error that carries none is Internal.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Internal
}
