package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/hpke"
	"errors"
	"fmt"
	"slices"
)

var errPath = errors.New("mls: invalid update path")

// updatePath is UpdatePath (section 7.6).
type updatePath struct {
	leaf  *leafNode
	nodes []pathNode
}

// pathNode is UpdatePathNode: a new key for a parent, and its path secret for
// everyone below the copath.
type pathNode struct {
	key     []byte
	secrets []sealed
}

func (p *updatePath) marshal(w *writer) {
	p.leaf.marshal(w)
	var nodes writer
	for _, n := range p.nodes {
		nodes.vec(n.key)
		var secrets writer
		for _, s := range n.secrets {
			s.marshal(&secrets)
		}
		nodes.vec(secrets.b)
	}
	w.vec(nodes.b)
}

func readPath(r *reader) *updatePath {
	p := &updatePath{leaf: readLeaf(r)}
	r.each(func(v *reader) {
		n := pathNode{key: v.vec()}
		v.each(func(s *reader) { n.secrets = append(n.secrets, readSealed(s)) })
		p.nodes = append(p.nodes, n)
	})
	return p
}

// nodeKey is the key pair of a path secret (section 7.4).
func nodeKey(pathSecret []byte) (hpke.PrivateKey, error) {
	return kem.DeriveKeyPair(deriveSecret(pathSecret, "node"))
}

func nextPathSecret(pathSecret []byte) []byte { return deriveSecret(pathSecret, "path") }

// setPath blanks the direct path of a leaf, installs the keys on its filtered
// path and returns the parent hash for the leaf (section 7.9).
func (t *tree) setPath(leaf uint32, nodes, copath []int, keys [][]byte) []byte {
	t.blankPath(leaf)
	var above []byte
	for i := len(nodes) - 1; i >= 0; i-- {
		t.parents[nodes[i]/2] = &parentNode{encKey: keys[i], parentHash: above}
		above = t.parentHash(nodes[i], copath[i])
	}
	return above
}

// ownPath is a path of our own making.
type ownPath struct {
	updatePath
	copath       []int
	secrets      map[int][]byte          // path secret of each node on the path
	keys         map[int]hpke.PrivateKey // new private keys, our leaf's included
	commitSecret []byte
}

// rekey makes a path for our leaf (section 7.5): new keys from the leaf to the
// root, installed in t. The secrets are sealed later, under a context that
// holds the hash of the new tree.
func (t *tree) rekey(own uint32, sig *ecdsa.PrivateKey, groupID []byte) (*ownPath, error) {
	nodes, copath := t.filtered(own)
	p := &ownPath{copath: copath, secrets: map[int][]byte{}, keys: map[int]hpke.PrivateKey{}}
	leafKey, err := kem.GenerateKey()
	if err != nil {
		return nil, err
	}
	p.keys[int(own)*2] = leafKey
	secret := random(hashSize)
	keys := make([][]byte, len(nodes))
	for i, x := range nodes {
		k, err := nodeKey(secret)
		if err != nil {
			return nil, err
		}
		keys[i] = k.PublicKey().Bytes()
		p.keys[x], p.secrets[x] = k, secret
		p.nodes = append(p.nodes, pathNode{key: keys[i]})
		secret = nextPathSecret(secret)
	}
	p.commitSecret = secret
	old := t.leaves[own]
	p.leaf = &leafNode{encKey: leafKey.PublicKey().Bytes(), sigKey: old.sigKey, identity: old.identity, caps: old.caps, source: fromCommit, exts: old.exts}
	p.leaf.parentHash = t.setPath(own, nodes, copath, keys)
	p.leaf.sig = signWithLabel(sig, "LeafNodeTBS", p.leaf.tbs(groupID, own))
	t.leaves[own] = p.leaf
	return p, nil
}

// recipients are the nodes a path secret is sealed to: the resolution of the
// copath node without the leaves this commit adds (section 7.5).
func (t *tree) recipients(copath int, added []uint32) []int {
	return slices.DeleteFunc(t.resolution(copath), func(x int) bool {
		return x&1 == 0 && slices.Contains(added, uint32(x/2))
	})
}

// seal encrypts the path secrets of p; t holds its keys already.
func (p *ownPath) seal(t *tree, added []uint32, context []byte) error {
	for i := range p.nodes {
		secret := p.secrets[parent(p.copath[i])]
		for _, x := range t.recipients(p.copath[i], added) {
			s, err := encryptWithLabel(t.key(x), "UpdatePathNode", context, secret)
			if err != nil {
				return err
			}
			p.nodes[i].secrets = append(p.nodes[i].secrets, s)
		}
	}
	return nil
}

// merge checks another member's path against the tree and installs it (section
// 12.4.2). It returns the nodes of the path with the copath beside them.
func (t *tree) merge(sender uint32, p *updatePath, groupID []byte) (nodes, copath []int, err error) {
	from := t.leaves[sender]
	l := p.leaf
	switch {
	case l.source != fromCommit, !bytes.Equal(l.sigKey, from.sigKey), !bytes.Equal(l.identity, from.identity):
		return nil, nil, fmt.Errorf("%w: leaf", errPath)
	case !validKey(l.encKey) || t.hasKey(l.encKey):
		return nil, nil, fmt.Errorf("%w: leaf key", errPath)
	case !l.verify(groupID, sender):
		return nil, nil, fmt.Errorf("%w of the path's leaf", ErrSignature)
	}
	nodes, copath = t.filtered(sender)
	if len(nodes) != len(p.nodes) {
		return nil, nil, fmt.Errorf("%w: %d nodes, want %d", errPath, len(p.nodes), len(nodes))
	}
	keys := make([][]byte, len(nodes))
	for i, n := range p.nodes {
		if !validKey(n.key) || t.hasKey(n.key) || slices.ContainsFunc(keys[:i], func(k []byte) bool { return bytes.Equal(k, n.key) }) {
			return nil, nil, fmt.Errorf("%w: node key", errPath)
		}
		keys[i] = n.key
	}
	if !bytes.Equal(t.setPath(sender, nodes, copath, keys), l.parentHash) {
		return nil, nil, fmt.Errorf("%w: parent hash", errPath)
	}
	t.leaves[sender] = l
	return nodes, copath, nil
}

// open takes the path secret meant for us out of a merged path and derives what
// lies above (section 7.5): the new private keys and the commit secret.
func (p *updatePath) open(t *tree, own uint32, nodes, copath []int, added []uint32, priv map[int]hpke.PrivateKey, context []byte) (map[int]hpke.PrivateKey, []byte, error) {
	keys := map[int]hpke.PrivateKey{}
	var secret []byte
	for i, x := range nodes {
		if secret == nil {
			if !below(own, x) {
				continue
			}
			var err error
			if secret, err = p.nodes[i].open(t, t.recipients(copath[i], added), priv, context); err != nil {
				return nil, nil, err
			}
		} else {
			secret = nextPathSecret(secret)
		}
		k, err := nodeKey(secret)
		if err != nil {
			return nil, nil, err
		}
		if !bytes.Equal(k.PublicKey().Bytes(), p.nodes[i].key) {
			return nil, nil, fmt.Errorf("%w: key of node %d", errPath, x)
		}
		keys[x] = k
	}
	if secret == nil {
		return nil, nil, fmt.Errorf("%w: no secret for us", errPath)
	}
	return keys, nextPathSecret(secret), nil
}

// open decrypts the one ciphertext we hold a key for.
func (n *pathNode) open(t *tree, to []int, priv map[int]hpke.PrivateKey, context []byte) ([]byte, error) {
	if len(to) != len(n.secrets) {
		return nil, fmt.Errorf("%w: %d secrets, want %d", errPath, len(n.secrets), len(to))
	}
	for j, x := range to {
		if k := priv[x]; k != nil && bytes.Equal(k.PublicKey().Bytes(), t.key(x)) {
			secret, err := decryptWithLabel(k, "UpdatePathNode", context, n.secrets[j])
			if err == nil && len(secret) != hashSize {
				err = fmt.Errorf("%w: path secret", errPath)
			}
			return secret, err
		}
	}
	return nil, fmt.Errorf("%w: no secret for us", errPath)
}
