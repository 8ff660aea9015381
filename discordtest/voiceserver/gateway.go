package voiceserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"segue/discordtest/delivery"
)

// Opcodes of the voice gateway that clients send, DAVE's apart.
const (
	opIdentify       = 0
	opSelectProtocol = 1
	opHeartbeat      = 3
	opSpeaking       = 5
	opResume         = 7
)

// visit is what the server knows of one websocket while it reads from it.
type visit struct {
	srv    *Server
	link   *link
	member atomic.Pointer[member] // set by identifying or resuming; the timer reads it too

	watch sync.Mutex
	calm  func() // calls off the close for a missed heartbeat
}

// refusal is a close code as an error.
type refusal struct {
	code int
	why  string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d: %s", r.code, r.why) }

func refuse(code int, format string, args ...any) error {
	return &refusal{code: code, why: fmt.Sprintf(format, args...)}
}

// read handles messages until the connection ends.
func (v *visit) read(mute bool) {
	if !mute {
		v.beat()
	}
	for {
		kind, data, err := v.link.conn.ReadMessage()
		if err != nil {
			left := websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) && !v.link.closing.Load()
			if m := v.member.Load(); m != nil && left {
				m.channel.bye(m, v.link)
			}
			return
		}
		if mute || v.link.closing.Load() {
			continue
		}
		if err := v.handle(kind, data); err != nil {
			v.refuse(err)
		}
	}
}

// over is called when the websocket is gone.
func (v *visit) over() {
	v.watch.Lock()
	if v.calm != nil {
		v.calm()
	}
	v.watch.Unlock()
	if m := v.member.Load(); m != nil {
		m.channel.away(m, v.link)
	}
}

func (v *visit) refuse(err error) {
	var r *refusal
	if !errors.As(err, &r) {
		r = &refusal{CloseBadPayload, err.Error()}
	}
	user := uint64(0)
	if m := v.member.Load(); m != nil {
		user = m.id
	}
	v.srv.violation(user, "was closed with %d: %s", r.code, r.why)
	v.end(r.code)
}

// end closes the connection, and the session with it where the code says so.
func (v *visit) end(code int) {
	if m := v.member.Load(); m != nil && ends(code) {
		m.channel.expel(m)
	}
	v.link.close(code)
}

// beat puts off the close for a missed heartbeat.
func (v *visit) beat() {
	v.watch.Lock()
	defer v.watch.Unlock()
	if v.calm != nil {
		v.calm()
	}
	limit := v.srv.opt.HeartbeatInterval + v.srv.opt.HeartbeatGrace
	v.calm = v.srv.timers.after(limit, func() { v.timeout(limit) })
}

// timeout closes a link on which no heartbeat came in time.
func (v *visit) timeout(limit time.Duration) {
	if m := v.member.Load(); m != nil {
		v.srv.violation(m.id, "sent no heartbeat for %v", limit)
		m.channel.expel(m)
	}
	v.link.close(CloseTimeout)
}

type incoming struct {
	Op *int            `json:"op"`
	D  json.RawMessage `json:"d"`
}

func (v *visit) handle(kind int, data []byte) error {
	if kind == websocket.BinaryMessage {
		return v.binary(data)
	}
	var in incoming
	if err := json.Unmarshal(data, &in); err != nil || in.Op == nil {
		return refuse(CloseBadPayload, "sent what is not a gateway message")
	}
	op, m := *in.Op, v.member.Load()
	switch op {
	case opIdentify, opHeartbeat, opResume:
	case opSelectProtocol, opSpeaking, delivery.OpReadyForTransition, delivery.OpInvalidCommitWelcome:
		if m == nil {
			return refuse(CloseNotAuthenticated, "sent opcode %d before identifying", op)
		}
	default:
		return refuse(CloseUnknownOpcode, "sent opcode %d, which clients do not have", op)
	}
	switch op {
	case opIdentify:
		return v.identify(in.D)
	case opResume:
		return v.resume(in.D)
	case opHeartbeat:
		return v.heartbeat(in.D)
	case opSelectProtocol:
		return m.channel.selectProtocol(m, in.D)
	case opSpeaking:
		return m.channel.speaking(m, in.D)
	}
	return m.channel.daveText(m, op, in.D)
}

func (v *visit) binary(data []byte) error {
	m := v.member.Load()
	if m == nil {
		return refuse(CloseNotAuthenticated, "sent a binary message before identifying")
	}
	if len(data) == 0 {
		return refuse(CloseBadPayload, "sent an empty binary message")
	}
	if op := int(data[0]); op != delivery.OpKeyPackage && op != delivery.OpCommitWelcome {
		return refuse(CloseUnknownOpcode, "sent binary opcode %d, which clients do not have", op)
	}
	m.channel.daveBinary(m, int(data[0]), data[1:])
	return nil
}

// snowflake is an id as Discord writes it: a string of digits.
type snowflake uint64

func (s *snowflake) UnmarshalJSON(b []byte) error {
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	n, err := strconv.ParseUint(text, 10, 64)
	*s = snowflake(n)
	return err
}

func decode(data json.RawMessage, into any) error {
	if len(data) == 0 || bytes.Equal(data, []byte("null")) {
		return refuse(CloseBadPayload, "sent a message without data")
	}
	if err := json.Unmarshal(data, into); err != nil {
		return refuse(CloseBadPayload, "sent data that does not fit the opcode: %v", err)
	}
	return nil
}

func (v *visit) identify(data json.RawMessage) error {
	var d struct {
		Server  snowflake `json:"server_id"`
		User    snowflake `json:"user_id"`
		Session string    `json:"session_id"`
		Token   string    `json:"token"`
		Highest uint16    `json:"max_dave_protocol_version"`
	}
	if v.member.Load() != nil {
		return refuse(CloseAlreadyIn, "identified twice")
	}
	if err := decode(data, &d); err != nil {
		return err
	}
	t, ok := v.srv.ticket(d.Token)
	if !ok || t.Guild != uint64(d.Server) || t.User != uint64(d.User) {
		return refuse(CloseAuthFailed, "identified with a token that is not for this user and guild")
	}
	if t.Session != d.Session {
		return refuse(CloseSessionInvalid, "identified with session %q", d.Session)
	}
	c := v.srv.channel(t.Guild, t.Channel, t.Stage)
	if d.Highest == 0 && !t.Stage && !v.srv.opt.AllowPlain {
		c.mark('<', t.User, opIdentify, "without DAVE")
		return refuse(CloseNeedsDAVE, "identified without DAVE")
	}
	v.member.Store(c.identify(t, d.Highest, v.link))
	return nil
}

func (v *visit) resume(data json.RawMessage) error {
	var d struct {
		Server  snowflake `json:"server_id"`
		Session string    `json:"session_id"`
		Token   string    `json:"token"`
		Ack     *int      `json:"seq_ack"`
	}
	if v.member.Load() != nil {
		return refuse(CloseAlreadyIn, "resumed after identifying")
	}
	if err := decode(data, &d); err != nil {
		return err
	}
	t, ok := v.srv.ticket(d.Token)
	if !ok || t.Guild != uint64(d.Server) || t.Session != d.Session {
		return refuse(CloseSessionInvalid, "resumed a session that is not there")
	}
	m, err := v.srv.channel(t.Guild, t.Channel, t.Stage).resume(t, d.Ack, v.link)
	v.member.Store(m)
	return err
}

func (v *visit) heartbeat(data json.RawMessage) error {
	var nonce json.Number
	var ack *int
	if v.link.version < 8 {
		if err := decode(data, &nonce); err != nil {
			return err
		}
	} else {
		var d struct {
			T   json.Number `json:"t"`
			Ack *int        `json:"seq_ack"`
		}
		if err := decode(data, &d); err != nil {
			return err
		}
		nonce, ack = d.T, d.Ack
	}
	if nonce == "" {
		return refuse(CloseBadPayload, "sent a heartbeat without a nonce")
	}
	v.beat()
	if m := v.member.Load(); m != nil {
		m.channel.heartbeat(m, ack)
	}
	if v.srv.loses(func(f *Faults) *int { return &f.LoseAcks }) {
		return nil
	}
	if v.link.version < 8 {
		v.link.text(6, nonce)
		return nil
	}
	v.link.text(6, map[string]any{"t": nonce})
	return nil
}
