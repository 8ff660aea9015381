package voiceserver_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"segue/discordtest/voiceserver"
)

func TestVersionsThatEndedAreRefused(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	for query, refused := range map[string]bool{"": true, "?v=3": true, "?v=x": true, "?v=10": true, "?v=4": false, "?v=8": false, "?v=9": false} {
		_, err := dial(t, s, query)
		if (err != nil) != refused {
			t.Errorf("query %q: %v, refused should be %v", query, err, refused)
		}
	}
}

func TestClosesAsDiscordDoes(t *testing.T) {
	text := func(s string) func(*client) {
		return func(c *client) { c.raw(websocket.TextMessage, []byte(s)) }
	}
	identified := func(f func(*client)) func(*client) { return func(c *client) { c.identify(); f(c) } }
	with := func(k string, v any) func(*client) {
		return func(c *client) { c.send(0, c.identity(map[string]any{k: v})) }
	}
	for _, test := range []struct {
		name string
		do   func(*client)
		code int
	}{
		{"not JSON", text("hello"), 4002},
		{"no opcode", text(`{"d":1}`), 4002},
		{"opcode that is a string", text(`{"op":"0","d":{}}`), 4002},
		{"opcode of the server", text(`{"op":2,"d":{}}`), 4001},
		{"opcode nobody has", text(`{"op":99,"d":{}}`), 4001},
		{"identify without data", text(`{"op":0}`), 4002},
		{"identify with a number for an id", with("user_id", 11), 4002},
		{"select protocol first", text(`{"op":1,"d":{}}`), 4003},
		{"speaking first", text(`{"op":5,"d":{}}`), 4003},
		{"ready for transition first", text(`{"op":23,"d":{}}`), 4003},
		{"binary first", func(c *client) { c.raw(websocket.BinaryMessage, []byte{26}) }, 4003},
		{"wrong token", with("token", "no"), 4004},
		{"token of another user", with("user_id", "12"), 4004},
		{"token of another guild", with("server_id", "1"), 4004},
		{"another session", with("session_id", "old"), 4006},
		{"without DAVE", with("max_dave_protocol_version", 0), 4017},
		{"identify twice", identified(func(c *client) { c.send(0, c.identity(nil)) }), 4005},
		{"resume while in", identified(func(c *client) {
			c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token})
		}), 4005},
		{"resume out of nothing", func(c *client) {
			c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": "no"})
		}, 4006},
		{"resume of a session that never was", func(c *client) {
			c.identity(nil)
			c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token})
		}, 4006},
		{"heartbeat without nonce", text(`{"op":3,"d":{}}`), 4002},
		{"protocol webrtc", identified(func(c *client) { c.send(1, map[string]any{"protocol": "webrtc"}) }), 4012},
		{"mode of old", identified(func(c *client) { c.selectProtocol("xsalsa20_poly1305") }), 4016},
		{"speaking without flags", identified(func(c *client) { c.send(5, map[string]any{"delay": 0}) }), 4002},
		{"ready without id", identified(func(c *client) { c.send(23, map[string]any{}) }), 4002},
		{"binary opcode of the server", identified(func(c *client) { c.raw(websocket.BinaryMessage, []byte{25, 1}) }), 4001},
		{"empty binary", identified(func(c *client) { c.raw(websocket.BinaryMessage, nil) }), 4002},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(t, voiceserver.Options{})
			c := connect(t, s, alice)
			test.do(c)
			if got := c.closedWith(); got != test.code {
				t.Errorf("closed with %d, want %d", got, test.code)
			}
			if v := s.Violations(); len(v) != 1 || !strings.Contains(v[0], fmt.Sprint(test.code)) {
				t.Errorf("violations %q", v)
			}
		})
	}
}

func TestMissedHeartbeatEndsTheSession(t *testing.T) {
	s := newServer(t, voiceserver.Options{HeartbeatInterval: 50 * time.Millisecond, HeartbeatGrace: 50 * time.Millisecond})
	c := connect(t, s, alice).identify()
	if got := c.closedWith(); got != 4009 {
		t.Fatalf("closed with %d", got)
	}
	c.redial()
	c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": c.seq})
	if got := c.closedWith(); got != 4006 {
		t.Errorf("resuming after 4009 closed with %d", got)
	}
	stranger := connect(t, s, bob)
	if got := stranger.closedWith(); got != 4009 {
		t.Errorf("one who never identifies is closed with %d", got)
	}
}

func TestHeartbeatsAreAnswered(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	c.send(3, map[string]any{"t": 1234567890123, "seq_ack": 1})
	if got := string(c.next(6).D); got != `{"t":1234567890123}` {
		t.Errorf("acknowledged %s", got)
	}
	c.send(3, map[string]any{"t": 2, "seq_ack": 0})
	c.send(3, map[string]any{"t": 3, "seq_ack": 1000})
	c.next(6)
	c.next(6)
	if got := s.Channel(guild, channel).State().Member(alice); got.Heartbeats != 3 || got.Acked != 1 {
		t.Errorf("member %+v", got)
	}
	want := []string{"user 11 acknowledged message 0 after 1", fmt.Sprintf("user 11 acknowledged message 1000 of %d", c.seq)}
	if got := s.Violations(); !slices.Equal(got, want) {
		t.Errorf("violations %q", got)
	}

	old, err := dial(t, s, "?v=5")
	if err != nil {
		t.Fatal(err)
	}
	five := &client{t: t, srv: s, ws: old}
	five.next(8)
	five.send(3, 42)
	if got := string(five.next(6).D); got != "42" {
		t.Errorf("version 5 acknowledged %s", got)
	}
}

func TestReadyOffersWhatIsConfigured(t *testing.T) {
	s := newServer(t, voiceserver.Options{Modes: []string{voiceserver.ModeXChaCha20}})
	c := connect(t, s, alice)
	c.send(0, c.identity(map[string]any{"channel_id": fmt.Sprint(channel)})) // version 9 has one more field
	var d struct{ Modes []string }
	if err := json.Unmarshal(c.next(2).D, &d); err != nil || !slices.Equal(d.Modes, []string{voiceserver.ModeXChaCha20}) {
		t.Errorf("modes %q, %v", d.Modes, err)
	}
}

func TestMembersLearnOfEachOtherBeforeProposals(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	a := connect(t, s, alice).join(voiceserver.ModeAES256GCM).speak()
	b := connect(t, s, bob).join(voiceserver.ModeAES256GCM)
	if got := string(a.next(11).D); got != `{"user_ids":["22"]}` {
		t.Errorf("the first was told %s", got)
	}
	if got := string(b.next(11).D); got != `{"user_ids":["11"]}` {
		t.Errorf("the second was told %s", got)
	}
	var d struct {
		User string `json:"user_id"`
		SSRC uint32
	}
	if err := json.Unmarshal(b.next(5).D, &d); err != nil || d.User != "11" || d.SSRC != a.ssrc {
		t.Errorf("who speaks already: %+v, %v", d, err)
	}
	b.next(25)
	b.speak()
	if err := json.Unmarshal(a.next(5).D, &d); err != nil || d.User != "22" || d.SSRC != b.ssrc {
		t.Errorf("who begins to speak: %+v, %v", d, err)
	}
}

func TestExternalSenderBeforeDescription(t *testing.T) {
	s := newServer(t, voiceserver.Options{ExternalBeforeAck: true})
	c := connect(t, s, alice).identify()
	c.discover()
	c.selectProtocol(voiceserver.ModeAES256GCM)
	if m, err := c.read(); err != nil || m.Op != 25 {
		t.Fatalf("opcode %d, %v", m.Op, err)
	}
	if m, err := c.read(); err != nil || m.Op != 4 {
		t.Fatalf("opcode %d, %v", m.Op, err)
	}
}

func TestStageChannelHasNoDAVE(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	for _, highest := range []int{0, 1} {
		c := &client{t: t, srv: s, user: uint64(alice + highest)}
		c.token = s.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: c.user, Session: "session", Stage: true, Token: fmt.Sprint("t", highest)})
		c.redial()
		c.identifyAs(highest)
		c.discover()
		c.selectProtocol(voiceserver.ModeAES256GCM)
		var d struct {
			Version int `json:"dave_protocol_version"`
		}
		if err := json.Unmarshal(c.next(4).D, &d); err != nil || d.Version != 0 {
			t.Errorf("version %d, %v", d.Version, err)
		}
	}
	if s.Channel(guild, channel).State().Version != 0 || len(s.Violations()) > 0 {
		t.Errorf("state %+v, violations %q", s.Channel(guild, channel).State(), s.Violations())
	}
}

func TestRevokedTokenIsWorthless(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice)
	d := c.identity(nil)
	s.Revoke(c.token)
	c.send(0, d)
	if got := c.closedWith(); got != 4004 {
		t.Errorf("closed with %d", got)
	}
}

func TestBadKeyPackageIsWrittenDown(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	c.raw(websocket.BinaryMessage, []byte{26, 0, 1, 0, 5, 0, 1, 0, 2})
	c.raw(websocket.BinaryMessage, []byte{28, 0, 1})
	c.send(23, map[string]any{"transition_id": 0})
	c.send(3, map[string]any{"t": 1})
	c.next(6)
	v := s.Violations()
	for i, want := range []string{"wrapped in an MLSMessage", "bad opcode 28", "transition 0"} {
		if len(v) != 3 || !strings.Contains(v[i], want) {
			t.Fatalf("violations %q", v)
		}
	}
}

// A client that stops reading must not hold up the others, nor Close.
func TestClientThatDoesNotReadIsDropped(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	ch := s.Channel(guild, channel)
	connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	big := strings.Repeat("x", 1<<16)
	for range 3000 {
		ch.Send(alice, 18, big)
		if !ch.State().Member(alice).Connected {
			return
		}
	}
	if err := ch.Await(limit(t), func(s voiceserver.State) bool { return !s.Member(alice).Connected }); err != nil {
		t.Fatal(err)
	}
}

func (c *client) identifyAs(highest int) {
	c.t.Helper()
	d := c.identity(map[string]any{"max_dave_protocol_version": highest})
	c.send(0, d)
	var ready struct{ SSRC, Port uint32 }
	if err := json.Unmarshal(c.next(2).D, &ready); err != nil {
		c.t.Fatal(err)
	}
	c.ssrc = ready.SSRC
	c.openUDP(int(ready.Port))
}

func FuzzGatewayMessage(f *testing.F) {
	f.Add([]byte(`{"op":3,"d":{"t":1,"seq_ack":-1}}`), false)
	f.Add([]byte(`{"op":5,"d":{"speaking":1,"ssrc":1001,"delay":0}}`), false)
	f.Add([]byte(`{"op":23,"d":{"transition_id":65536}}`), false)
	f.Add(binary.BigEndian.AppendUint32([]byte{26}, 0x00010002), true)
	s, err := voiceserver.New(voiceserver.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() })
	f.Fuzz(func(t *testing.T, b []byte, bin bool) {
		c := connect(t, s, alice).identify()
		kind := websocket.TextMessage
		if bin {
			kind = websocket.BinaryMessage
		}
		c.raw(kind, b)
		c.ws.WriteJSON(map[string]any{"op": 3, "d": map[string]any{"t": 1}})
		for { // either closed with a proper code, or alive
			m, err := c.read()
			if err != nil && !websocket.IsCloseError(err, 4001, 4002, 4004, 4005, 4006, 4012, 4016) {
				t.Fatal(err)
			}
			if err != nil || m.Op == 6 {
				return
			}
		}
	})
}
