package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/gateway"
	"github.com/gorilla/websocket"
)

const (
	helloLimit    = 20 * time.Second // dialling, and again until READY or RESUMED
	writeLimit    = 5 * time.Second
	closeLimit    = time.Second             // for the other side to answer a close frame
	identifySpace = 5500 * time.Millisecond // one identify per five seconds and bucket, and what a network may add
	longestPause  = time.Minute             // between attempts to connect
	lastingTime   = time.Minute             // a connection ready for less counts as a failed attempt
	sendWindow    = time.Minute
	sendLimit     = 110 // per window; Discord ends the connection after 120, heartbeats included
	resumeTries   = 3   // at the address that READY named, then at the usual one

	// closeResumable ends a connection so that its session can be resumed;
	// 1000 and 1001 would end the session.
	closeResumable = 4900
)

// sessionOptions is what a session needs from outside.
type sessionOptions struct {
	url     string // of the gateway, without a query
	token   string
	intents gateway.Intents
	handle  gateway.EventHandlerFunc
	log     *slog.Logger
	pause   func(ctx context.Context, d time.Duration) error // nil: a timer
}

// A session is one shard's place on Discord's main gateway: it connects, keeps
// the connection alive, resumes it when it breaks and starts afresh when that
// is refused, until it is closed or Discord forbids going on. It stands in for
// disgo's gateway, which waits a second before every attempt (a resume may not
// take that long while music plays, nor may a start) and whose reconnects
// outlive it. It implements gateway.Gateway.
type session struct {
	o      sessionOptions
	cancel context.CancelFunc
	done   chan struct{} // closed when run has returned; nil before Open

	writing sync.Mutex // one frame at a time

	mu         sync.Mutex // guards all below
	conn       *websocket.Conn
	status     gateway.Status
	ready      chan struct{} // closed while events flow; renewed when they stop
	since      time.Time     // of events flowing
	id         string        // of the session, empty if there is none to resume
	resumeURL  string
	seq        int // of the last event, -1 if there was none
	identified time.Time
	sent       []time.Time // within the last window
	beat       time.Time   // last regular heartbeat
	acked      bool        // its acknowledgement came
	latency    time.Duration
	err        error // why it ended by itself
}

func newSession(o sessionOptions) *session {
	if o.pause == nil {
		o.pause = pause
	}
	return &session{o: o, seq: -1, ready: make(chan struct{}), done: make(chan struct{})}
}

// pause waits for d or for ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Open connects and waits until the session is ready, has failed for good, or
// ctx ends. It goes on by itself from then on; only Close ends it. Open is
// called once.
func (s *session) Open(ctx context.Context) error {
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.mu.Lock()
	if s.cancel != nil {
		s.mu.Unlock()
		cancel()
		return discord.ErrGatewayAlreadyConnected
	}
	s.cancel = cancel
	ready := s.ready
	s.mu.Unlock()
	go func() { // Close waits for it
		defer close(s.done)
		s.run(run)
	}()
	select {
	case <-ready:
		return nil
	case <-s.done:
		return s.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Done is closed when the session has ended; Err then says why.
func (s *session) Done() <-chan struct{} { return s.done }

// Err is why the session ended by itself, nil if Close ended it.
func (s *session) Err() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// Close ends the session: the bot goes offline and leaves voice at once. It
// waits for the last goroutine, or for ctx.
func (s *session) Close(ctx context.Context) {
	s.CloseWithCode(ctx, websocket.CloseNormalClosure, "shutting down")
}

// CloseWithCode is Close with another code; any but 1000 and 1001 leaves the
// session resumable for some minutes.
func (s *session) CloseWithCode(ctx context.Context, code int, message string) {
	s.mu.Lock()
	conn, cancel := s.conn, s.cancel
	s.mu.Unlock()
	if cancel == nil {
		return
	}
	if conn != nil {
		s.sayClose(conn, code, message)
	}
	cancel()
	select {
	case <-s.done:
	case <-ctx.Done():
	}
}

// run connects again and again.
func (s *session) run(ctx context.Context) {
	failures := 0
	for {
		lasted, err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		if lasted {
			failures = 0
		}
		if fatal(err) {
			s.mu.Lock()
			s.err = err
			s.mu.Unlock()
			return
		}
		wait := s.after(err, failures)
		failures++
		s.o.log.Warn("gateway connection lost", "err", err, "retry", wait, "resume", s.resumable())
		if s.o.pause(ctx, wait) != nil {
			return
		}
	}
}

// fatal reports whether Discord forbids to try again.
func fatal(err error) bool {
	closed, ok := errors.AsType[*websocket.CloseError](err)
	return ok && !gateway.CloseEventCodeByCode(closed.Code).Reconnect
}

var (
	errReconnect  = errors.New("asked to reconnect")              // op 7
	errInvalid    = errors.New("the session was refused")         // op 9
	errNoAck      = errors.New("no answer to the last heartbeat") // zombie
	errUnexpected = errors.New("not what a gateway says")
)

// after draws conclusions from err: what is left of the session, and how long
// to wait. failures counts attempts in a row that came to nothing lasting.
func (s *session) after(err error, failures int) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if closed, ok := errors.AsType[*websocket.CloseError](err); ok {
		switch gateway.CloseEventCodeByCode(closed.Code) {
		case gateway.CloseEventCodeInvalidSeq, gateway.CloseEventCodeSessionTimed:
			s.forget()
		}
	}
	if failures >= resumeTries {
		s.resumeURL = ""
	}
	var wait time.Duration
	if failures > 0 {
		wait = min(time.Second<<min(failures-1, 10), longestPause)
		wait = wait/2 + rand.N(wait/2)
	}
	if errors.Is(err, errInvalid) {
		wait = max(wait, time.Second+rand.N(4*time.Second)) // one to five seconds, says Discord
	}
	if s.id == "" { // an identify, not a resume
		wait = max(wait, identifySpace-time.Since(s.identified))
	}
	return wait
}

// forget gives the session up. s.mu is held.
func (s *session) forget() { s.id, s.resumeURL, s.seq = "", "", -1 }

func (s *session) resumable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.id != ""
}

// dial opens a connection, to where the session can be resumed if there is one.
func (s *session) dial(ctx context.Context) (*websocket.Conn, error) {
	s.mu.Lock()
	url := s.o.url
	if s.id != "" && s.resumeURL != "" {
		url = s.resumeURL
	}
	s.mu.Unlock()
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: helloLimit}
	conn, rs, err := d.DialContext(ctx, url+"?v=10&encoding=json&compress=zlib-stream", nil)
	if err != nil {
		if rs != nil {
			return nil, fmt.Errorf("gateway: %s: %w", rs.Status, err)
		}
		return nil, fmt.Errorf("gateway: %w", err)
	}
	return conn, nil
}

// Send sends one command. It waits while the session is not ready or would
// exceed Discord's limit, as long as ctx allows.
func (s *session) Send(ctx context.Context, op gateway.Opcode, d gateway.MessageData) error {
	for {
		s.mu.Lock()
		ready := s.ready
		s.mu.Unlock()
		select {
		case <-ready:
		case <-s.done:
			return discord.ErrShardNotConnected
		case <-ctx.Done():
			return fmt.Errorf("gateway: %w: %w", discord.ErrShardNotReady, context.Cause(ctx))
		}
		conn, wait := s.book(time.Now())
		switch {
		case conn == nil: // lost in between
			continue
		case wait > 0:
			if err := s.o.pause(ctx, wait); err != nil {
				return fmt.Errorf("gateway: %w", err)
			}
			continue
		}
		return s.write(conn, gateway.Message{Op: op, D: d})
	}
}

// book takes one place in the sending window, or says how long to wait for one.
func (s *session) book(now time.Time) (*websocket.Conn, time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.sent) > 0 && now.Sub(s.sent[0]) >= sendWindow {
		s.sent = s.sent[1:]
	}
	if len(s.sent) >= sendLimit {
		return s.conn, sendWindow - now.Sub(s.sent[0])
	}
	if s.conn != nil {
		s.sent = append(s.sent, now)
	}
	return s.conn, 0
}

// write sends v as one JSON message.
func (s *session) write(conn *websocket.Conn, v any) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := conn.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	if err := conn.WriteJSON(v); err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	return nil
}

// sayClose sends a close frame, as well as it can.
func (s *session) sayClose(conn *websocket.Conn, code int, message string) {
	_ = conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, message), time.Now().Add(writeLimit))
}

// ShardID is 0: there is one shard.
func (s *session) ShardID() int { return 0 }

// ShardCount is 1.
func (s *session) ShardCount() int { return 1 }

// SessionID is nil while there is nothing to resume.
func (s *session) SessionID() *string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.id == "" {
		return nil
	}
	id := s.id
	return &id
}

// LastSequenceReceived is nil before the first event.
func (s *session) LastSequenceReceived() *int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq < 0 {
		return nil
	}
	seq := s.seq
	return &seq
}

// ResumeURL is where READY said to resume, nil if it did not.
func (s *session) ResumeURL() *string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.resumeURL == "" {
		return nil
	}
	url := s.resumeURL
	return &url
}

// Intents are what was asked for.
func (s *session) Intents() gateway.Intents { return s.o.intents }

// Status is how the connection stands.
func (s *session) Status() gateway.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

// Latency is how long the last heartbeat took to be answered, 0 before that.
func (s *session) Latency() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.latency
}

// Presence is nil: the bot shows none.
func (s *session) Presence() *gateway.MessageDataPresenceUpdate { return nil }
