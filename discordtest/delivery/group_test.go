package delivery_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"testing"

	"github.com/disgoorg/godave"

	"segue/discordtest/delivery"
	"segue/voice/dave"
)

const (
	channel         = 500000000000000001
	ann, ben, cleo  = 11, 22, 33
	opExternal      = delivery.OpExternalSender
	opPrepareEpoch  = delivery.OpPrepareEpoch
	opCommitWelcome = delivery.OpCommitWelcome
)

var groupID = binary.BigEndian.AppendUint64(nil, channel)

// call is a group with real DAVE clients, the messages between them carried by
// hand.
type call struct {
	*testing.T
	group   *delivery.Group
	clients map[uint64]*person
	log     []delivery.Message // all that the group sent
	lag     bool               // commits are kept instead of handed over
	kept    []commit
	refused []error
}

type commit struct {
	from uint64
	body []byte
}

type person struct {
	call    *call
	id      uint64
	session godave.Session
	last    []byte // key package
}

func newCall(t *testing.T, p delivery.Policy) *call {
	external := delivery.NewExternalSender([]byte{0, 0, 0, 0, 0, 0, 0, 1})
	return &call{T: t, group: delivery.NewGroup(channel, external, p), clients: map[uint64]*person{}}
}

func (p *person) SendMLSKeyPackage(b []byte) error {
	p.last = bytes.Clone(b)
	return p.call.check(p.call.group.KeyPackage(p.id, b))
}

func (p *person) SendMLSCommitWelcome(b []byte) error {
	if p.call.lag {
		p.call.kept = append(p.call.kept, commit{p.id, bytes.Clone(b)})
		return nil
	}
	return p.call.check(p.call.group.Commit(p.id, b))
}

func (p *person) SendReadyForTransition(id uint16) error {
	return p.call.check(p.call.group.Ready(p.id, id))
}

func (p *person) SendInvalidCommitWelcome(uint16) error {
	p.call.group.Invalid(p.id)
	return nil
}

func (c *call) check(err error) error {
	if errors.Is(err, delivery.ErrLate) {
		return nil
	}
	if err != nil {
		c.refused = append(c.refused, err)
	}
	return nil
}

func (c *call) join(id uint64) *person {
	p := &person{call: c, id: id}
	user := godave.UserID(strconv.FormatUint(id, 10))
	p.session = dave.New(slog.New(slog.DiscardHandler), user, p)
	p.session.SetChannelID(channel)
	for other, o := range c.clients {
		o.session.AddUser(user)
		p.session.AddUser(godave.UserID(strconv.FormatUint(other, 10)))
	}
	c.clients[id] = p
	version := c.group.Join(id, 1)
	p.session.OnSelectProtocolAck(version)
	if version > 0 {
		c.group.External(id)
	}
	c.carry()
	return p
}

func (c *call) leave(id uint64) {
	delete(c.clients, id)
	for _, o := range c.clients {
		o.session.RemoveUser(godave.UserID(strconv.FormatUint(id, 10)))
	}
	c.group.Leave(id)
	c.carry()
}

// carry delivers messages until nobody has anything to say.
func (c *call) carry() {
	for {
		out := c.group.Take()
		c.log = append(c.log, out...)
		for _, m := range out {
			if p := c.clients[m.To]; p != nil {
				p.get(m)
			}
		}
		for _, t := range c.group.Pending() {
			if len(t.Missing()) == 0 {
				c.group.Execute(t.ID)
			}
		}
		if len(out) == 0 && len(c.group.Pending()) == 0 || len(out) == 0 && len(c.group.Pending()[0].Missing()) > 0 {
			return
		}
	}
}

func (p *person) get(m delivery.Message) {
	s := p.session
	switch m.Op {
	case delivery.OpPrepareTransition:
		s.OnDavePrepareTransition(number(m.JSON["transition_id"]), number(m.JSON["protocol_version"]))
	case delivery.OpExecuteTransition:
		s.OnDaveExecuteTransition(number(m.JSON["transition_id"]))
	case delivery.OpPrepareEpoch:
		s.OnDavePrepareEpoch(m.JSON["epoch"].(int), number(m.JSON["protocol_version"]))
	case delivery.OpExternalSender:
		s.OnDaveMLSExternalSenderPackage(m.Body)
	case delivery.OpProposals:
		s.OnDaveMLSProposals(m.Body)
	case delivery.OpAnnounceCommit:
		s.OnDaveMLSPrepareCommitTransition(binary.BigEndian.Uint16(m.Body), m.Body[2:])
	case delivery.OpWelcome:
		s.OnDaveMLSWelcome(binary.BigEndian.Uint16(m.Body), m.Body[2:])
	}
}

func number(v any) uint16 {
	switch n := v.(type) {
	case int:
		return uint16(n)
	case uint16:
		return n
	}
	return 0
}

func (c *call) sent(to uint64, op int) (n int) {
	for _, m := range c.log {
		if m.To == to && m.Op == op {
			n++
		}
	}
	return n
}

func (c *call) allHear() {
	c.Helper()
	if len(c.refused) > 0 {
		c.Errorf("refused: %v", c.refused)
	}
	for from, p := range c.clients {
		sealed := make([]byte, 200)
		n, err := p.session.Encrypt(1, []byte("an opus frame"), sealed)
		if err != nil {
			c.Fatalf("user %d cannot seal: %v", from, err)
		}
		for to, o := range c.clients {
			plain := make([]byte, 200)
			if to == from {
				continue
			}
			k, err := o.session.Decrypt(godave.UserID(strconv.FormatUint(from, 10)), sealed[:n], plain)
			if err != nil || string(plain[:k]) != "an opus frame" {
				c.Fatalf("user %d does not hear %d: %v", to, from, err)
			}
		}
	}
}

func TestPeopleComeAndGo(t *testing.T) {
	for _, policy := range []delivery.Policy{{}, {ZeroFirst: true}, {RepeatExternal: true}, {Serialize: true}} {
		c := newCall(t, policy)
		c.join(ann)
		c.join(ben)
		c.allHear()
		c.join(cleo)
		c.allHear()
		if got := c.group.Leaves(); len(got) != 3 || c.group.Epoch() != 2 {
			t.Errorf("leaves %v in epoch %d", got, c.group.Epoch())
		}
		c.leave(ben)
		c.allHear()
		c.join(ben)
		c.allHear()
		if got := c.group.Leaves()[1]; got != ben {
			t.Errorf("leaf 1 is %d's, the blank one is to be used again", got)
		}
		c.leave(ann)
		c.leave(ben)
		if c.group.Established() || c.sent(cleo, opPrepareEpoch) != 1 {
			t.Error("no new group for the one left")
		}
		c.join(ann)
		c.allHear()
		if want := 1 + btoi(policy.RepeatExternal); c.sent(cleo, opExternal) != want {
			t.Errorf("external sender sent %d times, want %d", c.sent(cleo, opExternal), want)
		}
		c.leave(ann)
		c.leave(cleo)
		if c.group.Version() != 1 || len(c.group.Leaves()) != 0 {
			t.Error("an empty channel remembers something")
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestEveryoneElseIsRevokedFrom(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.lag = true
	c.join(cleo)
	if c.group.Proposals() != 1 || len(c.kept) != 2 {
		t.Fatalf("%d proposals, %d commits", c.group.Proposals(), len(c.kept))
	}
	c.leave(cleo) // before anybody's commit arrived
	for _, k := range c.kept {
		if err := c.group.Commit(k.from, k.body); !errors.Is(err, delivery.ErrLate) {
			t.Errorf("commit of a revoked add: %v", err)
		}
	}
	c.kept = nil
	c.join(cleo)
	stale := c.kept
	c.group.KeyPackage(cleo, c.clients[cleo].last) // once more: the old add goes, a new one comes
	c.carry()
	for _, k := range stale {
		if err := c.group.Commit(k.from, k.body); !errors.Is(err, delivery.ErrLate) {
			t.Errorf("commit of a replaced add: %v", err)
		}
	}
	c.lag = false
	c.commitKept()
	c.allHear()
}

// commitKept hands over the commits kept last, oldest first, until one works.
func (c *call) commitKept() {
	c.Helper()
	for _, k := range slices.Backward(c.kept) {
		if c.group.Commit(k.from, k.body) == nil {
			c.carry()
			return
		}
	}
	c.Fatal("no commit was good")
}

func TestTwoProposalBatchesInOneEpoch(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.lag = true
	c.join(cleo)
	first := c.kept
	c.join(44)
	if err := c.group.Commit(first[0].from, first[0].body); !errors.Is(err, delivery.ErrLate) {
		t.Errorf("a commit that misses a proposal: %v", err)
	}
	c.lag = false
	c.commitKept()
	c.allHear()
	if got := c.group.Leaves(); !slices.Equal(got, []uint64{got[0], got[1], cleo, 44}) {
		t.Errorf("leaves %v", got)
	}
}

func TestBatchedProposals(t *testing.T) {
	c := newCall(t, delivery.Policy{Batch: true})
	c.join(ann)
	c.join(ben)
	if c.sent(ann, delivery.OpProposals)+c.sent(ben, delivery.OpProposals) != 0 {
		t.Fatal("proposals before Flush")
	}
	c.join(cleo)
	if !c.group.RevokeAdd(cleo) || c.sent(ann, delivery.OpProposals) != 0 {
		t.Error("an unsent proposal is taken back without a word")
	}
	c.group.Flush()
	c.carry()
	if c.group.Epoch() != 1 || c.sent(cleo, delivery.OpWelcome) != 0 {
		t.Errorf("epoch %d", c.group.Epoch())
	}
}

func TestVersionsFollowTheGuests(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	if !c.group.MustSeal(ann) || !c.group.MayHear(ann) {
		t.Error("DAVE is not demanded")
	}
	if v := c.group.Join(cleo, 0); v != 0 {
		t.Errorf("the guest is told version %d", v)
	}
	if c.group.MustSeal(ann) || c.group.MayHear(cleo) {
		t.Error("sealing is demanded while a guest is here")
	}
	c.carry()
	if c.group.Version() != 0 || c.group.Established() {
		t.Error("not downgraded")
	}
	c.allHear()
	if err := c.group.KeyPackage(cleo, c.clients[ann].last); err == nil {
		t.Error("took a key package from a guest")
	}
	c.group.Leave(cleo)
	c.carry()
	if c.group.Version() != 1 || !c.group.Established() || !c.group.MustSeal(ben) {
		t.Error("not upgraded")
	}
	c.allHear()
}

func TestStageHasNoGroup(t *testing.T) {
	g := delivery.NewGroup(channel, delivery.NewExternalSender(nil), delivery.Policy{Plain: true})
	if v := g.Join(ann, 1); v != 0 || g.MustSeal(ann) || len(g.Take()) != 0 {
		t.Errorf("version %d on a stage", v)
	}
}

func TestTransitions(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.group.NextTransition(65535)
	c.join(ann)
	c.join(ben)
	for id, late := range map[uint16]bool{65535: true, 0: false, 7: false} {
		if err := c.group.Ready(ann, id); err == nil || errors.Is(err, delivery.ErrLate) != late {
			t.Errorf("ready for %d: %v", id, err)
		}
	}
	c.group.Downgrade()
	c.log = append(c.log, c.group.Take()...) // nobody answers
	ts := c.group.Pending()
	if len(ts) != 1 || ts[0].ID != 1 || !slices.Equal(ts[0].Missing(), []uint64{ann, ben}) {
		t.Fatalf("pending %+v", ts)
	}
	c.group.Execute(1)
	c.group.Execute(1)
	c.group.Execute(9)
	if out := c.group.Take(); len(out) != 2 || out[0].Op != delivery.OpExecuteTransition {
		t.Errorf("executing sent %+v", out)
	}
}

func TestInvalidIsReadmitted(t *testing.T) {
	c := newCall(t, delivery.Policy{})
	c.join(ann)
	c.join(ben)
	c.join(cleo)
	before := c.group.Epoch()
	c.clients[cleo].session.OnDaveMLSPrepareCommitTransition(9, []byte("nonsense"))
	c.carry()
	if c.group.Epoch() <= before || !slices.Contains(c.group.Leaves(), uint64(cleo)) {
		t.Errorf("epoch %d, leaves %v", c.group.Epoch(), c.group.Leaves())
	}
	c.allHear()
}

// A key package may still be on its way when its sender is thrown out.
func TestAKeyPackageOfSomebodyWhoHasLeftIsNoFault(t *testing.T) {
	g := delivery.NewGroup(channel, delivery.NewExternalSender([]byte{1}), delivery.Policy{})
	kp := newKeyPackage(t)
	g.Join(ann, 0)
	if err := g.KeyPackage(ann, kp); err == nil || errors.Is(err, delivery.ErrLate) {
		t.Errorf("from a member without DAVE: %v", err)
	}
	g.Leave(ann)
	if err := g.KeyPackage(ann, kp); !errors.Is(err, delivery.ErrLate) {
		t.Errorf("from somebody who has left: %v", err)
	}
}
