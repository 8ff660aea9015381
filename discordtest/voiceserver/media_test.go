package voiceserver_test

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/discordtest/voiceserver"
)

// duo is two clients in a call without DAVE, so that payloads can be anything.
func duo(t *testing.T, modes ...string) (s *voiceserver.Server, a, b *client) {
	t.Helper()
	s = newServer(t, voiceserver.Options{})
	for i, mode := range modes {
		c := &client{t: t, srv: s, user: uint64(alice + i*(bob-alice))}
		c.token = s.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: c.user, Session: "session", Stage: true})
		c.redial()
		c.join(mode)
		if i == 0 {
			a = c
		} else {
			b = c
		}
	}
	return s, a, b
}

func TestMediaIsRelayedUnderEachOnesKey(t *testing.T) {
	for _, modes := range [][]string{
		{voiceserver.ModeAES256GCM, voiceserver.ModeXChaCha20},
		{voiceserver.ModeXChaCha20, voiceserver.ModeAES256GCM},
	} {
		s, a, b := duo(t, modes...)
		var tapped []string
		s.Channel(guild, channel).OnMedia(func(m voiceserver.Media) { tapped = append(tapped, string(m.Payload)) })
		a.speak()
		for i := range 50 {
			a.media(fmt.Appendf(nil, "frame %d", i))
			if got := string(b.hear(patience)); got != fmt.Sprintf("frame %d", i) {
				t.Fatalf("heard %q", got)
			}
		}
		got := s.Channel(guild, channel).State()
		if len(tapped) != 50 || got.Member(alice).Packets != 50 || got.Member(alice).Plain != 50 {
			t.Errorf("tapped %d, counted %+v", len(tapped), got.Member(alice).Counts)
		}
		if v := s.Violations(); len(v) > 0 {
			t.Errorf("violations %q", v)
		}
	}
}

func TestMediaViolations(t *testing.T) {
	put := func(at int, v byte) func([]byte) []byte {
		return func(h []byte) []byte { h[at] = v; return h }
	}
	for _, test := range []struct {
		name string
		send func(*client)
		want string
	}{
		{"foreign ssrc", func(c *client) { c.datagram(c.seal(silence, 9, put(11, 0))) }, "user 11 sent media with ssrc 768, its own is 1001"},
		{"marker bit", func(c *client) { c.datagram(c.seal(silence, 9, put(1, 0xf8))) }, "user 11 sent media with payload type byte 0xf8, Opus is 0x78"},
		{"sequence jumps", func(c *client) { c.packets += 2; c.media(silence) }, "user 11 sent media whose sequence number moved by 3"},
		{"sequence stays", func(c *client) { c.datagram(c.seal(silence, 9, put(3, 0))) }, "user 11 sent media whose sequence number moved by 0"},
		{"timestamp odd", func(c *client) { c.datagram(c.seal(silence, 9, put(7, 1))) }, "user 11 sent media whose timestamp moved by 769, not by a multiple of 960"},
		{"timestamp stays", func(c *client) { c.datagram(c.seal(silence, 9, func(h []byte) []byte { clear(h[4:8]); return h })) }, "user 11 sent media whose timestamp moved by 0, not by a multiple of 960"},
		{"nonce again", func(c *client) { c.datagram(c.seal(silence, 0, nil)) }, "user 11 used nonce 00000000 after 00000000, which does not count up"},
		{"wrong key", func(c *client) { b := c.seal(silence, 9, nil); b[14] ^= 1; c.datagram(b) }, "user 11 sent media that does not decrypt"},
		{"RTP version 1", func(c *client) { c.datagram(c.seal(silence, 9, put(0, 0x40))) }, "user 11 sent a datagram that is nothing known, or before discovery (RTP version 1)"},
		{"too short", func(c *client) { c.datagram(make([]byte, 11)) }, "user 11 sent a datagram that is nothing known, or before discovery (shorter than an RTP header)"},
		{"no room for a tag", func(c *client) { c.datagram(append([]byte{0x80}, make([]byte, 30)...)) }, "user 11 sent a datagram that is nothing known, or before discovery (too short for its header, a tag and a nonce)"},
		{"discovery for nobody", func(c *client) { c.ssrc++; c.datagram(c.discovery()) }, "user 0 sent a discovery request for ssrc 1002 with length 70"},
		{"speaking for another", func(c *client) { c.send(5, map[string]any{"speaking": 1, "delay": 0, "ssrc": 1}) }, "user 11 sent speaking with ssrc 1, its own is 1001"},
		{"speaking with delay", func(c *client) { c.send(5, map[string]any{"speaking": 1, "delay": 5, "ssrc": 1001}) }, "user 11 sent speaking with delay 5"},
		{"speaking flags", func(c *client) { c.send(5, map[string]any{"speaking": 8, "delay": 0, "ssrc": 1001}) }, "user 11 sent speaking flags 8"},
		{"select twice", func(c *client) { c.selectProtocol(voiceserver.ModeAES256GCM) }, "user 11 selected a protocol twice"},
		{"plaintext", func(c *client) { c.media([]byte("secret")); c.media([]byte("secret")) }, "user 11 sent plaintext into an end-to-end encrypted call (2 times)"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, voiceserver.Options{})
			c := connect(t, s, alice).join(voiceserver.ModeAES256GCM).speak()
			c.media(daveFrame(0))
			if err := s.Channel(guild, channel).Await(limit(t), func(s voiceserver.State) bool { return s.Member(alice).E2EE == 1 }); err != nil {
				t.Fatal(err)
			}
			test.send(c)
			times := 1
			if strings.HasSuffix(test.want, "(2 times)") {
				times = 2
			}
			if got, err := s.AwaitViolations(limit(t), times); err != nil || !slices.Equal(got, []string{test.want}) {
				t.Errorf("violations %q, %v", got, err)
			}
		})
	}
}

func TestMediaBeforeItsTime(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).identify()
	c.selectProtocol(voiceserver.ModeAES256GCM)
	c.next(4)
	c.discover()
	c.send(1, map[string]any{"protocol": "udp", "data": map[string]any{"address": "10.0.0.1", "port": 1, "mode": voiceserver.ModeAES256GCM}})
	c.next(4)
	want := []string{
		"user 11 selected a protocol before IP discovery",
		fmt.Sprintf("user 11 selected address 10.0.0.1:1, discovery had told it 127.0.0.1:%d", c.own.Port),
		"user 11 selected a protocol twice",
	}
	if got := s.Violations(); !slices.Equal(got, want) {
		t.Errorf("violations %q", got)
	}
	quiet := connect(t, s, bob).join(voiceserver.ModeAES256GCM)
	quiet.media(daveFrame(1))
	if err := s.Channel(guild, channel).Await(limit(t), func(s voiceserver.State) bool { return s.Member(bob).Packets == 1 }); err != nil {
		t.Fatal(err)
	}
	if got, err := s.AwaitViolations(limit(t), 4); err != nil || got[3] != "user 22 sent media before speaking (opcode 5)" {
		t.Errorf("violations %q, %v", got, err)
	}
}

func TestSilenceMayTravelBare(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM).speak()
	for range 5 {
		c.media(silence)
	}
	c.packets++ // nothing for a while: the timestamp goes on, the sequence does not
	c.datagram(c.seal(daveFrame(1), 99, func(h []byte) []byte { h[3]--; return h }))
	if err := s.Channel(guild, channel).Await(limit(t), func(s voiceserver.State) bool {
		m := s.Member(alice)
		return m.Silence == 5 && m.E2EE == 1 && m.Dropped == 0
	}); err != nil {
		t.Fatal(err)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations %q", v)
	}
}

func TestKeepAlivesComeBack(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).identify()
	c.datagram([]byte("too soon"))
	c.discover()
	for ask, want := range map[string]string{
		"\x01\x00\x00\x00\x00\x00\x00\x00": "\x01\x00\x00\x00\x00\x00\x00\x00",
		"\x13\x37\xca\xfe\x00\x00\x00\x07": "\x13\x37\xf0\x0d\x00\x00\x00\x07",
	} {
		c.datagram([]byte(ask))
		if got := string(c.udpNext(patience)); got != want {
			t.Errorf("asked %x, answered %x", ask, got)
		}
	}
	if got := s.Channel(guild, channel).State().Member(alice).KeepAlives; got != 2 {
		t.Errorf("%d keep-alives counted", got)
	}
	if v := s.Violations(); !slices.Equal(v, []string{"user 0 sent a keep-alive from an address without discovery"}) {
		t.Errorf("violations %q", v)
	}
}

// What was under way when its sender left is nobody's fault.
func TestLateDatagramsAreIgnored(t *testing.T) {
	s, a, b := duo(t, voiceserver.ModeAES256GCM, voiceserver.ModeAES256GCM)
	a.speak().media(silence)
	if b.hear(patience) == nil {
		t.Fatal("nothing heard")
	}
	s.Channel(guild, channel).Close(alice, 4014)
	a.media(silence)
	a.datagram([]byte("still on"))
	b.datagram([]byte("sync\x00\x00\x00\x00"))
	if got := b.udpNext(patience); len(got) != 8 { // so the earlier ones are through
		t.Errorf("read %x", got)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("violations %q", v)
	}
}

func TestDiscoveryMayBeLostAndRepeated(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	s.Inject(voiceserver.Faults{LoseDiscovery: 2})
	c := connect(t, s, alice).identify()
	c.datagram(c.discovery())
	c.datagram(c.discovery())
	c.discover() // the third is answered; were the first two, their answers would be read below
	if b := c.udpNext(50 * time.Millisecond); b != nil {
		t.Errorf("one more answer: %x", b)
	}
}

func TestConnectionFaults(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	s.Inject(voiceserver.Faults{Refuse: 503})
	if _, err := dial(t, s, "?v=8"); err == nil || err.Error() != "HTTP 503" {
		t.Errorf("refused with %v", err)
	}
	for _, f := range []voiceserver.Faults{{NoHello: true}, {Silent: true}} {
		s.Inject(f)
		ws, err := dial(t, s, "?v=8")
		if err != nil {
			t.Fatal(err)
		}
		c := &client{t: t, srv: s, ws: ws, user: alice}
		if f.Silent {
			c.next(8)
		}
		c.send(0, c.identity(nil))
		_ = ws.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		if _, b, err := ws.ReadMessage(); err == nil {
			t.Errorf("%+v: it said %s", f, b)
		}
	}
	s.Inject(voiceserver.Faults{LoseAcks: 1})
	c := connect(t, s, alice)
	c.send(3, map[string]any{"t": 1})
	c.send(3, map[string]any{"t": 2})
	if got := string(c.next(6).D); got != `{"t":2}` {
		t.Errorf("acknowledged %s", got)
	}
}

// received runs 40 packets through faults and says which arrived, in order.
func received(t *testing.T, f voiceserver.Faults) (got []int) {
	t.Helper()
	s, a, b := duo(t, voiceserver.ModeAES256GCM, voiceserver.ModeAES256GCM)
	s.Inject(f)
	a.speak()
	for i := range 40 {
		a.media(binary.BigEndian.AppendUint32(nil, uint32(i)))
	}
	for p := b.hear(patience); p != nil; p = b.hear(200 * time.Millisecond) {
		got = append(got, int(binary.BigEndian.Uint32(p)))
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("the network's faults are blamed on the client: %q", v)
	}
	return got
}

func TestDatagramFaults(t *testing.T) {
	var all []int
	for i := range 40 {
		all = append(all, i)
	}
	without := func(lost func(int) bool) []int {
		return slices.DeleteFunc(slices.Clone(all), lost)
	}
	every4th := without(func(i int) bool { return i%4 == 3 })
	for name, f := range map[string]voiceserver.Faults{"up": {Up: voiceserver.Lose(4)}, "down": {Down: voiceserver.Lose(4)}} {
		if got := received(t, f); !slices.Equal(got, every4th) {
			t.Errorf("%s: got %v", name, got)
		}
	}
	if got := received(t, voiceserver.Faults{Up: voiceserver.LoseSpan(10, 5)}); !slices.Equal(got, without(func(i int) bool { return i >= 10 && i < 15 })) {
		t.Errorf("span: got %v", got)
	}
	some := received(t, voiceserver.Faults{Down: voiceserver.LoseSome(0.5, 1)})
	if len(some) < 8 || len(some) > 32 || !slices.Equal(some, received(t, voiceserver.Faults{Down: voiceserver.LoseSome(0.5, 1)})) {
		t.Errorf("half of them: got %v", some)
	}
	for name, path := range map[string]voiceserver.Path{"swap": voiceserver.Swap(8, 20*time.Millisecond), "jitter": voiceserver.Jitter(20*time.Millisecond, 1)} {
		got := received(t, voiceserver.Faults{Up: path})
		if slices.IsSorted(got) {
			t.Errorf("%s: nothing overtaken", name)
		}
		if slices.Sort(got); !slices.Equal(got, all) {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestServersShareAnAuthority(t *testing.T) {
	ca, err := voiceserver.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	one, two := newServer(t, voiceserver.Options{CA: ca}), newServer(t, voiceserver.Options{CA: ca})
	if one.Endpoint() == two.Endpoint() || one.CA() != two.CA() || len(ca.PEM()) == 0 {
		t.Fatal("not two servers of one authority")
	}
	if !one.Pool().Equal(two.Pool()) {
		t.Error("different roots")
	}
	a := connect(t, one, alice).join(voiceserver.ModeAES256GCM)
	one.Channel(guild, channel).Close(alice, voiceserver.CloseCallEnded)
	if got := a.closedWith(); got != 4022 {
		t.Fatalf("closed with %d", got)
	}
	connect(t, two, alice).join(voiceserver.ModeAES256GCM).speak()
}

func FuzzDatagram(f *testing.F) {
	f.Add(make([]byte, 74))
	f.Add([]byte("\x00\x01\x00\x46\x00\x00\x03\xe9"))
	f.Add([]byte("\x13\x37\xca\xfe\x00\x00\x00\x07"))
	f.Add(append([]byte{0x9f, 0x78, 0, 1, 0, 0, 0, 0, 0, 0, 3, 0xe9}, make([]byte, 100)...))
	s, err := voiceserver.New(voiceserver.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1400 {
			return
		}
		c := connect(t, s, alice).identify()
		c.discover()
		c.datagram(b)
		c.datagram([]byte("ping\x00\x00\x00\x00"))
		for range 3 { // still alive
			if got := c.udpNext(patience); string(got) == "ping\x00\x00\x00\x00" {
				return
			}
		}
		t.Fatal("no answer any more")
	})
}
