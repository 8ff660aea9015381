package delivery

import (
	"errors"
	"fmt"
	"slices"
)

// KeyPackage takes in the body of opcode 26.
func (g *Group) KeyPackage(from uint64, body []byte) error {
	kp, err := ParseKeyPackage(slices.Clone(body))
	if err != nil {
		return err
	}
	if kp.UserID() != from {
		return fmt.Errorf("key package: credential names user %d", kp.UserID())
	}
	switch u := g.users[from]; {
	case u == nil: // thrown out while it was on its way
		return fmt.Errorf("key package: from a user who has left: %w", ErrLate)
	case u.max == 0:
		return errors.New("key package: from a user without DAVE")
	}
	g.later(func() { g.offer(from, kp) })
	return nil
}

// offer proposes to add a user with a new key package.
func (g *Group) offer(id uint64, kp *KeyPackage) {
	u := g.users[id]
	if u == nil {
		return
	}
	first := u.pending == nil
	if i := g.findAdd(id); i >= 0 {
		g.revoke(i)
	}
	u.pending = kp
	var ps []proposal
	if l := g.leafOf(id); g.established && l >= 0 && !g.removes(uint32(l)) {
		ps = append(ps, g.removal(id, uint32(l)))
	}
	if !g.established && first {
		var known []Proposal // the adds of others who wait, for the newcomer
		for _, p := range g.proposals {
			if p.adds() && p.user != id && !g.isUnsent(p) {
				known = append(known, p.Proposal)
			}
		}
		if len(known) > 0 {
			g.send(id, OpProposals, AppendPayload(known...))
		}
	}
	add := g.external.ProposeAdd(g.id, g.epoch, kp.Raw)
	g.propose(append(ps, proposal{Proposal: add, user: id, keyPackage: kp})...)
}

// Invalid takes in opcode 31: a member could not follow. It is removed and
// comes back with the key package that it sends next.
func (g *Group) Invalid(from uint64) {
	g.later(func() {
		if g.established {
			g.remove(from)
		}
	})
}

func (g *Group) remove(id uint64) {
	if l := g.leafOf(id); l >= 0 && !g.removes(uint32(l)) {
		g.propose(g.removal(id, uint32(l)))
	}
}

func (g *Group) removal(id uint64, leaf uint32) proposal {
	return proposal{Proposal: g.external.ProposeRemove(g.id, g.epoch, leaf), user: id, leaf: leaf}
}

func (g *Group) removes(leaf uint32) bool {
	return slices.ContainsFunc(g.proposals, func(p proposal) bool { return !p.adds() && p.leaf == leaf })
}

func (g *Group) findAdd(id uint64) int {
	return slices.IndexFunc(g.proposals, func(p proposal) bool { return p.adds() && p.user == id })
}

func (g *Group) isUnsent(p proposal) bool {
	return slices.ContainsFunc(g.unsent, func(q proposal) bool { return string(q.Ref) == string(p.Ref) })
}

func (g *Group) propose(ps ...proposal) {
	g.proposals = append(g.proposals, ps...)
	g.unsent = append(g.unsent, ps...)
	if !g.policy.Batch {
		g.Flush()
	}
}

// Flush sends the proposals that wait because of Policy.Batch.
func (g *Group) Flush() {
	ps := g.unsent
	g.unsent = nil
	for _, id := range g.able() {
		var list []Proposal
		for _, p := range ps {
			if g.concerns(id, p) {
				list = append(list, p.Proposal)
			}
		}
		if len(list) > 0 {
			g.send(id, OpProposals, AppendPayload(list...))
		}
	}
}

// concerns says whether a user hears of a proposal: members of the group, or
// all who make a group of their own, but never its subject.
func (g *Group) concerns(id uint64, p proposal) bool {
	return id != p.user && (!g.established || g.leafOf(id) >= 0)
}

// RevokeAdd takes back the proposal to add a user, if there is one.
func (g *Group) RevokeAdd(id uint64) bool {
	i := g.findAdd(id)
	if i >= 0 {
		g.revoke(i)
	}
	return i >= 0
}

func (g *Group) revoke(i int) {
	p := g.proposals[i]
	g.proposals = slices.Delete(g.proposals, i, i+1)
	for j, q := range g.unsent {
		if string(q.Ref) == string(p.Ref) {
			g.unsent = slices.Delete(g.unsent, j, j+1)
			return // nobody knows it
		}
	}
	g.revoked[string(p.Ref)] = true
	for _, id := range g.able() {
		if g.concerns(id, p) {
			g.send(id, OpProposals, RevokePayload(p.Proposal))
		}
	}
}

// later runs f now, or once no transition is under way if the policy says so.
func (g *Group) later(f func()) {
	if g.policy.Serialize && len(g.Pending()) > 0 {
		g.waiting = append(g.waiting, f)
		return
	}
	f()
}
