package mls

import (
	"bytes"
	"errors"
	"math"
	"testing"
)

// TestNoByteOfAMessageMayChange flips each byte of a commit with a path, a
// welcome, a key package and a proposal.
func TestNoByteOfAMessageMayChange(t *testing.T) {
	p := newParty(t, 1, 2, 3, 4)
	g, other := p.all[1], p.all[2]
	joiner := newID(t, 5)
	messages := [][]byte{p.by.message(g.epoch, removeOf(p.leafOf(3))), p.by.message(g.epoch, addOf(joiner))}
	ps := &Proposals{}
	for _, m := range messages {
		if err := g.Append(ps, m, everybody); err != nil {
			t.Fatal(err)
		}
	}
	c, err := g.Commit(ps)
	if err != nil {
		t.Fatal(err)
	}
	each := func(what string, b []byte, taken func([]byte) error) {
		if err := taken(b); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range b {
			bad := bytes.Clone(b)
			bad[i] ^= 1 << (i % 8)
			if taken(bad) == nil {
				t.Errorf("%s: byte %d changed and taken", what, i)
			}
			if i%7 == 0 && taken(b[:i]) == nil {
				t.Errorf("%s: cut at %d and taken", what, i)
			}
		}
		if taken(append(bytes.Clone(b), 0)) == nil {
			t.Errorf("%s: a byte more and taken", what)
		}
	}
	each("commit", c.Message, func(b []byte) error { _, err := other.Handle(ps, b); return err })
	each("welcome", c.Welcome, func(b []byte) error { _, err := Join(joiner, groupID, p.by.sender(), b); return err })
	each("key package", joiner.KeyPackage(), func(b []byte) error {
		r := &reader{b: b}
		k := readKeyPackage(r)
		if err := r.end(); err != nil {
			return err
		}
		return k.check()
	})
	each("proposal", messages[1], func(b []byte) error {
		var q Proposals
		if err := g.Append(&q, b, everybody); err != nil {
			return err
		}
		_, err := g.Commit(&q)
		return err
	})
}

func TestCommitsThatAreRefused(t *testing.T) {
	p := newParty(t, 1, 2, 3)
	g, o := p.all[1], p.all[2]
	commit := func(g *Group, ps *Proposals) []byte {
		t.Helper()
		c, err := g.Commit(ps)
		if err != nil {
			t.Fatal(err)
		}
		return c.Message
	}
	remove3 := p.by.message(g.epoch, removeOf(2))
	ps := &Proposals{}
	if err := errors.Join(g.Append(ps, remove3, everybody), g.Append(ps, remove3, everybody)); err != nil || ps.Len() != 1 {
		t.Fatalf("%d proposals, %v", ps.Len(), err)
	}
	good := commit(g, ps)
	for name, c := range map[string]struct {
		at   *Group
		ps   *Proposals
		msg  []byte
		want error
	}{
		"not seen the proposal":    {o, &Proposals{}, good, ErrCommit},
		"our own, without knowing": {g, ps, good, ErrCommit},
		"removes us":               {p.all[3], ps, good, ErrNotMember},
		"no proposals":             {o, ps, signed(g, nil), ErrCommit},
		"named twice":              {o, ps, signed(g, ps.list[0].ref, ps.list[0].ref), ErrCommit},
		"lacks its path":           {o, ps, signed(g, ps.list[0].ref), ErrCommit},
		"by an outsider":           {o, ps, signed(stranger(t, p), ps.list[0].ref), ErrCommit},
		"of the next epoch":        {o, ps, commitOf(t, p, ps), ErrEpoch},
		"no commit":                {o, ps, p.by.message(g.epoch, removeOf(2))[2:], errMalformed},
	} {
		if _, err := c.at.Handle(c.ps, c.msg); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if n, err := o.Handle(ps, good); err != nil || n.Epoch() != o.Epoch()+1 {
		t.Error(err)
	}
}

// signed is a commit without a path that names proposals, well signed.
func signed(g *Group, refs ...[]byte) []byte {
	var body, list writer
	for _, r := range refs {
		list.u8(proposalByReference)
		list.vec(r)
	}
	body.vec(list.b)
	body.u8(0)
	return signedBody(g, body.b)
}

// signedBody frames any commit body as a member of g would.
func signedBody(g *Group, body []byte) []byte {
	f := newFrame(g.groupID, g.epoch, g.own, contentCommit, body, g.context, g.id.sig)
	f.tag = make([]byte, hashSize)
	return f.message(g.sec.membership, g.context)
}

// stranger is a copy of member 1 that claims a leaf that is blank.
func stranger(t *testing.T, p *party) *Group {
	t.Helper()
	g := *p.all[1]
	g.own = 3
	return &g
}

// commitOf is a commit in the epoch after this one.
func commitOf(t *testing.T, p *party, ps *Proposals) []byte {
	t.Helper()
	c, err := p.all[1].Commit(ps)
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Group.Commit(p.proposals(c.Group, addOf(newID(t, 9))))
	if err != nil {
		t.Fatal(err)
	}
	return d.Message
}

func TestProposalsThatNoCommitMayHold(t *testing.T) {
	p := newParty(t, 1, 2, 3)
	g := p.all[1]
	weak := newID(t, 9)
	reseal(weak, func(l *leafNode) { l.caps = []byte{2, 0, 1, 2, 0, 1, 0, 0, 2, 0, 1} })
	anonymous := newID(t, 9)
	reseal(anonymous, func(l *leafNode) { l.identity = []byte("nobody") })
	updated := newID(t, 9)
	reseal(updated, func(l *leafNode) { l.source = fromUpdate })
	twin := newID(t, 9)
	for name, bodies := range map[string][][]byte{
		"a blank leaf":           {removeOf(3)},
		"a leaf outside":         {removeOf(math.MaxUint32)},
		"ourselves":              {removeOf(0)},
		"a member twice":         {removeOf(1), append(removeOf(1), nil...)},
		"a member again":         {addOf(newID(t, 2))},
		"a user twice":           {addOf(twin), addOf(newID(t, 9))},
		"no capability":          {addOf(weak)},
		"no user id":             {addOf(anonymous)},
		"not a key package leaf": {addOf(updated)},
	} {
		var ps Proposals
		for _, b := range bodies {
			if err := g.Append(&ps, p.by.message(g.epoch, b), everybody); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if _, err := g.Commit(&ps); !errors.Is(err, ErrProposal) {
			t.Errorf("%s: %v", name, err)
		}
		// once revoked, the rest can be committed
		var refs, v writer
		for _, x := range ps.list {
			refs.vec(x.ref)
		}
		v.vec(refs.b)
		if err := ps.Revoke(v.b); err != nil || ps.Len() != 0 {
			t.Errorf("%s: %d left, %v", name, ps.Len(), err)
		}
	}
	var ps Proposals
	for name, m := range map[string][]byte{
		"an Update":          p.by.message(g.epoch, []byte{0, 2}),
		"another epoch":      p.by.message(g.epoch+1, removeOf(1)),
		"of a member":        vector(signedBody(g, nil)),
		"nothing but length": {5},
	} {
		if err := g.Append(&ps, m, everybody); err == nil || ps.Len() != 0 {
			t.Errorf("%s: taken", name)
		}
	}
	if ps.Revoke([]byte{1}) == nil {
		t.Error("a malformed revoke is taken")
	}
}

func vector(b []byte) []byte { var w writer; w.vec(b); return w.b }

// reseal changes the leaf of an identity and signs it and its key package anew.
func reseal(id *Identity, change func(*leafNode)) {
	change(id.leaf)
	id.leaf.sig = signWithLabel(id.sig, "LeafNodeTBS", id.leaf.tbs(nil, 0))
	var w writer
	w.u16(version10)
	w.u16(suiteP256)
	w.vec(id.initKey.PublicKey().Bytes())
	id.leaf.marshal(&w)
	w.vec(nil)
	w.vec(signWithLabel(id.sig, "KeyPackageTBS", w.b))
	id.kp, id.ref = w.b, keyPackageRef(w.b)
}

func TestAddWaitsForTheUserToBeAnnounced(t *testing.T) {
	p := newParty(t, 1, 2)
	g := p.all[1]
	var ps Proposals
	if err := g.Append(&ps, p.by.message(g.epoch, addOf(newID(t, 3))), func(uint64) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Commit(&ps); !errors.Is(err, ErrProposal) {
		t.Error(err)
	}
	if ps.Announce(4) || !ps.Announce(3) || ps.Announce(3) {
		t.Error("Announce")
	}
	if _, err := g.Commit(&ps); err != nil {
		t.Error(err)
	}
}

func TestWelcomesThatAreRefused(t *testing.T) {
	p := newParty(t, 1, 2)
	id := newID(t, 3)
	c, err := p.all[1].Commit(p.proposals(p.all[1], addOf(id)))
	if err != nil {
		t.Fatal(err)
	}
	other := newProposer(t).sender()
	for name, f := range map[string]func() (*Group, error){
		"another group":           func() (*Group, error) { return Join(id, []byte{9}, p.by.sender(), c.Welcome) },
		"another external sender": func() (*Group, error) { return Join(id, groupID, other, c.Welcome) },
		"no external sender":      func() (*Group, error) { return Join(id, groupID, nil, c.Welcome) },
		"another key package":     func() (*Group, error) { return Join(newID(t, 3), groupID, p.by.sender(), c.Welcome) },
	} {
		if g, err := f(); err == nil || g != nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := NewGroup(id, groupID, []byte{1, 2, 3}); err == nil {
		t.Error("a malformed external sender is taken")
	}
	if _, err := NewGroup(id, groupID, append(vector(make([]byte, 65)), 0, credentialBasic, 0)); err == nil {
		t.Error("an external sender without a key on the curve is taken")
	}
	if _, err := NewIdentity(0); err == nil {
		t.Error("user 0")
	}
}
