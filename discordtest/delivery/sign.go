package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
)

// signContent is SignContent of RFC 9420 section 5.1.2.
func signContent(label string, content []byte) []byte {
	var w writer
	w.vec([]byte("MLS 1.0 " + label))
	w.vec(content)
	h := sha256.Sum256(w.b)
	return h[:]
}

func verify(key []byte, label string, content, signature []byte) bool {
	pub, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), key)
	return err == nil && ecdsa.VerifyASN1(pub, signContent(label, content), signature)
}

// refHash is RefHash of RFC 9420 section 5.2.
func refHash(label string, value []byte) []byte {
	var w writer
	w.vec([]byte(label))
	w.vec(value)
	h := sha256.Sum256(w.b)
	return h[:]
}

// ExternalSender is the service's own identity, the only one that may propose.
type ExternalSender struct {
	key      *ecdsa.PrivateKey
	identity []byte
}

// NewExternalSender makes a sender with a fresh P-256 key. It keeps identity.
func NewExternalSender(identity []byte) *ExternalSender {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(fmt.Sprintf("delivery: the system's randomness failed: %v", err))
	}
	return &ExternalSender{key: key, identity: identity}
}

// Package is the body of opcode 25: signature key and credential.
func (e *ExternalSender) Package() []byte {
	pub, err := e.key.PublicKey.Bytes()
	if err != nil {
		panic(fmt.Sprintf("delivery: own key does not encode: %v", err))
	}
	var w writer
	w.vec(pub)
	w.u16(credentialBasic)
	w.vec(e.identity)
	return w.b
}

func (e *ExternalSender) sign(label string, content []byte) []byte {
	sig, err := ecdsa.SignASN1(rand.Reader, e.key, signContent(label, content))
	if err != nil {
		panic(fmt.Sprintf("delivery: signing with own key failed: %v", err))
	}
	return sig
}

// A Proposal is one external proposal, ready to be sent with opcode 27.
type Proposal struct {
	Msg []byte // MLSMessage(PublicMessage)
	Ref []byte // its ProposalRef
}

// ProposeAdd proposes to take in the owner of a bare key package.
func (e *ExternalSender) ProposeAdd(groupID []byte, epoch uint64, keyPackage []byte) Proposal {
	var w writer
	w.u16(proposalAdd)
	w.raw(keyPackage)
	return e.propose(groupID, epoch, w.b)
}

// ProposeRemove proposes to remove the member at a leaf.
func (e *ExternalSender) ProposeRemove(groupID []byte, epoch uint64, leaf uint32) Proposal {
	var w writer
	w.u16(proposalRemove)
	w.u32(leaf)
	return e.propose(groupID, epoch, w.b)
}

func (e *ExternalSender) propose(groupID []byte, epoch uint64, proposal []byte) Proposal {
	var content writer // FramedContent
	content.vec(groupID)
	content.u64(epoch)
	content.u8(senderExternal)
	content.u32(0) // index into the external_senders extension
	content.vec(nil)
	content.u8(contentProposal)
	content.raw(proposal)

	var tbs writer // an external sender signs no GroupContext
	tbs.u16(versionMLS10)
	tbs.u16(wirePublic)
	tbs.raw(content.b)
	sig := e.sign("FramedContentTBS", tbs.b)

	var auth, msg writer // AuthenticatedContent; MLSMessage
	auth.u16(wirePublic)
	auth.raw(content.b)
	auth.vec(sig)
	msg.u16(versionMLS10)
	msg.raw(auth.b)
	return Proposal{Msg: msg.b, Ref: refHash("MLS 1.0 Proposal Reference", auth.b)}
}

// AppendPayload is the body of opcode 27 that announces proposals.
func AppendPayload(ps ...Proposal) []byte {
	var list, w writer
	for _, p := range ps {
		list.raw(p.Msg)
	}
	w.u8(0)
	w.vec(list.b)
	return w.b
}

// RevokePayload is the body of opcode 27 that takes proposals back.
func RevokePayload(ps ...Proposal) []byte {
	var list, w writer
	for _, p := range ps {
		list.vec(p.Ref)
	}
	w.u8(1)
	w.vec(list.b)
	return w.b
}
