package mls

import (
	"bytes"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
)

type leafNode struct {
	encKey, sigKey []byte
	identity       []byte
	caps           []byte // encoded Capabilities
	source         uint8  // 1 key package, 2 update, 3 commit
	notBefore      uint64
	notAfter       uint64
	parentHash     []byte
	exts           []byte
	sig            []byte
}

func (l *leafNode) body(w *wr) {
	w.vec(l.encKey)
	w.vec(l.sigKey)
	w.u16(1)
	w.vec(l.identity)
	w.raw(l.caps)
	w.u8(l.source)
	switch l.source {
	case 1:
		w.u64(l.notBefore)
		w.u64(l.notAfter)
	case 3:
		w.vec(l.parentHash)
	}
	w.vec(l.exts)
}
func (l *leafNode) marshal(w *wr) { l.body(w); w.vec(l.sig) }
func (l *leafNode) bytes() []byte { var w wr; l.marshal(&w); return w.b }
func (l *leafNode) tbs(groupID []byte, index uint32) []byte {
	var w wr
	l.body(&w)
	if l.source != 1 {
		w.vec(groupID)
		w.u32(index)
	}
	return w.b
}
func (l *leafNode) verify(groupID []byte, index uint32) bool {
	return verify(l.sigKey, "LeafNodeTBS", l.tbs(groupID, index), l.sig)
}
func (l *leafNode) user() uint64 { return binary.BigEndian.Uint64(l.identity) }

func readLeaf(r *rd) *leafNode {
	l := &leafNode{encKey: r.vec(), sigKey: r.vec()}
	if ct := r.u16(); ct != 1 && r.err == nil {
		r.err = fmt.Errorf("minimls: credential type %d", ct)
	}
	l.identity = r.vec()
	if r.err == nil && len(l.identity) != 8 {
		r.err = errors.New("minimls: credential identity")
	}
	start := r.off
	for range 5 {
		r.vec()
	}
	if r.err == nil {
		l.caps = r.b[start:r.off]
	}
	l.source = r.u8()
	switch l.source {
	case 1:
		l.notBefore, l.notAfter = r.u64(), r.u64()
	case 2:
	case 3:
		l.parentHash = r.vec()
	default:
		if r.err == nil {
			r.err = errors.New("minimls: leaf source")
		}
	}
	l.exts, l.sig = r.vec(), r.vec()
	return l
}

type parentNode struct {
	encKey, parentHash []byte
	unmerged           []uint32
}

func (p *parentNode) marshal(w *wr) {
	w.vec(p.encKey)
	w.vec(p.parentHash)
	var u wr
	for _, x := range p.unmerged {
		u.u32(x)
	}
	w.vec(u.b)
}

// tree is the full array form, 2n-1 nodes for n leaves, n a power of two.
// Nodes are immutable once placed: clones share them.
type tree struct {
	leaf   map[int]*leafNode
	parent map[int]*parentNode
	n      int // leaves
}

func newTree() *tree { return &tree{leaf: map[int]*leafNode{}, parent: map[int]*parentNode{}, n: 1} }

func (t *tree) clone() *tree {
	c := &tree{leaf: make(map[int]*leafNode, len(t.leaf)), parent: make(map[int]*parentNode, len(t.parent)), n: t.n}
	for k, v := range t.leaf {
		c.leaf[k] = v
	}
	for k, v := range t.parent {
		c.parent[k] = v
	}
	return c
}

func level(x int) int     { return bits.TrailingZeros(^uint(x)) }
func (t *tree) root() int { return t.n - 1 }
func left(x int) int      { return x ^ (1 << (level(x) - 1)) }
func right(x int) int     { return x ^ (3 << (level(x) - 1)) }
func parent(x int) int {
	k := level(x)
	b := (x >> (k + 1)) & 1
	return (x | 1<<k) ^ (b << (k + 1))
}
func sibling(x int) int {
	p := parent(x)
	if x < p {
		return right(p)
	}
	return left(p)
}
func (t *tree) path(leaf uint32) (p []int) { // direct path, leaf excluded
	for x := int(leaf) * 2; x != t.root(); {
		x = parent(x)
		p = append(p, x)
	}
	return
}
func under(leaf uint32, x int) bool {
	k := level(x)
	return (int(leaf)*2)>>(k+1) == x>>(k+1)
}
func (t *tree) blank(x int) bool {
	if x&1 == 0 {
		return t.leaf[x/2] == nil
	}
	return t.parent[x] == nil
}
func (t *tree) key(x int) []byte {
	if x&1 == 0 {
		return t.leaf[x/2].encKey
	}
	return t.parent[x].encKey
}

func (t *tree) resolution(x int) []int {
	if x&1 == 0 {
		if t.leaf[x/2] == nil {
			return nil
		}
		return []int{x}
	}
	if p := t.parent[x]; p != nil {
		r := []int{x}
		for _, l := range p.unmerged {
			r = append(r, int(l)*2)
		}
		return r
	}
	return append(t.resolution(left(x)), t.resolution(right(x))...)
}

// filtered direct path: nodes whose copath child has a non-empty resolution
func (t *tree) filtered(leaf uint32) (nodes, copath []int) {
	x := int(leaf) * 2
	for x != t.root() {
		s := sibling(x)
		x = parent(x)
		if len(t.resolution(s)) > 0 {
			nodes, copath = append(nodes, x), append(copath, s)
		}
	}
	return
}

func (t *tree) add(l *leafNode) uint32 {
	i := 0
	for i < t.n && t.leaf[i] != nil {
		i++
	}
	if i == t.n {
		t.n *= 2
	}
	t.leaf[i] = l
	for _, x := range t.path(uint32(i)) {
		if p := t.parent[x]; p != nil {
			c := &parentNode{encKey: p.encKey, parentHash: p.parentHash, unmerged: append(slices.Clone(p.unmerged), uint32(i))}
			slices.Sort(c.unmerged)
			t.parent[x] = c
		}
	}
	return uint32(i)
}

func (t *tree) remove(i uint32) {
	for _, x := range t.path(i) {
		delete(t.parent, x)
	}
	delete(t.leaf, int(i))
	for t.n > 1 {
		for k := t.n / 2; k < t.n; k++ {
			if t.leaf[k] != nil {
				return
			}
		}
		t.n /= 2
		for x := range t.parent {
			if x >= 2*t.n-1 {
				delete(t.parent, x)
			}
		}
	}
}

// hashOf is the tree hash of a subtree, with some leaves left out (for the
// original sibling tree hash of parent hashes).
func (t *tree) hashOf(x int, without []uint32) []byte {
	var w wr
	if x&1 == 0 {
		w.u8(1)
		w.u32(uint32(x / 2))
		if l := t.leaf[x/2]; l != nil && !slices.Contains(without, uint32(x/2)) {
			w.u8(1)
			l.marshal(&w)
		} else {
			w.u8(0)
		}
		return hash(w.b)
	}
	w.u8(2)
	if p := t.parent[x]; p != nil {
		w.u8(1)
		if len(without) > 0 {
			q := *p
			q.unmerged = nil
			for _, u := range p.unmerged {
				if !slices.Contains(without, u) {
					q.unmerged = append(q.unmerged, u)
				}
			}
			p = &q
		}
		p.marshal(&w)
	} else {
		w.u8(0)
	}
	w.vec(t.hashOf(left(x), without))
	w.vec(t.hashOf(right(x), without))
	return hash(w.b)
}

func (t *tree) treeHash() []byte { return t.hashOf(t.root(), nil) }

// parentHashOf is the parent hash of node p with respect to the child on the
// other side of copath.
func (t *tree) parentHashOf(p, copath int) []byte {
	n := t.parent[p]
	var w wr
	w.vec(n.encKey)
	w.vec(n.parentHash)
	w.vec(t.hashOf(copath, n.unmerged))
	return hash(w.b)
}

// setPath installs the public keys of an update path and returns the parent
// hash for the leaf.
func (t *tree) setPath(leaf uint32, nodes, copath []int, keys [][]byte) []byte {
	for _, x := range t.path(leaf) {
		delete(t.parent, x)
	}
	var ph []byte
	for i := len(nodes) - 1; i >= 0; i-- {
		t.parent[nodes[i]] = &parentNode{encKey: keys[i], parentHash: ph}
		ph = t.parentHashOf(nodes[i], copath[i])
	}
	return ph
}

func (t *tree) marshal() []byte {
	last := 0
	for i := range t.leaf {
		last = max(last, i)
	}
	var v wr
	for x := 0; x <= 2*last; x++ {
		switch {
		case t.blank(x):
			v.u8(0)
		case x&1 == 0:
			v.u8(1)
			v.u8(1)
			t.leaf[x/2].marshal(&v)
		default:
			v.u8(1)
			v.u8(2)
			t.parent[x].marshal(&v)
		}
	}
	var w wr
	w.vec(v.b)
	return w.b
}

func parseTree(b []byte) (*tree, error) {
	o := &rd{b: b}
	r := &rd{b: o.vec()}
	if err := o.end(); err != nil {
		return nil, err
	}
	t := newTree()
	x, lastFilled := 0, -1
	for ; r.more(); x++ {
		switch r.u8() {
		case 0:
			continue
		case 1:
		default:
			return nil, errors.New("minimls: optional node")
		}
		lastFilled = x
		switch typ := r.u8(); {
		case typ == 1 && x&1 == 0:
			t.leaf[x/2] = readLeaf(r)
		case typ == 2 && x&1 == 1:
			p := &parentNode{encKey: r.vec(), parentHash: r.vec()}
			u := &rd{b: r.vec()}
			for u.more() {
				p.unmerged = append(p.unmerged, u.u32())
			}
			if u.err != nil {
				return nil, u.err
			}
			t.parent[x] = p
		default:
			return nil, errors.New("minimls: node type")
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	if lastFilled != x-1 || lastFilled < 0 || x > 1<<16 {
		return nil, errors.New("minimls: tree ends in a blank")
	}
	for 2*t.n-1 < x {
		t.n *= 2
	}
	return t, nil
}

// validate checks a tree received in a welcome: leaf signatures, unique keys
// and users, unmerged leaves and parent hashes (RFC 9420 section 12.4.3.1).
func (t *tree) validate(groupID []byte) error {
	seen := map[string]bool{}
	users := map[uint64]bool{}
	for i, l := range t.leaf {
		if !l.verify(groupID, uint32(i)) {
			return fmt.Errorf("minimls: signature of leaf %d", i)
		}
		if users[l.user()] {
			return fmt.Errorf("minimls: user %d twice", l.user())
		}
		users[l.user()] = true
		for _, k := range [][]byte{l.encKey, l.sigKey} {
			if _, err := ecdh.P256().NewPublicKey(k); err != nil {
				return err
			}
			if seen[string(k)] {
				return errors.New("minimls: key used twice")
			}
			seen[string(k)] = true
		}
	}
	for x, p := range t.parent {
		if x >= 2*t.n-1 {
			return errors.New("minimls: node outside the tree")
		}
		if seen[string(p.encKey)] {
			return errors.New("minimls: key used twice")
		}
		seen[string(p.encKey)] = true
		if _, err := ecdh.P256().NewPublicKey(p.encKey); err != nil {
			return err
		}
		for i, u := range p.unmerged {
			if t.leaf[int(u)] == nil || !under(u, x) || (i > 0 && p.unmerged[i-1] >= u) {
				return errors.New("minimls: unmerged leaf")
			}
			for y := int(u) * 2; ; {
				y = parent(y)
				if y == x {
					break
				}
				if q := t.parent[y]; q != nil && !slices.Contains(q.unmerged, u) {
					return errors.New("minimls: unmerged leaf not carried down")
				}
			}
		}
		// x is parent-hash valid when some descendant D in the resolution of
		// one child carries the parent hash of x with the other as sibling
		ok := false
		for _, c := range [2][2]int{{left(x), right(x)}, {right(x), left(x)}} {
			h := t.parentHashOf(x, c[1])
			res := t.resolution(c[0])
			var late []int // P's unmerged leaves under this child
			for _, u := range p.unmerged {
				if under(u, c[0]) {
					late = append(late, int(u)*2)
				}
			}
			for _, d := range res {
				var got []byte
				if d&1 == 0 {
					got = t.leaf[d/2].parentHash
				} else {
					got = t.parent[d].parentHash
				}
				rest := slices.DeleteFunc(slices.Clone(res), func(y int) bool { return y == d })
				slices.Sort(rest)
				if bytes.Equal(got, h) && slices.Equal(rest, late) {
					ok = true
				}
			}
		}
		if !ok {
			return fmt.Errorf("minimls: parent hash of node %d", x)
		}
	}
	return nil
}
