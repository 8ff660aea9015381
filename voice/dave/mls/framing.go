package mls

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"fmt"
)

// Section 6: WireFormat, SenderType, ContentType.
const (
	wirePublic = 1

	senderMember   = 1
	senderExternal = 2

	contentProposal = 2
	contentCommit   = 3
)

// frame is a PublicMessage (section 6.2): the header of its FramedContent, and
// once it is read to its end, the whole content and what authenticates it.
type frame struct {
	groupID    []byte
	epoch      uint64
	senderType uint8
	sender     uint32 // leaf of a member, index of an external sender
	kind       uint8  // content type
	start      int

	content []byte // encoded FramedContent
	sig     []byte
	tag     []byte // confirmation tag, of a commit
	member  []byte // membership tag, of a member's message
}

// readFrame reads an MLSMessage up to where its proposal or commit begins.
func readFrame(r *reader) *frame {
	if r.u16() != version10 || r.u16() != wirePublic {
		r.fail("not a public message")
	}
	f := &frame{start: r.off}
	f.groupID, f.epoch, f.senderType = r.vec(), r.u64(), r.u8()
	if f.senderType != senderMember && f.senderType != senderExternal {
		r.fail("sender type")
	}
	f.sender = r.u32()
	r.vec() // authenticated data
	f.kind = r.u8()
	return f
}

// finish reads what follows the proposal or commit.
func (f *frame) finish(r *reader) {
	f.content = r.since(f.start)
	f.sig = r.vec()
	if f.kind == contentCommit {
		f.tag = r.vec()
	}
	if f.senderType == senderMember {
		f.member = r.vec()
	}
}

// tbs is FramedContentTBS (section 6.1); context is nil for an external sender.
func (f *frame) tbs(context []byte) []byte {
	var w writer
	w.u16(version10)
	w.u16(wirePublic)
	w.raw(f.content)
	w.raw(context)
	return w.b
}

// auth is FramedContentAuthData (section 6.1).
func (f *frame) auth() []byte {
	var w writer
	w.vec(f.sig)
	if f.kind == contentCommit {
		w.vec(f.tag)
	}
	return w.b
}

// ref is the ProposalRef (section 5.2) of a proposal's AuthenticatedContent.
func (f *frame) ref() []byte {
	var w writer
	w.u16(wirePublic)
	w.raw(f.content)
	w.raw(f.auth())
	return proposalRef(w.b)
}

// membershipTag is the MAC over AuthenticatedContentTBM (section 6.2).
func (f *frame) membershipTag(key, context []byte) []byte {
	return mac(key, append(f.tbs(context), f.auth()...))
}

// verify checks signature and membership tag of a member's message.
func (f *frame) verify(signer, membershipKey, context []byte) error {
	if !hmac.Equal(f.member, f.membershipTag(membershipKey, context)) {
		return fmt.Errorf("%w: membership tag", ErrSignature)
	}
	if !verifyWithLabel(signer, "FramedContentTBS", f.tbs(context), f.sig) {
		return ErrSignature
	}
	return nil
}

// newFrame frames and signs a member's proposal or commit.
func newFrame(groupID []byte, epoch uint64, sender uint32, kind uint8, body, context []byte, sig *ecdsa.PrivateKey) *frame {
	var w writer
	w.vec(groupID)
	w.u64(epoch)
	w.u8(senderMember)
	w.u32(sender)
	w.vec(nil) // authenticated data
	w.u8(kind)
	w.raw(body)
	f := &frame{groupID: groupID, epoch: epoch, senderType: senderMember, sender: sender, kind: kind, content: w.b}
	f.sig = signWithLabel(sig, "FramedContentTBS", f.tbs(context))
	return f
}

// message is the MLSMessage of a frame that has its tag, if it needs one.
func (f *frame) message(membershipKey, context []byte) []byte {
	var w writer
	w.u16(version10)
	w.u16(wirePublic)
	w.raw(f.content)
	w.raw(f.auth())
	w.vec(f.membershipTag(membershipKey, context))
	return w.b
}
