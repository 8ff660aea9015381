package voice

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	backoffBase = 500 * time.Millisecond
	backoffCap  = 10 * time.Second
)

// backoff is how long to wait before try n (from 0): random, so that a thousand
// calls lost at once do not come back at once, doubling, and capped. The first
// try comes within a quarter of a second.
func backoff(n int) time.Duration {
	if n <= 0 {
		return rand.N(backoffBase / 2)
	}
	d := backoffBase << min(n-1, 10)
	d = min(d, backoffCap/2)
	return d + rand.N(d)
}

// pause waits for d, or until ctx is done, which it reports.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-t.C:
		return nil
	}
}

// jitter gives a random part of d.
func jitter(d time.Duration) time.Duration { return rand.N(d) }
