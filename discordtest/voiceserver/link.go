package voiceserver

import (
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
)

// Close codes of the voice gateway.
const (
	CloseUnknownOpcode    = 4001
	CloseBadPayload       = 4002
	CloseNotAuthenticated = 4003
	CloseAuthFailed       = 4004
	CloseAlreadyIn        = 4005
	CloseSessionInvalid   = 4006
	CloseTimeout          = 4009
	CloseUnknownServer    = 4011
	CloseUnknownProtocol  = 4012
	CloseDisconnected     = 4014
	CloseCrashed          = 4015
	CloseUnknownMode      = 4016
	CloseNeedsDAVE        = 4017
	CloseBadRequest       = 4020
	CloseRateLimited      = 4021
	CloseCallEnded        = 4022
)

const (
	writeLimit = 5 * time.Second // for one message to a client that does not read
	drainLimit = time.Second     // for the client to answer a close
	backlog    = 1024            // messages that may wait for one client
)

// link is one websocket. A goroutine of its own writes what is queued.
type link struct {
	conn    *websocket.Conn
	version int
	out     chan outgoing
	quit    chan struct{}
	once    sync.Once
	closing atomic.Bool // a close frame is queued: what the client answers is an echo
}

type outgoing struct {
	kind int
	data []byte
}

func newLink(conn *websocket.Conn, version int) *link {
	return &link{conn: conn, version: version, out: make(chan outgoing, backlog), quit: make(chan struct{})}
}

// send queues a message. A client that lets too many wait loses its connection.
func (l *link) send(kind int, data []byte) {
	select {
	case l.out <- outgoing{kind, data}:
	case <-l.quit:
	default:
		l.drop()
	}
}

func (l *link) text(op int, data any) {
	l.send(websocket.TextMessage, encode(map[string]any{"op": op, "d": data}))
}

// close queues a close frame. What was queued before is sent first.
func (l *link) close(code int) {
	l.closing.Store(true)
	l.send(websocket.CloseMessage, websocket.FormatCloseMessage(code, closeReasons[code]))
}

// drop cuts the TCP connection without any farewell.
func (l *link) drop() {
	l.once.Do(func() {
		close(l.quit)
		if c, ok := l.conn.NetConn().(*tls.Conn); ok {
			_ = c.NetConn().Close()
		}
		_ = l.conn.Close()
	})
}

// write runs until the link is dropped or a close frame is out.
func (l *link) write() {
	for {
		select {
		case <-l.quit:
			return
		case m := <-l.out:
			_ = l.conn.SetWriteDeadline(time.Now().Add(writeLimit))
			if err := l.conn.WriteMessage(m.kind, m.data); err != nil {
				l.drop()
				return
			}
			if m.kind == websocket.CloseMessage {
				_ = l.conn.SetReadDeadline(time.Now().Add(drainLimit))
				return
			}
		}
	}
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic("voiceserver: own message does not encode: " + err.Error())
	}
	return b
}

var closeReasons = map[int]string{
	CloseUnknownOpcode:    "Unknown opcode.",
	CloseBadPayload:       "Failed to decode payload.",
	CloseNotAuthenticated: "Not authenticated.",
	CloseAuthFailed:       "Authentication failed.",
	CloseAlreadyIn:        "Already authenticated.",
	CloseSessionInvalid:   "Session is no longer valid.",
	CloseTimeout:          "Session timeout.",
	CloseUnknownServer:    "Server not found.",
	CloseUnknownProtocol:  "Unknown protocol.",
	CloseDisconnected:     "Disconnected.",
	CloseCrashed:          "Voice server crashed.",
	CloseUnknownMode:      "Unknown encryption mode.",
	CloseNeedsDAVE:        "E2EE/DAVE protocol required.",
	CloseBadRequest:       "Bad request.",
	CloseRateLimited:      "Disconnected: rate limited.",
	CloseCallEnded:        "Disconnected: call terminated.",
}

// ends says whether a close code ends the session, so that it cannot be resumed.
func ends(code int) bool {
	switch code {
	case CloseAuthFailed, CloseSessionInvalid, CloseTimeout, CloseUnknownServer, CloseUnknownProtocol,
		CloseDisconnected, CloseUnknownMode, CloseNeedsDAVE, CloseRateLimited, CloseCallEnded:
		return true
	}
	return false
}

// enter counts a link in, unless the server is closing.
func (s *Server) enter(l *link) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.open[l] = struct{}{}
	s.links.Add(1)
	return true
}

func (s *Server) exit(l *link) {
	s.mu.Lock()
	delete(s.open, l)
	s.mu.Unlock()
	l.drop()
	s.links.Done()
}

// serve is one client's whole stay on one websocket.
func (s *Server) serve(w http.ResponseWriter, q *http.Request) {
	version, _ := strconv.Atoi(q.URL.Query().Get("v"))
	faults := s.fault()
	switch {
	case faults.Refuse != 0:
		http.Error(w, http.StatusText(faults.Refuse), faults.Refuse)
		return
	case version < 4 || version > 9: // versions below 4 ended on 2024-11-18
		http.Error(w, "voice gateway version missing or not served any more", http.StatusBadRequest)
		return
	}
	up := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := up.Upgrade(w, q, nil)
	if err != nil {
		return // the upgrader has answered
	}
	conn.SetReadLimit(1 << 20)
	l := newLink(conn, version)
	if !s.enter(l) {
		_ = conn.Close()
		return
	}
	var writing sync.WaitGroup
	writing.Go(l.write)
	v := &visit{srv: s, link: l}
	if !faults.NoHello {
		l.text(8, map[string]any{"v": version, "heartbeat_interval": s.opt.HeartbeatInterval.Milliseconds()})
	}
	v.read(faults.Silent || faults.NoHello)
	v.over()
	l.drop()
	writing.Wait()
	s.exit(l)
}
