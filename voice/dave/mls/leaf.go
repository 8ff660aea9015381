package mls

import (
	"encoding/binary"
	"slices"
)

// LeafNodeSource (section 7.2).
const (
	fromKeyPackage = 1
	fromUpdate     = 2
	fromCommit     = 3
)

const credentialBasic = 1 // section 5.3

// capabilities are the encoded Capabilities (section 7.2) of a DAVE member:
// mls10, ciphersuite 2, no extensions, no proposals, basic credentials.
var capabilities = []byte{2, 0, 1, 2, 0, 2, 0, 0, 2, 0, 1}

// leafNode is LeafNode (section 7.2). It does not change once it is in a tree.
type leafNode struct {
	encKey, sigKey      []byte
	identity            []byte
	caps                []byte // encoded
	source              uint8
	notBefore, notAfter uint64 // fromKeyPackage
	parentHash          []byte // fromCommit
	exts                []byte // encoded, without their length
	sig                 []byte
}

func (l *leafNode) body(w *writer) {
	w.vec(l.encKey)
	w.vec(l.sigKey)
	w.u16(credentialBasic)
	w.vec(l.identity)
	w.raw(l.caps)
	w.u8(l.source)
	switch l.source {
	case fromKeyPackage:
		w.u64(l.notBefore)
		w.u64(l.notAfter)
	case fromCommit:
		w.vec(l.parentHash)
	}
	w.vec(l.exts)
}

func (l *leafNode) marshal(w *writer) { l.body(w); w.vec(l.sig) }

func (l *leafNode) bytes() []byte { var w writer; l.marshal(&w); return w.b }

// tbs is LeafNodeTBS; groupID and index count only outside key packages.
func (l *leafNode) tbs(groupID []byte, index uint32) []byte {
	var w writer
	l.body(&w)
	if l.source != fromKeyPackage {
		w.vec(groupID)
		w.u32(index)
	}
	return w.b
}

func (l *leafNode) verify(groupID []byte, index uint32) bool {
	return verifyWithLabel(l.sigKey, "LeafNodeTBS", l.tbs(groupID, index), l.sig)
}

// user is the Discord user: DAVE's identity is the user id in 8 bytes, big
// endian. Zero, which is nobody, when the identity is anything else.
func (l *leafNode) user() uint64 {
	if len(l.identity) != 8 {
		return 0
	}
	return binary.BigEndian.Uint64(l.identity)
}

// check is what a DAVE group asks of a leaf beyond its signature (section 7.3):
// a user, keys on the curve, support for the group's version, ciphersuite and
// credential. The lifetime is not compared with the clock: DAVE fixes it to
// all of time.
func (l *leafNode) check() error {
	switch {
	case l.user() == 0:
		return malformed("identity is no user id")
	case !validKey(l.encKey) || !validKey(l.sigKey):
		return malformed("leaf key")
	}
	r := &reader{b: l.caps}
	for _, want := range [...]uint16{version10, suiteP256, 0, 0, credentialBasic} {
		var has []uint16
		r.each(func(v *reader) { has = append(has, v.u16()) })
		if want != 0 && !slices.Contains(has, want) {
			return malformed("capabilities of the leaf")
		}
	}
	return r.end()
}

func readLeaf(r *reader) *leafNode {
	l := &leafNode{encKey: r.vec(), sigKey: r.vec()}
	if r.u16() != credentialBasic {
		r.fail("credential type")
	}
	l.identity = r.vec()
	start := r.off
	for range 5 {
		r.vec()
	}
	l.caps = r.since(start)
	switch l.source = r.u8(); l.source {
	case fromKeyPackage:
		l.notBefore, l.notAfter = r.u64(), r.u64()
	case fromUpdate:
	case fromCommit:
		l.parentHash = r.vec()
	default:
		r.fail("leaf source")
	}
	l.exts, l.sig = r.vec(), r.vec()
	return l
}
