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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/disgoorg/disgo/discord"
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

func TestASessionIdentifiesAndIsReady(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	c := l.pick()
	if !strings.Contains(c.path, "v=10") || !strings.Contains(c.path, "encoding=json") || !strings.Contains(c.path, "compress=zlib-stream") {
		t.Errorf("dialled %s", c.path)
	}
	c.says(hello, 3) // a message may come in pieces
	id := c.hears(gateway.OpcodeIdentify)
	if id["token"] != "tok" || id["intents"] != float64(intents) || id["properties"] == nil {
		t.Errorf("identified with %v", id)
	}
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if s.Status() != gateway.StatusReady || *s.SessionID() != "s1" || *s.LastSequenceReceived() != 1 || *s.ResumeURL() != l.url() {
		t.Errorf("got %v, session %v, seq %v", s.Status(), s.SessionID(), s.LastSequenceReceived())
	}
	if got := d.waited(); len(got) != 0 {
		t.Errorf("waited %v before the first attempt", got)
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		s.Close(ctx)
	}()
	if code := c.ended(); code != websocket.CloseNormalClosure {
		t.Errorf("closed with %d, want 1000: any other would leave the bot in voice", code)
	}
	c.hangUp()
	<-s.Done()
	if s.Err() != nil {
		t.Errorf("a session we closed has error %v", s.Err())
	}
	if err := s.Open(t.Context()); !errors.Is(err, discord.ErrGatewayAlreadyConnected) {
		t.Errorf("opening twice: %v", err)
	}
}

func TestASessionResumes(t *testing.T) {
	for name, end := range map[string]func(c *call){
		"asked to":           func(c *call) { c.say(`{"op":7,"d":null}`) },
		"closed, may resume": func(c *call) { c.close(4000) },
		"without a word":     func(c *call) { c.hangUp() },
		"op 9 true":          func(c *call) { c.say(`{"op":9,"d":true}`) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			s, d, c := online(t, l)
			c.say(`{"op":0,"s":41,"t":"GUILD_DELETE","d":{"id":"9"}}`)
			c.say(`{"op":0,"s":42,"t":"SOMETHING_NEW","d":{"x":1}}`)
			c.say(`{"op":1,"d":null}`)
			if got := c.hears(gateway.OpcodeHeartbeat)["d"]; got != 42.0 {
				t.Errorf("heartbeat with %v, want the last sequence number 42", got)
			}
			end(c)
			again := l.pick()
			if !strings.HasPrefix(again.path, "/resume?") {
				t.Errorf("resumed at %s, want where READY said", again.path)
			}
			again.say(hello)
			r := again.hears(gateway.OpcodeResume)
			if r["session_id"] != "s1" || r["seq"] != 42.0 || r["token"] != "tok" {
				t.Errorf("resumed with %v", r)
			}
			again.say(strings.Replace(typed, "%s", "43", 1))
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			if err := s.Send(ctx, gateway.OpcodeVoiceStateUpdate, gateway.MessageDataVoiceStateUpdate{GuildID: 7}); err != nil {
				t.Fatal(err)
			}
			again.hears(gateway.OpcodeVoiceStateUpdate)
			for _, w := range d.waited() {
				if name != "op 9 true" && w != 0 {
					t.Errorf("waited %v before resuming", w)
				}
			}
		})
	}
}

func TestASessionStartsAfreshWhenItMust(t *testing.T) {
	for name, end := range map[string]func(c *call){
		"op 9 false":      func(c *call) { c.say(`{"op":9,"d":false}`) },
		"invalid seq":     func(c *call) { c.close(4007) },
		"session expired": func(c *call) { c.close(4009) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			_, d, c := online(t, l)
			end(c)
			again := l.pick()
			if strings.HasPrefix(again.path, "/resume") {
				t.Errorf("a new session was asked for at %s", again.path)
			}
			again.say(hello)
			again.hears(gateway.OpcodeIdentify)
			w := d.waited()
			if len(w) != 1 || w[0] < 3*time.Second || w[0] > 5*time.Second {
				t.Errorf("waited %v, want what is left of 5 s between identifies", w)
			}
		})
	}
}

func TestASessionEndsWhereDiscordForbids(t *testing.T) {
	for _, code := range []int{4004, 4010, 4011, 4012, 4013, 4014} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			l := newLine(t)
			s, _, opened := dialled(t, l)
			c := l.pick()
			c.say(hello)
			c.hears(gateway.OpcodeIdentify)
			c.close(code)
			err := <-opened
			if closed, ok := errors.AsType[*websocket.CloseError](err); !ok || closed.Code != code {
				t.Errorf("Open gave %v", err)
			}
			<-s.Done()
			if err := s.Send(t.Context(), gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, discord.ErrShardNotConnected) {
				t.Errorf("Send after the end gave %v", err)
			}
		})
	}
}

func TestASilentGatewayIsLeft(t *testing.T) {
	l := newLine(t)
	_, _, opened := dialled(t, l)
	c := l.pick()
	c.say(`{"op":10,"d":{"heartbeat_interval":30}}`)
	// The heartbeats are read by nobody: no answer comes.
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	if code := c.ended(); code == 1000 || code == 1001 {
		t.Errorf("closed with %d: the session cannot be resumed", code)
	}
	again := l.pick()
	again.say(hello)
	again.hears(gateway.OpcodeResume)
}

func TestAnsweredHeartbeatsKeepTheConnection(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	c := l.pick()
	c.say(`{"op":10,"d":{"heartbeat_interval":20}}`)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	for range 5 {
		c.hears(gateway.OpcodeHeartbeat)
		c.say(`{"op":11}`)
	}
	if len(d.waited()) != 0 || s.Status() != gateway.StatusReady {
		t.Error("a healthy connection was dropped")
	}
	if s.Latency() <= 0 || s.Latency() > 5*time.Second {
		t.Errorf("latency %v", s.Latency())
	}
}

func TestWhatCannotBeReadCostsNothing(t *testing.T) {
	l := newLine(t)
	s, d, c := online(t, l)
	c.say(`{"op":0,"s":2,"t":"GUILD_DELETE","d":[1,2]}` + `{"op":99,"d":{}}` + `{"op":0,"s":2,"t":"GUILD_BAN_ADD","d":{}}` + `{"op":0,"s":3,"t":"GUILD_DELETE","d":{"id":"9"}}`)
	for range 3 { // READY, the one that panics, the last
		<-d.news
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.events) != 3 || d.events[2] != gateway.EventTypeGuildDelete {
		t.Errorf("got events %v", d.events)
	}
	if seq := s.LastSequenceReceived(); seq == nil || *seq != 3 {
		t.Errorf("sequence %v, want 3", seq)
	}
}

func TestNonsenseIsNotAGateway(t *testing.T) {
	for name, say := range map[string]string{
		"no interval":  `{"op":10,"d":{}}`,
		"second hello": hello + hello,
		"not JSON":     `<html>`,
	} {
		t.Run(name, func(t *testing.T) {
			l := newLine(t)
			_, d, opened := dialled(t, l)
			l.pick().say(say)
			again := l.pick()
			again.say(hello)
			again.ready(l.url())
			if err := <-opened; err != nil {
				t.Fatal(err)
			}
			if len(d.waited()) == 0 {
				t.Error("no pause before the next attempt")
			}
		})
	}
}

func TestAttemptsSlowDown(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	for range 9 {
		l.pick().hangUp()
	}
	c := l.pick()
	c.say(hello)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	w := d.waited()
	if w[0] != 0 {
		t.Errorf("first retry after %v, want at once", w[0])
	}
	for i, x := range w[1:] {
		if full := min(time.Second<<i, longestPause); x < full/2 || x > full {
			t.Errorf("retry %d after %v, want %v to %v", i+2, x, full/2, full)
		}
	}
	_ = s
}

func TestSendWaitsForItsTurn(t *testing.T) {
	l := newLine(t)
	s, d, opened := dialled(t, l)
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Send(short, gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, discord.ErrShardNotReady) {
		t.Fatalf("before READY: got %v", err)
	}
	c := l.pick()
	c.say(hello)
	c.ready(l.url())
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	for range sendLimit {
		if err := s.Send(t.Context(), gateway.OpcodeVoiceStateUpdate, gateway.MessageDataVoiceStateUpdate{GuildID: 1}); err != nil {
			t.Fatal(err)
		}
		c.hears(gateway.OpcodeVoiceStateUpdate)
	}
	if len(d.waited()) != 0 {
		t.Fatalf("waited %v within the limit", d.waited())
	}
	over, stop := context.WithCancel(t.Context())
	d.mu.Lock()
	d.on = func(time.Duration) { stop() }
	d.mu.Unlock()
	if err := s.Send(over, gateway.OpcodeVoiceStateUpdate, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("beyond the limit: got %v", err)
	}
	if w := d.waited(); len(w) != 1 || w[0] <= 0 || w[0] > sendWindow {
		t.Errorf("waited %v for a place, want up to %v", w, sendWindow)
	}
}

func TestASessionDescribesItself(t *testing.T) {
	s := newSession(sessionOptions{intents: intents, log: quiet})
	if s.ShardID() != 0 || s.ShardCount() != 1 || s.Intents() != intents || s.Presence() != nil ||
		s.SessionID() != nil || s.LastSequenceReceived() != nil || s.ResumeURL() != nil || s.Latency() != 0 {
		t.Error("a session that was never opened claims something")
	}
	s.Close(t.Context()) // never opened: nothing to wait for
}
