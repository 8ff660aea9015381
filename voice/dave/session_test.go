package dave

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/disgoorg/godave"

	"segue/discordtest/delivery"
)

// newPair is two users in an established call.
func newPair(t testing.TB) (c *call, a, b *member) {
	c = newCall(t, delivery.Policy{ZeroFirst: true})
	a, b = c.join(11, 1), c.join(22, 1)
	c.settle()
	if a.Epoch() != 1 || b.Epoch() != 1 {
		t.Fatal("no call")
	}
	return c, a, b
}

func TestNothingLeavesInTheClearBeforeAKey(t *testing.T) {
	m := &member{user: 11}
	c := newCall(t, delivery.Policy{})
	s := NewSession(nil, "11", callbacks{c, m})
	s.SetChannelID(channel)
	refuses := func(when string) {
		t.Helper()
		n, err := s.Encrypt(1, []byte("opus"), make([]byte, 64))
		if n != 0 || !errors.Is(err, ErrNotReady) || s.Ready() || s.Encrypted() {
			t.Errorf("%s: %d bytes, %v, ready %v, encrypted %v", when, n, err, s.Ready(), s.Encrypted())
		}
	}
	refuses("before op 4")
	if s.Waiting() != 0 {
		t.Error("waits before op 4")
	}
	s.OnSelectProtocolAck(1)
	refuses("before op 25")
	s.OnDaveMLSExternalSenderPackage([]byte("no sender"))
	refuses("after a malformed op 25")
	s.OnDaveMLSExternalSenderPackage(c.external.Package())
	if !s.Ready() {
		t.Error("alone and not ready")
	}
	s.AddUser("22")
	if s.Ready() {
		t.Error("ready, though nobody else has the key")
	}
	s.RemoveUser("22")
	if !s.Ready() {
		t.Error("alone again and not ready")
	}
	out := make([]byte, 64)
	if n, err := s.Encrypt(1, []byte("opus"), out); err != nil || bytes.Contains(out[:n], []byte("opus")) {
		t.Errorf("alone: %q, %v", out[:n], err)
	}
	s.OnSelectProtocolAck(0)
	if n, err := s.Encrypt(1, []byte("opus"), out); err != nil || string(out[:n]) != "opus" {
		t.Errorf("version 0: %q, %v", out[:n], err)
	}
	s.OnDavePrepareTransition(0, 1) // encrypted from here, and no group
	refuses("after an upgrade without a group")
	s.OnSelectProtocolAck(0)
	if err := s.Close(); err != nil || s.Close() != nil {
		t.Error(err)
	}
	refuses("after Close")
}

func TestJoinerIsNotReadyBeforeTheTransition(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(11, 1)
	c.settle()
	c.patience = true
	b := c.join(22, 1)
	c.settle()
	if b.Ready() || b.Encrypted() {
		t.Error("ready with a key that nobody has")
	}
	c.clock = c.clock.Add(3 * time.Second)
	if w := b.Waiting(); w != 3*time.Second {
		t.Errorf("waiting %v", w)
	}
	c.service.Execute(c.service.Pending()[0].ID)
	c.settle()
	c.talks()
}

func TestFailsWhereItCannotGoOn(t *testing.T) {
	for name, c := range map[string]struct {
		user godave.UserID
		do   func(s *Session)
		want error
	}{
		"no user id":           {"alice", func(*Session) {}, ErrUser},
		"user zero":            {"0", func(*Session) {}, ErrUser},
		"op 4 of version 2":    {"11", func(s *Session) { s.OnSelectProtocolAck(2) }, ErrVersion},
		"op 24 of version 2":   {"11", func(s *Session) { s.OnDavePrepareEpoch(1, 2) }, ErrVersion},
		"op 24 of version 0":   {"11", func(s *Session) { s.OnDavePrepareEpoch(1, 0) }, ErrVersion},
		"op 21 of version 2":   {"11", func(s *Session) { s.OnDavePrepareTransition(3, 2) }, ErrVersion},
		"twice, the first won": {"11", func(s *Session) { s.OnSelectProtocolAck(2); s.OnSelectProtocolAck(3) }, ErrVersion},
	} {
		t.Run(name, func(t *testing.T) {
			m := &member{user: 11}
			s := NewSession(slog.New(slog.DiscardHandler), c.user, callbacks{newCall(t, delivery.Policy{}), m})
			c.do(s)
			select {
			case err := <-s.Failed():
				if !errors.Is(err, c.want) {
					t.Errorf("got %v, want %v", err, c.want)
				}
			default:
				t.Fatal("did not fail")
			}
			s.OnSelectProtocolAck(0)
			s.AddUser("22")
			if s.Ready() || len(m.out) > 0 {
				t.Error("goes on after it failed")
			}
		})
	}
}

func TestNewIsASessionCreateFunc(t *testing.T) {
	var create godave.SessionCreateFunc = New
	s := create(nil, "11", callbacks{newCall(t, delivery.Policy{}), &member{}})
	if s.MaxSupportedProtocolVersion() != 1 {
		t.Error("version")
	}
	s.AssignSsrcToCodec(1, godave.CodecOpus)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// reentrant calls back into the session from every callback.
type reentrant struct{ s *Session }

func (r *reentrant) poke() error {
	r.s.Ready()
	r.s.AddUser("22")
	r.s.RemoveUser("22")
	return errors.New("socket closed") // logged, and no more
}
func (r *reentrant) SendMLSKeyPackage([]byte) error        { return r.poke() }
func (r *reentrant) SendMLSCommitWelcome([]byte) error     { return r.poke() }
func (r *reentrant) SendReadyForTransition(uint16) error   { return r.poke() }
func (r *reentrant) SendInvalidCommitWelcome(uint16) error { return r.poke() }

func TestCallbacksHoldNoLock(t *testing.T) {
	r := &reentrant{}
	r.s = NewSession(nil, "11", r)
	s, c := r.s, newCall(t, delivery.Policy{})
	s.OnSelectProtocolAck(1)
	s.OnDaveMLSExternalSenderPackage(c.external.Package())
	s.OnDavePrepareTransition(3, 1)
	s.OnDaveMLSWelcome(4, []byte("no welcome"))
}

func TestProposalsOfStrangersAreRefused(t *testing.T) {
	c, a, _ := newPair(t)
	gid := groupID(channel)
	kp := strangerKeyPackage(t, 33)
	a.AddUser("33")
	commits := len(a.commits)
	other := delivery.NewExternalSender([]byte{1})
	for name, p := range map[string]delivery.Proposal{
		"another signer": other.ProposeAdd(gid, 1, kp),
		"another epoch":  c.external.ProposeAdd(gid, 2, kp),
		"another group":  c.external.ProposeAdd(groupID(9), 1, kp),
	} {
		a.OnDaveMLSProposals(delivery.AppendPayload(p))
		if len(a.commits) != commits {
			t.Errorf("%s: committed", name)
		}
	}
	for name, b := range map[string][]byte{"empty": {}, "unknown operation": {7, 0}, "truncated": {0, 9, 1}} {
		a.OnDaveMLSProposals(b)
		if len(a.commits) != commits {
			t.Errorf("%s: committed", name)
		}
	}
	a.OnDaveMLSProposals(delivery.AppendPayload(c.external.ProposeAdd(gid, 1, kp)))
	if len(a.commits) != commits+1 {
		t.Error("the good one is not committed")
	}
}

func strangerKeyPackage(t testing.TB, user uint64) []byte {
	t.Helper()
	var kp []byte
	m := &member{user: user}
	s := NewSession(nil, id(user), keyPackageSink{callbacks{newCall(t, delivery.Policy{}), m}, &kp})
	s.SetChannelID(channel)
	s.OnSelectProtocolAck(1)
	return kp
}

type keyPackageSink struct {
	godave.Callbacks
	kp *[]byte
}

func (k keyPackageSink) SendMLSKeyPackage(b []byte) error { *k.kp = b; return nil }

func TestWelcomeIntoAnotherGroupIsRefused(t *testing.T) {
	for name, spoil := range map[string]func(c *call, b *member){
		"another channel": func(_ *call, b *member) { b.SetChannelID(9) },
		"another external sender": func(_ *call, b *member) {
			b.OnDaveMLSExternalSenderPackage(delivery.NewExternalSender([]byte{1}).Package())
		},
		"no external sender": func(_ *call, b *member) { b.mu.Lock(); b.external = nil; b.mu.Unlock() },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t, delivery.Policy{})
			c.join(11, 1)
			c.settle()
			b := c.join(22, 1)
			c.mangle = func(to uint64, op int, body []byte) []byte {
				if to == 22 && op == delivery.OpWelcome && b.invalid == 0 {
					spoil(c, b)
				}
				return body
			}
			for b.invalid == 0 {
				q := c.queues()
				if len(q) == 0 {
					t.Fatal("the welcome was taken")
				}
				c.pass(q[0])
			}
			if b.Ready() || b.Encrypted() {
				t.Error("ready")
			}
		})
	}
}

func TestOldKeysOpenForTenSeconds(t *testing.T) {
	c, a, b := newPair(t)
	seal := func(s string) []byte {
		out := make([]byte, 64)
		n, err := a.Encrypt(1, []byte(s), out)
		if err != nil {
			t.Fatal(err)
		}
		return out[:n]
	}
	first, second := seal("late"), seal("too late")
	c.join(33, 1)
	c.settle()
	c.talks()
	out := make([]byte, 64)
	c.clock = c.clock.Add(keyExpiry - time.Second)
	if n, err := b.Decrypt("11", first, out); err != nil || string(out[:n]) != "late" {
		t.Errorf("%q, %v", out[:n], err)
	}
	c.clock = c.clock.Add(time.Second)
	if _, err := b.Decrypt("11", second, out); err == nil {
		t.Error("a key of an old epoch still opens frames")
	}
	c.join(44, 1)
	c.settle()
	for u, list := range b.rx.keys {
		if len(list) > 2 {
			t.Errorf("%d receivers are kept for user %s", len(list), u)
		}
	}
	c.leave(11)
	c.settle()
	if _, ok := b.rx.keys["11"]; ok {
		t.Error("keys of a user who left are kept")
	}
}

func TestPlaintextIsRefusedInAnEncryptedCall(t *testing.T) {
	c, _, b := newPair(t)
	out := make([]byte, 64)
	if _, err := b.Decrypt("11", []byte("injected"), out); !errors.Is(err, ErrPlaintext) {
		t.Error(err)
	}
	c.join(33, 0)
	c.settle()
	c.plain()
	c.leave(33)
	c.settle()
	c.talks()
	if _, err := b.Decrypt("11", []byte("still on its way"), out); err != nil {
		t.Errorf("right after an upgrade: %v", err)
	}
	c.clock = c.clock.Add(keyExpiry)
	if _, err := b.Decrypt("11", []byte("injected"), out); !errors.Is(err, ErrPlaintext) {
		t.Errorf("long after an upgrade: %v", err)
	}
}

func TestGarbageHarmsNothing(t *testing.T) {
	_, a, b := newPair(t)
	out, g := make([]byte, 512), make([]byte, 300)
	rng := seeded(1)
	for range 5000 {
		n := 12 + rng.IntN(len(g)-12)
		for i := range g[:n] {
			g[i] = byte(rng.Uint32())
		}
		g[n-1], g[n-2], g[n-3] = marker, marker, byte(rng.IntN(40))
		if _, err := b.Decrypt("11", g[:n], out); err == nil {
			t.Fatalf("garbage opened: %x", g[:n])
		}
		g[0] &= 1
		a.OnDaveMLSProposals(g[:n])
	}
	if err := hear(a, b); err != nil {
		t.Error(err)
	}
	// a frame with a forged nonce far ahead does not move the window
	frame := make([]byte, 64)
	n, _ := a.Encrypt(1, []byte("opus"), frame)
	forged := bytes.Clone(frame[:4+tagSize])
	forged = binary.AppendUvarint(forged, 1<<30)
	forged = append(forged, byte(tagSize+5+3), marker, marker)
	if _, err := b.Decrypt("11", forged, out); err == nil {
		t.Error("forged nonce taken")
	}
	if _, err := b.Decrypt("11", frame[:n], out); err != nil {
		t.Error(err)
	}
}
