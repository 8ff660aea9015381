package discordtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

const (
	payloadLimit = 4096 // bytes a client may send at once
	sendLimit    = 120  // payloads a client may send
	sendWindow   = 60 * time.Second
	writeTimeout = 5 * time.Second
)

// A conn is one gateway connection. Two goroutines serve it: one reads, one
// writes; all fields below mu of Discord are guarded by it.
type conn struct {
	d       *Discord
	ws      *websocket.Conn
	enc     encoder
	stream  bool          // transport compression is on
	query   string        // version, encoding and compression asked for
	wake    chan struct{} // cap 1: something is in out
	done    chan struct{} // the reader is gone
	onMain  bool          // on GatewayURL, not on ResumeURL
	number  int           // counts connections
	out     []outgoing    // guarded by d.mu, as is all below
	session *session
	payload bool // Identify asked for payload compression
	ending  bool // a close is in out, or the connection was dropped
	beat    time.Time
	sends   window
}

// outgoing is a payload, or the end of the connection.
type outgoing struct {
	payload []byte
	zlib    bool
	close   int // websocket close code, 0 is none
	reason  string
}

// serveGateway takes a websocket and serves it until it ends.
func (d *Discord) serveGateway(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := up.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close()
	c := &conn{
		d: d, ws: ws, wake: make(chan struct{}, 1), done: make(chan struct{}),
		stream: q.Get("compress") != "", onMain: r.Host == d.addr,
		query: fmt.Sprintf("v=%s encoding=%s compress=%s", q.Get("v"), q.Get("encoding"), q.Get("compress")),
	}
	c.enc, err = newEncoder(q.Get("compress"))
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return
	}
	d.conns[c] = struct{}{}
	c.number = d.record.connection()
	c.beat = time.Now()
	switch {
	case err != nil:
		c.close(4002, "Error while decoding payload.")
	case q.Get("v") != "10" && q.Get("v") != "":
		c.close(4012, "Invalid API version.")
	case q.Get("encoding") != "json" && q.Get("encoding") != "":
		c.close(4002, "Only json is spoken here.")
	default:
		c.send(obj{"op": 10, "d": obj{"heartbeat_interval": d.opt.Heartbeat.Milliseconds(), "_trace": []string{}}, "s": nil, "t": nil})
	}
	d.mu.Unlock()
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		c.write()
	}()
	c.read()
	close(c.done)
	<-finished
}

// send queues a payload. d.mu is held.
func (c *conn) send(o obj) {
	raw, err := json.Marshal(o)
	if err != nil {
		c.d.violate("stand-in: %v", err)
		return
	}
	c.sendRaw(raw)
}

func (c *conn) sendRaw(raw []byte) {
	if c.ending {
		return
	}
	c.d.record.sent(c, raw)
	c.push(outgoing{payload: raw, zlib: c.payload})
}

func (c *conn) push(o outgoing) {
	c.out = append(c.out, o)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// close queues a close frame; nothing is sent after it. d.mu is held.
func (c *conn) close(code int, reason string) {
	if c.ending {
		return
	}
	c.ending = true
	c.d.opt.Logf("gateway closes %d %s", code, reason)
	c.push(outgoing{close: code, reason: reason})
	c.detach(false)
}

// refuse closes because the client broke the rules. d.mu is held.
func (c *conn) refuse(code int, reason string) {
	if !c.ending {
		c.d.violate("gateway: closed %d: %s", code, reason)
	}
	c.close(code, reason)
}

// drop cuts the TCP connection without a word. d.mu is held.
func (c *conn) drop() {
	c.ending = true
	c.detach(false)
	_ = c.ws.NetConn().Close()
}

// detach parts session and connection; the session stays resumable unless the
// client ended it itself. d.mu is held.
func (c *conn) detach(ended bool) {
	s := c.session
	delete(c.d.conns, c)
	if s == nil || s.conn != c {
		return
	}
	s.conn = nil
	s.left = c.d.now()
	if ended {
		c.d.endSession(s)
	}
	c.d.touch()
}

// write is the writer goroutine: it alone touches the encoder.
func (c *conn) write() {
	watch := time.NewTicker(c.d.opt.Heartbeat)
	defer watch.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-watch.C:
			c.checkBeat()
		case <-c.wake:
			c.d.mu.Lock()
			batch := c.out
			c.out = nil
			c.d.mu.Unlock()
			for _, o := range batch {
				if !c.put(o) {
					return
				}
			}
		}
	}
}

// put writes one message; false ends the writer.
func (c *conn) put(o outgoing) bool {
	_ = c.ws.SetWriteDeadline(time.Now().Add(writeTimeout))
	if o.close != 0 {
		_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(o.close, o.reason), time.Now().Add(writeTimeout))
		// The client has a moment to answer the close, then the connection goes.
		_ = c.ws.SetReadDeadline(time.Now().Add(time.Second))
		return false
	}
	var kind int
	var msg []byte
	var err error
	if o.zlib {
		kind, msg, err = payloadZlib(o.payload)
	} else {
		kind, msg, err = c.enc.encode(o.payload)
	}
	if err == nil {
		err = c.ws.WriteMessage(kind, msg)
	}
	if err != nil {
		_ = c.ws.NetConn().Close()
	}
	return err == nil
}

// checkBeat closes a connection whose client stopped sending heartbeats.
func (c *conn) checkBeat() {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if time.Since(c.beat) > 2*c.d.opt.Heartbeat {
		c.refuse(4009, "Session timed out: no heartbeat.")
	}
}

// read is the reader: it runs until the connection is gone.
func (c *conn) read() {
	for {
		kind, msg, err := c.ws.ReadMessage()
		c.d.mu.Lock()
		if err != nil {
			c.gone(err)
			c.d.mu.Unlock()
			return
		}
		if !c.ending {
			c.receive(kind, msg)
		}
		c.d.mu.Unlock()
	}
}

// gone handles the end of a connection: 1000 and 1001 end the session too.
func (c *conn) gone(err error) {
	ended := websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway)
	if !c.ending {
		c.ending = true
		c.d.opt.Logf("gateway client gone: %v", err)
		c.detach(ended)
	}
}
