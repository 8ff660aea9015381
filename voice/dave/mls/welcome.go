package mls

import (
	"bytes"
	"crypto/hpke"
	"fmt"
)

// welcome makes the Welcome (section 12.4.3.1) into epoch g for the members
// just added; pathSecrets are those of the commit's path, by node.
func (g *Group) welcome(a *applied, joiner, welcomeSecret, tag []byte, pathSecrets map[int][]byte) ([]byte, error) {
	var exts, info writer // GroupInfo (section 12.4.3): only the tree among its extensions
	exts.u16(extRatchetTree)
	exts.vec(g.tree.marshal())
	info.raw(g.context)
	info.vec(exts.b)
	info.vec(tag)
	info.u32(g.own)
	info.vec(signWithLabel(g.id.sig, "GroupInfoTBS", info.b))
	aead, nonce := welcomeAEAD(welcomeSecret)
	sealedInfo := aead.Seal(nil, nonce, info.b, nil)

	var all, w writer
	for i, kp := range a.joiners {
		var gs writer // GroupSecrets
		gs.vec(joiner)
		if s := g.firstSecret(a.added[i], pathSecrets); s != nil {
			gs.u8(1)
			gs.vec(s)
		} else {
			gs.u8(0)
		}
		gs.vec(nil) // pre-shared keys
		s, err := encryptWithLabel(kp.initKey, "Welcome", sealedInfo, gs.b)
		if err != nil {
			return nil, err
		}
		all.vec(keyPackageRef(kp.raw))
		s.marshal(&all)
	}
	w.u16(suiteP256)
	w.vec(all.b)
	w.vec(sealedInfo)
	return w.b, nil
}

// firstSecret is the path secret of the lowest node that the leaf shares with
// the committer's path.
func (g *Group) firstSecret(leaf uint32, pathSecrets map[int][]byte) []byte {
	for _, x := range g.tree.path(leaf) {
		if s := pathSecrets[x]; s != nil {
			return s
		}
	}
	return nil
}

// invitation is a decrypted Welcome: GroupInfo and GroupSecrets.
type invitation struct {
	groupID, treeHash, confirmed, exts []byte

	epoch   uint64
	context []byte // encoded GroupContext
	tree    []byte // encoded ratchet tree; nil when there is none
	tag     []byte
	signer  uint32
	tbs     []byte
	sig     []byte

	joiner     []byte
	pathSecret []byte // nil when the commit had no path
}

// openWelcome finds our secrets in a Welcome and decrypts it. Nothing in it is
// authenticated yet.
func openWelcome(id *Identity, welcome []byte) (*invitation, error) {
	r := &reader{b: welcome}
	if r.u16() != suiteP256 {
		r.fail("ciphersuite of the welcome")
	}
	var mine *sealed
	r.each(func(v *reader) {
		ref, s := v.vec(), readSealed(v)
		if bytes.Equal(ref, id.ref) {
			mine = &s
		}
	})
	sealedInfo := r.vec()
	if err := r.end(); err != nil {
		return nil, err
	}
	if mine == nil {
		return nil, fmt.Errorf("%w: not for our key package", ErrWelcome)
	}
	gs, err := decryptWithLabel(id.initKey, "Welcome", sealedInfo, *mine)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrWelcome, err)
	}
	v := &invitation{}
	sr := &reader{b: gs}
	v.joiner = sr.vec()
	if sr.optional() {
		v.pathSecret = sr.vec()
	}
	if psks := sr.vec(); len(psks) > 0 {
		sr.fail("pre-shared keys")
	}
	if err := sr.end(); err != nil {
		return nil, err
	}
	_, welcomeSecret := epochSecrets(v.joiner, noPSK, nil)
	aead, nonce := welcomeAEAD(welcomeSecret)
	info, err := aead.Open(nil, nonce, sealedInfo, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: group info: %w", ErrWelcome, err)
	}
	return v, v.readInfo(info)
}

func (v *invitation) readInfo(info []byte) error {
	r := &reader{b: info}
	if r.u16() != version10 || r.u16() != suiteP256 {
		r.fail("version or ciphersuite of the group")
	}
	v.groupID, v.epoch = r.vec(), r.u64()
	v.treeHash, v.confirmed, v.exts = r.vec(), r.vec(), r.vec()
	v.context = r.since(0)
	r.each(func(e *reader) {
		if typ, data := e.u16(), e.vec(); typ == extRatchetTree {
			v.tree = data
		}
	})
	v.tag, v.signer = r.vec(), r.u32()
	v.tbs = r.since(0)
	v.sig = r.vec()
	return r.end()
}

// enter checks the group and takes our place in it (section 12.4.3.1).
func (v *invitation) enter(id *Identity, t *tree) (*Group, error) {
	if !bytes.Equal(t.treeHash(), v.treeHash) {
		return nil, fmt.Errorf("%w: tree hash", ErrWelcome)
	}
	if err := t.verify(v.groupID); err != nil {
		return nil, err
	}
	if from := t.leaf(v.signer); from == nil || !verifyWithLabel(from.sigKey, "GroupInfoTBS", v.tbs, v.sig) {
		return nil, fmt.Errorf("%w of the group info", ErrSignature)
	}
	own, me := -1, id.leaf.bytes()
	for i, l := range t.leaves {
		if l != nil && bytes.Equal(l.bytes(), me) {
			own = i
		}
	}
	if own < 0 || uint32(own) == v.signer {
		return nil, fmt.Errorf("%w: we are not in the tree", ErrWelcome)
	}
	g := &Group{
		id: id, groupID: bytes.Clone(v.groupID), epoch: v.epoch, tree: t, exts: v.exts, confirmed: v.confirmed,
		context: v.context, own: uint32(own), priv: map[int]hpke.PrivateKey{own * 2: id.leafKey},
	}
	if v.pathSecret != nil {
		if err := g.climb(v.signer, v.pathSecret); err != nil {
			return nil, err
		}
	}
	g.sec, _ = epochSecrets(v.joiner, noPSK, v.context)
	return g, g.confirm(v.tag)
}

// climb derives the private keys from the lowest common ancestor of us and the
// committer upwards.
func (g *Group) climb(signer uint32, secret []byte) error {
	first := true
	for _, x := range g.tree.path(g.own) {
		if !below(signer, x) || g.tree.blank(x) {
			continue
		}
		if !first {
			secret = nextPathSecret(secret)
		}
		first = false
		k, err := nodeKey(secret)
		if err != nil {
			return err
		}
		if !bytes.Equal(k.PublicKey().Bytes(), g.tree.key(x)) {
			return fmt.Errorf("%w: path secret", ErrWelcome)
		}
		g.priv[x] = k
	}
	return nil
}

// Join enters a group by a bare Welcome. The group must have the given id and
// exactly the external sender that the gateway announced; anything else is
// refused, as is whatever does not verify.
func Join(id *Identity, groupID, externalSender, welcome []byte) (*Group, error) {
	extKey, err := externalKey(externalSender)
	if err != nil {
		return nil, err
	}
	v, err := openWelcome(id, welcome)
	if err != nil {
		return nil, err
	}
	switch {
	case !bytes.Equal(v.groupID, groupID):
		return nil, fmt.Errorf("%w: another group", ErrWelcome)
	case !bytes.Equal(v.exts, extensions(externalSender)):
		return nil, fmt.Errorf("%w: not the external sender announced", ErrWelcome)
	case v.tree == nil:
		return nil, fmt.Errorf("%w: no ratchet tree", ErrWelcome)
	}
	t, err := parseTree(v.tree)
	if err != nil {
		return nil, err
	}
	if err := t.checkUsers(); err != nil {
		return nil, err
	}
	g, err := v.enter(id, t)
	if err != nil {
		return nil, err
	}
	g.extKey = extKey
	return g, nil
}
