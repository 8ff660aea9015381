package voice

import (
	"context"
	"sync"
	"time"

	"segue/music"
)

// An order is what the outside wants of a call. The latest counts, except that
// an end is an end.
type order struct {
	kind  orderKind
	call  Call         // of orderCall
	fault *music.Error // of orderEnd
}

type orderKind uint8

const (
	orderNone orderKind = iota
	orderCall           // be in this call
	orderGone           // the server is gone, another one will be named
	orderAsk            // Discord has forgotten us: ask for a call again
	orderEnd            // it is over
)

// orders is a mailbox that never blocks who writes to it.
type orders struct {
	mu     sync.Mutex
	latest order
	signal chan struct{}
}

func newOrders() *orders { return &orders{signal: make(chan struct{}, 1)} }

func (o *orders) put(n order) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.latest.kind == orderEnd {
		return
	}
	o.latest = n
	select {
	case o.signal <- struct{}{}:
	default:
	}
}

// take empties the mailbox.
func (o *orders) take() order {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := o.latest
	if n.kind != orderEnd {
		o.latest = order{}
	}
	return n
}

// wait takes the next order, or orderNone after limit.
func (o *orders) wait(ctx context.Context, limit time.Duration) (order, error) {
	t := time.NewTimer(limit)
	defer t.Stop()
	for {
		if n := o.take(); n.kind != orderNone {
			return n, nil
		}
		select {
		case <-ctx.Done():
			return order{}, context.Cause(ctx)
		case <-t.C:
			return order{}, nil
		case <-o.signal:
		}
	}
}
