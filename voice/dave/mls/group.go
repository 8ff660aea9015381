package mls

import (
	"bytes"
	"crypto/hmac"
	"crypto/hpke"
	"fmt"
	"slices"
)

// ExtensionType (section 17.3).
const (
	extRatchetTree     = 2
	extExternalSenders = 5
)

// Group is one epoch of a group, as one member sees it. It does not change: a
// commit yields another Group, so to keep the old one is to be able to go back.
// It may be read from several goroutines.
type Group struct {
	id        *Identity
	groupID   []byte
	epoch     uint64
	tree      *tree
	exts      []byte // encoded extensions of the group context
	extKey    []byte // signature key of the external sender
	context   []byte // encoded GroupContext
	confirmed []byte // confirmed transcript hash
	interim   []byte // interim transcript hash
	sec       secrets
	own       uint32                  // our leaf
	priv      map[int]hpke.PrivateKey // what we know on our direct path, by node
}

// extensions are the extensions of a DAVE group: one external sender (section
// 12.1.8.1), which is the body of op 25.
func extensions(externalSender []byte) []byte {
	var s, w writer
	s.vec(externalSender)
	w.u16(extExternalSenders)
	w.vec(s.b)
	return w.b
}

// externalKey is the signature key in an ExternalSender structure.
func externalKey(externalSender []byte) ([]byte, error) {
	r := &reader{b: externalSender}
	k := r.vec()
	if r.u16() != credentialBasic {
		r.fail("credential of the external sender")
	}
	r.vec() // identity
	if err := r.end(); err != nil {
		return nil, err
	}
	if !validKey(k) {
		return nil, malformed("key of the external sender")
	}
	return bytes.Clone(k), nil
}

// NewGroup is a group of one at epoch 0 (section 11). externalSender is the
// ExternalSender structure of op 25; groupID is DAVE's, the channel id in 8
// bytes, big endian.
func NewGroup(id *Identity, groupID, externalSender []byte) (*Group, error) {
	k, err := externalKey(externalSender)
	if err != nil {
		return nil, err
	}
	g := &Group{
		id: id, groupID: bytes.Clone(groupID), extKey: k, exts: extensions(externalSender),
		tree: newTree(id.leaf), priv: map[int]hpke.PrivateKey{0: id.leafKey},
		sec: secretsOf(random(hashSize)),
	}
	g.context = g.newContext()
	g.interim = interimHash(nil, mac(g.sec.confirm, nil))
	return g, nil
}

func (g *Group) newContext() []byte {
	return groupContext(g.groupID, g.epoch, g.tree.treeHash(), g.confirmed, g.exts)
}

// Epoch counts the commits since the group was made.
func (g *Group) Epoch() uint64 { return g.epoch }

// Users are the Discord user ids of the members, in ascending order.
func (g *Group) Users() []uint64 {
	var u []uint64
	for _, l := range g.tree.leaves {
		if l != nil {
			u = append(u, l.user())
		}
	}
	slices.Sort(u)
	return u
}

// Export is the MLS exporter (section 8.5): n bytes that only the members of
// this epoch can derive.
func (g *Group) Export(label string, context []byte, n int) []byte {
	return g.sec.export(label, context, n)
}

// Authenticator is the epoch authenticator (section 8.7): equal at all members
// that agree on the group's whole history.
func (g *Group) Authenticator() []byte { return bytes.Clone(g.sec.authenticator) }

// next is the epoch after g. It lacks the interim hash, which needs the
// confirmation tag.
func (g *Group) next(t *tree, commitSecret, confirmed []byte, keys map[int]hpke.PrivateKey) (n *Group, joiner, welcome []byte) {
	n = &Group{
		id: g.id, groupID: g.groupID, epoch: g.epoch + 1, tree: t, exts: g.exts, extKey: g.extKey,
		confirmed: confirmed, own: g.own, priv: map[int]hpke.PrivateKey{},
	}
	n.context = n.newContext()
	joiner = joinerSecret(g.sec.init, commitSecret, n.context)
	n.sec, welcome = epochSecrets(joiner, noPSK, n.context)
	for x, k := range g.priv {
		if x < t.nodes() && !t.blank(x) && bytes.Equal(t.key(x), k.PublicKey().Bytes()) {
			n.priv[x] = k
		}
	}
	for x, k := range keys {
		n.priv[x] = k
	}
	return n, joiner, welcome
}

// confirm checks the confirmation tag (section 6.1) and closes the transcript.
func (g *Group) confirm(tag []byte) error {
	if !hmac.Equal(tag, mac(g.sec.confirm, g.confirmed)) {
		return fmt.Errorf("%w: confirmation tag", ErrSignature)
	}
	g.interim = interimHash(g.confirmed, tag)
	return nil
}
