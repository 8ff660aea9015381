package pipeline

import (
	"fmt"
	"runtime/debug"
)

// guarded calls f. Whatever a foreign file does to a demuxer or a codec shall
// end its own track, not the process with the music of everybody else.
func guarded[T any](f func() (T, error)) (v T, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

// guard is guarded for what gives no more than an error.
func guard(f func() error) error {
	_, err := guarded(func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// shut closes s, whatever its media do about that.
func shut(s *Stream) error { return guard(s.Close) }
