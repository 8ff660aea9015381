package listener

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/disgoorg/godave"
	"github.com/gorilla/websocket"
)

const writeLimit = 5 * time.Second

var errMute = errors.New("the server answers no heartbeats")

// read handles what the gateway sends until the connection ends.
func (l *Listener) read() {
	for {
		kind, data, err := l.ws.ReadMessage()
		if err == nil && kind == websocket.BinaryMessage {
			err = l.binary(data)
		} else if err == nil {
			err = l.text(data)
		}
		if err != nil {
			l.end(err)
			return
		}
	}
}

func (l *Listener) send(op int, data any) error {
	b, err := json.Marshal(map[string]any{"op": op, "d": data})
	if err != nil {
		return err
	}
	return l.put(websocket.TextMessage, b)
}

func (l *Listener) put(kind int, b []byte) error {
	l.write.Lock()
	defer l.write.Unlock()
	_ = l.ws.SetWriteDeadline(time.Now().Add(writeLimit))
	return l.ws.WriteMessage(kind, b)
}

// callbacks is how the DAVE session speaks to the gateway.
type callbacks struct{ l *Listener }

func (c callbacks) SendMLSKeyPackage(b []byte) error {
	return c.l.put(websocket.BinaryMessage, append([]byte{26}, b...))
}

func (c callbacks) SendMLSCommitWelcome(b []byte) error {
	return c.l.put(websocket.BinaryMessage, append([]byte{28}, b...))
}

func (c callbacks) SendReadyForTransition(id uint16) error {
	return c.l.send(23, map[string]any{"transition_id": id})
}

func (c callbacks) SendInvalidCommitWelcome(id uint16) error {
	return c.l.send(31, map[string]any{"transition_id": id})
}

func (l *Listener) binary(b []byte) error {
	if len(b) < 3 {
		return fmt.Errorf("binary message of %d bytes", len(b))
	}
	l.saw(int(binary.BigEndian.Uint16(b)))
	op, body := b[2], b[3:]
	switch op {
	case 25:
		l.dave.OnDaveMLSExternalSenderPackage(body)
	case 27:
		l.dave.OnDaveMLSProposals(body)
	case 29, 30:
		if len(body) < 2 {
			return fmt.Errorf("opcode %d of %d bytes", op, len(body))
		}
		id := binary.BigEndian.Uint16(body)
		if op == 29 {
			l.dave.OnDaveMLSPrepareCommitTransition(id, body[2:])
		} else {
			l.dave.OnDaveMLSWelcome(id, body[2:])
		}
		l.mu.Lock()
		l.epochs++
		l.change()
		l.mu.Unlock()
	}
	return nil
}

func (l *Listener) saw(seq int) {
	l.mu.Lock()
	l.seqAck = seq
	l.mu.Unlock()
}

// message has the fields of all messages that a listener reads.
type message struct {
	Op  int  `json:"op"`
	Seq *int `json:"seq"`
	D   struct {
		Interval  float64  `json:"heartbeat_interval"`
		SSRC      uint32   `json:"ssrc"`
		IP        string   `json:"ip"`
		Port      int      `json:"port"`
		Modes     []string `json:"modes"`
		Mode      string   `json:"mode"`
		SecretKey []int    `json:"secret_key"`
		Dave      uint16   `json:"dave_protocol_version"`
		UserID    string   `json:"user_id"`
		UserIDs   []string `json:"user_ids"`
		Version   uint16   `json:"protocol_version"`
		ID        uint16   `json:"transition_id"`
		Epoch     int      `json:"epoch"`
	} `json:"d"`
}

func (l *Listener) text(b []byte) error {
	var m message
	if err := json.Unmarshal(b, &m); err != nil {
		return fmt.Errorf("message: %w", err)
	}
	if m.Seq != nil {
		l.saw(*m.Seq)
	}
	switch m.Op {
	case 8:
		return l.hello(m)
	case 2:
		return l.ready(m)
	case 4:
		return l.described(m)
	case 5:
		return l.announced(m)
	case 6:
		l.mu.Lock()
		l.unacked = 0
		l.mu.Unlock()
	case 11:
		for _, u := range m.D.UserIDs {
			l.dave.AddUser(godave.UserID(u))
		}
	case 13:
		l.dave.RemoveUser(godave.UserID(m.D.UserID))
	case 21:
		l.dave.OnDavePrepareTransition(m.D.ID, m.D.Version)
	case 22:
		l.dave.OnDaveExecuteTransition(m.D.ID)
	case 24:
		l.dave.OnDavePrepareEpoch(m.D.Epoch, m.D.Version)
	}
	return nil
}

func (l *Listener) hello(m message) error {
	interval := time.Duration(m.D.Interval * float64(time.Millisecond))
	if interval <= 0 {
		return fmt.Errorf("heartbeat interval %v", interval)
	}
	l.work.Go(func() { l.beat(interval) })
	highest := l.dave.MaxSupportedProtocolVersion()
	if l.opt.Plain {
		highest = 0
	}
	return l.send(0, map[string]any{
		"server_id": strconv.FormatUint(l.call.Guild, 10), "user_id": strconv.FormatUint(l.call.User, 10),
		"session_id": l.call.SessionID, "token": l.call.Token, "max_dave_protocol_version": highest,
	})
}

// beat sends heartbeats until the call is over.
func (l *Listener) beat(interval time.Duration) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		select {
		case <-l.done:
			return
		case <-t.C:
		}
		l.mu.Lock()
		ack, unacked := l.seqAck, l.unacked
		l.unacked++
		l.mu.Unlock()
		if unacked > 1 {
			l.end(errMute)
			return
		}
		if err := l.send(3, map[string]any{"t": time.Now().UnixMilli(), "seq_ack": ack}); err != nil {
			l.end(err)
			return
		}
	}
}

// ready finds out the own address and chooses a mode.
func (l *Listener) ready(m message) error {
	mode := l.opt.Mode
	if mode == "" {
		mode = ModeAES256GCM
		if !slices.Contains(m.D.Modes, mode) {
			mode = ModeXChaCha20
		}
	}
	conn, addr, port, err := discover(m.D.IP, m.D.Port, m.D.SSRC)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.udp, l.ssrc = conn, m.D.SSRC
	over := l.err != nil
	l.mu.Unlock()
	if over {
		_ = conn.Close()
		return ErrClosed
	}
	return l.send(1, map[string]any{
		"protocol": "udp", "data": map[string]any{"address": addr, "port": port, "mode": mode},
	})
}

// described takes in the session description: media may flow.
func (l *Listener) described(m message) error {
	key := make([]byte, len(m.D.SecretKey))
	for i, v := range m.D.SecretKey {
		key[i] = byte(v)
	}
	s, err := newSeal(m.D.Mode, key)
	if err != nil {
		return err
	}
	l.dave.OnSelectProtocolAck(m.D.Dave)
	l.mu.Lock()
	defer l.mu.Unlock()
	first := l.seal == nil
	l.seal = s
	if first {
		l.work.Go(l.receive)
		close(l.answered)
	}
	return nil
}

// announced learns whose an ssrc is.
func (l *Listener) announced(m message) error {
	user, err := strconv.ParseUint(m.D.UserID, 10, 64)
	if err != nil {
		return fmt.Errorf("speaking user: %w", err)
	}
	l.mu.Lock()
	l.users[m.D.SSRC] = user
	strays := l.strays[m.D.SSRC]
	delete(l.strays, m.D.SSRC)
	l.mu.Unlock()
	for _, d := range strays {
		l.hear(user, d)
	}
	return nil
}
