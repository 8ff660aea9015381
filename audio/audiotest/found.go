package audiotest

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// Found runs a check and returns what it complains of, a line each, empty if of
// nothing: for tests of checks, which show that a broken thing is caught. t
// itself does not fail; the check's context and folders are t's.
func Found(t testing.TB, check func(testing.TB)) string {
	t.Helper()
	v := &verdict{TB: t}
	done := make(chan struct{})
	go func() { // Fatal ends a goroutine
		defer close(done)
		check(v)
	}()
	<-done
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.found.String()
}

// verdict is a testing.TB that remembers what was found.
type verdict struct {
	testing.TB
	mu    sync.Mutex
	found strings.Builder
}

func (v *verdict) Helper() {}

func (v *verdict) Error(args ...any) { v.Errorf("%s", strings.TrimSpace(fmt.Sprintln(args...))) }

func (v *verdict) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	fmt.Fprintf(&v.found, format+"\n", args...)
}

func (v *verdict) Fatal(args ...any) {
	v.Error(args...)
	runtime.Goexit()
}

func (v *verdict) Fatalf(format string, args ...any) {
	v.Errorf(format, args...)
	runtime.Goexit()
}
