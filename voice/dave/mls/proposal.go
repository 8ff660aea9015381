package mls

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

// What can be wrong with a message. The errors returned wrap one of these or
// say what could not be read.
var (
	ErrEpoch     = errors.New("mls: message of another epoch or group")
	ErrSignature = errors.New("mls: bad signature")
	ErrProposal  = errors.New("mls: proposal refused")
	ErrNotMember = errors.New("mls: not a member of the group any more")
	ErrWelcome   = errors.New("mls: welcome refused")
	ErrCommit    = errors.New("mls: commit refused")
)

// ProposalType (section 17.4).
const (
	proposalAdd    = 1
	proposalRemove = 3
)

// proposal is an Add or a Remove and its reference.
type proposal struct {
	ref    []byte
	add    *keyPackage // nil for a Remove
	remove uint32
	bad    error // why no commit may hold it
	known  bool  // the user it adds was announced
}

func (p *proposal) is(ref []byte) bool { return bytes.Equal(p.ref, ref) }

// Proposals are those announced in one epoch of a group and not revoked. The
// zero value is ready. One belongs to one Group; start anew with each epoch.
type Proposals struct{ list []proposal }

// Len is how many there are.
func (p *Proposals) Len() int { return len(p.list) }

// Revoke forgets proposals: refs is the vector of proposal references in an
// op 27 revoke. References that are not there are ignored.
func (p *Proposals) Revoke(refs []byte) error {
	r := &reader{b: refs}
	r.each(func(v *reader) {
		ref := v.vec()
		p.list = slices.DeleteFunc(p.list, func(x proposal) bool { return x.is(ref) })
	})
	return r.end()
}

// Announce says that a user is in the call now. It reports whether an Add
// waited for that.
func (p *Proposals) Announce(user uint64) bool {
	waited := false
	for i := range p.list {
		if x := &p.list[i]; x.add != nil && !x.known && x.add.leaf.user() == user {
			x.known, waited = true, true
		}
	}
	return waited
}

// Append reads the vector of messages in an op 27 append and adds them to p.
// All must be of the external sender, this group and this epoch, or none is
// added and an error says why. A proposal that is signed but not acceptable is
// kept: until it is revoked, a commit that holds it is refused. So is one that
// adds a user for whom announced is false, until Announce.
func (g *Group) Append(p *Proposals, messages []byte, announced func(user uint64) bool) error {
	r := &reader{b: bytes.Clone(messages)}
	var list []proposal
	r.each(func(v *reader) {
		x := g.readProposal(v)
		if v.err != nil || slices.ContainsFunc(p.list, func(y proposal) bool { return y.is(x.ref) }) {
			return
		}
		x.known = x.add == nil || announced(x.add.leaf.user())
		list = append(list, *x)
	})
	if err := r.end(); err != nil {
		return err
	}
	p.list = append(p.list, list...)
	return nil
}

// readProposal reads one message; what is wrong with it becomes the reader's
// error.
func (g *Group) readProposal(r *reader) *proposal {
	f := readFrame(r)
	p := &proposal{}
	t := r.u16()
	switch {
	case r.err != nil:
	case !bytes.Equal(f.groupID, g.groupID) || f.epoch != g.epoch:
		r.err = fmt.Errorf("%w: proposal for epoch %d, have %d", ErrEpoch, f.epoch, g.epoch)
	case f.senderType != senderExternal || f.sender != 0 || f.kind != contentProposal:
		r.err = fmt.Errorf("%w: not of the external sender", ErrProposal)
	case t == proposalAdd:
		p.add = readKeyPackage(r)
	case t == proposalRemove:
		p.remove = r.u32()
	default:
		r.err = fmt.Errorf("%w: type %d", ErrProposal, t)
	}
	f.finish(r)
	if r.err == nil && !verifyWithLabel(g.extKey, "FramedContentTBS", f.tbs(nil), f.sig) {
		r.err = fmt.Errorf("%w of the external sender", ErrSignature)
	}
	if r.err != nil {
		return nil
	}
	p.ref = f.ref()
	if p.add != nil {
		p.bad = p.add.check()
	} else if g.tree.leaf(p.remove) == nil {
		p.bad = fmt.Errorf("%w: leaf %d is blank", ErrProposal, p.remove)
	}
	return p
}

// applied is a tree after proposals (section 12.3).
type applied struct {
	tree    *tree
	added   []uint32      // leaves of the new members
	joiners []*keyPackage // theirs, in the same order
	removed bool          // a member was removed: the commit needs a path
}

// apply puts proposals on a copy of the tree: first the Removes, then the Adds
// (section 12.3).
func (g *Group) apply(list []proposal) (*applied, error) {
	a := &applied{tree: g.tree.clone()}
	for _, p := range list {
		if p.bad != nil {
			return nil, fmt.Errorf("%w: %w", ErrProposal, p.bad)
		}
		if p.add != nil {
			continue
		}
		if a.tree.leaf(p.remove) == nil {
			return nil, fmt.Errorf("%w: leaf %d removed twice", ErrProposal, p.remove)
		}
		a.tree.remove(p.remove)
		a.removed = true
	}
	for _, p := range list {
		if p.add == nil {
			continue
		}
		l := p.add.leaf
		if !p.known {
			return nil, fmt.Errorf("%w: user %d is not in the call", ErrProposal, l.user())
		}
		for _, m := range a.tree.leaves {
			if m != nil && (m.user() == l.user() || bytes.Equal(m.sigKey, l.sigKey) || bytes.Equal(m.encKey, l.encKey)) {
				return nil, fmt.Errorf("%w: user %d is already a member", ErrProposal, l.user())
			}
		}
		a.added = append(a.added, a.tree.add(l))
		a.joiners = append(a.joiners, p.add)
	}
	if len(a.tree.leaves) > maxLeaves {
		return nil, fmt.Errorf("%w: group too large", ErrProposal)
	}
	return a, nil
}
