// Package voiceserver is one of Discord's voice servers on loopback: the voice
// gateway version 8 over TLS, its part as DAVE delivery service (package
// delivery), and the forwarding of media over UDP in both rtpsize modes. It is
// strict where Discord is, and writes down in a sentence what a client does
// that Discord would frown upon but not punish. Several may run at once.
package voiceserver

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"segue/discordtest/delivery"
)

// The encryption modes that Discord offers.
const (
	ModeAES256GCM = "aead_aes256_gcm_rtpsize"
	ModeXChaCha20 = "aead_xchacha20_poly1305_rtpsize"
)

// Options of a Server. The zero value is a server much like the real one.
type Options struct {
	CA                *CA           // who signs its certificate; nil makes one of its own
	HeartbeatInterval time.Duration // as told in Hello; 0 means 5 s
	HeartbeatGrace    time.Duration // by how much a heartbeat may be late; 0 means half an interval, at least 1 s
	ResumeWindow      time.Duration // for how long a lost connection may be resumed; 0 means 5 s
	TransitionTimeout time.Duration // patience for opcode 23; 0 means 2 s
	ExecuteDelay      time.Duration // earliest opcode 22 after a transition began
	ProposalDelay     time.Duration // proposals are collected for so long
	Policy            delivery.Policy
	ExternalBeforeAck bool     // opcode 25 comes before opcode 4
	ResumedFirst      bool     // opcode 9 comes before what is replayed, not after
	AllowPlain        bool     // admit clients without DAVE, as before March 2026
	Modes             []string // offered in Ready; empty means both
	Log               *slog.Logger
}

func (o *Options) setDefaults() {
	if o.HeartbeatInterval == 0 {
		o.HeartbeatInterval = 5 * time.Second
	}
	if o.HeartbeatGrace == 0 {
		o.HeartbeatGrace = max(o.HeartbeatInterval/2, time.Second)
	}
	if o.ResumeWindow == 0 {
		o.ResumeWindow = 5 * time.Second
	}
	if o.TransitionTimeout == 0 {
		o.TransitionTimeout = 2 * time.Second
	}
	if len(o.Modes) == 0 {
		o.Modes = []string{ModeAES256GCM, ModeXChaCha20}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// A Ticket is what the main gateway tells a voice server of a user it sends.
type Ticket struct {
	Guild, Channel, User uint64
	Session              string // session id of the user's voice state
	Token                string // of VOICE_SERVER_UPDATE; empty makes one
	Stage                bool   // a stage channel: no DAVE there
}

// A Server is one voice server.
type Server struct {
	opt    Options
	ca     *CA
	http   *http.Server
	listen net.Listener
	udp    *net.UDPConn
	timers timers
	serves sync.WaitGroup // the HTTP server and the forwarding of media
	links  sync.WaitGroup
	record record

	mu       sync.Mutex
	closed   bool
	open     map[*link]struct{}
	channels map[[2]uint64]*Channel
	tickets  map[string]Ticket // by token
	addrs    map[netip.AddrPort]*member
	former   map[netip.AddrPort]struct{} // addresses of those who left: what was under way is nobody's fault
	ssrcs    map[uint32]*member
	lastSSRC uint32
	faults   Faults
	hushed   map[[2]uint64]hush // by guild and user
}

// New starts a server on a free port of 127.0.0.1.
func New(opt Options) (*Server, error) {
	opt.setDefaults()
	s := &Server{
		opt: opt, ca: opt.CA, lastSSRC: 1000,
		open: map[*link]struct{}{}, channels: map[[2]uint64]*Channel{}, tickets: map[string]Ticket{},
		addrs: map[netip.AddrPort]*member{}, former: map[netip.AddrPort]struct{}{}, ssrcs: map[uint32]*member{},
		hushed: map[[2]uint64]hush{},
	}
	if s.ca == nil {
		var err error
		if s.ca, err = NewCA(); err != nil {
			return nil, err
		}
	}
	cert, err := s.ca.issue()
	if err != nil {
		return nil, err
	}
	s.listen, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
	if err != nil {
		return nil, fmt.Errorf("voice server: %w", err)
	}
	s.udp, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		_ = s.listen.Close()
		return nil, fmt.Errorf("voice server: %w", err)
	}
	_ = s.udp.SetReadBuffer(4 << 20) // best effort: a loss here would be blamed on the client
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(opt.Log.Handler(), slog.LevelDebug),
	}
	s.serves.Go(func() { _ = s.http.Serve(s.listen) })
	s.serves.Go(s.forward)
	return s, nil
}

// Endpoint is the "host:port" that VOICE_SERVER_UPDATE would carry.
func (s *Server) Endpoint() string { return s.listen.Addr().String() }

// CA is the authority that signed the server's certificate.
func (s *Server) CA() *CA { return s.ca }

// Pool returns a certificate pool that trusts this server alone.
func (s *Server) Pool() *x509.CertPool { return s.ca.Pool() }

// Close ends all connections without a word and waits for everything the
// server started. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for l := range s.open {
		l.drop()
	}
	s.mu.Unlock()
	err := s.http.Close()
	_ = s.udp.Close() // the second time it is closed already
	s.timers.stop()
	s.links.Wait()
	s.serves.Wait()
	return err
}

// Admit lets a user connect and returns the token to do it with. A ticket for
// a user and channel does not end an earlier one: Revoke does.
func (s *Server) Admit(t Ticket) (token string) {
	if t.Token == "" {
		t.Token = rand.Text()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tickets[t.Token] = t
	return t.Token
}

// Revoke makes a token worthless: who comes with it gets 4004.
func (s *Server) Revoke(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.tickets, token)
}

func (s *Server) ticket(token string) (Ticket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tickets[token]
	return t, ok
}

// Channel returns this server's view of a voice channel, made when it is first
// asked for.
func (s *Server) Channel(guild, channel uint64) *Channel { return s.channel(guild, channel, false) }

func (s *Server) channel(guild, channel uint64, stage bool) *Channel {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := [2]uint64{guild, channel}
	c := s.channels[key]
	if c == nil {
		c = newChannel(s, guild, channel, stage)
		s.channels[key] = c
	}
	return c
}

// Crash closes every connection with 4015; sessions may be resumed.
func (s *Server) Crash() {
	s.mu.Lock()
	links := make([]*link, 0, len(s.open))
	for l := range s.open {
		links = append(links, l)
	}
	s.mu.Unlock()
	for _, l := range links {
		l.close(CloseCrashed)
	}
}

// Violations lists, in the order first seen, what clients did against the
// protocol, a sentence each.
func (s *Server) Violations() []string { return s.record.sentences() }

// AwaitViolations waits until there were n violations, repeated ones counted,
// and returns what Violations does.
func (s *Server) AwaitViolations(ctx context.Context, n int) ([]string, error) {
	if err := s.record.await(ctx, n); err != nil {
		return s.Violations(), fmt.Errorf("voice server: %d violations waited for in vain: %w", n, err)
	}
	return s.Violations(), nil
}

func (s *Server) violation(user uint64, format string, args ...any) {
	sentence := fmt.Sprintf("user %d ", user) + fmt.Sprintf(format, args...)
	s.record.add(sentence)
	s.opt.Log.LogAttrs(context.Background(), slog.LevelDebug, "violation", slog.String("what", sentence))
}
