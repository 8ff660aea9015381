package voiceserver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"segue/discordtest/voiceserver"
)

func TestResumeRepeatsExactlyWhatIsMissing(t *testing.T) {
	for _, first := range []bool{false, true} {
		s := newServer(t, voiceserver.Options{ResumedFirst: first})
		ch := s.Channel(guild, channel)
		c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
		c.next(25)
		seen := c.seq
		if !ch.Drop(alice) {
			t.Fatal("not connected")
		}
		if err := ch.Await(limit(t), func(s voiceserver.State) bool { return !s.Member(alice).Connected }); err != nil {
			t.Fatal(err)
		}
		ch.Send(alice, 18, map[string]any{"n": 1})
		ch.SendBinary(alice, 29, []byte{0, 9, 7})
		c.redial()
		c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": seen})
		var got []int
		for range 3 {
			m, err := c.read()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, m.Op)
			if m.Op == 18 && *m.Seq != seen+1 || m.Op == 29 && (*m.Seq != seen+2 || string(m.bin) != "\x00\x09\x07") {
				t.Errorf("opcode %d came as number %d: %x", m.Op, *m.Seq, m.bin)
			}
		}
		want := []int{18, 29, 9}
		if first {
			want = []int{9, 18, 29}
		}
		if !slices.Equal(got, want) {
			t.Errorf("resumed with opcodes %v, want %v", got, want)
		}
		c.speak().media(daveFrame(1)) // keys and ssrc outlive the websocket
		if err := ch.Await(limit(t), func(s voiceserver.State) bool { return s.Member(alice).E2EE == 1 }); err != nil {
			t.Error(err)
		}
		if v := s.Violations(); len(v) > 0 {
			t.Errorf("violations %q", v)
		}
	}
}

func TestResumeWithoutAckRepeatsAll(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	c.redial() // without the server having noticed the loss of the first
	c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq": 3})
	for _, op := range []int{4, 25, 9} {
		if m, err := c.read(); err != nil || m.Op != op {
			t.Fatalf("got opcode %d, %v, want %d", m.Op, err, op)
		}
	}
	if v := s.Violations(); len(v) != 1 || !strings.Contains(v[0], "without seq_ack") {
		t.Errorf("violations %q", v)
	}
}

func TestResumeAheadOfTheServerIsRefused(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	c.redial()
	c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": 999})
	if got := c.closedWith(); got != 4006 {
		t.Errorf("closed with %d", got)
	}
}

func TestResumeWindowEnds(t *testing.T) {
	s := newServer(t, voiceserver.Options{ResumeWindow: time.Millisecond})
	ch := s.Channel(guild, channel)
	c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	other := connect(t, s, bob).join(voiceserver.ModeAES256GCM)
	ch.Drop(alice)
	if got := string(other.next(13).D); got != `{"user_id":"11"}` {
		t.Errorf("opcode 13 %s", got)
	}
	c.redial()
	c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": 1})
	if got := c.closedWith(); got != 4006 {
		t.Errorf("closed with %d", got)
	}
}

func TestCloseCodesThatEndASession(t *testing.T) {
	for code, ended := range map[int]bool{
		1001: false, 4000: false, 4015: false, 4006: true, 4009: true, 4011: true, 4014: true, 4021: true, 4022: true,
	} {
		s := newServer(t, voiceserver.Options{})
		c := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
		if !s.Channel(guild, channel).Close(alice, code) {
			t.Fatal("not connected")
		}
		if got := c.closedWith(); got != code {
			t.Fatalf("closed with %d, want %d", got, code)
		}
		c.redial()
		c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": c.seq})
		if ended {
			if got := c.closedWith(); got != 4006 {
				t.Errorf("resume after %d closed with %d", code, got)
			}
		} else {
			c.next(9)
		}
	}
}

func TestCrashIsResumable(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	a := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	b := connect(t, s, bob).join(voiceserver.ModeAES256GCM)
	s.Crash()
	for _, c := range []*client{a, b} {
		if got := c.closedWith(); got != 4015 {
			t.Fatalf("closed with %d", got)
		}
		c.redial()
		c.send(7, map[string]any{"server_id": "100", "session_id": "session", "token": c.token, "seq_ack": c.seq})
		c.next(9)
	}
}

func TestNormalCloseLeaves(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	a := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	b := connect(t, s, bob).join(voiceserver.ModeAES256GCM)
	msg := websocket.FormatCloseMessage(1000, "")
	if err := a.ws.WriteControl(websocket.CloseMessage, msg, time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	b.next(13)
	if m := s.Channel(guild, channel).State().Members; len(m) != 1 || m[0].User != bob {
		t.Errorf("members %+v", m)
	}
}

func TestSecondIdentifyTakesOver(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	a := connect(t, s, alice).join(voiceserver.ModeAES256GCM)
	again := &client{t: t, srv: s, user: alice, token: a.token}
	again.redial()
	again.join(voiceserver.ModeXChaCha20)
	if got := a.closedWith(); got != 4006 {
		t.Errorf("the first was closed with %d", got)
	}
	if a.ssrc == again.ssrc {
		t.Error("the same ssrc twice")
	}
}
