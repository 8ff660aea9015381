package delivery

import (
	"fmt"
	"slices"
)

// Commit takes in the body of opcode 28: it announces the commit, sends the
// welcomes and begins the transition. An error that is ErrLate means that the
// commit was beaten or overtaken; any other that the client did something that
// the paper forbids. Either way it is dropped.
func (g *Group) Commit(from uint64, body []byte) error {
	c, rest, err := ParseCommit(slices.Clone(body))
	if err != nil {
		return err
	}
	if string(c.GroupID) != string(g.id) {
		return fmt.Errorf("commit: for group %x", c.GroupID)
	}
	if c.Epoch != g.epoch || len(g.proposals) == 0 {
		return fmt.Errorf("commit: for epoch %d with %d proposals open in epoch %d: %w", c.Epoch, len(g.proposals), g.epoch, ErrLate)
	}
	if err := g.checkSender(from, c); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	adds, removes, err := g.covered(from, c)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	welcomes, err := cut(rest, adds)
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	g.apply(from, c, adds, removes, welcomes)
	return nil
}

func (g *Group) checkSender(from uint64, c *Commit) error {
	u := g.users[from]
	if u == nil {
		return fmt.Errorf("user %d is not here", from)
	}
	was := u.current
	if g.established {
		if l := g.leafOf(from); l < 0 || uint32(l) != c.Sender {
			return fmt.Errorf("sender is leaf %d, this user is at %d", c.Sender, l)
		}
	} else {
		if c.Sender != 0 {
			return fmt.Errorf("sender is leaf %d of a group of one", c.Sender)
		}
		was = u.pending
	}
	return c.checkPath(was)
}

// covered checks that a commit names exactly the open proposals.
func (g *Group) covered(from uint64, c *Commit) (adds, removes []proposal, err error) {
	open := map[string]proposal{}
	for _, p := range g.proposals {
		if g.established || p.user != from { // a group of one already holds its maker
			open[string(p.Ref)] = p
		}
	}
	if len(c.Refs) == 0 {
		return nil, nil, fmt.Errorf("names no proposal")
	}
	for _, ref := range c.Refs {
		p, ok := open[string(ref)]
		switch {
		case ok:
		case g.revoked[string(ref)]:
			return nil, nil, fmt.Errorf("names a proposal revoked meanwhile: %w", ErrLate)
		default:
			return nil, nil, fmt.Errorf("names a proposal twice or one that was never made in epoch %d", g.epoch)
		}
		delete(open, string(ref))
		if p.adds() {
			adds = append(adds, p)
		} else {
			removes = append(removes, p)
		}
	}
	if len(open) > 0 {
		return nil, nil, fmt.Errorf("misses %d of the proposals of epoch %d: %w", len(open), g.epoch, ErrLate)
	}
	if len(removes) > 0 && !c.HasPath {
		return nil, nil, fmt.Errorf("removes a member without a path")
	}
	return adds, removes, nil
}

// cut makes each joiner's welcome out of what follows a commit.
func cut(b []byte, adds []proposal) (map[uint64][]byte, error) {
	if len(adds) == 0 {
		if len(b) > 0 {
			return nil, fmt.Errorf("%d bytes follow, though nobody is added", len(b))
		}
		return nil, nil
	}
	w, err := ParseWelcome(b)
	if err != nil {
		return nil, err
	}
	if w.Len() != len(adds) {
		return nil, fmt.Errorf("welcome has %d secrets for %d joiners", w.Len(), len(adds))
	}
	welcomes := map[uint64][]byte{}
	for _, p := range adds {
		own, ok := w.For(KeyPackageRef(p.keyPackage.Raw))
		if !ok {
			return nil, fmt.Errorf("welcome has no secret for user %d", p.user)
		}
		welcomes[p.user] = own
	}
	return welcomes, nil
}

func (g *Group) apply(from uint64, c *Commit, adds, removes []proposal, welcomes map[uint64][]byte) {
	id := uint16(0)
	if g.established || !g.policy.ZeroFirst {
		id = g.newID()
	}
	if !g.established {
		g.leaves = []uint64{from}
		g.users[from].current = g.users[from].pending
	}
	for _, p := range removes {
		g.leaves[p.leaf] = 0
	}
	var told []uint64
	for _, member := range g.leaves {
		if member != 0 && g.users[member] != nil {
			g.send(member, OpAnnounceCommit, announced(id, c.Raw))
			told = append(told, member)
		}
	}
	for len(g.leaves) > 0 && g.leaves[len(g.leaves)-1] == 0 {
		g.leaves = g.leaves[:len(g.leaves)-1]
	}
	for _, p := range adds {
		g.place(p.user)
		u := g.users[p.user]
		if u == nil {
			continue
		}
		u.current, u.pending = p.keyPackage, nil
		g.send(p.user, OpWelcome, announced(id, welcomes[p.user]))
		told = append(told, p.user)
	}
	g.established = true
	g.epoch++
	g.proposals, g.unsent = nil, nil
	g.revoked = map[string]bool{}
	g.begin(id, 1, told)
}

// place gives a joiner the leftmost blank leaf, RFC 9420 section 7.7.
func (g *Group) place(id uint64) {
	if i := slices.Index(g.leaves, 0); i >= 0 {
		g.leaves[i] = id
		return
	}
	g.leaves = append(g.leaves, id)
}
