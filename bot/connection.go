package bot

import (
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"github.com/disgoorg/disgo/gateway"
	"github.com/gorilla/websocket"
)

// message is one gateway message as it comes in.
type message struct {
	Op   gateway.Opcode    `json:"op"`
	Seq  *int              `json:"s"`
	Type gateway.EventType `json:"t"`
	Data json.RawMessage   `json:"d"`
}

// connect opens one connection and serves it until it ends. lasted says whether
// it got ready and stayed so for a while.
func (s *session) connect(ctx context.Context) (lasted bool, err error) {
	s.set(gateway.StatusConnecting)
	conn, err := s.dial(ctx)
	if err != nil {
		s.set(gateway.StatusDisconnected)
		return false, err
	}
	s.mu.Lock()
	s.conn, s.status, s.acked, s.sent = conn, gateway.StatusWaitingForHello, true, nil
	s.mu.Unlock()
	live, end := context.WithCancelCause(ctx)
	gone := make(chan struct{})
	// Whatever ends live ends the reading: Close, a failed heartbeat, or we.
	stop := context.AfterFunc(live, func() {
		if ctx.Err() != nil { // Close has said so; let the other side read it
			select {
			case <-gone:
			case <-time.After(closeLimit):
			}
		}
		_ = conn.Close()
	})
	err = s.converse(live, conn, end)
	if cause := context.Cause(live); cause != nil && ctx.Err() == nil {
		err = cause // the heartbeat's, which came first
	}
	close(gone)
	end(nil)
	stop()
	_ = conn.Close()
	return s.lost(), err
}

// converse reads one connection until it ends, and beats meanwhile.
func (s *session) converse(ctx context.Context, conn *websocket.Conn, end context.CancelCauseFunc) error {
	var beating sync.WaitGroup
	ctx, quiet := context.WithCancel(ctx)
	defer beating.Wait()
	defer quiet()
	in, greeted := newInflow(conn), false
	_ = conn.SetReadDeadline(time.Now().Add(helloLimit))
	for {
		m, err := in.next()
		if err != nil {
			return err
		}
		if m.Op != gateway.OpcodeHello {
			if err := s.take(conn, m); err != nil {
				return err
			}
			continue
		}
		if greeted {
			return fmt.Errorf("gateway: a second hello: %w", errUnexpected)
		}
		greeted = true
		interval, err := s.hello(conn, m)
		if err != nil {
			return err
		}
		beating.Go(func() { s.heartbeats(ctx, conn, interval, end) })
	}
}

// lost notes that the connection is gone, and whether it was ready for a while.
func (s *session) lost() (lasted bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conn, s.status = nil, gateway.StatusDisconnected
	select {
	case <-s.ready:
		s.ready = make(chan struct{})
		return time.Since(s.since) >= lastingTime
	default:
		return false
	}
}

func (s *session) set(status gateway.Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = status
}

// hello answers the first message: resume if there is a session, else identify.
func (s *session) hello(conn *websocket.Conn, m message) (time.Duration, error) {
	var hello gateway.MessageDataHello
	if err := json.Unmarshal(m.Data, &hello); err != nil || hello.HeartbeatInterval <= 0 {
		return 0, fmt.Errorf("gateway: hello %q: %w", m.Data, errUnexpected)
	}
	interval := time.Duration(hello.HeartbeatInterval) * time.Millisecond
	s.mu.Lock()
	id, seq := s.id, s.seq
	if id == "" {
		s.identified, s.status = time.Now(), gateway.StatusIdentifying
	} else {
		s.status = gateway.StatusResuming
	}
	s.mu.Unlock()
	if id != "" {
		return interval, s.write(conn, gateway.Message{Op: gateway.OpcodeResume, D: gateway.MessageDataResume{
			Token: s.o.token, SessionID: id, Seq: max(seq, 0),
		}})
	}
	return interval, s.write(conn, gateway.Message{Op: gateway.OpcodeIdentify, D: gateway.MessageDataIdentify{
		Token:          s.o.token,
		Properties:     gateway.IdentifyCommandDataProperties{OS: runtime.GOOS, Browser: "segue", Device: "segue"},
		LargeThreshold: 50,
		Intents:        s.o.intents,
		Shard:          &[2]int{0, 1},
	}})
}

// take acts on any other message.
func (s *session) take(conn *websocket.Conn, m message) error {
	switch m.Op {
	case gateway.OpcodeDispatch:
		s.dispatch(conn, m)
	case gateway.OpcodeHeartbeat:
		return s.sendBeat(conn) // beyond the regular ones: its answer is not waited for
	case gateway.OpcodeHeartbeatACK:
		s.mu.Lock()
		if !s.acked { // or it answers a beat that was asked for
			s.acked, s.latency = true, time.Since(s.beat)
		}
		s.mu.Unlock()
	case gateway.OpcodeReconnect:
		s.sayClose(conn, closeResumable, "reconnecting")
		return errReconnect
	case gateway.OpcodeInvalidSession:
		var may bool
		if err := json.Unmarshal(m.Data, &may); err != nil || !may {
			s.mu.Lock()
			s.forget()
			s.mu.Unlock()
		}
		s.sayClose(conn, closeResumable, "session refused")
		return errInvalid
	}
	return nil
}

// dispatch hands one event on. An event that cannot be read is passed over: it
// must not cost the connection.
func (s *session) dispatch(conn *websocket.Conn, m message) {
	s.mu.Lock()
	if m.Seq != nil {
		s.seq = *m.Seq
	}
	seq := s.seq
	s.mu.Unlock()
	event, err := s.hand(m, seq)
	if err != nil {
		s.o.log.Warn("gateway event not understood", "event", m.Type, "err", err)
		return
	}
	ready, fresh := event.(gateway.EventReady)
	if _, resumed := event.(gateway.EventResumed); !fresh && !resumed {
		return
	}
	_ = conn.SetReadDeadline(time.Time{}) // from here on heartbeats notice a dead peer
	s.mu.Lock()
	defer s.mu.Unlock()
	if fresh {
		s.id, s.resumeURL = ready.SessionID, ready.ResumeGatewayURL
	}
	if s.status != gateway.StatusReady {
		s.status, s.since = gateway.StatusReady, time.Now()
		close(s.ready)
	}
}

// hand reads an event and gives it to its handler. Both are a library's code,
// run on what somebody else wrote: a panic there is an error here.
func (s *session) hand(m message, seq int) (event gateway.EventData, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	event, err = gateway.UnmarshalEventData(m.Data, m.Type)
	if err != nil {
		return nil, err
	}
	if _, unknown := event.(gateway.EventUnknown); !unknown {
		s.o.handle(s, m.Type, seq, event)
	}
	return event, nil
}

// heartbeats beats until ctx ends, and ends the connection through end when the
// last beat was not answered.
func (s *session) heartbeats(ctx context.Context, conn *websocket.Conn, interval time.Duration, end context.CancelCauseFunc) {
	wait := time.Duration(rand.Float64() * float64(interval)) // so that shards do not beat together
	for {
		if pause(ctx, wait) != nil {
			return
		}
		s.mu.Lock()
		acked := s.acked
		s.beat, s.acked = time.Now(), false
		s.mu.Unlock()
		if !acked {
			s.sayClose(conn, closeResumable, "no heartbeat answer")
			end(errNoAck)
			return
		}
		if err := s.sendBeat(conn); err != nil {
			end(err)
			return
		}
		wait = interval
	}
}

// sendBeat sends one heartbeat.
func (s *session) sendBeat(conn *websocket.Conn) error {
	s.mu.Lock()
	var seq any // null before the first event
	if s.seq >= 0 {
		seq = s.seq
	}
	s.mu.Unlock()
	return s.write(conn, map[string]any{"op": gateway.OpcodeHeartbeat, "d": seq})
}

// inflow is a connection read as what it is: one compressed stream of JSON
// values, cut into websocket messages wherever the sender flushed.
type inflow struct {
	conn *websocket.Conn
	part io.Reader // rest of the current message
	err  error     // what ended the connection, before others wrapped it
	dec  *json.Decoder
}

// maxMessage bounds one websocket message, compressed.
const maxMessage = 64 << 20

func newInflow(conn *websocket.Conn) *inflow {
	conn.SetReadLimit(maxMessage)
	return &inflow{conn: conn}
}

// next gives the next message.
func (f *inflow) next() (message, error) {
	if f.dec == nil {
		z, err := zlib.NewReader(f)
		if err != nil {
			return message{}, f.because(err)
		}
		f.dec = json.NewDecoder(z)
	}
	var m message
	if err := f.dec.Decode(&m); err != nil {
		return message{}, f.because(err)
	}
	return m, nil
}

// because prefers what the connection said over what came of it.
func (f *inflow) because(err error) error {
	if f.err != nil {
		err = f.err
	}
	return fmt.Errorf("gateway: %w", err)
}

// Read reads on across the borders of messages.
func (f *inflow) Read(p []byte) (int, error) {
	for {
		if f.part == nil {
			_, f.part, f.err = f.conn.NextReader()
			if f.err != nil {
				return 0, f.err
			}
		}
		n, err := f.part.Read(p)
		if errors.Is(err, io.EOF) {
			f.part, err = nil, nil
		}
		if n > 0 || err != nil {
			f.err = err
			return n, err
		}
	}
}
