package mls

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
)

var errTree = errors.New("mls: invalid ratchet tree")

func invalidTree(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errTree}, args...)...)
}

// hash is the tree hash (section 7.8) of the subtree at x, some leaves left
// out: with leaves left out it is the original sibling tree hash (7.9).
func (t *tree) hash(x int, without []uint32) []byte {
	var w writer
	if x&1 == 0 {
		w.u8(1)
		w.u32(uint32(x / 2))
		l := t.leaves[x/2]
		if l == nil || slices.Contains(without, uint32(x/2)) {
			w.u8(0)
		} else {
			w.u8(1)
			l.marshal(&w)
		}
		return hash(w.b)
	}
	w.u8(2)
	if p := t.parents[x/2]; p == nil {
		w.u8(0)
	} else {
		w.u8(1)
		if len(without) > 0 {
			left := slices.DeleteFunc(slices.Clone(p.unmerged), func(u uint32) bool { return slices.Contains(without, u) })
			p = &parentNode{encKey: p.encKey, parentHash: p.parentHash, unmerged: left}
		}
		p.marshal(&w)
	}
	w.vec(t.hash(left(x), without))
	w.vec(t.hash(right(x), without))
	return hash(w.b)
}

func (t *tree) treeHash() []byte { return t.hash(t.root(), nil) }

// parentHash is the parent hash (section 7.9) of parent x with respect to the
// child that is not copath.
func (t *tree) parentHash(x, copath int) []byte {
	p := t.parents[x/2]
	var w writer
	w.vec(p.encKey)
	w.vec(p.parentHash)
	w.vec(t.hash(copath, p.unmerged))
	return hash(w.b)
}

// verify checks a tree taken from a welcome (section 12.4.3.1): signatures of
// the leaves, keys used once, unmerged leaves, parent hashes.
func (t *tree) verify(groupID []byte) error {
	seen := map[string]bool{}
	once := func(key []byte) error {
		if seen[string(key)] || !validKey(key) {
			return invalidTree("bad or repeated key")
		}
		seen[string(key)] = true
		return nil
	}
	for i, l := range t.leaves {
		if l == nil {
			continue
		}
		if err := errors.Join(once(l.encKey), once(l.sigKey)); err != nil {
			return err
		}
		if !l.verify(groupID, uint32(i)) {
			return fmt.Errorf("%w of leaf %d", ErrSignature, i)
		}
	}
	for i, p := range t.parents {
		if p == nil {
			continue
		}
		x := 2*i + 1
		if err := errors.Join(once(p.encKey), t.checkUnmerged(x)); err != nil {
			return err
		}
		if !t.linked(x, left(x), right(x)) && !t.linked(x, right(x), left(x)) {
			return invalidTree("parent hash of node %d", x)
		}
	}
	return nil
}

// checkUnmerged checks the unmerged leaves of parent x: sorted, under it, not
// blank, and unmerged in every parent between (section 12.4.3.1).
func (t *tree) checkUnmerged(x int) error {
	before := int64(-1)
	for _, u := range t.parents[x/2].unmerged {
		if int64(u) <= before || t.leaf(u) == nil || !below(u, x) {
			return invalidTree("unmerged leaf %d of node %d", u, x)
		}
		before = int64(u)
		for y := parent(int(u) * 2); y != x; y = parent(y) {
			if p := t.parents[y/2]; p != nil && !slices.Contains(p.unmerged, u) {
				return invalidTree("leaf %d is not unmerged in node %d", u, y)
			}
		}
	}
	return nil
}

// linked reports whether parent x is parent-hash valid by way of its child c
// (section 7.9.2): some node D in c's resolution carries the parent hash of x,
// and the rest of the resolution is what was added under c since.
func (t *tree) linked(x, c, copath int) bool {
	want := t.parentHash(x, copath)
	var late []int
	for _, u := range t.parents[x/2].unmerged {
		if below(u, c) {
			late = append(late, int(u)*2)
		}
	}
	res := t.resolution(c)
	for i, d := range res {
		var got []byte
		if d&1 == 0 {
			got = t.leaves[d/2].parentHash
		} else {
			got = t.parents[d/2].parentHash
		}
		if !bytes.Equal(got, want) {
			continue
		}
		rest := slices.Delete(slices.Clone(res), i, i+1)
		slices.Sort(rest)
		if slices.Equal(rest, late) {
			return true
		}
	}
	return false
}

// checkUsers fails when a leaf is none that a DAVE group may have, or a user is
// there twice.
func (t *tree) checkUsers() error {
	seen := map[uint64]bool{}
	for _, l := range t.leaves {
		if l == nil {
			continue
		}
		if err := l.check(); err != nil {
			return err
		}
		if seen[l.user()] {
			return invalidTree("user %d twice", l.user())
		}
		seen[l.user()] = true
	}
	return nil
}
