package delivery

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// A Commit is the outside of one: what a service without keys can see.
type Commit struct {
	Raw     []byte // the MLSMessage
	GroupID []byte
	Epoch   uint64
	Sender  uint32   // leaf of the committer
	Refs    [][]byte // proposals it names
	HasPath bool
	leaf    leafNode // of the path, if there is one
}

// ParseCommit reads the MLSMessage(PublicMessage(Commit)) at the front of b and
// returns it with what follows it. A proposal inside a commit is an error:
// DAVE allows references only. The result refers to b.
func ParseCommit(b []byte) (c *Commit, rest []byte, err error) {
	r := &reader{b: b}
	c = &Commit{}
	if err := c.read(r); err != nil {
		return nil, nil, fmt.Errorf("commit: %w", err)
	}
	c.Raw = b[:r.off]
	return c, r.rest(), nil
}

func (c *Commit) read(r *reader) error {
	if v, f := r.u16(), r.u16(); v != versionMLS10 || f != wirePublic {
		return fmt.Errorf("version %d, wire format %d, want a public message", v, f)
	}
	c.GroupID = r.vec()
	c.Epoch = r.u64()
	if t := r.u8(); t != senderMember {
		return fmt.Errorf("sender type %d is not a member", t)
	}
	c.Sender = r.u32()
	r.vec() // authenticated data
	if t := r.u8(); t != contentCommit {
		return fmt.Errorf("content type %d", t)
	}
	refs := &reader{b: r.vec()}
	for refs.err == nil && refs.off < len(refs.b) {
		switch kind := refs.u8(); kind {
		case 1:
			return errors.New("carries a proposal by value")
		case 2:
			c.Refs = append(c.Refs, refs.vec())
		default:
			return fmt.Errorf("neither proposal nor reference: type %d", kind)
		}
	}
	if refs.err != nil {
		return refs.err
	}
	switch flag := r.u8(); flag {
	case 0:
	case 1:
		c.HasPath = true
		c.leaf = readLeaf(r)
		r.vec() // path nodes
	default:
		return fmt.Errorf("presence octet of the path is %d", flag)
	}
	r.vec() // signature
	r.vec() // confirmation tag
	r.vec() // membership tag
	return r.err
}

// checkPath holds the new leaf of a commit to the one it replaces.
func (c *Commit) checkPath(was *KeyPackage) error {
	if !c.HasPath {
		return nil
	}
	if err := c.leaf.check(); err != nil {
		return fmt.Errorf("path leaf: %w", err)
	}
	if c.leaf.source != leafFromCommit {
		return fmt.Errorf("path leaf has source %d", c.leaf.source)
	}
	if was == nil || !bytes.Equal(c.leaf.sigKey, was.leaf.sigKey) {
		return errors.New("path leaf changes the signature key")
	}
	if !bytes.Equal(c.leaf.identity, was.leaf.identity) {
		return errors.New("path leaf changes the credential")
	}
	var tbs writer // LeafNodeTBS of a committed leaf names group and place
	tbs.raw(c.leaf.tbs)
	tbs.vec(c.GroupID)
	tbs.u32(c.Sender)
	if !verify(c.leaf.sigKey, "LeafNodeTBS", tbs.b, c.leaf.signature) {
		return errors.New("bad signature of the path leaf")
	}
	return nil
}

// A Welcome is one as a committer sends it: with the secrets of all joiners.
type Welcome struct {
	secrets   []welcomeSecret
	groupInfo []byte // encrypted
}

type welcomeSecret struct{ ref, kem, sealed []byte }

// ParseWelcome reads a bare Welcome. The result refers to b.
func ParseWelcome(b []byte) (*Welcome, error) {
	r := &reader{b: b}
	suite := r.u16()
	list := &reader{b: r.vec()}
	w := &Welcome{groupInfo: r.vec()}
	if err := r.end(); err != nil {
		return nil, fmt.Errorf("welcome: %w", err)
	}
	if suite != suiteP256 {
		return nil, fmt.Errorf("welcome: ciphersuite %d, DAVE wants %d", suite, suiteP256)
	}
	for list.err == nil && list.off < len(list.b) {
		w.secrets = append(w.secrets, welcomeSecret{list.vec(), list.vec(), list.vec()})
	}
	if list.err != nil {
		return nil, fmt.Errorf("welcome: %w", list.err)
	}
	return w, nil
}

// Len is the number of joiners.
func (w *Welcome) Len() int { return len(w.secrets) }

// For returns the Welcome cut down to the secret of one key package, in a slice
// of its own, or false if there is none for it.
func (w *Welcome) For(ref []byte) ([]byte, bool) {
	for _, s := range w.secrets {
		if !bytes.Equal(s.ref, ref) {
			continue
		}
		var secret, out writer
		secret.vec(s.ref)
		secret.vec(s.kem)
		secret.vec(s.sealed)
		out.u16(suiteP256)
		out.vec(secret.b)
		out.vec(w.groupInfo)
		return out.b, true
	}
	return nil, false
}

// announced is the body of opcodes 29 and 30.
func announced(id uint16, message []byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, id), message...)
}
