package delivery

import (
	"bytes"
	"crypto/ecdh"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// leafNode is LeafNode of RFC 9420 section 7.2.
type leafNode struct {
	encKey, sigKey      []byte
	credential          uint16
	identity            []byte
	versions, suites    []byte
	credentials         []byte
	source              uint8
	notBefore, notAfter uint64
	signature           []byte
	tbs                 []byte // what the signature covers, without the group's part
}

func readLeaf(r *reader) leafNode {
	var l leafNode
	start := r.off
	l.encKey, l.sigKey = r.vec(), r.vec()
	l.credential = r.u16()
	l.identity = r.vec()
	l.versions, l.suites = r.vec(), r.vec()
	r.vec() // extension types
	r.vec() // proposal types
	l.credentials = r.vec()
	l.source = r.u8()
	switch l.source {
	case leafFromKeyPackage:
		l.notBefore, l.notAfter = r.u64(), r.u64()
	case leafFromUpdate:
	case leafFromCommit:
		r.vec() // parent hash
	default:
		r.fail(fmt.Errorf("leaf node source %d", l.source))
	}
	r.vec() // extensions
	if r.err == nil {
		l.tbs = r.b[start:r.off]
	}
	l.signature = r.vec()
	return l
}

// check holds a leaf to what DAVE says of every leaf.
func (l *leafNode) check() error {
	if l.credential != credentialBasic || len(l.identity) != 8 {
		return fmt.Errorf("credential type %d with %d bytes of identity, DAVE wants basic with 8", l.credential, len(l.identity))
	}
	if !lists(l.versions, versionMLS10) || !lists(l.suites, suiteP256) || !lists(l.credentials, credentialBasic) {
		return errors.New("capabilities lack MLS 1.0, ciphersuite 2 or basic credentials")
	}
	if _, err := ecdh.P256().NewPublicKey(l.encKey); err != nil {
		return fmt.Errorf("encryption key: %w", err)
	}
	return nil
}

// lists says whether a vector of 16-bit values contains v.
func lists(vec []byte, v uint16) bool {
	for ; len(vec) >= 2; vec = vec[2:] {
		if binary.BigEndian.Uint16(vec) == v {
			return true
		}
	}
	return false
}

// A KeyPackage is one that passed every check of the paper.
type KeyPackage struct {
	Raw  []byte // the bare KeyPackage
	leaf leafNode
}

// ParseKeyPackage reads and verifies the body of opcode 26. It refuses one
// wrapped in an MLSMessage: that is what the paper's text says, but no client
// sends it and Discord's own does not either. Raw refers to b.
func ParseKeyPackage(b []byte) (*KeyPackage, error) {
	kp, err := parseKeyPackage(b)
	if err != nil {
		return nil, fmt.Errorf("key package: %w", err)
	}
	return kp, nil
}

func parseKeyPackage(b []byte) (*KeyPackage, error) {
	if bytes.HasPrefix(b, []byte{0, versionMLS10, 0, wireKeyPackage}) {
		return nil, errors.New("wrapped in an MLSMessage, Discord takes it bare")
	}
	r := &reader{b: b}
	if v := r.u16(); v != versionMLS10 {
		return nil, fmt.Errorf("protocol version %d", v)
	}
	if s := r.u16(); s != suiteP256 {
		return nil, fmt.Errorf("ciphersuite %d, DAVE wants %d", s, suiteP256)
	}
	initKey := r.vec()
	kp := &KeyPackage{Raw: b, leaf: readLeaf(r)}
	r.vec() // extensions
	tbs := b[:r.off]
	sig := r.vec()
	if err := r.end(); err != nil {
		return nil, err
	}
	l := &kp.leaf
	if err := l.check(); err != nil {
		return nil, err
	}
	if _, err := ecdh.P256().NewPublicKey(initKey); err != nil {
		return nil, fmt.Errorf("init key: %w", err)
	}
	if bytes.Equal(initKey, l.encKey) {
		return nil, errors.New("init key and encryption key are the same")
	}
	if l.source != leafFromKeyPackage || l.notBefore != 0 || l.notAfter != math.MaxUint64 {
		return nil, fmt.Errorf("lifetime %d to %d, DAVE wants 0 to 2^64-1", l.notBefore, l.notAfter)
	}
	if !verify(l.sigKey, "KeyPackageTBS", tbs, sig) {
		return nil, errors.New("bad signature")
	}
	if !verify(l.sigKey, "LeafNodeTBS", l.tbs, l.signature) {
		return nil, errors.New("bad leaf node signature")
	}
	return kp, nil
}

// UserID is the user named by the credential.
func (k *KeyPackage) UserID() uint64 { return binary.BigEndian.Uint64(k.leaf.identity) }

// KeyPackageRef is the reference by which a Welcome names a bare key package.
func KeyPackageRef(raw []byte) []byte { return refHash("MLS 1.0 KeyPackage Reference", raw) }
