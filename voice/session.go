package voice

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/disgoorg/godave"
)

const (
	openLimit      = 10 * time.Second // from hello to session description, or to resumed
	handshakeLimit = 10 * time.Second // for DAVE to become ready when joining
	rekeyLimit     = 30 * time.Second // and later, when others may be the slow ones
	resumeTries    = 6                // with backoff: about 20 s
	steady         = 10 * time.Second // a socket that lasted that long was fine
)

// A session is one identify: its SSRC, UDP socket, transport key and DAVE
// group. It outlives websockets as long as they can be resumed.
type session struct {
	call  Call
	tls   *tls.Config
	log   *slog.Logger
	out   *sender
	stats *counters
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
	versions  map[uint16]uint16   // DAVE version of transitions announced by op 21
	discovery chan netip.AddrPort // nil unless discovery is under way
	tasks     sync.WaitGroup
}

func newSession(call Call, o Options, out *sender, stats *counters, onReady func(bool)) *session {
	s := &session{call: call, tls: o.TLS, log: o.Log, out: out, stats: stats, onReady: onReady, seq: newSequence(), versions: map[uint16]uint16{}}
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
		s.out.attach(nil)
		s.ready(false)
		s.stats.encrypted.Store(false)
		if s.sock != nil {
			s.sock.close()
		}
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
		if try == resumeTries {
			return fmt.Errorf("%w: %w", errResume, err)
		}
		s.log.Info("voice connection lost", slog.Any("err", err), slog.Int("try", try))
		if pause(ctx, backoff(try)) != nil {
			continue
		}
		began := time.Now()
		if err = s.connect(ctx); time.Since(began) > steady {
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
	err = s.serve(ctx, gw)
	s.mu.Lock()
	s.gw = nil
	s.mu.Unlock()
	code := 0
	if ctx.Err() != nil || judge(err) != resume || s.path == nil {
		code = 1000 // we will not come back
	}
	gw.close(code)
	return err
}

func (s *session) serve(ctx context.Context, gw *gateway) error {
	p := pulse{gw: gw, beat: time.NewTimer(time.Hour)}
	defer p.beat.Stop()
	limit := time.NewTimer(openLimit)
	defer limit.Stop()
	again := s.path != nil
	opened := false
	for {
		wake := s.out.wake
		if s.path == nil || again {
			wake = nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case m, ok := <-gw.in:
			if !ok {
				return gw.err
			}
			if err := s.handle(ctx, gw, &p, m); err != nil {
				return err
			}
			if again && m.op == opResumed {
				again = false
				s.stats.resumes.Add(1)
				s.out.holdBack(false)
				if err := s.speak(gw); err != nil {
					return err
				}
			}
			s.watch(limit, &opened, again)
		case <-p.beat.C:
			if err := p.turn(s.seq.last); err != nil {
				return err
			}
			if s.out.spent() {
				return errSpent
			}
		case addr := <-s.discovery:
			s.discovery = nil
			if !addr.IsValid() {
				return errDiscovery
			}
			if err := gw.send(opSelectProtocol, selectProtocol{"udp", selectedData{addr.Addr().String(), addr.Port(), s.mode}}); err != nil {
				return err
			}
		case <-wake:
			if err := s.speak(gw); err != nil {
				return err
			}
		case <-limit.C:
			if s.path == nil || again {
				return errSlow
			}
			return errHandshake
		}
	}
}

// watch runs the one limit there is at any time: for the session to open, or
// for DAVE to become ready.
func (s *session) watch(limit *time.Timer, opened *bool, again bool) {
	if s.path == nil || again {
		return
	}
	up := s.dave.Ready()
	switch {
	case up:
		limit.Stop()
	case !*opened || s.isReady:
		d := handshakeLimit
		if s.wasReady {
			d = rekeyLimit
		}
		limit.Reset(d)
	}
	*opened = true
	s.ready(up)
}

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
// hangs on it, and is passed over otherwise.
func (s *session) handle(ctx context.Context, gw *gateway, p *pulse, m message) error {
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
		return s.open(ctx, m)
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

// open begins IP discovery over a new UDP socket; serve goes on meanwhile.
func (s *session) open(ctx context.Context, m message) error {
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
		addr, err := s.sock.discover(ctx, r.SSRC)
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
	s.stats.encrypted.Store(d.DAVE > 0)
	return nil
}

// callbacks let the DAVE session write to the gateway. It may do so while there
// is none; what it says then is lost, and the gateway asks again.
type callbacks struct{ s *session }

var errOffline = errors.New("no gateway connection")

func (c callbacks) with(f func(*gateway) error) error {
	c.s.mu.Lock()
	gw := c.s.gw
	c.s.mu.Unlock()
	if gw == nil {
		return errOffline
	}
	return f(gw)
}

func (c callbacks) SendMLSKeyPackage(b []byte) error {
	return c.with(func(g *gateway) error { return g.sendBinary(opKeyPackage, b) })
}

func (c callbacks) SendMLSCommitWelcome(b []byte) error {
	return c.with(func(g *gateway) error { return g.sendBinary(opCommitWelcome, b) })
}

func (c callbacks) SendReadyForTransition(id uint16) error {
	return c.with(func(g *gateway) error { return g.send(opTransitionReady, transitionID{id}) })
}

func (c callbacks) SendInvalidCommitWelcome(id uint16) error {
	return c.with(func(g *gateway) error { return g.send(opInvalidCommit, transitionID{id}) })
}
