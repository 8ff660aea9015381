package bot

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/disgoorg/disgo/gateway"
	"github.com/gorilla/websocket"
)

var quiet = slog.New(slog.DiscardHandler)

// noLeak fails the test if one of our goroutines outlives it.
func noLeak(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		var left string
		for range 100 { // closing sockets takes a moment
			buf := make([]byte, 1<<20)
			left = ""
			for g := range strings.SplitSeq(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
				if strings.Contains(g, "segue/bot.") && !strings.Contains(g, "noLeak") && !strings.Contains(g, "testing.tRunner(") {
					left = g
				}
			}
			if left == "" {
				return
			}
			runtime.Gosched()
			<-time.After(10 * time.Millisecond)
		}
		t.Errorf("a goroutine is left:\n%s", left)
	})
}

// A line is a gateway on loopback whose every word the test says.
type line struct {
	t     *testing.T
	srv   *httptest.Server
	calls chan *call
	over  chan struct{} // closed when the test is
	once  sync.Once
}

// stop hangs up on everybody.
func (l *line) stop() { l.once.Do(func() { close(l.over) }) }

// A call is one connection to it.
type call struct {
	t    *testing.T
	path string
	conn *websocket.Conn
	buf  bytes.Buffer
	z    *zlib.Writer
	end  chan struct{}
	once sync.Once
}

func newLine(t *testing.T) *line {
	t.Helper()
	noLeak(t)
	l := &line{t: t, calls: make(chan *call, 16), over: make(chan struct{})}
	up := websocket.Upgrader{}
	l.srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		c := &call{t: t, path: r.URL.String(), conn: conn, end: make(chan struct{})}
		c.z = zlib.NewWriter(&c.buf)
		select {
		case l.calls <- c:
		case <-l.over:
		}
		select {
		case <-c.end:
		case <-l.over:
		}
		_ = conn.Close()
	}))
	t.Cleanup(func() {
		l.stop()
		l.srv.Close()
	})
	return l
}

func (l *line) url() string { return "ws" + strings.TrimPrefix(l.srv.URL, "http") }

// pick takes the next connection.
func (l *line) pick() *call {
	l.t.Helper()
	select {
	case c := <-l.calls:
		return c
	case <-time.After(10 * time.Second):
		l.t.Fatal("nobody called")
		return nil
	}
}

func (c *call) hangUp() { c.once.Do(func() { close(c.end) }) }

// says sends raw JSON, cut into frames of at most size bytes.
func (c *call) says(raw string, size int) {
	c.t.Helper()
	_, _ = c.z.Write([]byte(raw))
	_ = c.z.Flush()
	b := bytes.Clone(c.buf.Bytes())
	c.buf.Reset()
	for len(b) > 0 {
		n := min(size, len(b))
		if err := c.conn.WriteMessage(websocket.BinaryMessage, b[:n]); err != nil {
			c.t.Fatalf("saying %s: %v", raw, err)
		}
		b = b[n:]
	}
}

func (c *call) say(raw string) { c.t.Helper(); c.says(raw, 1<<20) }

// hears reads the next message of this opcode; heartbeats in between are
// answered.
func (c *call) hears(op gateway.Opcode) map[string]any {
	c.t.Helper()
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		var m struct {
			Op gateway.Opcode `json:"op"`
			D  any            `json:"d"`
		}
		if err := c.conn.ReadJSON(&m); err != nil {
			c.t.Fatalf("waiting for op %d: %v", op, err)
		}
		if m.Op == op {
			d, _ := m.D.(map[string]any)
			if d == nil {
				d = map[string]any{"d": m.D}
			}
			return d
		}
		if m.Op == gateway.OpcodeHeartbeat {
			c.say(`{"op":11}`)
		}
	}
}

// ended gives the code the other side closed with.
func (c *call) ended() int {
	c.t.Helper()
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		if _, _, err := c.conn.ReadMessage(); err != nil {
			closed, ok := errors.AsType[*websocket.CloseError](err)
			if !ok {
				c.t.Fatalf("got %v, want a close frame", err)
			}
			return closed.Code
		}
	}
}

func (c *call) close(code int) {
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
}

func (c *call) ready(resume string) {
	c.t.Helper()
	b, _ := json.Marshal(map[string]any{"op": 0, "s": 1, "t": "READY", "d": map[string]any{
		"v": 10, "user": map[string]any{"id": "5", "username": "segue"}, "guilds": []any{}, "session_id": "s1",
		"resume_gateway_url": resume, "application": map[string]any{"id": "6", "flags": 0},
	}})
	c.say(string(b))
}

const (
	hello = `{"op":10,"d":{"heartbeat_interval":60000}}`
	typed = `{"op":0,"s":%s,"t":"RESUMED","d":{}}`
)

// A diary is what a session told its owner, and how it waited.
type diary struct {
	mu     sync.Mutex
	events []gateway.EventType
	waits  []time.Duration
	on     func(wait time.Duration) // hears of every pause, if set
	news   chan struct{}
}

func (d *diary) handle(_ gateway.Gateway, kind gateway.EventType, _ int, _ gateway.EventData) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.events = append(d.events, kind)
	select {
	case d.news <- struct{}{}:
	default:
	}
	if kind == gateway.EventTypeGuildBanAdd {
		panic("a library's bug")
	}
}

// pause takes note and waits for nothing.
func (d *diary) pause(ctx context.Context, wait time.Duration) error {
	d.mu.Lock()
	d.waits = append(d.waits, wait)
	on := d.on
	d.mu.Unlock()
	if on != nil {
		on(wait)
	}
	return ctx.Err()
}

func (d *diary) waited() []time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]time.Duration{}, d.waits...)
}

// dialled is a session on its way to l, and what Open says.
func dialled(t *testing.T, l *line) (*session, *diary, <-chan error) {
	t.Helper()
	d := &diary{news: make(chan struct{}, 100)}
	s := newSession(sessionOptions{url: l.url(), token: "tok", intents: intents, handle: d.handle, log: quiet, pause: d.pause})
	opened := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	go func() { defer cancel(); opened <- s.Open(ctx) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		l.stop() // or Close would wait for an answer to its farewell
		s.Close(ctx)
	})
	return s, d, opened
}

// online is a session that is ready, on the call it uses.
func online(t *testing.T, l *line) (*session, *diary, *call) {
	t.Helper()
	s, d, opened := dialled(t, l)
	c := l.pick()
	c.say(hello)
	c.hears(gateway.OpcodeIdentify)
	c.ready(l.url() + "/resume")
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	return s, d, c
}
