package voice

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/disgoorg/godave"

	"segue/audio"
	"segue/music"
	"segue/voice/dave"
)

// leaveLimit is for telling Discord that we leave.
const leaveLimit = 3 * time.Second

// Call is everything needed to open a call, without any gateway.
type Call struct {
	Endpoint  string // host and port of the voice server, as VOICE_SERVER_UPDATE has it
	Token     string // secret; from VOICE_SERVER_UPDATE
	SessionID string // from our own VOICE_STATE_UPDATE
	Guild     music.GuildID
	Channel   music.ChannelID
	User      music.UserID // ourselves
}

// Options are what calls share. The zero value is good.
type Options struct {
	Log   *slog.Logger // nil: no log
	TLS   *tls.Config  // nil: the system's roots, which honours SSL_CERT_FILE
	Pacer *Pacer       // nil: one of its own, closed with what it belongs to

	// newDAVE makes the end-to-end encryption of a session; dave.New if nil.
	newDAVE godave.SessionCreateFunc
	limits  // usual if zero
}

func (o Options) filled() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.newDAVE == nil {
		o.newDAVE = dave.New
	}
	if o.limits == (limits{}) {
		o.limits = usual
	}
	return o
}

// A Conn is a call. It stays the same one through lost connections, moves of
// the voice server and of the channel. All methods may be called from any
// goroutine.
type Conn struct {
	o      Options
	own    *Pacer // to close with the call; may be nil
	pacer  *Pacer
	seat   *seat
	out    *sender
	stats  counters
	orders *orders
	ask    func(context.Context) error // ask Discord for a call; nil: nobody to ask
	left   func(context.Context)       // told at the very end, before Done

	cancel  context.CancelFunc
	done    chan struct{}
	channel atomic.Uint64

	mu     sync.Mutex // everything below
	live   bool       // frames can be heard
	over   bool       // it is going to be done
	change chan struct{}
	err    *music.Error
}

// Dial opens a call and returns when frames can be heard: the transport is up,
// and DAVE is ready or not needed. Else the error is a *music.Error that says
// why, or the cause of ctx if that was cancelled. Nothing brings news of a
// moved server to a dialled call: what Discord answers through its main gateway
// ends it.
func Dial(ctx context.Context, call Call, o Options) (*Conn, error) {
	c := newConn(o, nil, nil)
	c.orders.put(order{kind: orderCall, call: call})
	c.start()
	if err := c.wait(ctx, 0); err != nil {
		c.abandon()
		return nil, err
	}
	return c, nil
}

func newConn(o Options, ask func(context.Context) error, left func(context.Context)) *Conn {
	c := &Conn{o: o.filled(), ask: ask, left: left, orders: newOrders(), done: make(chan struct{}), change: make(chan struct{})}
	c.out = newSender(&c.stats)
	c.pacer = o.Pacer
	if c.pacer == nil {
		c.own = NewPacer()
		c.pacer = c.own
	}
	return c
}

func (c *Conn) start() {
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel = cancel
	c.seat = c.pacer.join(c.out)
	go func() {
		defer close(c.done)
		defer cancel()
		c.finish(c.supervise(ctx))
	}()
}

// finish lets go of everything; what ended the call is nil if it was closed.
func (c *Conn) finish(why *music.Error) {
	c.mu.Lock()
	c.err, c.live, c.over = why, false, true
	c.mu.Unlock()
	c.pacer.leave(c.seat)
	c.out.attach(nil)
	c.out.play(nil)
	if c.own != nil {
		c.own.Close()
	}
	if c.left != nil {
		ctx, cancel := context.WithTimeout(context.Background(), leaveLimit)
		defer cancel()
		c.left(ctx)
	}
	if why != nil {
		c.o.Log.Info("voice call over", slog.Any("err", why))
	}
}

// doom notes that the call will end: whoever joins from now on gets another.
func (c *Conn) doom() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.over = true
}

// ending reports whether nothing will come of the call any more.
func (c *Conn) ending() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.over
}

// Play takes frames from f from the next tick on. With nil, or when f has none
// ready, five frames of silence follow and then nothing. Frames not yet taken
// from an earlier f are left there.
func (c *Conn) Play(f audio.Frames) { c.out.play(f) }

// Channel is where we are, or were last; 0 before the first call is known.
func (c *Conn) Channel() music.ChannelID { return music.ChannelID(c.channel.Load()) }

// Done is closed when the call is over and everything of it is gone.
func (c *Conn) Done() <-chan struct{} { return c.done }

// Err says why the call is over: a *music.Error, or nil if it was closed by
// Close or is not over.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err == nil {
		return nil
	}
	return c.err
}

// Close leaves the call and waits until everything of it is gone, or for ctx,
// whose error it returns then; the rest happens all the same.
func (c *Conn) Close(ctx context.Context) error {
	c.doom()
	c.cancel()
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stats may be called at any time, also after the end.
func (c *Conn) Stats() Stats { return c.stats.snapshot() }

// abandon closes a call nobody got to see.
func (c *Conn) abandon() {
	c.cancel()
	<-c.done
}

// wait returns when frames can be heard in channel (0: wherever), or why they
// never will.
func (c *Conn) wait(ctx context.Context, channel music.ChannelID) error {
	for {
		c.mu.Lock()
		live, change := c.live, c.change
		c.mu.Unlock()
		if live && (channel == 0 || c.Channel() == channel) {
			return nil
		}
		select {
		case <-change:
		case <-c.done:
			if err := c.Err(); err != nil {
				return err
			}
			return noAnswer(errors.New("closed"))
		case <-ctx.Done():
			switch {
			case !errors.Is(ctx.Err(), context.DeadlineExceeded):
				return context.Cause(ctx)
			case c.Channel() == 0:
				return noAnswer(context.Cause(ctx))
			}
			return fault(context.Cause(ctx))
		}
	}
}

func (c *Conn) setLive(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = on
	close(c.change)
	c.change = make(chan struct{})
}
