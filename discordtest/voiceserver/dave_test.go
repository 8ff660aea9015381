package voiceserver_test

import (
	"context"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"time"

	"segue/discordtest/delivery"
	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

const carol = 33

// joins lets a user in and waits until the group holds everybody.
func joins(t *testing.T, s *voiceserver.Server, user uint64, opt listener.Options) *listener.Listener {
	t.Helper()
	opt.TLS, opt.PacketsOnly = s.ClientTLS(), true
	token := s.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: user, Session: "s"})
	l, err := listener.Dial(limit(t), listener.Call{
		Endpoint: s.Endpoint(), Token: token, SessionID: "s", Guild: guild, Channel: channel, User: user,
	}, opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// together waits until exactly these users make up the group and nothing is
// under way.
func together(t *testing.T, s *voiceserver.Server, users ...uint64) {
	t.Helper()
	err := s.Channel(guild, channel).Await(limit(t), func(st voiceserver.State) bool {
		in := slices.DeleteFunc(slices.Clone(st.Leaves), func(u uint64) bool { return u == 0 })
		slices.Sort(in)
		return st.Established && st.Transitions == 0 && st.Proposals == 0 && slices.Equal(in, users)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// converse lets one speak and checks that the others hear every byte.
func converse(t *testing.T, from uint64, speaker *listener.Listener, others ...*listener.Listener) {
	t.Helper()
	var frames [][]byte
	for i := range 5 {
		frames = append(frames, binary.BigEndian.AppendUint64([]byte{0xfc, 1}, uint64(i)))
	}
	before := make([]int, len(others))
	for i, o := range others {
		before[i] = o.Counts(from).Packets
	}
	if err := speaker.Speak(limit(t), frames); err != nil {
		t.Fatal(err)
	}
	for i, o := range others {
		if err := o.AwaitPackets(limit(t), from, before[i]+len(frames)); err != nil {
			t.Fatalf("%v: %+v", err, o.Counts(from))
		}
		got := o.Heard(from).Packets[before[i]:]
		for j, f := range frames {
			if string(got[j].Opus) != string(f) {
				t.Fatalf("frame %d: heard %x, said %x", j, got[j].Opus, f)
			}
		}
	}
}

func noViolations(t *testing.T, s *voiceserver.Server) {
	t.Helper()
	for _, v := range s.Violations() {
		t.Error(v)
	}
}

func TestGroupFollowsWhoComesAndGoes(t *testing.T) {
	for name, opt := range map[string]voiceserver.Options{
		"plainly":           {},
		"first at once":     {Policy: delivery.Policy{ZeroFirst: true}},
		"one by one":        {Policy: delivery.Policy{Serialize: true}, ExecuteDelay: 20 * time.Millisecond},
		"in batches":        {ProposalDelay: 20 * time.Millisecond},
		"repeating itself":  {Policy: delivery.Policy{RepeatExternal: true}},
		"sender before all": {ExternalBeforeAck: true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t, opt)
			a := joins(t, s, alice, listener.Options{})
			b := joins(t, s, bob, listener.Options{Mode: listener.ModeXChaCha20})
			together(t, s, alice, bob)
			converse(t, alice, a, b)
			c := joins(t, s, carol, listener.Options{})
			together(t, s, alice, bob, carol)
			converse(t, carol, c, a, b)
			_ = b.Close()
			together(t, s, alice, carol)
			converse(t, alice, a, c)
			_ = c.Close()
			if err := s.Channel(guild, channel).AwaitEvents(limit(t), 1, '>', alice, 24); err != nil {
				t.Fatal(err) // alone: a new group
			}
			b = joins(t, s, bob, listener.Options{})
			together(t, s, alice, bob)
			converse(t, bob, b, a)
			noViolations(t, s)
		})
	}
}

func TestSpoiledMessagesAreRecoveredFrom(t *testing.T) {
	for _, test := range []struct {
		op   int
		user uint64
	}{{29, alice}, {29, bob}, {30, carol}} {
		s := newServer(t, voiceserver.Options{TransitionTimeout: 200 * time.Millisecond})
		ch := s.Channel(guild, channel)
		a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
		together(t, s, alice, bob)
		ch.Spoil(test.user, test.op, 1)
		c := joins(t, s, carol, listener.Options{})
		if err := ch.AwaitEvents(limit(t), 1, '<', test.user, 31); err != nil {
			t.Fatal(err)
		}
		if err := ch.AwaitEvents(limit(t), 2, '<', test.user, 26); err != nil {
			t.Fatal(err)
		}
		together(t, s, alice, bob, carol)
		converse(t, alice, a, b, c)
		converse(t, carol, c, a, b)
		noViolations(t, s)
	}
}

func TestCompetingCommits(t *testing.T) {
	for _, wins := range []uint64{alice, bob} {
		s := newServer(t, voiceserver.Options{})
		ch := s.Channel(guild, channel)
		ch.HoldCommits(100*time.Millisecond, func(u uint64) int {
			if u == wins {
				return 1
			}
			return 0
		})
		a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
		together(t, s, alice, bob)
		if got := ch.State().Leaves[0]; got != wins {
			t.Errorf("user %d made the group, want %d", got, wins)
		}
		c := joins(t, s, carol, listener.Options{})
		together(t, s, alice, bob, carol)
		converse(t, carol, c, a, b)
		if n := ch.Count('!', 0, 28); n < 4 {
			t.Errorf("%d commits judged, both members should have tried twice", n)
		}
		noViolations(t, s)
	}
}

func TestRevokedAdd(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	ch := s.Channel(guild, channel)
	a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
	together(t, s, alice, bob)
	ch.HoldCommits(500*time.Millisecond, nil) // nobody may be slower than that
	c := joins(t, s, carol, listener.Options{})
	if err := ch.AwaitEvents(limit(t), 3, '<', 0, 28); err != nil {
		t.Fatal(err)
	}
	if !ch.RevokeAdd(carol) {
		t.Fatal("no add to revoke")
	}
	if ch.RevokeAdd(carol) {
		t.Error("revoked twice")
	}
	if err := ch.Await(limit(t), func(voiceserver.State) bool {
		return slices.ContainsFunc(ch.Events(), func(e voiceserver.Event) bool {
			return e.Dir == '!' && strings.Contains(e.Note, "overtaken") && strings.Contains(e.Note, "0 proposals open in epoch 1")
		})
	}); err != nil {
		t.Fatal(err)
	}
	ch.HoldCommits(0, nil)
	_ = c.Close()
	d := joins(t, s, carol, listener.Options{})
	together(t, s, alice, bob, carol)
	converse(t, carol, d, a, b)
	noViolations(t, s)
}

func TestDowngradeAndUpgrade(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	ch := s.Channel(guild, channel)
	a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
	together(t, s, alice, bob)
	ch.Downgrade()
	if err := ch.Await(limit(t), func(s voiceserver.State) bool { return s.Version == 0 && s.Transitions == 0 }); err != nil {
		t.Fatal(err)
	}
	converse(t, alice, a, b)
	if got := b.Counts(alice); got.Plain != 5 || got.E2EE != 0 {
		t.Errorf("after the downgrade %+v", got)
	}
	ch.Upgrade()
	together(t, s, alice, bob)
	converse(t, alice, a, b)
	if got := b.Counts(alice); got.Plain != 5 || got.E2EE < 5 {
		t.Errorf("after the upgrade %+v", got)
	}
	ch.ResetGroup()
	together(t, s, alice, bob)
	converse(t, bob, b, a)
	noViolations(t, s)
}

func TestGuestWithoutDAVE(t *testing.T) {
	s := newServer(t, voiceserver.Options{AllowPlain: true})
	ch := s.Channel(guild, channel)
	a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
	together(t, s, alice, bob)
	guest := joins(t, s, carol, listener.Options{Plain: true})
	if err := ch.Await(limit(t), func(s voiceserver.State) bool { return s.Version == 0 && s.Transitions == 0 }); err != nil {
		t.Fatal(err)
	}
	converse(t, alice, a, b, guest)
	converse(t, carol, guest, a, b)
	_ = guest.Close()
	together(t, s, alice, bob)
	converse(t, bob, b, a)
	noViolations(t, s)
}

// Somebody without keys cannot use a sealed frame, so none is sent there.
func TestSealedFramesDoNotReachGuests(t *testing.T) {
	s := newServer(t, voiceserver.Options{AllowPlain: true, ExecuteDelay: time.Hour, TransitionTimeout: time.Hour})
	a := connect(t, s, alice).join(voiceserver.ModeAES256GCM).speak()
	guest := &client{t: t, srv: s, user: bob}
	guest.token = s.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: bob, Session: "session"})
	guest.redial()
	guest.identifyAs(0)
	guest.discover()
	guest.selectProtocol(voiceserver.ModeAES256GCM)
	guest.next(4)
	a.media(daveFrame(1))
	a.media(silence)
	if b := guest.udpNext(patience); len(b) != 12+len(silence)+16+4 {
		t.Errorf("the guest was sent %d bytes first, want the silence frame alone", len(b))
	}
}

func TestTransitionsDoNotWaitForEver(t *testing.T) {
	s := newServer(t, voiceserver.Options{TransitionTimeout: time.Nanosecond})
	a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
	together(t, s, alice, bob)
	if err := s.Channel(guild, channel).AwaitEvents(limit(t), 1, '>', alice, 22); err != nil {
		t.Fatal(err)
	}
	converse(t, alice, a, b)
	noViolations(t, s) // answers that come too late are nobody's fault
}

func TestTransitionIDsWrapPastZero(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	ch := s.Channel(guild, channel)
	ch.NextTransition(65535)
	a, b := joins(t, s, alice, listener.Options{}), joins(t, s, bob, listener.Options{})
	together(t, s, alice, bob)
	c := joins(t, s, carol, listener.Options{})
	together(t, s, alice, bob, carol)
	converse(t, carol, c, a, b)
	var ids []string
	for _, e := range ch.Events() {
		if e.Dir == '<' && e.Op == 23 && e.User == alice {
			ids = append(ids, e.Note)
		}
	}
	if !slices.Equal(ids, []string{"transition 65535", "transition 1"}) {
		t.Errorf("transitions %q", ids)
	}
}

func TestAwaitGivesUp(t *testing.T) {
	s := newServer(t, voiceserver.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Channel(guild, channel).AwaitEvents(ctx, 1, '<', 0, 0); err == nil {
		t.Error("waited for nothing and found it")
	}
	ch := s.Channel(guild, channel)
	if ch.Close(alice, 4014) || ch.Drop(alice) {
		t.Error("closed somebody who is not there")
	}
	ch.Send(alice, 1, nil)
	ch.SendBinary(alice, 1, nil)
	ch.SendRaw(alice, "")
	if got := ch.State().Member(alice); got.User != 0 {
		t.Errorf("member %+v", got)
	}
}
