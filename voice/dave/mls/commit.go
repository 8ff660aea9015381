package mls

import (
	"bytes"
	"crypto/hpke"
	"fmt"
	"slices"
)

const proposalByReference = 2 // ProposalOrRefType (section 12.4)

// Committed is a commit of ours that nobody has taken yet.
type Committed struct {
	Message []byte // the MLSMessage with the commit
	Welcome []byte // the bare Welcome for those it adds; nil when it adds nobody
	Group   *Group // the epoch that begins if the gateway announces Message
}

// Commit commits all of p (section 12.4.1). g stays as it is; whoever calls
// keeps the result aside until the gateway announces this very message.
func (g *Group) Commit(p *Proposals) (*Committed, error) {
	a, err := g.apply(p.list)
	if err != nil {
		return nil, err
	}
	if g.gone(a) {
		return nil, fmt.Errorf("%w: removes the committer", ErrProposal)
	}
	var body, refs writer
	for _, x := range p.list {
		refs.u8(proposalByReference)
		refs.vec(x.ref)
	}
	body.vec(refs.b)
	path := &ownPath{commitSecret: noPSK}
	if !a.removed {
		body.u8(0) // Adds alone need no path
	} else {
		if path, err = a.tree.rekey(g.own, g.id.sig, g.groupID); err != nil {
			return nil, err
		}
		provisional := groupContext(g.groupID, g.epoch+1, a.tree.treeHash(), g.confirmed, g.exts)
		if err := path.seal(a.tree, a.added, provisional); err != nil {
			return nil, err
		}
		body.u8(1)
		path.marshal(&body)
	}
	f := newFrame(g.groupID, g.epoch, g.own, contentCommit, body.b, g.context, g.id.sig)
	next, joiner, welcomeSecret := g.next(a.tree, path.commitSecret, confirmedHash(g.interim, f.content, f.sig), path.keys)
	f.tag = mac(next.sec.confirm, next.confirmed)
	if err := next.confirm(f.tag); err != nil {
		return nil, err
	}
	c := &Committed{Message: f.message(g.sec.membership, g.context), Group: next}
	if len(a.added) > 0 {
		if c.Welcome, err = next.welcome(a, joiner, welcomeSecret, f.tag, path.secrets); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// gone reports whether our leaf is no longer what it was.
func (g *Group) gone(a *applied) bool { return a.tree.leaf(g.own) != g.tree.leaf(g.own) }

// commit is a Commit (section 12.4) and its frame.
type commit struct {
	*frame
	refs [][]byte
	path *updatePath // nil when there is none
}

func readCommit(b []byte) (*commit, error) {
	r := &reader{b: b}
	c := &commit{frame: readFrame(r)}
	if c.kind != contentCommit || c.senderType != senderMember {
		r.fail("not a member's commit")
	}
	r.each(func(v *reader) {
		if v.u8() != proposalByReference {
			v.fail("proposal by value")
		}
		c.refs = append(c.refs, v.vec())
	})
	if r.optional() {
		c.path = readPath(r)
	}
	c.finish(r)
	return c, r.end()
}

// Handle takes another member's commit (section 12.4.2) and returns the epoch
// it begins. g and p stay as they are. ErrNotMember means that the commit
// removes us; after any other error g is still what the group was.
func (g *Group) Handle(p *Proposals, message []byte) (*Group, error) {
	c, err := readCommit(bytes.Clone(message))
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(c.groupID, g.groupID) || c.epoch != g.epoch {
		return nil, fmt.Errorf("%w: commit for epoch %d, have %d", ErrEpoch, c.epoch, g.epoch)
	}
	from := g.tree.leaf(c.sender)
	if from == nil || c.sender == g.own {
		return nil, fmt.Errorf("%w: sender %d", ErrCommit, c.sender)
	}
	if err := c.verify(from.sigKey, g.sec.membership, g.context); err != nil {
		return nil, err
	}
	list, err := p.named(c.refs)
	if err != nil {
		return nil, err
	}
	a, err := g.apply(list)
	if err != nil {
		return nil, err
	}
	switch {
	case g.gone(a):
		return nil, ErrNotMember
	case a.tree.leaf(c.sender) != from:
		return nil, fmt.Errorf("%w: removes its sender", ErrCommit)
	case a.removed && c.path == nil:
		return nil, fmt.Errorf("%w: lacks a path", ErrCommit)
	}
	commitSecret, keys := noPSK, map[int]hpke.PrivateKey(nil)
	if c.path != nil {
		if keys, commitSecret, err = g.openPath(a, c); err != nil {
			return nil, err
		}
	}
	next, _, _ := g.next(a.tree, commitSecret, confirmedHash(g.interim, c.content, c.sig), keys)
	if err := next.confirm(c.tag); err != nil {
		return nil, err
	}
	return next, nil
}

// openPath merges a commit's path into the tree and takes our secret from it.
func (g *Group) openPath(a *applied, c *commit) (map[int]hpke.PrivateKey, []byte, error) {
	nodes, copath, err := a.tree.merge(c.sender, c.path, g.groupID)
	if err != nil {
		return nil, nil, err
	}
	provisional := groupContext(g.groupID, g.epoch+1, a.tree.treeHash(), g.confirmed, g.exts)
	return c.path.open(a.tree, g.own, nodes, copath, a.added, g.priv, provisional)
}

// named are the proposals that refs name: at least one, each once.
func (p *Proposals) named(refs [][]byte) ([]proposal, error) {
	if len(refs) == 0 {
		return nil, fmt.Errorf("%w: no proposals", ErrCommit)
	}
	var list []proposal
	for _, ref := range refs {
		i := slices.IndexFunc(p.list, func(x proposal) bool { return x.is(ref) })
		if i < 0 || slices.ContainsFunc(list, func(x proposal) bool { return x.is(ref) }) {
			return nil, fmt.Errorf("%w: unknown or repeated proposal", ErrCommit)
		}
		list = append(list, p.list[i])
	}
	return list, nil
}
