package voice

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"segue/music"
)

func TestSequenceCountsTextAndBinaryAlike(t *testing.T) {
	type step struct {
		binary bool
		n      int
		fresh  bool
		ack    int
	}
	for name, steps := range map[string][]step{
		"mixed":            {{false, 1, true, 1}, {true, 2, true, 2}, {false, 3, true, 3}},
		"begins at 0":      {{false, 0, true, 0}, {false, 0, false, 0}, {true, 1, true, 1}},
		"said twice":       {{true, 5, true, 5}, {true, 5, false, 5}, {false, 4, false, 5}, {false, 6, true, 6}},
		"with holes":       {{true, 5, true, 5}, {false, 9, true, 9}},
		"16 bits go round": {{false, 65534, true, 65534}, {true, 65535, true, 65535}, {true, 0, true, 0}, {false, 1, true, 1}, {false, 65535, false, 1}},
		"text is wide":     {{false, 65535, true, 65535}, {false, 65536, true, 65536}, {true, 1, true, 65537}, {true, 0, false, 65537}, {false, 65538, true, 65538}},
		"negative":         {{false, -5, false, -1}, {true, 0, true, 0}},
	} {
		s := newSequence()
		for i, st := range steps {
			got := false
			if st.binary {
				got = s.binary(uint16(st.n))
			} else {
				got = s.text(st.n)
			}
			if got != st.fresh || s.last != st.ack {
				t.Errorf("%s, step %d: fresh %v at %d, want %v at %d", name, i, got, s.last, st.fresh, st.ack)
			}
		}
	}
}

func TestEveryCloseCode(t *testing.T) {
	closed := func(code int) error { return &websocket.CloseError{Code: code} }
	for _, r := range []struct {
		err  error
		do   verdict
		code string
	}{
		{closed(1000), resume, "voice.unreachable"},
		{closed(1001), resume, "voice.unreachable"},
		{closed(1006), resume, "voice.unreachable"},
		{closed(4000), resume, "voice.unreachable"},
		{closed(4001), rejoin, "voice.unreachable"},
		{closed(4002), rejoin, "voice.unreachable"},
		{closed(4003), rejoin, "voice.unreachable"},
		{closed(4004), rejoin, "voice.unreachable"},
		{closed(4005), rejoin, "voice.unreachable"},
		{closed(4006), rejoin, "voice.unreachable"},
		{closed(4009), rejoin, "voice.unreachable"},
		{closed(4011), rejoin, "voice.unreachable"},
		{closed(4012), final, "voice.unsupported"},
		{closed(4014), await, "voice.kicked"},
		{closed(4015), resume, "voice.unreachable"},
		{closed(4016), final, "voice.unsupported"},
		{closed(4017), final, "voice.e2ee_required"},
		{closed(4020), rejoin, "voice.unreachable"},
		{closed(4021), final, "voice.rate_limited"},
		{closed(4022), await, "voice.ended"},
		{closed(4999), resume, "voice.unreachable"},
		{net.ErrClosed, resume, "voice.unreachable"},
		{errZombie, resume, "voice.unreachable"},
		{errSlow, resume, "voice.unreachable"},
		{errDiscovery, rejoin, "voice.unreachable"},
		{errHandshake, rejoin, "voice.e2ee_failed"},
		{errSpent, rejoin, "voice.unreachable"},
		{errResume, rejoin, "voice.unreachable"},
		{protocol("x"), rejoin, "voice.unreachable"},
		{unsupported(nil), final, "voice.unsupported"},
		{kicked(nil), final, "voice.kicked"},
	} {
		if got := judge(r.err); got != r.do {
			t.Errorf("%v: verdict %d, want %d", r.err, got, r.do)
		}
		if got := fault(r.err); got.Code != r.code || got.Kind == music.Unplayable {
			t.Errorf("%v: %v, want %s", r.err, got, r.code)
		}
	}
}

func TestBackoffGrowsIsCappedAndNeverTheSame(t *testing.T) {
	seen := map[any]bool{}
	for n := -1; n < 40; n++ {
		for range 20 {
			d := backoff(n)
			seen[d] = true
			if d < 0 || d > backoffCap || n < 1 && d > backoffBase/2 || n >= 1 && d < min(backoffBase<<min(n-1, 10), backoffCap/2) {
				t.Fatalf("try %d after %v", n, d)
			}
		}
	}
	if len(seen) < 700 {
		t.Errorf("only %d different waits", len(seen))
	}
}

func TestPulseDoubtsBeforeItBelieves(t *testing.T) {
	p := pulse{awaiting: true, beat: newStopped()}
	if err := p.turn(1); err != nil || !p.doubting {
		t.Fatalf("a missing echo: %v", err)
	}
	p.acknowledged(message{op: opHeartbeatACK, data: []byte(`{"t":1}`)})
	if p.awaiting || p.doubting {
		t.Error("still in doubt after an echo")
	}
	p.awaiting, p.doubting = true, true
	if err := p.turn(1); !errors.Is(err, errZombie) {
		t.Errorf("no echo after all: %v", err)
	}
	for _, ms := range []float64{0, -1, 1e12} {
		if err := p.start(ms); !errors.Is(err, errProtocol) {
			t.Errorf("interval of %v ms: %v", ms, err)
		}
	}
}

func TestOrdersKeepTheLatestButAnEndIsAnEnd(t *testing.T) {
	o := newOrders()
	if n, err := o.wait(t.Context(), 0); err != nil || n.kind != orderNone {
		t.Errorf("from an empty box: %+v, %v", n, err)
	}
	o.put(order{kind: orderGone})
	o.put(order{kind: orderCall, call: Call{Token: "new"}})
	if n := o.take(); n.kind != orderCall || n.call.Token != "new" {
		t.Errorf("took %+v", n)
	}
	o.put(order{kind: orderEnd, fault: kicked(nil)})
	o.put(order{kind: orderCall})
	for range 2 {
		if n, err := o.wait(t.Context(), 0); err != nil || n.kind != orderEnd {
			t.Errorf("after the end: %+v, %v", n, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newOrders().wait(ctx, usual.news); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func newStopped() *time.Timer {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}

// quietSession is a session in a call, whose gateway is away.
func quietSession(tb testing.TB) *session {
	tb.Helper()
	var st counters
	o := Options{}.filled()
	s := newSession(Call{Guild: den, Channel: lounge, User: bot}, o, newSender(&st), &st, func(bool) {})
	sock, err := dialUDP(tb.Context(), "127.0.0.1", 9, &st)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(sock.close)
	s.sock, s.mode, s.ssrc = sock, modeAES, 7
	return s
}

func FuzzGateway(f *testing.F) {
	text := func(s string) []byte { return append([]byte{0}, s...) }
	for _, s := range []string{
		`{"op":4,"seq":1,"d":{"mode":"aead_aes256_gcm_rtpsize","secret_key":[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31],"dave_protocol_version":1}}`,
		`{"op":6,"d":{"t":1}}`, `{"op":9,"d":null}`, `{"op":11,"seq":2,"d":{"user_ids":["22"]}}`, `{"op":13,"d":{"user_id":"22"}}`,
		`{"op":21,"seq":3,"d":{"protocol_version":0,"transition_id":4}}`, `{"op":22,"seq":4,"d":{"transition_id":4}}`,
		`{"op":24,"seq":65536,"d":{"protocol_version":1,"epoch":1}}`, `{"op":-1}`, `null`, `{"op":4,"d":{"secret_key":[256]}}`,
	} {
		f.Add(text(s), []byte{1, 0, 9, opProposals, 0, 0})
	}
	for _, op := range []byte{opExternalSender, opProposals, opAnnounceCommit, opWelcome, 77} {
		f.Add([]byte{1, 0, 1, op, 0, 1, 2, 3, 0xff}, []byte{1, 0})
	}
	f.Fuzz(func(t *testing.T, a, b []byte) {
		s := quietSession(t)
		p := pulse{beat: newStopped()}
		for _, raw := range [][]byte{a, b, a} {
			if len(raw) == 0 {
				continue
			}
			parse := parseText
			if raw[0] != 0 {
				parse = parseBinary
			}
			m, err := parse(raw[1:])
			if err != nil || !m.binary && (m.op == opHello || m.op == opReady) {
				continue // these need a server: they are in other tests
			}
			was := s.seq.last
			_ = s.handle(t.Context(), nil, &p, m)
			if m.seq < 0 && s.seq.last != was {
				t.Errorf("a message without a number moved seq_ack from %d to %d", was, s.seq.last)
			}
		}
		_ = s.dave.Close()
	})
}

func FuzzDiscovery(f *testing.F) {
	good := discoveryAnswer(7, "203.0.113.9", 50004)
	six := discoveryAnswer(7, "2001:db8::1", 1)
	zone := discoveryAnswer(7, "fe80::1%eth0", 1)
	f.Add(good[:], uint32(7))
	f.Add(six[:], uint32(7))
	f.Add(zone[:], uint32(7))
	f.Add(good[:70], uint32(7))
	f.Fuzz(func(t *testing.T, b []byte, ssrc uint32) {
		addr, ok := parseDiscovery(b, ssrc)
		if ok != addr.IsValid() || ok && (addr.Port() == 0 || addr.Addr().Zone() != "" || binary.BigEndian.Uint32(b[4:]) != ssrc) {
			t.Errorf("read %v, %v", addr, ok)
		}
	})
}

func FuzzSeal(f *testing.F) {
	f.Add([]byte{1}, uint16(0), uint32(0), true)
	f.Add(make([]byte, maxFrame), uint16(65535), uint32(1<<32-1), false)
	f.Fuzz(func(t *testing.T, frame []byte, seq uint16, ts uint32, aesMode bool) {
		if len(frame) == 0 || len(frame) > maxFrame {
			return
		}
		mode := modeXChaCha
		if aesMode {
			mode = modeAES
		}
		s, err := newSealer(mode, [32]byte{9}, 3)
		if err != nil {
			t.Fatal(err)
		}
		p, err := s.seal(bare{}, frame, seq, ts)
		if err != nil {
			t.Fatal(err)
		}
		if body, _ := opened(t, mode, [32]byte{9}, p); string(body) != string(frame) {
			t.Error("another frame came out")
		}
	})
}
