package voice

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"runtime/debug"
	"sync"
	"time"

	"github.com/disgoorg/godave"
)

const (
	lookEvery = time.Second // at DAVE, which may cease to be ready with time
)

// A session is one identify: its SSRC, UDP socket, transport key and DAVE
// group. It outlives websockets as long as they can be resumed.
type session struct {
	call  Call
	tls   *tls.Config
	log   *slog.Logger
	out   *sender
	stats *counters
	limits
	// onReady is told each time frames begin or cease to be heard.
	onReady func(bool)

	mu sync.Mutex // gw; the rest is of the goroutine in run
	gw *gateway

	seq       sequence
	dave      godave.Session
	ssrc      uint32
	mode      string
	sock      *socket
	path      *path // once described
	isReady   bool
	wasReady  bool
	since     time.Time           // when the present websocket resumed; zero if it has not
	discovery chan netip.AddrPort // nil unless discovery is under way
	tasks     sync.WaitGroup
}

func newSession(call Call, o Options, out *sender, stats *counters, onReady func(bool)) *session {
	s := &session{call: call, tls: o.TLS, log: o.Log, limits: o.limits, out: out, stats: stats, onReady: onReady, seq: newSequence()}
	s.dave = o.newDAVE(o.Log, godave.UserID(call.User.String()), callbacks{s})
	s.dave.SetChannelID(godave.ChannelID(call.Channel))
	return s
}

// run keeps the session alive until ctx is done or it is lost; then it has let
// go of everything, and the error says what became of it.
func (s *session) run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		s.hush()
		s.ready(false)
		s.tasks.Wait()
		_ = s.dave.Close()
	}()
	s.stats.sessions.Add(1)
	err := s.connect(ctx)
	for try := 0; ; try++ {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if judge(err) != resume || s.path == nil {
			return err
		}
		if try == s.resumes {
			return fmt.Errorf("%w: %w", errResume, err)
		}
		s.log.Info("voice connection lost", slog.Any("err", err), slog.Int("try", try))
		if pause(ctx, backoff(try)) != nil {
			continue
		}
		s.since = time.Time{}
		if err = s.connect(ctx); !s.since.IsZero() && time.Since(s.since) > s.steady {
			try = -1
		}
	}
}

// connect serves one websocket to its end. The session goes on sending while
// it is resumed, unless the server cannot even be reached.
func (s *session) connect(ctx context.Context) error {
	gw, err := dialGateway(ctx, s.call.Endpoint, s.tls)
	if err != nil {
		s.out.holdBack(true)
		return err
	}
	s.mu.Lock()
	s.gw = gw
	s.mu.Unlock()
	err = gw.why(s.serve(ctx, gw))
	s.mu.Lock()
	s.gw = nil
	s.mu.Unlock()
	code := 0
	if ctx.Err() != nil || judge(err) != resume || s.path == nil {
		code = 1000 // we will not come back
		s.hush()
	}
	gw.close(code)
	return err
}

// hush sends nothing more. It comes before the goodbye: what came after it
// would be from nobody the server knows.
func (s *session) hush() {
	s.out.attach(nil)
	if s.sock != nil {
		s.sock.close()
	}
}

// serve takes what the websocket brings until it ends, or the session must.
func (s *session) serve(ctx context.Context, gw *gateway) error {
	p := pulse{gw: gw, beat: time.NewTimer(time.Hour)}
	defer p.beat.Stop()
	w := watch{s: s, limit: time.NewTimer(s.open), resuming: s.path != nil}
	defer w.limit.Stop()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		wake := s.out.wake
		if s.path == nil || w.resuming {
			wake = nil
		}
		var err error
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m, ok := <-gw.in:
			if !ok {
				return gw.err
			}
			if err = s.handle(ctx, gw, &p, m); err == nil && m.op == opResumed && w.resuming {
				w.resuming = false
				err = s.resumed(gw)
			}
			w.look()
		case <-look.C:
			w.look()
		case <-p.beat.C:
			if s.out.spent() {
				return errSpent
			}
			err = p.turn(s.seq.last)
		case addr := <-s.discovery:
			err = s.selectProtocol(gw, addr)
		case <-wake:
			err = s.speak(gw)
		case broken := <-s.failed():
			return fmt.Errorf("%w: %w", errHandshake, broken)
		case <-w.limit.C:
			return w.expired()
		}
		if err != nil {
			return err
		}
	}
}

// A watch runs the one limit there is at any time: for a session to open or to
// be resumed, and from then on for DAVE to become ready.
type watch struct {
	s        *session
	limit    *time.Timer
	resuming bool
	begun    bool // the session is open, and DAVE had its first look
}

func (w *watch) look() {
	if w.s.path == nil || w.resuming {
		return
	}
	up := w.s.dave.Ready()
	switch {
	case up:
		w.limit.Stop()
	case !w.begun || w.s.isReady: // it was ready, or has only begun
		d := w.s.handshake
		if w.s.wasReady {
			d = w.s.rekey
		}
		w.limit.Reset(d)
	}
	w.begun = true
	w.s.ready(up)
}

func (w *watch) expired() error {
	if w.begun {
		return errHandshake
	}
	return errSlow
}

// failed is where a DAVE session says that it has given up, if it can.
func (s *session) failed() <-chan error {
	if f, ok := s.dave.(interface{ Failed() <-chan error }); ok {
		return f.Failed()
	}
	return nil
}

// ready notes whether frames can be heard, and tells if that has changed.
func (s *session) ready(up bool) {
	if e, ok := s.dave.(interface{ Epoch() uint64 }); ok {
		s.stats.epoch.Store(e.Epoch())
	}
	if up != s.isReady {
		s.isReady = up
		s.wasReady = s.wasReady || up
		s.onReady(up)
	}
}

// resumed goes on where the lost websocket ended.
func (s *session) resumed(gw *gateway) error {
	s.since = time.Now()
	s.stats.resumes.Add(1)
	s.out.holdBack(false)
	return s.speak(gw)
}

// selectProtocol answers ready once IP discovery has found our address.
func (s *session) selectProtocol(gw *gateway, addr netip.AddrPort) error {
	s.discovery = nil
	if !addr.IsValid() {
		return errDiscovery
	}
	return gw.send(opSelectProtocol, selectProtocol{"udp", selectedData{addr.Addr().String(), addr.Port(), s.mode}})
}

// speak tells the server whether we speak, if it does not know yet.
func (s *session) speak(gw *gateway) error {
	on, tell := s.out.speaking()
	if !tell {
		return nil
	}
	flag := 0
	if on {
		flag = 1 // microphone
	}
	if err := gw.send(opSpeaking, speaking{Speaking: flag, SSRC: s.ssrc}); err != nil {
		return err
	}
	s.out.told(s.path, on)
	return nil
}

// handle takes one message. What cannot be read ends the session if the session
// hangs on it, and is passed over otherwise. A panic ends it, and not the process
// with the calls of everybody else.
func (s *session) handle(ctx context.Context, gw *gateway, p *pulse, m message) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = protocol("opcode %d: panic: %v\n%s", m.op, r, debug.Stack())
		}
	}()
	if m.seq >= 0 {
		fresh := s.seq.text
		if m.binary {
			fresh = func(n int) bool { return s.seq.binary(uint16(n)) }
		}
		if !fresh(m.seq) {
			return nil
		}
	}
	if m.binary {
		s.handleDAVE(m)
		return nil
	}
	switch m.op {
	case opHello:
		return s.hello(gw, p, m)
	case opReady:
		return s.connectMedia(ctx, m)
	case opDescription:
		return s.describe(m)
	case opHeartbeatACK:
		if rtt := p.acknowledged(m); rtt > 0 {
			s.stats.latency.Store(int64(rtt))
		}
	case opConnect, opDisconnect, opPrepareTransition, opExecuteTransition, opPrepareEpoch:
		if err := s.handleCall(m); err != nil {
			s.log.Debug("voice message passed over", slog.Int("op", m.op), slog.Any("err", err))
		}
	}
	return nil
}

// hello answers with identify, or with resume if there is something to resume.
func (s *session) hello(gw *gateway, p *pulse, m message) error {
	h, err := decode[hello](m)
	if err != nil {
		return err
	}
	if err := p.start(h.Interval); err != nil {
		return err
	}
	if s.path != nil {
		return gw.send(opResume, resumeWith{s.call.Guild.String(), s.call.SessionID, s.call.Token, s.seq.last})
	}
	return gw.send(opIdentify, identify{
		s.call.Guild.String(), s.call.User.String(), s.call.SessionID, s.call.Token, s.dave.MaxSupportedProtocolVersion(),
	})
}

// connectMedia begins IP discovery over a new UDP socket; serve goes on meanwhile.
func (s *session) connectMedia(ctx context.Context, m message) error {
	r, err := decode[ready](m)
	if err != nil {
		return err
	}
	if s.sock != nil {
		return protocol("a second ready")
	}
	if s.mode, err = chooseMode(r.Modes); err != nil {
		return err
	}
	if s.sock, err = dialUDP(ctx, r.IP, r.Port, s.stats); err != nil {
		return err
	}
	s.ssrc = r.SSRC
	s.dave.AssignSsrcToCodec(r.SSRC, godave.CodecOpus)
	found := make(chan netip.AddrPort, 1)
	s.discovery = found
	s.tasks.Go(func() {
		addr, err := s.sock.discover(ctx, r.SSRC, discoveryFirst)
		found <- addr
		if err == nil {
			s.sock.drain()
		}
	})
	return nil
}

// describe takes the transport key. The same key again keeps its sealer: a
// nonce may not be used twice.
func (s *session) describe(m message) error {
	d, err := decode[description](m)
	if err != nil {
		return err
	}
	if s.sock == nil || d.Mode != s.mode {
		return protocol("session description for mode %q", d.Mode)
	}
	if int(d.DAVE) > s.dave.MaxSupportedProtocolVersion() {
		return protocol("DAVE version %d", d.DAVE)
	}
	if s.path == nil || s.path.seal.key != d.Key {
		seal, err := newSealer(d.Mode, d.Key, s.ssrc)
		if err != nil {
			return err
		}
		s.path = &path{seal: seal, sock: s.sock, e2ee: s.dave}
		s.dave.OnSelectProtocolAck(d.DAVE)
		s.out.attach(s.path)
	} else {
		s.dave.OnSelectProtocolAck(d.DAVE)
	}
	return nil
}
