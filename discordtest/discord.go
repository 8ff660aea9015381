package discordtest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"segue/discordtest/voiceserver"
)

// TB is the part of testing.TB that the stand-in needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Logf(format string, args ...any)
}

// Options say how this Discord is set up. The zero value is a plain one.
type Options struct {
	Name            string                          // of the bot; "Segue" if empty
	Token           string                          // of the bot; made from its id if empty
	BotPermissions  Permissions                     // of the invite link; InvitePermissions if zero
	Privileged      Intents                         // privileged intents switched on in the developer portal
	Heartbeat       time.Duration                   // gateway heartbeat interval; 41.25 s if zero
	Shards          int                             // recommended shards; 1 if zero
	MaxConcurrency  int                             // identifies at once; 1 if zero
	Identifies      int                             // identifies in 24 h, all shards together; 1000 if zero
	ShardGuilds     int                             // guilds one shard may have; 2500 if zero
	ResumeWindow    time.Duration                   // how long a dropped session can be resumed; 3 min if zero
	InvalidRequests int                             // refused requests in 10 min before Cloudflare bars the address; 10,000 if zero
	AttachmentLimit int64                           // bytes per uploaded file; 20 MiB if zero
	Middleware      func(http.Handler) http.Handler // around the REST API only, or nil
	NoVoice         bool                            // no voice servers: joining gives no VOICE_SERVER_UPDATE
	Voice           voiceserver.Options             // of the voice servers
	Logf            func(string, ...any)            // hears what happens, or nil
}

func (o *Options) fill() {
	if o.Name == "" {
		o.Name = "Segue"
	}
	if o.BotPermissions == 0 {
		o.BotPermissions = InvitePermissions
	}
	if o.Heartbeat == 0 {
		o.Heartbeat = 41250 * time.Millisecond
	}
	o.Shards = max(o.Shards, 1)
	o.MaxConcurrency = max(o.MaxConcurrency, 1)
	if o.Identifies == 0 {
		o.Identifies = 1000
	}
	if o.ShardGuilds == 0 {
		o.ShardGuilds = 2500
	}
	if o.InvalidRequests == 0 {
		o.InvalidRequests = 10_000
	}
	if o.ResumeWindow == 0 {
		o.ResumeWindow = 3 * time.Minute
	}
	if o.AttachmentLimit == 0 {
		o.AttachmentLimit = 20 << 20
	}
	if o.Logf == nil {
		o.Logf = func(string, ...any) {}
	}
}

// A Discord is one whole Discord. All its methods, and those of everything it
// hands out, may be called from any goroutine.
type Discord struct {
	opt    Options
	tb     TB // nil outside tests
	addr   string
	resume string // address of the listener for resumes
	ids    snowflakes
	http   *http.Server
	routes []route
	calls  calls // the voice side
	work   sync.WaitGroup
	ctx    context.Context
	cancel context.CancelFunc

	mu           sync.Mutex // guards everything below, and all state of guilds, people and sessions
	changed      chan struct{}
	skew         time.Duration
	bot          *Bot
	bots         []*Bot
	users        map[ID]*user
	guilds       []*Guild
	messages     map[ID]*message
	interactions map[string]*Interaction // by token
	files        map[string]*file        // CDN, by path
	sessions     map[string]*session
	conns        map[*conn]struct{}
	limits       limiter
	invalid      window // requests refused with 401, 403 and 429
	faults       faults
	record       recorder
	violations   []string
	closed       bool
}

// Start brings up a Discord on free ports of 127.0.0.1. Close it when done.
func Start(opt Options) (*Discord, error) {
	opt.fill()
	d := &Discord{
		opt: opt, changed: make(chan struct{}), users: map[ID]*user{}, messages: map[ID]*message{},
		interactions: map[string]*Interaction{}, files: map[string]*file{},
		sessions: map[string]*session{}, conns: map[*conn]struct{}{},
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	main, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("discordtest: %w", err)
	}
	again, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("discordtest: %w", err), main.Close())
	}
	d.addr, d.resume = main.Addr().String(), again.Addr().String()
	if err := d.calls.open(d); err != nil {
		return nil, errors.Join(fmt.Errorf("discordtest: voice: %w", err), main.Close(), again.Close())
	}
	d.routes = table()
	d.http = &http.Server{Handler: d.handler(), ReadHeaderTimeout: 10 * time.Second}
	d.bot = d.addBot(opt.Name, opt.Token, opt.Privileged, opt.BotPermissions)
	for _, l := range []net.Listener{main, again} {
		d.work.Go(func() { _ = d.http.Serve(l) })
	}
	return d, nil
}

// New starts a Discord for a test, with at most one Options. It is closed when
// the test ends, and every violation nobody took with TakeViolations fails it.
func New(t TB, opt ...Options) *Discord {
	t.Helper()
	o := Options{}
	if len(opt) > 0 {
		o = opt[0]
	}
	d, err := Start(o)
	if err != nil {
		t.Fatalf("%v", err)
	}
	d.tb = t
	t.Cleanup(func() {
		t.Helper()
		if err := d.Close(); err != nil {
			t.Errorf("discordtest: close: %v", err)
		}
		for _, v := range d.TakeViolations() {
			t.Errorf("discordtest: %s", v)
		}
	})
	return d
}

// Close ends all connections and waits until every goroutine is gone.
func (d *Discord) Close() error {
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil
	}
	d.sweep()
	d.closed = true
	for c := range d.conns {
		c.drop()
	}
	d.touch()
	d.mu.Unlock()
	d.cancel()
	err := d.http.Close()
	err = errors.Join(err, d.calls.close())
	d.work.Wait()
	return err
}

// APIURL is the base of the REST API, what https://discord.com/api/v10 is elsewhere.
func (d *Discord) APIURL() string { return "http://" + d.addr + "/api/v10" }

// GatewayURL is what GET /gateway answers.
func (d *Discord) GatewayURL() string { return "ws://" + d.addr }

// ResumeURL is the resume_gateway_url of READY; another address than GatewayURL.
func (d *Discord) ResumeURL() string { return "ws://" + d.resume }

// Token is the bot token of the main bot, as it is now.
func (d *Discord) Token() string { return d.bot.Token() }

// Application is the id of the main bot's application, and of its user.
func (d *Discord) Application() ID { return d.bot.ID() }

// Bot is the main bot as Discord sees it.
func (d *Discord) Bot() *Bot { return d.bot }

// CAPEM holds the certificates that the voice servers are signed with, in PEM.
func (d *Discord) CAPEM() []byte { return d.calls.pem() }

// WriteCA writes CAPEM to a file, for SSL_CERT_FILE and NODE_EXTRA_CA_CERTS.
func (d *Discord) WriteCA(path string) error { return os.WriteFile(path, d.CAPEM(), 0o600) }

// now is the time as this Discord has it. d.mu is held.
func (d *Discord) now() time.Time { return time.Now().Add(d.skew) }

// Passes makes time pass at once: unanswered interactions run out, tokens and
// rate limits expire, dropped sessions are forgotten.
func (d *Discord) Passes(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.skew += t
	d.sweep()
	d.touch()
}

// sweep applies what only the clock brings about. d.mu is held.
func (d *Discord) sweep() {
	now := d.now()
	for _, s := range d.sessions {
		if s.conn == nil && now.Sub(s.left) > d.opt.ResumeWindow {
			d.endSession(s)
		}
	}
	for _, ix := range d.interactions {
		if !ix.acked && !ix.expired && now.Sub(ix.at) > ackLimit {
			ix.expired = true
			if ix.delivered {
				d.violate("interaction %s was not answered within 3 s", ix.what())
			}
		}
	}
}

// touch wakes everyone who waits for a change. d.mu is held.
func (d *Discord) touch() {
	close(d.changed)
	d.changed = make(chan struct{})
}

// errClosed is what waits end with when the Discord is closed.
var errClosed = errors.New("discordtest: closed")

// await waits until cond, which runs with d.mu held, says done or an error. At
// the latest at until (if not zero) cond is asked once more.
func (d *Discord) await(ctx context.Context, until time.Time, cond func() (bool, error)) error {
	for {
		d.mu.Lock()
		done, err := cond()
		next, closed, now := d.changed, d.closed, d.now()
		d.mu.Unlock()
		switch {
		case done || err != nil:
			return err
		case closed:
			return errClosed
		}
		var alarm <-chan time.Time
		var t *time.Timer
		if !until.IsZero() && now.Before(until) {
			t = time.NewTimer(until.Sub(now) + time.Millisecond)
			alarm = t.C
		}
		select {
		case <-next:
		case <-alarm:
			err = nil
		case <-ctx.Done():
			err = ctx.Err()
		}
		if t != nil {
			t.Stop()
		}
		if err != nil {
			return err
		}
	}
}

// violate remembers something that the real Discord would punish or silently
// ignore. d.mu is held.
func (d *Discord) violate(format string, args ...any) {
	v := fmt.Sprintf(format, args...)
	d.opt.Logf("violation: %s", v)
	if len(d.violations) < 1000 {
		d.violations = append(d.violations, v)
	}
	d.touch()
}

// TakeViolations returns what went against the rules so far, oldest first, and
// forgets it. A test that provokes a violation takes it, else it fails.
func (d *Discord) TakeViolations() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep()
	v := append(d.violations, d.calls.violations()...)
	d.violations = nil
	return v
}

// fail ends the test with a sentence; outside tests it gives the error back.
func (d *Discord) fail(err error) error {
	if err != nil && d.tb != nil {
		d.tb.Helper()
		d.tb.Fatalf("%v", err)
	}
	return err
}
