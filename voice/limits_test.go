package voice

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"segue/discordtest/voiceserver"
	"segue/music"
)

// hurried makes everybody impatient.
var hurried = limits{
	answer: 200 * time.Millisecond, news: 200 * time.Millisecond, open: 200 * time.Millisecond,
	handshake: 400 * time.Millisecond, rekey: 400 * time.Millisecond,
	steady: 10 * time.Second, resumes: 6,
}

func (s *stage) ended(c *Conn, want string) {
	s.Helper()
	select {
	case <-c.Done():
	case <-s.limit().Done():
		s.Fatal("the call goes on")
	}
	if code(c.Err()) != want {
		s.Errorf("ended with %v, want %s", c.Err(), want)
	}
}

func TestLeavesWhenTheHandshakeDoesNotCome(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.dial(alice)
	s.room().HoldCommits(time.Hour, nil)
	s.opts.limits = hurried
	if _, err := Dial(s.limit(), s.call(bot), s.opts); code(err) != "voice.e2ee_failed" {
		t.Errorf("error is %v", err)
	}
	s.until("the bot gone", func(st voiceserver.State) bool { return st.Member(uint64(bot)).User == 0 })
}

func TestLeavesWhenTheHandshakeFails(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{}, "31")
	s.dial(alice)
	s.room().Spoil(uint64(bot), opWelcome, 100)
	s.room().HoldCommits(50*time.Millisecond, func(u uint64) int {
		if u == uint64(alice) {
			return 1
		}
		return 0
	})
	if _, err := Dial(s.limit(), s.call(bot), s.opts); code(err) != "voice.e2ee_failed" {
		t.Errorf("error is %v", err)
	}
}

func TestLeavesWhenTheGroupIsNeverReadyAgain(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.opts.limits = hurried
	b := s.dial(bot)
	b.Play(newTape(-1, 50))
	s.room().HoldCommits(time.Hour, nil)
	s.dial2(alice)
	s.ended(b, "voice.e2ee_failed")
	if m := s.room().State().Member(uint64(bot)); m.Plain != 0 {
		t.Errorf("plain frames: %+v", m)
	}
}

// dial2 comes in without waiting to be heard.
func (s *stage) dial2(u music.UserID) {
	o := s.opts
	o.limits = usual
	c := newConn(o, nil, nil)
	c.orders.put(order{kind: orderCall, call: s.call(u)})
	c.start()
	s.Cleanup(c.abandon)
}

func TestDialledCallEndsWhereOnlyTheMainGatewayCouldHelp(t *testing.T) {
	t.Parallel()
	for closing, want := range map[int]string{
		4014: "voice.kicked", 4022: "voice.ended", 4006: "voice.unreachable", 4009: "voice.unreachable", 4021: "voice.rate_limited",
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, voiceserver.Options{}, inFlight...)
			b := s.dial(bot)
			s.room().Close(uint64(bot), closing)
			s.ended(b, want)
		})
	}
}

func TestSilentServerIsTriedTwice(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{})
	s.opts.limits = hurried
	s.srv.Inject(voiceserver.Faults{Silent: true})
	began := time.Now()
	if _, err := Dial(s.limit(), s.call(bot), s.opts); code(err) != "voice.unreachable" || !errors.Is(err, errSlow) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(began); took < 2*hurried.open {
		t.Errorf("gave up after %v", took)
	}
}

// Each try takes as long as a socket that was fine: it must not count as one.
func TestAServerThatNeverResumesIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, faults := range map[string]voiceserver.Faults{
		"says hello, answers nothing": {Silent: true},
		"is not there":                {Refuse: 503},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, voiceserver.Options{}, inFlight...)
			s.opts.limits = usual
			s.opts.limits.open = 300 * time.Millisecond
			s.opts.limits.steady = 200 * time.Millisecond
			s.opts.limits.resumes = 2
			b := s.dial(bot)
			s.srv.Inject(faults)
			s.room().Drop(uint64(bot))
			s.ended(b, "voice.unreachable")
			if !errors.Is(b.Err(), errResume) {
				t.Errorf("ended with %v", b.Err())
			}
		})
	}
}

func TestWithoutNewsTheCallEndsAtLast(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.m.o.limits = usual
	h.m.o.limits.news = hurried.news
	conn := h.join(lounge)
	h.room().Close(uint64(bot), 4014)
	h.ended(conn, "voice.kicked")
	if got := len(h.wishes()); got != 2 {
		t.Errorf("asked %v", h.wishes())
	}
}

func TestAServerThatIsGoneForLongIsAskedFor(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.m.o.limits = usual
	h.m.o.limits.news = hurried.news
	conn := h.join(lounge)
	conn.Play(newTape(-1, 50))
	h.plays(h.srv, lounge)
	h.sayNoServer()
	h.plays(h.srv, lounge)
	if got := len(h.wishes()); got != 2 {
		t.Errorf("asked %v", h.wishes())
	}
}

func TestFullChannel(t *testing.T) {
	t.Parallel()
	h := newHall(t)
	h.m.o.limits = hurried
	h.full[lounge] = true
	if _, err := h.m.Join(h.limit(), den, lounge); code(err) != "voice.no_answer" {
		t.Errorf("error is %v", err)
	}
}

func TestSocketOutlivesICMP(t *testing.T) {
	nothingLeft(t)
	gone, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at := gone.LocalAddr().(*net.UDPAddr)
	var st counters
	s, err := dialUDP(t.Context(), at.IP.String(), at.Port, &st)
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	done := make(chan struct{})
	go func() { defer close(done); s.drain() }()
	refused := false
	for range 1000 {
		refused = refused || errors.Is(s.send([]byte("x")), syscall.ECONNREFUSED)
	}
	if !refused {
		t.Error("the kernel never complained: the test shows nothing")
	}
	back, err := net.ListenUDP("udp4", at)
	if err != nil {
		t.Skip("SKIPPED: somebody took the port")
	}
	defer func() { _ = back.Close() }()
	for range 3 { // what is left of the complaints
		_ = s.send([]byte("x"))
	}
	if err := s.send([]byte("again")); err != nil {
		t.Errorf("send after the port is back: %v", err)
	}
	s.close()
	s.close()
	<-done
	if s.send([]byte("x")) == nil {
		t.Error("sent over a closed socket")
	}
}

func discoveryAnswer(ssrc uint32, ip string, port uint16) [discoverySize]byte {
	b := discoveryRequest(ssrc)
	b[1] = 2
	copy(b[8:], ip)
	binary.BigEndian.PutUint16(b[72:], port)
	return b
}

func TestDiscoveryGivesUpAndIsNotFooled(t *testing.T) {
	t.Parallel()
	srv, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = srv.Close() }()
	at := srv.LocalAddr().(*net.UDPAddr)
	var st counters
	s, err := dialUDP(t.Context(), at.IP.String(), at.Port, &st)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	answers := func(b []byte) [][]byte {
		other := discoveryAnswer(8, "1.2.3.4", 5)
		return [][]byte{nil, b, other[:], other[:20], []byte("rubbish")}
	}
	go func() {
		b := make([]byte, 100)
		for n := 0; ; n++ {
			size, from, err := srv.ReadFromUDPAddrPort(b)
			if err != nil {
				return
			}
			for _, a := range answers(b[:size]) {
				_, _ = srv.WriteToUDPAddrPort(a, from)
			}
			if n > discoveryTries {
				good := discoveryAnswer(7, "203.0.113.9", 50004)
				_, _ = srv.WriteToUDPAddrPort(good[:], from)
			}
		}
	}()
	if _, err := s.discover(t.Context(), 7, 5*time.Millisecond); !errors.Is(err, errDiscovery) {
		t.Errorf("error is %v", err)
	}
	addr, err := s.discover(t.Context(), 7, 100*time.Millisecond)
	if err != nil || addr != netip.MustParseAddrPort("203.0.113.9:50004") {
		t.Errorf("found %v, %v", addr, err)
	}
	for host, port := range map[string]int{"": 1, "example.org": 1, "127.0.0.1": 0, "127.0.0.2": 70000} {
		if _, err := dialUDP(t.Context(), host, port, &st); !errors.Is(err, errProtocol) {
			t.Errorf("dialled %q %d: %v", host, port, err)
		}
	}
}

// The goodbye is answered as it is read, and from then on nothing can be sent:
// the code is what counts, not that.
func TestACloseCodeCountsMoreThanWhatCouldNotBeSentAfterIt(t *testing.T) {
	t.Parallel()
	g := &gateway{in: make(chan message, 2), err: &websocket.CloseError{Code: 4021}}
	g.in <- message{}
	close(g.in)
	err := g.why(fmt.Errorf("%w: %w", errSend, websocket.ErrCloseSent))
	if judge(err) != final || fault(err).Code != "voice.rate_limited" {
		t.Errorf("error is %v", err)
	}
	silent := &gateway{in: make(chan message)}
	if err := silent.why(errSend); judge(err) != resume {
		t.Errorf("error is %v", err)
	}
	if err := silent.why(errZombie); !errors.Is(err, errZombie) {
		t.Errorf("error is %v", err)
	}
}

// Our own first commit wins, but its announcement is damaged, and the transition
// is executed without another word: nothing tells us that we missed it.
func TestADamagedFirstCommitDoesNotHoldTheCallForEver(t *testing.T) {
	t.Parallel()
	s := newStage(t, voiceserver.Options{}, "31")
	s.dial(alice)
	s.room().NextTransition(0)
	s.room().Spoil(uint64(bot), opAnnounceCommit, 100)
	s.room().HoldCommits(50*time.Millisecond, func(u uint64) int {
		if u == uint64(bot) {
			return 1
		}
		return 0
	})
	s.opts.limits = hurried
	began := time.Now()
	c, err := Dial(s.limit(), s.call(bot), s.opts)
	if err == nil {
		c.abandon()
		t.Fatal("frames could be heard: the test shows nothing")
	}
	if code(err) != "voice.e2ee_failed" || !errors.Is(err, errHandshake) {
		t.Errorf("error is %v", err)
	}
	if took := time.Since(began); took < hurried.handshake {
		t.Errorf("gave up after %v: not by the limit", took)
	}
}
