package voice

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"segue/music"
)

const (
	settle      = 100 * time.Millisecond // between the two events of one move
	joinTries   = 2                      // sessions in a row that were not steady, when joining
	rejoinTries = 6                      // the same, once frames have been heard
)

// limits are for how long a call waits for others.
type limits struct {
	answer    time.Duration // for Discord to answer a wish to join; a full channel is never answered
	news      time.Duration // for the main gateway to say what comes after a disconnect
	open      time.Duration // from hello to session description, or to resumed
	handshake time.Duration // for DAVE to become ready when joining
	rekey     time.Duration // and later, when others may be the slow ones
	steady    time.Duration // a socket or session that lasted that long was fine
	resumes   int           // tries to resume in a row, with backoff, until it cannot be done
}

var usual = limits{
	answer: 10 * time.Second, news: 30 * time.Second, open: 10 * time.Second, handshake: 10 * time.Second, rekey: 30 * time.Second,
	steady: 10 * time.Second, resumes: 6, // about 20 s of backoff
}

// A course is how the supervisor has fared so far.
type course struct {
	tries int       // sessions in a row that were not steady
	heard bool      // frames have been heard in this call
	since time.Time // when the present session got ready; zero if it did not
	last  error     // what the last session ended of
}

// supervise goes from session to session until the call is over for good. It
// returns nil when ctx is done.
func (c *Conn) supervise(ctx context.Context) *music.Error {
	var w course
	next := order{kind: orderAsk}
	if c.ask == nil {
		next = c.orders.take()
	}
	for ctx.Err() == nil {
		switch next.kind {
		case orderEnd:
			return next.fault
		case orderAsk:
			next = c.again(ctx, &w)
		case orderGone:
			next = c.expect(ctx, c.o.news, order{kind: orderAsk})
		case orderNone:
			next = c.expect(ctx, c.o.news, order{kind: orderEnd, fault: fault(w.last)})
		case orderCall:
			news, err := c.session(ctx, next.call, &w)
			if err != nil {
				news = c.after(ctx, err, next.call, &w)
			}
			next = news
		}
	}
	return nil
}

// expect waits for news, and gives otherwise when there is none.
func (c *Conn) expect(ctx context.Context, limit time.Duration, otherwise order) order {
	next, err := c.orders.wait(ctx, limit)
	if err == nil && next.kind == orderNone {
		return otherwise
	}
	return next
}

// again asks Discord for a call, after a while if that has failed before, and
// waits for the answer.
func (c *Conn) again(ctx context.Context, w *course) order {
	if c.ask == nil {
		return order{kind: orderEnd, fault: fault(w.last)}
	}
	if w.tries > 0 { // news meanwhile may be that nobody wants us there
		ask := order{kind: orderAsk}
		if news := c.expect(ctx, backoff(w.tries-1), ask); news.kind != orderAsk {
			return news
		}
	}
	limited, cancel := context.WithTimeout(ctx, c.o.answer)
	defer cancel()
	if err := c.ask(limited); err != nil {
		w.last = err
		if !w.heard {
			return order{kind: orderEnd, fault: fault(err)}
		}
	}
	next := c.expect(ctx, c.o.answer, order{kind: orderAsk})
	if next.kind != orderAsk {
		return next
	}
	if w.tries++; !w.heard || w.tries > rejoinTries {
		return order{kind: orderEnd, fault: noAnswer(w.last)}
	}
	return next
}

// session runs one session until it is lost, which is the error, or an order
// makes it moot.
func (c *Conn) session(ctx context.Context, call Call, w *course) (order, error) {
	c.channel.Store(uint64(call.Channel))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := c.o
	o.Log = o.Log.With(slog.String("guild", call.Guild.String()))
	w.since = time.Time{}
	s := newSession(call, o, c.out, &c.stats, func(on bool) {
		if on && w.since.IsZero() {
			w.heard, w.since = true, time.Now()
		}
		c.setLive(on)
	})
	lost := make(chan error, 1)
	go func() { lost <- s.run(ctx) }()
	for {
		select {
		case err := <-lost:
			return order{}, err
		case <-c.orders.signal:
		}
		next := c.orders.take()
		if next.kind == orderCall && next.call != call {
			// A drag brings two events in either order: let the second arrive.
			_ = pause(ctx, settle)
			if newer := c.orders.take(); newer.kind != orderNone {
				next = newer
			}
		}
		if next.kind == orderNone || next.kind == orderCall && next.call == call {
			continue
		}
		cancel()
		<-lost
		return next, nil
	}
}

// after decides what follows a session that was lost.
func (c *Conn) after(ctx context.Context, err error, call Call, w *course) order {
	w.last = err
	if ctx.Err() != nil {
		return order{}
	}
	if news := c.orders.take(); news.kind != orderNone {
		return news
	}
	c.o.Log.Info("voice session lost", slog.String("guild", call.Guild.String()), slog.Any("err", err))
	if !w.since.IsZero() && time.Since(w.since) > c.o.steady {
		w.tries = 0
	}
	w.tries++
	v := judge(err)
	switch {
	case v == final, v != resume && c.ask == nil,
		w.tries > rejoinTries, !w.heard && w.tries >= joinTries,
		errors.Is(err, errHandshake) && !w.heard:
		return order{kind: orderEnd, fault: fault(err)}
	case v == await:
		return order{}
	case v == rejoin:
		return order{kind: orderAsk}
	}
	// Nothing is wrong with the call itself: identify with it once more.
	return c.expect(ctx, backoff(w.tries-1), order{kind: orderCall, call: call})
}
