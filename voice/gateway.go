package voice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

const (
	helloLimit  = 10 * time.Second // for TCP, TLS and the upgrade, and again for hello
	writeLimit  = 5 * time.Second
	goodbye     = 250 * time.Millisecond // how long a closing handshake may take
	messageSize = 4 << 20                // bytes: a welcome carries the tree of the whole call
	readSize    = 1 << 10                // bytes read at once: most messages are far smaller
)

// brief is where a websocket takes the buffer from for a message it writes: that is
// made anew each time, for days may pass with a heartbeat now and then.
type brief struct{}

func (brief) Get() any { return nil }
func (brief) Put(any)  {}

// A gateway is one websocket to a voice server. Messages come in on in, which
// is closed at the end; then err says why.
type gateway struct {
	ws     *websocket.Conn
	in     chan message
	err    error
	closed chan struct{} // nobody listens to in any more
	once   sync.Once
	idle   atomic.Int64 // longest silence to accept, in nanoseconds
	reader sync.WaitGroup
	odd    atomic.Int64 // messages that could not be read

	mu sync.Mutex // writing
}

// dialGateway connects to endpoint, which is a host name with or without port.
func dialGateway(ctx context.Context, endpoint string, conf *tls.Config) (*gateway, error) {
	u := url.URL{Scheme: "wss", Host: endpoint, Path: "/", RawQuery: "v=8"}
	if p, err := url.Parse(u.String()); err != nil || p.Hostname() == "" || p.User != nil || p.Path != "/" || strings.ContainsAny(endpoint, "/?#@") {
		return nil, protocol("endpoint %q", endpoint)
	}
	ctx, cancel := context.WithTimeout(ctx, helloLimit)
	defer cancel()
	d := websocket.Dialer{TLSClientConfig: conf, ReadBufferSize: readSize, WriteBufferPool: brief{}}
	ws, _, err := d.DialContext(ctx, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", endpoint, err)
	}
	g := &gateway{ws: ws, in: make(chan message, 16), closed: make(chan struct{})}
	ws.SetReadLimit(messageSize)
	g.patience(helloLimit)
	g.reader.Go(g.read)
	return g, nil
}

// patience sets for how long the server may say nothing.
func (g *gateway) patience(d time.Duration) {
	g.idle.Store(int64(d))
	_ = g.ws.SetReadDeadline(time.Now().Add(d))
}

func (g *gateway) read() {
	defer close(g.in)
	for {
		kind, b, err := g.ws.ReadMessage()
		if err != nil {
			g.err = err
			return
		}
		_ = g.ws.SetReadDeadline(time.Now().Add(time.Duration(g.idle.Load())))
		var m message
		if kind == websocket.BinaryMessage {
			m, err = parseBinary(b)
		} else {
			m, err = parseText(b)
		}
		if err != nil {
			g.odd.Add(1)
			continue
		}
		select {
		case g.in <- m:
		case <-g.closed: // read on to the server's goodbye
		}
	}
}

// send writes a JSON message. It may be called from several goroutines.
func (g *gateway) send(op int, d any) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	err := g.ws.WriteJSON(struct {
		Op int `json:"op"`
		D  any `json:"d"`
	}{op, d})
	if err != nil {
		return fmt.Errorf("%w: %w", errSend, err)
	}
	return nil
}

// sendBinary writes a binary message. It may be called from several goroutines.
func (g *gateway) sendBinary(op byte, body []byte) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	_ = g.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	if err := g.ws.WriteMessage(websocket.BinaryMessage, append([]byte{op}, body...)); err != nil {
		return fmt.Errorf("%w: %w", errSend, err)
	}
	return nil
}

// why gives the better reason for err: where a message could not be sent, the
// server's goodbye is probably there to be read. Messages still unread are lost,
// and come again with a resume.
func (g *gateway) why(err error) error {
	if !errors.Is(err, errSend) {
		return err
	}
	limit := time.NewTimer(goodbye)
	defer limit.Stop()
	for {
		select {
		case _, ok := <-g.in:
			if !ok {
				return fmt.Errorf("%w: %w", err, g.err)
			}
		case <-limit.C:
			return err
		}
	}
}

// close ends the connection and waits for its reader. With code 0 it drops it
// without a word, which leaves the session open to be resumed.
func (g *gateway) close(code int) {
	g.once.Do(func() {
		close(g.closed)
		if code == 0 {
			g.drop()
			return
		}
		bye := websocket.FormatCloseMessage(code, "")
		if g.ws.WriteControl(websocket.CloseMessage, bye, time.Now().Add(goodbye)) != nil {
			g.drop()
			return
		}
		late := time.AfterFunc(goodbye, g.drop)
		defer late.Stop()
		g.reader.Wait()
		g.drop()
	})
	g.reader.Wait()
}

// drop closes the TCP connection under TLS: closing through TLS would wait for
// a peer that does not read.
func (g *gateway) drop() {
	if t, ok := g.ws.NetConn().(*tls.Conn); ok {
		_ = t.NetConn().Close()
		return
	}
	_ = g.ws.Close()
}
