package dave

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"segue/discordtest/delivery"
)

// policies are the choices the paper leaves to the gateway.
func policies(t *testing.T, f func(t *testing.T, p delivery.Policy)) {
	for name, p := range map[string]delivery.Policy{
		"overlapping": {}, "zero first": {ZeroFirst: true}, "serialized": {Serialize: true}, "external sender repeated": {RepeatExternal: true},
	} {
		t.Run(name, func(t *testing.T) { f(t, p) })
	}
}

func TestMembersComeAndGo(t *testing.T) {
	policies(t, func(t *testing.T, p delivery.Policy) {
		c := newCall(t, p)
		for _, u := range []uint64{11, 22, 33, 44} {
			c.join(u, 1)
			c.settle()
			c.talks()
		}
		c.leave(22) // a blank in the middle
		c.settle()
		c.talks()
		c.join(22, 1) // the same user with other keys
		c.settle()
		c.talks()
		c.leave(11) // the one who made the group
		c.settle()
		c.talks()
		c.sound()
	})
}

func TestSoleMemberStartsAnew(t *testing.T) {
	policies(t, func(t *testing.T, p delivery.Policy) {
		c := newCall(t, p)
		a := c.join(11, 1)
		for range 3 {
			c.settle()
			if !a.Ready() || a.Encrypted() {
				t.Errorf("alone: ready %v, encrypted %v", a.Ready(), a.Encrypted())
			}
			c.join(22, 1)
			c.settle()
			c.talks()
			c.leave(22)
		}
		c.settle()
		c.talks()
		c.sound()
		if a.keys != 4 { // at op 4, and at each reset
			t.Errorf("%d key packages", a.keys)
		}
	})
}

func TestDowngradeAndUpgrade(t *testing.T) {
	policies(t, func(t *testing.T, p delivery.Policy) {
		c := newCall(t, p)
		c.join(11, 1)
		c.join(22, 1)
		c.settle()
		c.talks()
		c.join(33, 0)
		c.settle()
		c.plain()
		c.leave(33)
		c.settle()
		c.talks()
		c.sound()
	})
}

func TestJoinsCallInTheClearThatUpgrades(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(33, 0)
	c.join(11, 1)
	c.settle()
	c.plain()
	c.join(22, 1)
	c.settle()
	c.plain()
	c.leave(33)
	c.settle()
	c.talks()
	c.sound()
}

func TestStageHasNoEncryption(t *testing.T) {
	c := newCall(t, delivery.Policy{Plain: true})
	a := c.join(11, 1)
	c.join(22, 1)
	c.settle()
	c.plain()
	if a.keys != 0 {
		t.Error("a key package, though the version is 0")
	}
}

// corrupt flips a bit in the next n bodies of an opcode to a user.
func (c *call) corrupt(user uint64, op, n int) {
	c.mangle = func(to uint64, o int, body []byte) []byte {
		if to != user || o != op || n == 0 {
			return body
		}
		n--
		b := bytes.Clone(body)
		b[len(b)-40] ^= 1
		return b
	}
}

func TestInvalidCommitIsRecovered(t *testing.T) {
	policies(t, func(t *testing.T, p delivery.Policy) {
		c := newCall(t, p)
		a := c.join(11, 1)
		b := c.join(22, 1)
		c.settle()
		c.corrupt(11, delivery.OpAnnounceCommit, 1)
		c.offer(c.join(33, 1))
		c.drain(b) // the other commits first, so that the commit is not our own
		c.pass(&b.out)
		for a.invalid == 0 && len(a.in) > 0 {
			c.pass(&a.in)
		}
		if a.invalid != 1 {
			t.Fatalf("op 31 sent %d times", a.invalid)
		}
		if !a.Ready() || hear(a, b) != nil {
			t.Error("does not go on with the keys the others have")
		}
		c.settle()
		c.talks()
		if a.keys != 2 {
			t.Errorf("%d key packages", a.keys)
		}
	})
}

func TestGraceAfterInvalidCommitEnds(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a := c.join(11, 1)
	c.join(22, 1)
	c.settle()
	a.OnDaveMLSPrepareCommitTransition(9, []byte("no commit"))
	if !a.Ready() || a.Waiting() != 0 {
		t.Error("not ready at once")
	}
	c.clock = c.clock.Add(keyExpiry + time.Second)
	if a.Ready() || a.Waiting() != time.Second {
		t.Errorf("ready %v, waiting %v", a.Ready(), a.Waiting())
	}
	c.settle()
	c.talks()
}

func TestInvalidWelcomeIsRecovered(t *testing.T) {
	for name, user := range map[string]uint64{"ours": 22, "of the other": 33} {
		t.Run(name, func(t *testing.T) {
			c := newCall(t, delivery.Policy{})
			c.join(11, 1)
			c.corrupt(user, delivery.OpWelcome, 1)
			c.settle()
			c.join(22, 1)
			c.settle()
			c.join(33, 1)
			c.settle()
			c.talks()
			if n := c.members[user].invalid; n != 1 {
				t.Errorf("op 31 sent %d times", n)
			}
		})
	}
}

func TestGivesUpAfterRepeatedInvalidWelcomes(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(11, 1)
	c.settle()
	c.corrupt(22, delivery.OpWelcome, 100)
	b := c.join(22, 1)
	c.settle()
	select {
	case err := <-b.Failed():
		if !errors.Is(err, ErrHandshake) {
			t.Error(err)
		}
	default:
		t.Fatal("does not say that it failed")
	}
	if b.invalid != maxInvalid || b.Ready() {
		t.Errorf("op 31 sent %d times, ready %v", b.invalid, b.Ready())
	}
	if _, err := b.Encrypt(1, []byte("opus"), make([]byte, 64)); !errors.Is(err, ErrNotReady) {
		t.Error(err)
	}
}

func TestRecoveriesThatSucceedDoNotAddUp(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(11, 1)
	b := c.join(22, 1)
	c.settle()
	for range 2 * maxInvalid {
		b.OnDaveMLSPrepareCommitTransition(9, []byte("no commit"))
		c.settle()
		c.talks()
	}
}

func TestCompetingCommits(t *testing.T) {
	for name, order := range map[string][2]uint64{"wins": {11, 22}, "loses": {22, 11}} {
		for when, established := range map[string]bool{"first": false, "later": true} {
			t.Run(name+" "+when, func(t *testing.T) {
				c := newCall(t, delivery.Policy{})
				c.join(11, 1)
				c.join(22, 1)
				if established {
					c.settle()
				}
				c.hold = true
				if established {
					c.join(33, 1)
				}
				c.settle()
				for _, u := range order {
					m := c.members[u]
					if len(m.held) == 0 {
						t.Fatalf("user %d made no commit", u)
					}
					for m.out, m.held = m.held, nil; len(m.out) > 0; {
						c.pass(&m.out)
					}
				}
				c.hold = false
				c.settle()
				c.talks()
				c.sound()
			})
		}
	}
}

func TestSeveralProposalsInOneEpoch(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a, b := c.join(11, 1), c.join(22, 1)
	c.settle()
	c.patience = true
	c.offer(c.join(33, 1)) // the commits wait
	c.offer(c.join(44, 1))
	c.drain(a)
	c.drain(b)
	if len(a.commits) < 2 {
		t.Fatalf("%d commits for two op 27", len(a.commits))
	}
	c.patience = false
	c.settle()
	c.talks()
	c.sound()
	if c.service.Epoch() != 2 {
		t.Errorf("epoch %d: the second commit did not hold both", c.service.Epoch())
	}
}

func TestRevokedAddIsNotCommitted(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a, b := c.join(11, 1), c.join(22, 1)
	c.settle()
	c.offer(c.join(33, 1))
	c.offer(c.join(44, 1))
	c.leave(33) // its add is revoked before anybody's commit arrives
	a.out, b.out = nil, nil
	c.drain(a)
	c.drain(b)
	c.settle()
	c.talks()
	c.sound()
}

func TestOverlappingTransitions(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a := c.join(11, 1)
	b := c.join(22, 1)
	c.settle()
	c.patience = true
	for _, u := range []uint64{33, 44} {
		c.join(u, 1)
		c.settle()
	}
	if a.Epoch() != 1 || hear(a, b) != nil {
		t.Error("new keys are used before the transition is executed")
	}
	pending := c.service.Pending()
	if len(pending) != 2 {
		t.Fatalf("%d transitions", len(pending))
	}
	c.service.Execute(pending[1].ID) // the newer first
	c.settle()
	c.talks()
	c.service.Execute(pending[0].ID)
	c.settle()
	c.talks() // nobody went back
	c.sound()
}

func TestDowngradeExecutedAfterTheUpgradeBegan(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a, b := c.join(11, 1), c.join(22, 1)
	c.settle()
	both := func(f func(m *member)) { f(a); f(b) }
	both(func(m *member) { m.OnDavePrepareTransition(90, 0); m.out = nil })
	c.service.Upgrade()
	c.patience = true
	c.settle()
	both(func(m *member) { m.OnDaveExecuteTransition(90) })
	c.plain()
	c.patience = false
	c.settle()
	c.talks()
}

func TestExternalSenderBeforeOrAfterOp4(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(11, 1)
	c.settle()
	early := c.join(22, 1)
	// op 25 overtakes op 4
	early.OnDaveMLSExternalSenderPackage(c.external.Package())
	c.settle()
	c.talks()
	c.sound()
}

func TestOp11AfterProposal(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a := c.join(11, 1)
	c.settle()
	b := c.join(22, 1)
	late := a.in[0] // op 11
	a.in = a.in[1:]
	c.offer(b)
	c.drain(a)
	if len(a.commits) != 0 {
		t.Fatal("committed an add of a user who was not announced")
	}
	late()
	if len(a.commits) != 1 {
		t.Fatal("did not commit once the user was announced")
	}
	c.settle()
	c.talks()
	c.sound()
}

func TestCommitTwiceIsOnce(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	a := c.join(11, 1)
	c.join(22, 1)
	var last []byte
	c.mangle = func(to uint64, op int, body []byte) []byte {
		if to == 11 && op == delivery.OpAnnounceCommit {
			last = body
		}
		return body
	}
	c.settle()
	c.join(33, 1)
	c.settle()
	if last == nil {
		t.Fatal("no commit")
	}
	a.OnDaveMLSPrepareCommitTransition(7, last[2:])
	c.settle()
	c.talks()
	c.sound()
}
