package mls

import (
	"slices"
	"testing"
)

func TestTreesThatAreMalformed(t *testing.T) {
	leaf := slices.Concat([]byte{1, 1}, newID(t, 1).leaf.bytes())
	for name, nodes := range map[string][]byte{
		"empty":                  {},
		"blank":                  {0},
		"ends in a blank":        slices.Concat(leaf, []byte{0, 0}),
		"ends in a parent":       slices.Concat(leaf, []byte{1, 2, 0, 0, 0}),
		"a parent for a leaf":    {1, 2, 0, 0, 0},
		"a leaf for a parent":    slices.Concat(leaf, leaf),
		"neither leaf nor blank": {7},
		"an unknown node":        {1, 3},
		"too many":               make([]byte, 2*maxLeaves+1),
		"half an unmerged leaf":  slices.Concat(leaf, []byte{1, 2, 0, 0, 2, 0, 0}, leaf),
	} {
		if _, err := parseTree(vector(nodes)); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	tr, err := parseTree(vector(slices.Concat(leaf, []byte{0}, leaf)))
	if err != nil {
		t.Fatal(err)
	}
	if tr.verify(nil) == nil {
		t.Error("the same keys twice are valid")
	}
	if tr.checkUsers() == nil {
		t.Error("the same user twice is valid")
	}
}

func TestUnmergedLeavesAreChecked(t *testing.T) {
	p := newParty(t, 1, 2, 3, 4)
	p.change(1, nil, removeOf(3))
	id := newID(t, 5)
	p.change(1, []*Identity{id}, addOf(id)) // unmerged under the root
	tr := p.all[1].tree
	root := tr.parents[tr.root()/2]
	if !slices.Equal(root.unmerged, []uint32{3}) {
		t.Fatalf("unmerged %v", root.unmerged)
	}
	for name, u := range map[string][]uint32{"twice": {3, 3}, "outside": {9}, "not late": {1, 3}, "forgotten": nil} {
		bad := tr.clone()
		bad.parents[tr.root()/2] = &parentNode{encKey: root.encKey, parentHash: root.parentHash, unmerged: u}
		if bad.verify(groupID) == nil {
			t.Errorf("%s: valid", name)
		}
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	p := newParty(t, 1, 2, 3, 4)
	g, o := p.all[1], p.all[2]
	make1 := func() (*tree, *ownPath) {
		after := g.tree.clone()
		path, err := after.rekey(g.own, g.id.sig, groupID)
		if err != nil {
			t.Fatal(err)
		}
		if err := path.seal(after, nil, []byte("context")); err != nil {
			t.Fatal(err)
		}
		return after, path
	}
	take := func(p *updatePath) error {
		after := o.tree.clone()
		nodes, copath, err := after.merge(g.own, p, groupID)
		if err != nil {
			return err
		}
		_, _, err = p.open(after, o.own, nodes, copath, nil, o.priv, []byte("context"))
		return err
	}
	if _, path := make1(); take(&path.updatePath) != nil {
		t.Fatal("a good path is refused")
	}
	for name, spoil := range map[string]func(p *updatePath){
		"a node too few":   func(p *updatePath) { p.nodes = p.nodes[1:] },
		"a key twice":      func(p *updatePath) { p.nodes[0].key = p.nodes[1].key },
		"a member's key":   func(p *updatePath) { p.nodes[0].key = o.tree.leaves[1].encKey },
		"no key":           func(p *updatePath) { p.nodes[0].key = nil },
		"another's leaf":   func(p *updatePath) { p.leaf = o.tree.leaves[1] },
		"the old leaf":     func(p *updatePath) { p.leaf = g.tree.leaves[0] },
		"too few secrets":  func(p *updatePath) { p.nodes[0].secrets = nil },
		"a broken secret":  func(p *updatePath) { p.nodes[0].secrets[0].ct[0] ^= 1 },
		"no KEM output":    func(p *updatePath) { p.nodes[0].secrets[0].kemOut = nil },
		"an unsigned leaf": func(p *updatePath) { p.leaf.sig = nil },
	} {
		_, path := make1()
		spoil(&path.updatePath)
		if take(&path.updatePath) == nil {
			t.Errorf("%s: taken", name)
		}
	}
	// a path whose secrets lead to other keys
	_, path := make1()
	_, other := make1()
	path.nodes[0].secrets = other.nodes[0].secrets
	if take(&path.updatePath) == nil {
		t.Error("secrets of other keys are taken")
	}
	if _, path := make1(); take(&path.updatePath) == nil {
		o.priv = nil
		if take(&path.updatePath) == nil {
			t.Error("opened without a key")
		}
	}
}
