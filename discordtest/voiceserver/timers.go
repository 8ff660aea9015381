package voiceserver

import (
	"sync"
	"time"
)

// timers are calls due later that can all be called off at once.
type timers struct {
	mu      sync.Mutex
	stopped bool
	live    map[*due]struct{}
	running sync.WaitGroup
}

type due struct{ timer *time.Timer }

// after calls f on a goroutine of its own in d, unless cancel comes first.
func (t *timers) after(d time.Duration, f func()) (cancel func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stopped {
		return func() {}
	}
	if t.live == nil {
		t.live = map[*due]struct{}{}
	}
	call := &due{}
	t.live[call] = struct{}{}
	call.timer = time.AfterFunc(d, func() {
		if !t.begin(call) {
			return
		}
		defer t.running.Done()
		f()
	})
	return func() { t.cancel(call) }
}

func (t *timers) begin(call *due) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	_, on := t.live[call]
	delete(t.live, call)
	if on {
		t.running.Add(1)
	}
	return on
}

func (t *timers) cancel(call *due) {
	t.mu.Lock()
	defer t.mu.Unlock()
	call.timer.Stop()
	delete(t.live, call)
}

// stop calls everything off and waits for what is running.
func (t *timers) stop() {
	t.mu.Lock()
	t.stopped = true
	for call := range t.live {
		call.timer.Stop()
	}
	t.live = nil
	t.mu.Unlock()
	t.running.Wait()
}
