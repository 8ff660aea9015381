package mls

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hpke"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
)

// Identity is what a member joins with: signature key, leaf key, init key and
// the key package that offers them. It is used for one group only; make a new
// one to join anew. It does not change and may be shared.
type Identity struct {
	sig     *ecdsa.PrivateKey
	leafKey hpke.PrivateKey
	initKey hpke.PrivateKey
	leaf    *leafNode
	kp      []byte
	ref     []byte
}

// NewIdentity makes fresh keys and a key package for a Discord user. It fails
// only for user 0, which is nobody.
func NewIdentity(user uint64) (*Identity, error) {
	if user == 0 {
		return nil, fmt.Errorf("mls: user 0")
	}
	sig, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	leafKey, err := kem.GenerateKey()
	if err != nil {
		return nil, err
	}
	initKey, err := kem.GenerateKey()
	if err != nil {
		return nil, err
	}
	leaf := &leafNode{
		encKey:   leafKey.PublicKey().Bytes(),
		sigKey:   must(sig.PublicKey.Bytes()),
		identity: binary.BigEndian.AppendUint64(nil, user),
		caps:     capabilities,
		source:   fromKeyPackage,
		notAfter: math.MaxUint64, // DAVE: valid for all of time
	}
	leaf.sig = signWithLabel(sig, "LeafNodeTBS", leaf.tbs(nil, 0))
	var w writer
	w.u16(version10)
	w.u16(suiteP256)
	w.vec(initKey.PublicKey().Bytes())
	leaf.marshal(&w)
	w.vec(nil) // extensions
	w.vec(signWithLabel(sig, "KeyPackageTBS", w.b))
	return &Identity{sig: sig, leafKey: leafKey, initKey: initKey, leaf: leaf, kp: w.b, ref: keyPackageRef(w.b)}, nil
}

// KeyPackage is the bare KeyPackage structure (section 10), the body of op 26.
// The caller may keep and change it.
func (i *Identity) KeyPackage() []byte { return bytes.Clone(i.kp) }

// keyPackage is a KeyPackage (section 10) of somebody else.
type keyPackage struct {
	suite        uint16
	raw, tbs     []byte
	initKey, sig []byte
	leaf         *leafNode
}

func readKeyPackage(r *reader) *keyPackage {
	start := r.off
	if r.u16() != version10 {
		r.fail("key package version")
	}
	k := &keyPackage{suite: r.u16(), initKey: r.vec(), leaf: readLeaf(r)}
	r.vec() // extensions
	k.tbs = r.since(start)
	k.sig = r.vec()
	k.raw = r.since(start)
	return k
}

// check is the validation of section 10.1.
func (k *keyPackage) check() error {
	if err := k.leaf.check(); err != nil {
		return err
	}
	switch {
	case k.suite != suiteP256:
		return malformed("ciphersuite of the key package")
	case k.leaf.source != fromKeyPackage:
		return malformed("leaf of the key package")
	case !validKey(k.initKey) || bytes.Equal(k.initKey, k.leaf.encKey):
		return malformed("init key")
	case !k.leaf.verify(nil, 0) || !verifyWithLabel(k.leaf.sigKey, "KeyPackageTBS", k.tbs, k.sig):
		return fmt.Errorf("%w of the key package", ErrSignature)
	}
	return nil
}
