package mls

import (
	"crypto/hpke"
	"maps"
	"slices"
	"testing"
)

func mustTree(t *testing.T, b []byte) *tree {
	t.Helper()
	// the vectors give the vector with its length, as our marshal does
	tr, err := parseTree(b)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "tree, read and written", tr.marshal(), b)
	return tr
}

func TestTreeOperations(t *testing.T) {
	done := map[uint16]int{}
	for _, v := range vectors[struct {
		Before     hexBytes `json:"tree_before"`
		Proposal   hexBytes `json:"proposal"`
		HashBefore hexBytes `json:"tree_hash_before"`
		After      hexBytes `json:"tree_after"`
		HashAfter  hexBytes `json:"tree_hash_after"`
	}](t, "tree-operations") {
		tr := mustTree(t, v.Before)
		same(t, "hash before", tr.treeHash(), v.HashBefore)
		same(t, "hash after", mustTree(t, v.After).treeHash(), v.HashAfter)
		r := &reader{b: v.Proposal}
		typ := r.u16()
		switch typ {
		case proposalAdd:
			tr.add(readKeyPackage(r).leaf)
		case proposalRemove:
			tr.remove(r.u32())
		default:
			continue // an Update: no DAVE group has one
		}
		if err := r.end(); err != nil {
			t.Fatal(err)
		}
		done[typ]++
		same(t, "tree after", tr.marshal(), v.After)
		same(t, "tree hash after", tr.treeHash(), v.HashAfter)
	}
	if done[proposalAdd] < 2 || done[proposalRemove] < 2 {
		t.Errorf("vectors tried: %v", done)
	}
}

func TestTreeValidation(t *testing.T) {
	for i, v := range vectors[struct {
		Tree        hexBytes   `json:"tree"`
		GroupID     hexBytes   `json:"group_id"`
		Resolutions [][]int    `json:"resolutions"`
		Hashes      []hexBytes `json:"tree_hashes"`
	}](t, "tree-validation") {
		tr := mustTree(t, v.Tree)
		for x := range v.Hashes {
			same(t, "tree hash", tr.hash(x, nil), v.Hashes[x])
			if got := tr.resolution(x); !slices.Equal(got, v.Resolutions[x]) {
				t.Errorf("tree %d: resolution of %d is %v, want %v", i, x, got, v.Resolutions[x])
			}
		}
		if err := tr.verify(v.GroupID); err != nil {
			t.Errorf("tree %d: %v", i, err)
		}
		if err := tr.verify(append(v.GroupID, 0)); err == nil && slices.ContainsFunc(tr.leaves, func(l *leafNode) bool { return l != nil && l.source != fromKeyPackage }) {
			t.Errorf("tree %d: is valid in another group", i)
		}
		for x, p := range tr.parents {
			if p == nil || len(tr.leaves) > 8 {
				continue
			}
			bad := tr.clone()
			bad.parents[x] = &parentNode{encKey: p.encKey, parentHash: hash(p.parentHash), unmerged: p.unmerged}
			if bad.verify(v.GroupID) == nil {
				t.Errorf("tree %d: valid with another parent hash in node %d", i, 2*x+1)
			}
		}
	}
}

type treeKEM struct {
	GroupID   hexBytes `json:"group_id"`
	Epoch     uint64   `json:"epoch"`
	Confirmed hexBytes `json:"confirmed_transcript_hash"`
	Tree      hexBytes `json:"ratchet_tree"`
	Private   []struct {
		Index   uint32
		Enc     hexBytes `json:"encryption_priv"`
		Sig     hexBytes `json:"signature_priv"`
		Secrets []struct {
			Node   int
			Secret hexBytes `json:"path_secret"`
		} `json:"path_secrets"`
	} `json:"leaves_private"`
	Paths []struct {
		Sender   uint32
		Path     hexBytes   `json:"update_path"`
		Secrets  []hexBytes `json:"path_secrets"`
		Commit   hexBytes   `json:"commit_secret"`
		TreeHash hexBytes   `json:"tree_hash_after"`
	} `json:"update_paths"`
}

// privates are the private keys of every leaf in a vector.
func (v *treeKEM) privates(t *testing.T, tr *tree) map[uint32]map[int]hpke.PrivateKey {
	all := map[uint32]map[int]hpke.PrivateKey{}
	for _, l := range v.Private {
		keys := map[int]hpke.PrivateKey{int(l.Index) * 2: hpkeKey(t, l.Enc)}
		for _, s := range l.Secrets {
			k, err := nodeKey(s.Secret)
			if err != nil {
				t.Fatal(err)
			}
			keys[s.Node] = k
		}
		for x, k := range keys {
			if tr.blank(x) {
				t.Fatalf("private key at blank node %d", x)
			}
			same(t, "key of the node", k.PublicKey().Bytes(), tr.key(x))
		}
		all[l.Index] = keys
	}
	return all
}

func TestTreeKEM(t *testing.T) {
	for _, v := range vectors[treeKEM](t, "treekem") {
		tr := mustTree(t, v.Tree)
		all := v.privates(t, tr)
		context := func(after *tree) []byte {
			return groupContext(v.GroupID, v.Epoch, after.treeHash(), v.Confirmed, nil)
		}
		// follow is what every other leaf makes of a path
		follow := func(sender uint32, p *updatePath, want []byte) *tree {
			after := tr.clone()
			nodes, copath, err := after.merge(sender, p, v.GroupID)
			if err != nil {
				t.Fatal(err)
			}
			for leaf, priv := range all {
				if leaf == sender {
					continue
				}
				_, commit, err := p.open(after, leaf, nodes, copath, nil, priv, context(after))
				if err != nil {
					t.Fatalf("leaf %d, path of %d: %v", leaf, sender, err)
				}
				same(t, "commit secret", commit, want)
			}
			return after
		}
		for _, u := range v.Paths {
			r := &reader{b: u.Path}
			p := readPath(r)
			if err := r.end(); err != nil {
				t.Fatal(err)
			}
			var w writer
			p.marshal(&w)
			same(t, "path, read and written", w.b, u.Path)
			same(t, "tree hash after", follow(u.Sender, p, u.Commit).treeHash(), u.TreeHash)
			v.checkSecrets(t, tr, u.Sender, p, u.Secrets, all, context)
		}
		for _, l := range v.Private { // paths of our own
			after := tr.clone()
			p, err := after.rekey(l.Index, sigKey(t, l.Sig), v.GroupID)
			if err != nil {
				t.Fatal(err)
			}
			if err := p.seal(after, nil, context(after)); err != nil {
				t.Fatal(err)
			}
			same(t, "tree after our path", follow(l.Index, &p.updatePath, p.commitSecret).treeHash(), after.treeHash())
			if err := after.verify(v.GroupID); err != nil {
				t.Errorf("after our path: %v", err)
			}
		}
	}
}

// checkSecrets compares what each leaf decrypts from a path with the vector.
func (v *treeKEM) checkSecrets(t *testing.T, tr *tree, sender uint32, p *updatePath, want []hexBytes, all map[uint32]map[int]hpke.PrivateKey, context func(*tree) []byte) {
	after := tr.clone()
	nodes, copath, err := after.merge(sender, p, v.GroupID)
	if err != nil {
		t.Fatal(err)
	}
	for _, leaf := range slices.Sorted(maps.Keys(all)) {
		if leaf == sender {
			continue
		}
		i := slices.IndexFunc(nodes, func(x int) bool { return below(leaf, x) })
		got, err := p.nodes[i].open(after, after.recipients(copath[i], nil), all[leaf], context(after))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "path secret", got, want[leaf])
	}
}

// outsider is the identity that a vector's key package belongs to.
func outsider(t *testing.T, message, init, enc []byte) *Identity {
	t.Helper()
	r := &reader{b: message}
	if r.u16() != version10 || r.u16() != 5 { // mls_key_package
		t.Fatal("not a key package")
	}
	kp := readKeyPackage(r)
	if err := r.end(); err != nil {
		t.Fatal(err)
	}
	id := &Identity{leaf: kp.leaf, kp: kp.raw, ref: keyPackageRef(kp.raw), initKey: hpkeKey(t, init)}
	same(t, "init key", id.initKey.PublicKey().Bytes(), kp.initKey)
	if enc != nil {
		id.leafKey = hpkeKey(t, enc)
		same(t, "leaf key", id.leafKey.PublicKey().Bytes(), kp.leaf.encKey)
	}
	if !kp.leaf.verify(nil, 0) || !verifyWithLabel(kp.leaf.sigKey, "KeyPackageTBS", kp.tbs, kp.sig) {
		t.Error("signatures of the key package")
	}
	return id
}

// bareWelcome takes the header off an MLSMessage.
func bareWelcome(t *testing.T, m []byte) []byte {
	t.Helper()
	if len(m) < 4 || m[1] != version10 || m[3] != 3 { // mls_welcome
		t.Fatal("not a welcome")
	}
	return m[4:]
}

func TestWelcomeVector(t *testing.T) {
	for _, v := range vectors[struct {
		Init    hexBytes `json:"init_priv"`
		Signer  hexBytes `json:"signer_pub"`
		KP      hexBytes `json:"key_package"`
		Welcome hexBytes `json:"welcome"`
	}](t, "welcome") {
		inv, err := openWelcome(outsider(t, v.KP, v.Init, nil), bareWelcome(t, v.Welcome))
		if err != nil {
			t.Fatal(err)
		}
		if !verifyWithLabel(v.Signer, "GroupInfoTBS", inv.tbs, inv.sig) {
			t.Error("signature of the group info")
		}
		s, _ := epochSecrets(inv.joiner, noPSK, inv.context)
		same(t, "confirmation tag", mac(s.confirm, inv.confirmed), inv.tag)
	}
}

func TestPassiveClientJoins(t *testing.T) {
	for _, v := range vectors[struct {
		KP            hexBytes `json:"key_package"`
		Enc           hexBytes `json:"encryption_priv"`
		Init          hexBytes `json:"init_priv"`
		Welcome       hexBytes `json:"welcome"`
		Tree          hexBytes `json:"ratchet_tree"`
		Authenticator hexBytes `json:"initial_epoch_authenticator"`
	}](t, "passive-client-welcome") {
		id := outsider(t, v.KP, v.Init, v.Enc)
		inv, err := openWelcome(id, bareWelcome(t, v.Welcome))
		if err != nil {
			t.Fatal(err)
		}
		if (inv.tree == nil) == (v.Tree == nil) {
			t.Fatal("the tree is neither inside nor outside")
		}
		if inv.tree == nil {
			inv.tree = v.Tree
		}
		g, err := inv.enter(id, mustTree(t, inv.tree))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "epoch authenticator", g.Authenticator(), v.Authenticator)
	}
}
