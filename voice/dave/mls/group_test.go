package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"slices"
	"testing"
)

var groupID = []byte{0, 0, 0, 0, 0, 0, 1, 1}

// proposer is an external sender.
type proposer struct{ key *ecdsa.PrivateKey }

func newProposer(t testing.TB) *proposer {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return &proposer{k}
}

// sender is the ExternalSender structure.
func (p *proposer) sender() []byte {
	var w writer
	w.vec(must(p.key.PublicKey.Bytes()))
	w.u16(credentialBasic)
	w.vec([]byte{1})
	return w.b
}

// message signs a proposal and wraps it as op 27 carries it.
func (p *proposer) message(epoch uint64, proposal []byte) []byte {
	var content, m, v writer
	content.vec(groupID)
	content.u64(epoch)
	content.u8(senderExternal)
	content.u32(0)
	content.vec(nil)
	content.u8(contentProposal)
	content.raw(proposal)
	f := &frame{content: content.b, kind: contentProposal}
	m.u16(version10)
	m.u16(wirePublic)
	m.raw(content.b)
	m.vec(signWithLabel(p.key, "FramedContentTBS", f.tbs(nil)))
	v.vec(m.b)
	return v.b
}

func addOf(id *Identity) []byte { return append([]byte{0, proposalAdd}, id.kp...) }

func removeOf(leaf uint32) []byte {
	var w writer
	w.u16(proposalRemove)
	w.u32(leaf)
	return w.b
}

func newID(t testing.TB, user uint64) *Identity {
	id, err := NewIdentity(user)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func everybody(uint64) bool { return true }

// party is a group seen by all its members, by user.
type party struct {
	t   testing.TB
	by  *proposer
	all map[uint64]*Group
}

func newParty(t testing.TB, users ...uint64) *party {
	p := &party{t: t, by: newProposer(t), all: map[uint64]*Group{}}
	g, err := NewGroup(newID(t, users[0]), groupID, p.by.sender())
	if err != nil {
		t.Fatal(err)
	}
	p.all[users[0]] = g
	for _, u := range users[1:] {
		id := newID(t, u)
		p.change(users[0], []*Identity{id}, addOf(id))
	}
	return p
}

func (p *party) proposals(g *Group, bodies ...[]byte) *Proposals {
	p.t.Helper()
	ps := &Proposals{}
	for _, b := range bodies {
		if err := g.Append(ps, p.by.message(g.epoch, b), everybody); err != nil {
			p.t.Fatal(err)
		}
	}
	return ps
}

// change lets a member commit proposals, and everybody follow.
func (p *party) change(by uint64, joiners []*Identity, bodies ...[]byte) {
	p.t.Helper()
	g := p.all[by]
	// ECDSA signatures differ each time: all must see the same messages
	var messages [][]byte
	for _, b := range bodies {
		messages = append(messages, p.by.message(g.epoch, b))
	}
	see := func(g *Group) *Proposals {
		ps := &Proposals{}
		for _, m := range messages {
			if err := g.Append(ps, m, everybody); err != nil {
				p.t.Fatal(err)
			}
		}
		return ps
	}
	c, err := g.Commit(see(g))
	if err != nil {
		p.t.Fatal(err)
	}
	p.all[by] = c.Group
	for u, o := range p.all {
		if u == by {
			continue
		}
		n, err := o.Handle(see(o), c.Message)
		switch {
		case errors.Is(err, ErrNotMember):
			delete(p.all, u)
		case err != nil:
			p.t.Fatalf("user %d: %v", u, err)
		default:
			p.all[u] = n
		}
	}
	for _, id := range joiners {
		n, err := Join(id, groupID, p.by.sender(), c.Welcome)
		if err != nil {
			p.t.Fatal(err)
		}
		p.all[id.leaf.user()] = n
	}
	p.agree()
}

// agree checks that all members are in the same epoch.
func (p *party) agree() {
	p.t.Helper()
	var first *Group
	for u, g := range p.all {
		if first == nil {
			first = g
		}
		if g.Epoch() != first.Epoch() || !bytes.Equal(g.Authenticator(), first.Authenticator()) || !bytes.Equal(g.interim, first.interim) {
			p.t.Fatalf("user %d is in another epoch", u)
		}
		if !bytes.Equal(g.Export("label", []byte{1}, 16), first.Export("label", []byte{1}, 16)) {
			p.t.Fatalf("user %d exports something else", u)
		}
		for x, k := range g.priv {
			if !bytes.Equal(k.PublicKey().Bytes(), g.tree.key(x)) {
				p.t.Fatalf("user %d has a stale key for node %d", u, x)
			}
		}
	}
	if err := first.tree.verify(groupID); err != nil {
		p.t.Fatal(err)
	}
	if got := first.Users(); len(got) != len(p.all) || !slices.IsSorted(got) {
		p.t.Fatalf("users %v", got)
	}
}

func (p *party) leafOf(u uint64) uint32 { return p.all[u].own }

func TestGroupsAgreeWhoeverCommits(t *testing.T) {
	rng := mrand.New(mrand.NewPCG(1, 2))
	p := newParty(t, 1)
	next := uint64(2)
	for range 40 {
		var bodies [][]byte
		var joiners []*Identity
		users := []uint64{}
		for u := range p.all {
			users = append(users, u)
		}
		slices.Sort(users)
		by := users[rng.IntN(len(users))]
		for _, u := range users {
			if u != by && rng.IntN(5) == 0 {
				bodies = append(bodies, removeOf(p.leafOf(u)))
				if rng.IntN(3) == 0 { // and back at once, with other keys
					joiners = append(joiners, newID(t, u))
				}
			}
		}
		for range min(rng.IntN(3), max(0, 9-len(users))) {
			joiners = append(joiners, newID(t, next))
			next++
		}
		for _, id := range joiners {
			bodies = append(bodies, addOf(id))
		}
		if len(bodies) > 0 {
			p.change(by, joiners, bodies...)
		}
	}
	if p.all[p.anyone()].Epoch() < 20 {
		t.Error("hardly anything happened")
	}
}

func (p *party) anyone() uint64 {
	for u := range p.all {
		return u
	}
	return 0
}
