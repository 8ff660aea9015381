package mls

import (
	"math/bits"
	"slices"
)

// maxLeaves bounds the groups this package takes part in: it is far above any
// voice channel, and keeps a forged tree from costing minutes.
const maxLeaves = 1 << 13

// parentNode is ParentNode (section 7.1). It does not change once in a tree.
type parentNode struct {
	encKey, parentHash []byte
	unmerged           []uint32
}

func (p *parentNode) marshal(w *writer) {
	w.vec(p.encKey)
	w.vec(p.parentHash)
	var u writer
	for _, x := range p.unmerged {
		u.u32(x)
	}
	w.vec(u.b)
}

// tree is the ratchet tree (section 4.1, 7), numbered as in appendix C: leaf i
// is node 2i, the parents are the odd nodes. A nil node is blank. Clones share
// their nodes.
type tree struct {
	leaves  []*leafNode   // a power of two of them
	parents []*parentNode // node 2i+1 is parents[i]
}

func newTree(first *leafNode) *tree { return &tree{leaves: []*leafNode{first}} }

func (t *tree) clone() *tree {
	return &tree{leaves: slices.Clone(t.leaves), parents: slices.Clone(t.parents)}
}

// ---- appendix C: array-based trees ----

func level(x int) int { return bits.TrailingZeros(^uint(x)) }
func left(x int) int  { return x ^ (1 << (level(x) - 1)) }
func right(x int) int { return x ^ (3 << (level(x) - 1)) }

func parent(x int) int {
	k := level(x)
	return (x | 1<<k) ^ (x >> (k + 1) & 1 << (k + 1))
}

func sibling(x int) int {
	p := parent(x)
	if x < p {
		return right(p)
	}
	return left(p)
}

// below reports whether a leaf is under node x.
func below(leaf uint32, x int) bool {
	k := level(x) + 1
	return int(leaf)*2>>k == x>>k
}

func (t *tree) root() int  { return len(t.leaves) - 1 }
func (t *tree) nodes() int { return 2*len(t.leaves) - 1 }

// path is the direct path of a leaf (section 4.1.2), from its parent to the root.
func (t *tree) path(leaf uint32) []int {
	var p []int
	for x := int(leaf) * 2; x != t.root(); {
		x = parent(x)
		p = append(p, x)
	}
	return p
}

// ---- nodes ----

// leaf is the leaf at an index of the wire: nil when blank or outside.
func (t *tree) leaf(i uint32) *leafNode {
	if uint64(i) >= uint64(len(t.leaves)) {
		return nil
	}
	return t.leaves[i]
}

func (t *tree) blank(x int) bool {
	if x&1 == 0 {
		return t.leaves[x/2] == nil
	}
	return t.parents[x/2] == nil
}

// key is the public key of a node that is not blank.
func (t *tree) key(x int) []byte {
	if x&1 == 0 {
		return t.leaves[x/2].encKey
	}
	return t.parents[x/2].encKey
}

// hasKey reports whether any node has this public key for encryption.
func (t *tree) hasKey(key []byte) bool {
	for x := range t.nodes() {
		if !t.blank(x) && string(t.key(x)) == string(key) {
			return true
		}
	}
	return false
}

// resolution is the resolution of a node (section 4.1.1).
func (t *tree) resolution(x int) []int {
	if x&1 == 0 {
		if t.leaves[x/2] == nil {
			return nil
		}
		return []int{x}
	}
	p := t.parents[x/2]
	if p == nil {
		return append(t.resolution(left(x)), t.resolution(right(x))...)
	}
	r := []int{x}
	for _, l := range p.unmerged {
		r = append(r, int(l)*2)
	}
	return r
}

// filtered is the filtered direct path of a leaf (section 4.1.2), with the
// copath node beside each of its nodes.
func (t *tree) filtered(leaf uint32) (nodes, copath []int) {
	for x := int(leaf) * 2; x != t.root(); x = parent(x) {
		if s := sibling(x); len(t.resolution(s)) > 0 {
			nodes, copath = append(nodes, parent(x)), append(copath, s)
		}
	}
	return nodes, copath
}

// add puts a new leaf in the leftmost blank place, and it becomes unmerged in
// every parent above (section 7.8). It returns the leaf's index.
func (t *tree) add(l *leafNode) uint32 {
	i := slices.Index(t.leaves, nil)
	if i < 0 {
		i = len(t.leaves)
		t.resize(2 * i)
	}
	t.leaves[i] = l
	for _, x := range t.path(uint32(i)) {
		if p := t.parents[x/2]; p != nil {
			u := append(slices.Clone(p.unmerged), uint32(i))
			slices.Sort(u)
			t.parents[x/2] = &parentNode{encKey: p.encKey, parentHash: p.parentHash, unmerged: u}
		}
	}
	return uint32(i)
}

// remove blanks a leaf and everything above it, and halves the tree while its
// right half is empty (section 7.8).
func (t *tree) remove(i uint32) {
	t.blankPath(i)
	t.leaves[i] = nil
	for n := len(t.leaves); n > 1; n /= 2 {
		if slices.ContainsFunc(t.leaves[n/2:n], func(l *leafNode) bool { return l != nil }) {
			return
		}
		t.resize(n / 2)
	}
}

func (t *tree) blankPath(leaf uint32) {
	for _, x := range t.path(leaf) {
		t.parents[x/2] = nil
	}
}

// resize makes the tree n leaves wide; what does not fit is dropped.
func (t *tree) resize(n int) {
	leaves, parents := make([]*leafNode, n), make([]*parentNode, n-1)
	copy(leaves, t.leaves)
	copy(parents, t.parents)
	t.leaves, t.parents = leaves, parents
}

// ---- ratchet_tree extension (section 12.4.3.3) ----

func (t *tree) marshal() []byte {
	last := len(t.leaves) - 1
	for last > 0 && t.leaves[last] == nil {
		last--
	}
	var v, w writer
	for x := range 2*last + 1 {
		switch {
		case t.blank(x):
			v.u8(0)
		case x&1 == 0:
			v.u8(1)
			v.u8(1)
			t.leaves[x/2].marshal(&v)
		default:
			v.u8(1)
			v.u8(2)
			t.parents[x/2].marshal(&v)
		}
	}
	w.vec(v.b)
	return w.b
}

// parseTree reads a tree; only its form is checked (see verify).
func parseTree(b []byte) (*tree, error) {
	r := &reader{b: b}
	t := &tree{}
	x, filled := 0, false
	r.each(func(v *reader) {
		var l *leafNode
		var p *parentNode
		if filled = v.optional(); filled {
			switch typ := v.u8(); {
			case typ == 1 && x&1 == 0:
				l = readLeaf(v)
			case typ == 2 && x&1 == 1:
				p = readParent(v)
			default:
				v.fail("node type")
			}
		}
		if x&1 == 0 {
			t.leaves = append(t.leaves, l)
		} else {
			t.parents = append(t.parents, p)
		}
		if x++; x > 2*maxLeaves {
			v.fail("tree too large")
		}
	})
	if !filled || x&1 == 0 {
		r.fail("tree does not end in a leaf")
	}
	if err := r.end(); err != nil {
		return nil, err
	}
	n := 1
	for n < len(t.leaves) {
		n *= 2
	}
	t.resize(n)
	return t, nil
}

func readParent(r *reader) *parentNode {
	p := &parentNode{encKey: r.vec(), parentHash: r.vec()}
	r.each(func(v *reader) { p.unmerged = append(p.unmerged, v.u32()) })
	return p
}
