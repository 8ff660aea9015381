package voiceserver_test

import (
	"fmt"
	"testing"

	"segue/discordtest/voiceserver"
)

// counted waits until as many of alice's packets came in, and were held back.
func counted(t *testing.T, s *voiceserver.Server, packets, muted int) {
	t.Helper()
	if err := s.Channel(guild, channel).Await(limit(t), func(s voiceserver.State) bool {
		return s.Member(alice).Packets == packets && s.Member(alice).Muted == muted
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWhoIsMutedIsNotHeard(t *testing.T) {
	s, a, b := duo(t, voiceserver.ModeAES256GCM, voiceserver.ModeXChaCha20)
	a.speak()
	b.speak()
	a.media([]byte("before"))
	if got := string(b.hear(patience)); got != "before" {
		t.Fatalf("heard %q", got)
	}
	s.Hush(guild, alice, true, false)
	for i := range 3 {
		a.media(fmt.Appendf(nil, "muted %d", i))
	}
	counted(t, s, 4, 3)
	b.media([]byte("to the muted one"))
	if got := string(a.hear(patience)); got != "to the muted one" {
		t.Fatalf("the muted one heard %q", got)
	}
	s.Hush(guild+1, alice, true, true) // another guild's business
	s.Hush(guild, alice, false, false)
	a.media([]byte("after"))
	if got := string(b.hear(patience)); got != "after" {
		t.Errorf("heard %q first after the mute", got)
	}
	if v := s.Violations(); len(v) > 0 {
		t.Errorf("being muted is called a violation: %q", v)
	}
}

func TestWhoIsDeafenedHearsNothing(t *testing.T) {
	s, a, b := duo(t, voiceserver.ModeAES256GCM, voiceserver.ModeAES256GCM)
	a.speak()
	s.Hush(guild, bob, false, true)
	a.media([]byte("unheard"))
	a.datagram(make([]byte, 8)) // datagrams are seen to in order: the echo says that it was the word's turn
	if len(a.udpNext(patience)) != 8 {
		t.Fatal("no echo")
	}
	s.Hush(guild, bob, false, false)
	a.media([]byte("heard"))
	if got := string(b.hear(patience)); got != "heard" {
		t.Errorf("heard %q", got)
	}
}
