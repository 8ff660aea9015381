package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

var (
	ErrNotForUs     = errors.New("minimls: welcome has no secret for this key package")
	ErrEpoch        = errors.New("minimls: message of another epoch or group")
	ErrUnknownRef   = errors.New("minimls: commit references an unknown proposal")
	ErrOwnCommit    = errors.New("minimls: own commit needs its cached state")
	ErrBadProposal  = errors.New("minimls: proposal refused")
	ErrBadSignature = errors.New("minimls: signature")
)

// caps: mls10, suite 2, no extensions, no proposals, basic credentials.
var capabilities = []byte{2, 0, 1, 2, 0, 2, 0, 0, 2, 0, 1}

// Identity is a member's signature key, leaf key and current key package.
type Identity struct {
	sig      *ecdsa.PrivateKey
	leafKey  hpke.PrivateKey
	initKey  hpke.PrivateKey
	leaf     *leafNode
	kp       []byte
	kpRef    []byte
	userID   uint64
	identity []byte
}

// NewIdentity makes fresh keys and a key package for a user.
func NewIdentity(user uint64) (*Identity, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	pub, err := k.PublicKey.Bytes()
	if err != nil {
		return nil, err
	}
	lk, err := kem.GenerateKey()
	if err != nil {
		return nil, err
	}
	ik, err := kem.GenerateKey()
	if err != nil {
		return nil, err
	}
	id := binary.BigEndian.AppendUint64(nil, user)
	l := &leafNode{encKey: lk.PublicKey().Bytes(), sigKey: pub, identity: id, caps: capabilities, source: 1, notAfter: math.MaxUint64}
	l.sig = sign(k, "LeafNodeTBS", l.tbs(nil, 0))
	var w wr
	w.u16(version10)
	w.u16(suiteP256)
	w.vec(ik.PublicKey().Bytes())
	l.marshal(&w)
	w.vec(nil)
	w.vec(sign(k, "KeyPackageTBS", w.b))
	return &Identity{sig: k, leafKey: lk, initKey: ik, leaf: l, kp: w.b, kpRef: refHash("MLS 1.0 KeyPackage Reference", w.b), userID: user, identity: id}, nil
}

// KeyPackage is the op 26 payload.
func (i *Identity) KeyPackage() []byte { return i.kp }

type keyPackage struct {
	raw, initKey []byte
	leaf         *leafNode
}

func readKeyPackage(r *rd) *keyPackage {
	start := r.off
	if v, s := r.u16(), r.u16(); r.err == nil && (v != version10 || s != suiteP256) {
		r.err = errors.New("minimls: key package version or suite")
	}
	k := &keyPackage{initKey: r.vec(), leaf: readLeaf(r)}
	r.vec()
	tbs := r.b[start:min(r.off, len(r.b))]
	sig := r.vec()
	if r.err != nil {
		return nil
	}
	k.raw = r.b[start:r.off]
	if k.leaf.source != 1 || !verify(k.leaf.sigKey, "KeyPackageTBS", tbs, sig) || !k.leaf.verify(nil, 0) {
		r.err = ErrBadSignature
		return nil
	}
	return k
}

type proposal struct {
	add    *keyPackage
	remove uint32
	ref    []byte
}

type secrets struct{ exporter, confirm, membership, init, auth []byte }

// Group is one epoch of the group. It is never changed by handling a message:
// a commit yields a new Group, so keeping the old one is a rollback.
type Group struct {
	id        *Identity
	groupID   []byte
	epoch     uint64
	tree      *tree
	exts      []byte // encoded extension list
	extSender []byte // external sender's signature key
	confirmed []byte
	interim   []byte
	sec       secrets
	own       uint32
	priv      map[int]hpke.PrivateKey
}

func extensions(externalSender []byte) []byte {
	var s wr
	s.vec(externalSender)
	var w wr
	w.u16(extExternalSenders)
	w.vec(s.b)
	return w.b
}

func externalKey(externalSender []byte) ([]byte, error) {
	r := &rd{b: externalSender}
	k := r.vec()
	if ct := r.u16(); ct != 1 && r.err == nil {
		return nil, errors.New("minimls: external sender credential")
	}
	r.vec()
	return k, r.end()
}

// NewGroup is the local group of one member, epoch 0.
func NewGroup(id *Identity, groupID, externalSender []byte) (*Group, error) {
	k, err := externalKey(externalSender)
	if err != nil {
		return nil, err
	}
	g := &Group{id: id, groupID: slices.Clone(groupID), tree: newTree(), exts: extensions(externalSender), extSender: slices.Clone(k), priv: map[int]hpke.PrivateKey{0: id.leafKey}}
	g.tree.leaf[0] = id.leaf
	es := make([]byte, nh)
	rand.Read(es)
	g.schedule(es)
	g.interim = interim(nil, mac(g.sec.confirm, nil))
	return g, nil
}

func (g *Group) Epoch() uint64 { return g.epoch }

// Users lists the user ids of the members.
func (g *Group) Users() (u []uint64) {
	for _, l := range g.tree.leaf {
		u = append(u, l.user())
	}
	slices.Sort(u)
	return
}

// Export is the MLS exporter.
func (g *Group) Export(label string, context []byte, n int) []byte {
	return ExpandWithLabel(derive(g.sec.exporter, label), "exported", hash(context), n)
}

// EpochAuthenticator is what members compare out of band.
func (g *Group) EpochAuthenticator() []byte { return slices.Clone(g.sec.auth) }

func (g *Group) schedule(epochSecret []byte) {
	g.sec = secrets{derive(epochSecret, "exporter"), derive(epochSecret, "confirm"), derive(epochSecret, "membership"), derive(epochSecret, "init"), derive(epochSecret, "authentication")}
}

func groupContext(groupID []byte, epoch uint64, treeHash, confirmed, exts []byte) []byte {
	var w wr
	w.u16(version10)
	w.u16(suiteP256)
	w.vec(groupID)
	w.u64(epoch)
	w.vec(treeHash)
	w.vec(confirmed)
	w.vec(exts)
	return w.b
}

func (g *Group) context() []byte {
	return groupContext(g.groupID, g.epoch, g.tree.treeHash(), g.confirmed, g.exts)
}

func interim(confirmed, tag []byte) []byte {
	var w wr
	w.raw(confirmed)
	w.vec(tag)
	return hash(w.b)
}

// ---- proposals -------------------------------------------------------------

// Proposals is the set of proposals seen in one epoch.
type Proposals struct{ list []proposal }

func (p *Proposals) Len() int { return len(p.list) }

// Revoke forgets a proposal; false when it is not there.
func (p *Proposals) Revoke(ref []byte) bool {
	n := len(p.list)
	p.list = slices.DeleteFunc(p.list, func(x proposal) bool { return bytes.Equal(x.ref, ref) })
	return len(p.list) < n
}

// AddMessages reads the MLSMessages of an op 27 append. allowed decides on the
// users to be added.
func (g *Group) AddMessages(p *Proposals, b []byte, allowed func(user uint64) bool) error {
	for r := (&rd{b: b}); r.more(); {
		x, err := g.readProposal(r, allowed)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(p.list, func(y proposal) bool { return bytes.Equal(x.ref, y.ref) }) {
			p.list = append(p.list, *x)
		}
	}
	return nil
}

func (g *Group) readProposal(r *rd, allowed func(uint64) bool) (*proposal, error) {
	if v, wf := r.u16(), r.u16(); r.err == nil && (v != version10 || wf != wfPublic) {
		return nil, fmt.Errorf("%w: framing", ErrBadProposal)
	}
	start := r.off
	gid, epoch := r.vec(), r.u64()
	st := r.u8()
	idx := r.u32()
	r.vec()
	ct := r.u8()
	if r.err != nil {
		return nil, r.err
	}
	if !bytes.Equal(gid, g.groupID) || epoch != g.epoch {
		return nil, fmt.Errorf("%w: proposal for epoch %d, have %d", ErrEpoch, epoch, g.epoch)
	}
	if st != senderExternal || idx != 0 || ct != contentProposal {
		return nil, fmt.Errorf("%w: not an external proposal", ErrBadProposal)
	}
	p := &proposal{}
	switch t := r.u16(); t {
	case propAdd:
		p.add = readKeyPackage(r)
		if r.err != nil {
			return nil, r.err
		}
		if allowed != nil && !allowed(p.add.leaf.user()) {
			return nil, fmt.Errorf("%w: user %d is not in the call", ErrBadProposal, p.add.leaf.user())
		}
	case propRemove:
		p.remove = r.u32()
		if r.err == nil && g.tree.leaf[int(p.remove)] == nil {
			return nil, fmt.Errorf("%w: removes blank leaf %d", ErrBadProposal, p.remove)
		}
	default:
		return nil, fmt.Errorf("%w: type %d", ErrBadProposal, t)
	}
	content := r.b[start:min(r.off, len(r.b))]
	sig := r.vec()
	if r.err != nil {
		return nil, r.err
	}
	var tbs, ac wr
	tbs.u16(version10)
	tbs.u16(wfPublic)
	tbs.raw(content)
	if !verify(g.extSender, "FramedContentTBS", tbs.b, sig) {
		return nil, fmt.Errorf("%w: %w of the external sender", ErrBadProposal, ErrBadSignature)
	}
	ac.u16(wfPublic)
	ac.raw(content)
	ac.vec(sig)
	p.ref = refHash("MLS 1.0 Proposal Reference", ac.b)
	return p, nil
}

// apply makes the tree after the proposals; added lists the new leaf indexes.
func (g *Group) apply(ps []proposal) (t *tree, added []uint32, kps []*keyPackage, removed bool, err error) {
	t = g.tree.clone()
	for _, p := range ps {
		if p.add == nil {
			if t.leaf[int(p.remove)] == nil {
				return nil, nil, nil, false, fmt.Errorf("%w: leaf %d removed twice", ErrBadProposal, p.remove)
			}
			t.remove(p.remove)
			removed = true
		}
	}
	for _, p := range ps {
		if p.add != nil {
			for _, l := range t.leaf {
				if l.user() == p.add.leaf.user() || bytes.Equal(l.sigKey, p.add.leaf.sigKey) || bytes.Equal(l.encKey, p.add.leaf.encKey) {
					return nil, nil, nil, false, fmt.Errorf("%w: user %d is already a member", ErrBadProposal, l.user())
				}
			}
			added, kps = append(added, t.add(p.add.leaf)), append(kps, p.add)
		}
	}
	return
}

// ---- commits ---------------------------------------------------------------

func (g *Group) next(t *tree, commitSecret, confirmed []byte) (n *Group, joiner, welcome []byte) {
	n = &Group{id: g.id, groupID: g.groupID, epoch: g.epoch + 1, tree: t, exts: g.exts, extSender: g.extSender, confirmed: confirmed, own: g.own, priv: map[int]hpke.PrivateKey{}}
	ctx := n.context()
	joiner = ExpandWithLabel(extract(g.sec.init, commitSecret), "joiner", ctx, nh)
	welcome = n.fromJoiner(joiner, ctx)
	for x, k := range g.priv {
		if x < 2*t.n-1 && !t.blank(x) && bytes.Equal(t.key(x), k.PublicKey().Bytes()) {
			n.priv[x] = k
		}
	}
	return
}

func (g *Group) fromJoiner(joiner, ctx []byte) (welcome []byte) {
	member := extract(joiner, make([]byte, nh))
	g.schedule(ExpandWithLabel(member, "epoch", ctx, nh))
	return derive(member, "welcome")
}

// Commit commits every proposal. The caller keeps the returned group aside
// until the gateway announces this very commit.
func (g *Group) Commit(p *Proposals) (commit, welcome []byte, next *Group, err error) {
	t, added, kps, removed, err := g.apply(p.list)
	if err != nil {
		return nil, nil, nil, err
	}
	if t.leaf[int(g.own)] == nil {
		return nil, nil, nil, fmt.Errorf("%w: removes the committer", ErrBadProposal)
	}
	commitSecret := make([]byte, nh)
	var body wr // Commit
	var refs wr
	for _, x := range p.list {
		refs.u8(2)
		refs.vec(x.ref)
	}
	body.vec(refs.b)
	priv := map[int]hpke.PrivateKey{}
	pathSecrets := map[int][]byte{}
	if removed {
		nodes, copath := t.filtered(g.own)
		lk, err := kem.GenerateKey()
		if err != nil {
			return nil, nil, nil, err
		}
		ps := make([]byte, nh)
		rand.Read(ps)
		keys := make([][]byte, len(nodes))
		for i, x := range nodes {
			k, err := kem.DeriveKeyPair(derive(ps, "node"))
			if err != nil {
				return nil, nil, nil, err
			}
			priv[x], pathSecrets[x], keys[i] = k, ps, k.PublicKey().Bytes()
			ps = derive(ps, "path")
		}
		commitSecret = ps
		old := t.leaf[int(g.own)]
		leaf := &leafNode{encKey: lk.PublicKey().Bytes(), sigKey: old.sigKey, identity: old.identity, caps: old.caps, source: 3, exts: old.exts}
		leaf.parentHash = t.setPath(g.own, nodes, copath, keys)
		leaf.sig = sign(g.id.sig, "LeafNodeTBS", leaf.tbs(g.groupID, g.own))
		t.leaf[int(g.own)] = leaf
		priv[int(g.own)*2] = lk
		ctx := groupContext(g.groupID, g.epoch+1, t.treeHash(), g.confirmed, g.exts)
		var un wr
		for i, x := range nodes {
			var cts wr
			for _, y := range t.resolution(copath[i]) {
				if y&1 == 0 && slices.Contains(added, uint32(y/2)) {
					continue
				}
				enc, ct, err := sealTo(t.key(y), "UpdatePathNode", ctx, pathSecrets[x])
				if err != nil {
					return nil, nil, nil, err
				}
				cts.vec(enc)
				cts.vec(ct)
			}
			un.vec(keys[i])
			un.vec(cts.b)
		}
		body.u8(1)
		leaf.marshal(&body)
		body.vec(un.b)
	} else {
		body.u8(0)
	}

	var content wr // FramedContent
	content.vec(g.groupID)
	content.u64(g.epoch)
	content.u8(senderMember)
	content.u32(g.own)
	content.vec(nil)
	content.u8(contentCommit)
	content.raw(body.b)
	tbs := framedTBS(content.b, g.context())
	sig := sign(g.id.sig, "FramedContentTBS", tbs)
	confirmed := confirmedHash(g.interim, content.b, sig)
	n, joiner, welcomeSecret := g.next(t, commitSecret, confirmed)
	for x, k := range priv {
		n.priv[x] = k
	}
	tag := mac(n.sec.confirm, confirmed)
	n.interim = interim(confirmed, tag)

	var auth wr
	auth.vec(sig)
	auth.vec(tag)
	var m wr
	m.u16(version10)
	m.u16(wfPublic)
	m.raw(content.b)
	m.raw(auth.b)
	m.vec(mac(g.sec.membership, append(slices.Clone(tbs), auth.b...)))
	if len(added) > 0 {
		if welcome, err = n.welcome(kps, added, joiner, welcomeSecret, tag, pathSecrets); err != nil {
			return nil, nil, nil, err
		}
	}
	return m.b, welcome, n, nil
}

func framedTBS(content, ctx []byte) []byte {
	var w wr
	w.u16(version10)
	w.u16(wfPublic)
	w.raw(content)
	w.raw(ctx)
	return w.b
}

func confirmedHash(interim, content, sig []byte) []byte {
	var w wr
	w.raw(interim)
	w.u16(wfPublic)
	w.raw(content)
	w.vec(sig)
	return hash(w.b)
}

func (g *Group) welcome(kps []*keyPackage, added []uint32, joiner, welcomeSecret, tag []byte, pathSecrets map[int][]byte) ([]byte, error) {
	var ge wr
	ge.u16(extRatchetTree)
	ge.vec(g.tree.marshal())
	var gi wr
	gi.raw(g.context())
	gi.vec(ge.b)
	gi.vec(tag)
	gi.u32(g.own)
	gi.vec(sign(g.id.sig, "GroupInfoTBS", gi.b))
	info := aead(ExpandWithLabel(welcomeSecret, "key", nil, nk)).Seal(nil, ExpandWithLabel(welcomeSecret, "nonce", nil, 12), gi.b, nil)
	var ss wr
	for i, kp := range kps {
		var gs wr
		gs.vec(joiner)
		ps := []byte(nil)
		for _, x := range g.tree.path(added[i]) {
			if s, ok := pathSecrets[x]; ok {
				ps = s
				break
			}
		}
		if ps != nil {
			gs.u8(1)
			gs.vec(ps)
		} else {
			gs.u8(0)
		}
		gs.vec(nil)
		enc, ct, err := sealTo(kp.initKey, "Welcome", info, gs.b)
		if err != nil {
			return nil, err
		}
		ss.vec(refHash("MLS 1.0 KeyPackage Reference", kp.raw))
		ss.vec(enc)
		ss.vec(ct)
	}
	var w wr
	w.u16(suiteP256)
	w.vec(ss.b)
	w.vec(info)
	return w.b, nil
}

// Handle processes a commit of another member.
func (g *Group) Handle(p *Proposals, commit []byte) (*Group, error) {
	r := &rd{b: commit}
	if v, wf := r.u16(), r.u16(); r.err == nil && (v != version10 || wf != wfPublic) {
		return nil, errors.New("minimls: commit framing")
	}
	start := r.off
	gid, epoch, st, sender := r.vec(), r.u64(), r.u8(), r.u32()
	r.vec()
	ct := r.u8()
	if r.err != nil {
		return nil, r.err
	}
	if !bytes.Equal(gid, g.groupID) || epoch != g.epoch {
		return nil, fmt.Errorf("%w: commit for epoch %d, have %d", ErrEpoch, epoch, g.epoch)
	}
	if st != senderMember || ct != contentCommit {
		return nil, errors.New("minimls: not a member's commit")
	}
	if sender == g.own {
		return nil, ErrOwnCommit
	}
	from := g.tree.leaf[int(sender)]
	if from == nil {
		return nil, errors.New("minimls: commit of a blank leaf")
	}
	var ps []proposal
	for rr := (&rd{b: r.vec()}); rr.more(); {
		if rr.u8() != 2 {
			return nil, errors.New("minimls: proposal by value")
		}
		ref := rr.vec()
		i := slices.IndexFunc(p.list, func(x proposal) bool { return bytes.Equal(x.ref, ref) })
		if i < 0 || rr.err != nil {
			return nil, ErrUnknownRef
		}
		if slices.ContainsFunc(ps, func(x proposal) bool { return bytes.Equal(x.ref, ref) }) {
			return nil, errors.New("minimls: proposal referenced twice")
		}
		ps = append(ps, p.list[i])
	}
	var leaf *leafNode
	var nodes []struct {
		key []byte
		cts [][2][]byte
	}
	switch r.u8() {
	case 0:
	case 1:
		leaf = readLeaf(r)
		for rr := (&rd{b: r.vec()}); rr.more(); {
			n := struct {
				key []byte
				cts [][2][]byte
			}{key: rr.vec()}
			for rc := (&rd{b: rr.vec()}); rc.more(); {
				n.cts = append(n.cts, [2][]byte{rc.vec(), rc.vec()})
				if rc.err != nil {
					return nil, rc.err
				}
			}
			if rr.err != nil {
				return nil, rr.err
			}
			nodes = append(nodes, n)
		}
	default:
		return nil, errors.New("minimls: optional path")
	}
	content := commit[start:min(r.off, len(commit))]
	sig, tag := r.vec(), r.vec()
	mt := r.vec()
	if err := r.end(); err != nil {
		return nil, err
	}
	tbs := framedTBS(content, g.context())
	var auth wr
	auth.vec(sig)
	auth.vec(tag)
	if !hmac.Equal(mt, mac(g.sec.membership, append(slices.Clone(tbs), auth.b...))) {
		return nil, errors.New("minimls: membership tag")
	}
	if !verify(from.sigKey, "FramedContentTBS", tbs, sig) {
		return nil, fmt.Errorf("%w of the commit", ErrBadSignature)
	}
	t, added, _, removed, err := g.apply(ps)
	if err != nil {
		return nil, err
	}
	if len(ps) == 0 {
		return nil, errors.New("minimls: commit without proposals")
	}
	if t.leaf[int(g.own)] == nil || !bytes.Equal(t.leaf[int(g.own)].bytes(), g.tree.leaf[int(g.own)].bytes()) {
		return nil, errors.New("minimls: removed from the group")
	}
	if t.leaf[int(sender)] == nil || (removed && leaf == nil) {
		return nil, errors.New("minimls: commit lacks its path")
	}
	commitSecret := make([]byte, nh)
	priv := map[int]hpke.PrivateKey{}
	if leaf != nil {
		if leaf.source != 3 || !bytes.Equal(leaf.sigKey, from.sigKey) || !bytes.Equal(leaf.identity, from.identity) || bytes.Equal(leaf.encKey, from.encKey) {
			return nil, errors.New("minimls: path leaf")
		}
		if !leaf.verify(g.groupID, sender) {
			return nil, fmt.Errorf("%w of the path leaf", ErrBadSignature)
		}
		fn, copath := t.filtered(sender)
		if len(fn) != len(nodes) {
			return nil, errors.New("minimls: path length")
		}
		keys := make([][]byte, len(fn))
		for i := range nodes {
			keys[i] = nodes[i].key
		}
		if ph := t.setPath(sender, fn, copath, keys); !bytes.Equal(ph, leaf.parentHash) {
			return nil, errors.New("minimls: parent hash of the path leaf")
		}
		t.leaf[int(sender)] = leaf
		ctx := groupContext(g.groupID, g.epoch+1, t.treeHash(), g.confirmed, g.exts)
		var secret []byte
		for i, x := range fn {
			if secret == nil {
				if !under(g.own, x) {
					continue
				}
				j := 0
				for _, y := range t.resolution(copath[i]) {
					if y&1 == 0 && slices.Contains(added, uint32(y/2)) {
						continue
					}
					if j >= len(nodes[i].cts) {
						return nil, errors.New("minimls: path ciphertexts")
					}
					k := g.priv[y]
					if k != nil && bytes.Equal(k.PublicKey().Bytes(), t.key(y)) && secret == nil {
						if secret, err = openFrom(k, "UpdatePathNode", ctx, nodes[i].cts[j][0], nodes[i].cts[j][1]); err != nil {
							return nil, err
						}
					}
					j++
				}
				if secret == nil || j != len(nodes[i].cts) {
					return nil, errors.New("minimls: no path secret for us")
				}
			} else {
				secret = derive(secret, "path")
			}
			k, err := kem.DeriveKeyPair(derive(secret, "node"))
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(k.PublicKey().Bytes(), nodes[i].key) {
				return nil, errors.New("minimls: path key")
			}
			priv[x] = k
		}
		if secret == nil {
			return nil, errors.New("minimls: no path secret for us")
		}
		commitSecret = derive(secret, "path")
	}
	confirmed := confirmedHash(g.interim, content, sig)
	n, _, _ := g.next(t, commitSecret, confirmed)
	for x, k := range priv {
		n.priv[x] = k
	}
	if !hmac.Equal(tag, mac(n.sec.confirm, confirmed)) {
		return nil, errors.New("minimls: confirmation tag")
	}
	n.interim = interim(confirmed, tag)
	return n, nil
}

// Join enters a group by a welcome. The group must be the expected one, with
// exactly the external sender the gateway announced.
func Join(id *Identity, groupID, externalSender, welcome []byte) (*Group, error) {
	ek, err := externalKey(externalSender)
	if err != nil {
		return nil, err
	}
	r := &rd{b: welcome}
	if s := r.u16(); s != suiteP256 && r.err == nil {
		return nil, errors.New("minimls: welcome suite")
	}
	sr := &rd{b: r.vec()}
	info := r.vec()
	if err := r.end(); err != nil {
		return nil, err
	}
	var gs []byte
	for sr.more() {
		ref, enc, ct := sr.vec(), sr.vec(), sr.vec()
		if sr.err == nil && bytes.Equal(ref, id.kpRef) {
			if gs, err = openFrom(id.initKey, "Welcome", info, enc, ct); err != nil {
				return nil, err
			}
		}
	}
	if sr.err != nil {
		return nil, sr.err
	}
	if gs == nil {
		return nil, ErrNotForUs
	}
	gr := &rd{b: gs}
	joiner := gr.vec()
	var pathSecret []byte
	if gr.u8() == 1 {
		pathSecret = gr.vec()
	}
	if psks := gr.vec(); len(psks) > 0 {
		return nil, errors.New("minimls: welcome with PSKs")
	}
	if err := gr.end(); err != nil {
		return nil, err
	}
	ws := derive(extract(joiner, make([]byte, nh)), "welcome")
	gi, err := aead(ExpandWithLabel(ws, "key", nil, nk)).Open(nil, ExpandWithLabel(ws, "nonce", nil, 12), info, nil)
	if err != nil {
		return nil, err
	}
	ir := &rd{b: gi}
	if v, s := ir.u16(), ir.u16(); ir.err == nil && (v != version10 || s != suiteP256) {
		return nil, errors.New("minimls: group version or suite")
	}
	gid, epoch, th, confirmed, exts := ir.vec(), ir.u64(), ir.vec(), ir.vec(), ir.vec()
	ctxEnd := ir.off
	ge := &rd{b: ir.vec()}
	tag, signer := ir.vec(), ir.u32()
	tbs := gi[:min(ir.off, len(gi))]
	sig := ir.vec()
	if err := ir.end(); err != nil {
		return nil, err
	}
	if !bytes.Equal(gid, groupID) {
		return nil, errors.New("minimls: welcome to another group")
	}
	if !bytes.Equal(exts, extensions(externalSender)) {
		return nil, errors.New("minimls: group extensions are not the announced external sender")
	}
	var t *tree
	for ge.more() {
		typ, data := ge.u16(), ge.vec()
		if ge.err == nil && typ == extRatchetTree {
			if t, err = parseTree(data); err != nil {
				return nil, err
			}
		}
	}
	if t == nil || ge.err != nil {
		return nil, errors.New("minimls: welcome without a tree")
	}
	if !bytes.Equal(t.treeHash(), th) {
		return nil, errors.New("minimls: tree hash")
	}
	if err := t.validate(gid); err != nil {
		return nil, err
	}
	from := t.leaf[int(signer)]
	if from == nil || !verify(from.sigKey, "GroupInfoTBS", tbs, sig) {
		return nil, fmt.Errorf("%w of the group info", ErrBadSignature)
	}
	own := -1
	me := id.leaf.bytes()
	for i, l := range t.leaf {
		if bytes.Equal(l.bytes(), me) {
			own = i
		}
	}
	if own < 0 {
		return nil, errors.New("minimls: not in the tree")
	}
	g := &Group{id: id, groupID: slices.Clone(groupID), epoch: epoch, tree: t, exts: exts, extSender: slices.Clone(ek), confirmed: confirmed, own: uint32(own), priv: map[int]hpke.PrivateKey{own * 2: id.leafKey}}
	if pathSecret != nil {
		// the lowest common ancestor of us and the signer, then up
		started := false
		for _, x := range t.path(uint32(own)) {
			if !under(signer, x) || t.blank(x) {
				continue
			}
			if started {
				pathSecret = derive(pathSecret, "path")
			}
			started = true
			k, err := kem.DeriveKeyPair(derive(pathSecret, "node"))
			if err != nil {
				return nil, err
			}
			if !bytes.Equal(k.PublicKey().Bytes(), t.key(x)) {
				return nil, errors.New("minimls: path secret does not match the tree")
			}
			g.priv[x] = k
		}
	}
	g.fromJoiner(joiner, gi[:ctxEnd])
	if !hmac.Equal(tag, mac(g.sec.confirm, confirmed)) {
		return nil, errors.New("minimls: confirmation tag")
	}
	g.interim = interim(confirmed, tag)
	return g, nil
}
