// Package mlsw is a minimal RFC 9420 wire codec: exactly what a DAVE delivery
// service (Discord's voice gateway) needs, written from the RFC with the
// standard library only, so that it shares no code with any implementation
// under test.
package delivery

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// ---- TLS presentation helpers ------------------------------------------

type W struct{ B []byte }

func (w *W) U8(v uint8)   { w.B = append(w.B, v) }
func (w *W) U16(v uint16) { w.B = binary.BigEndian.AppendUint16(w.B, v) }
func (w *W) U32(v uint32) { w.B = binary.BigEndian.AppendUint32(w.B, v) }
func (w *W) U64(v uint64) { w.B = binary.BigEndian.AppendUint64(w.B, v) }
func (w *W) Raw(b []byte) { w.B = append(w.B, b...) }
func (w *W) VarLen(n int) {
	switch {
	case n < 1<<6:
		w.U8(uint8(n))
	case n < 1<<14:
		w.U16(uint16(n) | 0x4000)
	default:
		w.U32(uint32(n) | 0x8000_0000)
	}
}
func (w *W) Vec(b []byte) { w.VarLen(len(b)); w.Raw(b) }

var ErrShort = errors.New("mlsw: short buffer")

type R struct {
	B   []byte
	Off int
	Err error
}

func (r *R) need(n int) bool {
	if r.Err != nil {
		return false
	}
	if n < 0 || r.Off+n > len(r.B) {
		r.Err = ErrShort
		return false
	}
	return true
}
func (r *R) U8() uint8 {
	if !r.need(1) {
		return 0
	}
	v := r.B[r.Off]
	r.Off++
	return v
}
func (r *R) U16() uint16 {
	if !r.need(2) {
		return 0
	}
	v := binary.BigEndian.Uint16(r.B[r.Off:])
	r.Off += 2
	return v
}
func (r *R) U32() uint32 {
	if !r.need(4) {
		return 0
	}
	v := binary.BigEndian.Uint32(r.B[r.Off:])
	r.Off += 4
	return v
}
func (r *R) U64() uint64 {
	if !r.need(8) {
		return 0
	}
	v := binary.BigEndian.Uint64(r.B[r.Off:])
	r.Off += 8
	return v
}
func (r *R) VarLen() int {
	if !r.need(1) {
		return 0
	}
	switch r.B[r.Off] >> 6 {
	case 0:
		return int(r.U8() & 0x3f)
	case 1:
		v := int(r.U16() & 0x3fff)
		if v < 1<<6 {
			r.Err = errors.New("mlsw: non-minimal varint")
		}
		return v
	case 2:
		v := int(r.U32() & 0x3fff_ffff)
		if v < 1<<14 {
			r.Err = errors.New("mlsw: non-minimal varint")
		}
		return v
	}
	r.Err = errors.New("mlsw: bad varint")
	return 0
}
func (r *R) Vec() []byte {
	n := r.VarLen()
	if !r.need(n) {
		return nil
	}
	v := r.B[r.Off : r.Off+n]
	r.Off += n
	return v
}
func (r *R) Done() bool { return r.Err == nil && r.Off == len(r.B) }

// ---- constants -----------------------------------------------------------

const (
	WFPublic     = 1
	WFWelcome    = 3
	WFKeyPackage = 5

	SenderMember   = 1
	SenderExternal = 2

	ContentProposal = 2
	ContentCommit   = 3

	ProposalAdd    = 1
	ProposalRemove = 3

	CipherSuiteP256 = 2
)

// ---- signatures / hashes -------------------------------------------------

func signContent(label string, content []byte) []byte {
	var w W
	w.Vec([]byte("MLS 1.0 " + label))
	w.Vec(content)
	return w.B
}

func SignWithLabel(k *ecdsa.PrivateKey, label string, content []byte) []byte {
	h := sha256.Sum256(signContent(label, content))
	sig, err := ecdsa.SignASN1(rand.Reader, k, h[:])
	if err != nil {
		panic(err)
	}
	return sig
}

func VerifyWithLabel(pub []byte, label string, content, sig []byte) bool {
	x, y := elliptic.Unmarshal(elliptic.P256(), pub) //nolint:staticcheck
	if x == nil {
		return false
	}
	h := sha256.Sum256(signContent(label, content))
	return ecdsa.VerifyASN1(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, h[:], sig)
}

func refHash(label string, value []byte) []byte {
	var w W
	w.Vec([]byte(label))
	w.Vec(value)
	h := sha256.Sum256(w.B)
	return h[:]
}

func KeyPackageRef(kp []byte) []byte { return refHash("MLS 1.0 KeyPackage Reference", kp) }

// ---- external sender -----------------------------------------------------

type ExternalSender struct {
	Key      *ecdsa.PrivateKey
	Identity []byte
}

func NewExternalSender(identity []byte) *ExternalSender {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return &ExternalSender{Key: k, Identity: identity}
}

func (e *ExternalSender) Pub() []byte {
	return elliptic.Marshal(elliptic.P256(), e.Key.X, e.Key.Y) //nolint:staticcheck
}

// Package is the op 25 payload.
func (e *ExternalSender) Package() []byte {
	var w W
	w.Vec(e.Pub())
	w.U16(1)
	w.Vec(e.Identity)
	return w.B
}

// Proposal is one external proposal as broadcast with op 27.
type Proposal struct {
	Msg []byte // MLSMessage
	Ref []byte // ProposalRef
}

func (e *ExternalSender) propose(groupID []byte, epoch uint64, proposal []byte) Proposal {
	var fc W // FramedContent
	fc.Vec(groupID)
	fc.U64(epoch)
	fc.U8(SenderExternal)
	fc.U32(0)
	fc.Vec(nil)
	fc.U8(ContentProposal)
	fc.Raw(proposal)

	var tbs W
	tbs.U16(1)
	tbs.U16(WFPublic)
	tbs.Raw(fc.B)
	sig := SignWithLabel(e.Key, "FramedContentTBS", tbs.B)

	var ac W // AuthenticatedContent
	ac.U16(WFPublic)
	ac.Raw(fc.B)
	ac.Vec(sig)

	var msg W
	msg.U16(1)
	msg.U16(WFPublic)
	msg.Raw(fc.B)
	msg.Vec(sig)
	return Proposal{Msg: msg.B, Ref: refHash("MLS 1.0 Proposal Reference", ac.B)}
}

func (e *ExternalSender) ProposeAdd(groupID []byte, epoch uint64, kp []byte) Proposal {
	var p W
	p.U16(ProposalAdd)
	p.Raw(kp)
	return e.propose(groupID, epoch, p.B)
}

func (e *ExternalSender) ProposeRemove(groupID []byte, epoch uint64, leaf uint32) Proposal {
	var p W
	p.U16(ProposalRemove)
	p.U32(leaf)
	return e.propose(groupID, epoch, p.B)
}

// AppendPayload / RevokePayload are op 27 payloads (after seq and opcode).
func AppendPayload(ps ...Proposal) []byte {
	var v W
	for _, p := range ps {
		v.Raw(p.Msg)
	}
	var w W
	w.U8(0)
	w.Vec(v.B)
	return w.B
}

func RevokePayload(ps ...Proposal) []byte {
	var v W
	for _, p := range ps {
		v.Vec(p.Ref)
	}
	var w W
	w.U8(1)
	w.Vec(v.B)
	return w.B
}

// ---- key packages --------------------------------------------------------

type LeafNode struct {
	EncKey, SigKey, Identity []byte
	CredType                 uint16
	Versions, Suites         []byte
	Exts, Props, Creds       []byte
	Source                   uint8
	NotBefore, NotAfter      uint64
	ParentHash               []byte
	Extensions, Sig          []byte
	tbs                      []byte
}

func readLeaf(r *R) LeafNode {
	start := r.Off
	var l LeafNode
	l.EncKey = r.Vec()
	l.SigKey = r.Vec()
	l.CredType = r.U16()
	l.Identity = r.Vec()
	l.Versions, l.Suites, l.Exts, l.Props, l.Creds = r.Vec(), r.Vec(), r.Vec(), r.Vec(), r.Vec()
	l.Source = r.U8()
	switch l.Source {
	case 1:
		l.NotBefore, l.NotAfter = r.U64(), r.U64()
	case 2:
	case 3:
		l.ParentHash = r.Vec()
	default:
		if r.Err == nil {
			r.Err = fmt.Errorf("mlsw: leaf source %d", l.Source)
		}
	}
	l.Extensions = r.Vec()
	if r.Err == nil {
		l.tbs = r.B[start:r.Off]
	}
	l.Sig = r.Vec()
	return l
}

type KeyPackage struct {
	Raw     []byte // KeyPackage struct, no MLSMessage header
	Suite   uint16
	InitKey []byte
	Leaf    LeafNode
	Wrapped bool // came inside an MLSMessage
}

// ParseKeyPackage accepts a bare KeyPackage (what every known client sends)
// or an MLSMessage-wrapped one (what the paper says).
func ParseKeyPackage(b []byte) (*KeyPackage, error) {
	kp := &KeyPackage{}
	if len(b) >= 4 && b[0] == 0 && b[1] == 1 && b[2] == 0 && b[3] == WFKeyPackage {
		kp.Wrapped = true
		b = b[4:]
	}
	r := &R{B: b}
	if v := r.U16(); v != 1 {
		return nil, fmt.Errorf("mlsw: key package version %d", v)
	}
	kp.Suite = r.U16()
	kp.InitKey = r.Vec()
	kp.Leaf = readLeaf(r)
	exts := r.Vec()
	_ = exts
	tbsEnd := r.Off
	sig := r.Vec()
	if r.Err != nil {
		return nil, r.Err
	}
	if r.Off != len(b) {
		return nil, fmt.Errorf("mlsw: %d trailing bytes after key package", len(b)-r.Off)
	}
	kp.Raw = b
	if kp.Suite != CipherSuiteP256 {
		return nil, fmt.Errorf("mlsw: ciphersuite %d", kp.Suite)
	}
	if kp.Leaf.CredType != 1 || len(kp.Leaf.Identity) != 8 {
		return nil, errors.New("mlsw: credential is not a basic 8-byte identity")
	}
	if kp.Leaf.Source != 1 || kp.Leaf.NotBefore != 0 || kp.Leaf.NotAfter != math.MaxUint64 {
		return nil, fmt.Errorf("mlsw: lifetime [%d,%d], DAVE wants [0,2^64-1]", kp.Leaf.NotBefore, kp.Leaf.NotAfter)
	}
	if !VerifyWithLabel(kp.Leaf.SigKey, "KeyPackageTBS", b[:tbsEnd], sig) {
		return nil, errors.New("mlsw: key package signature")
	}
	if !VerifyWithLabel(kp.Leaf.SigKey, "LeafNodeTBS", kp.Leaf.tbs, kp.Leaf.Sig) {
		return nil, errors.New("mlsw: leaf node signature")
	}
	return kp, nil
}

func (k *KeyPackage) UserID() uint64 { return binary.BigEndian.Uint64(k.Leaf.Identity) }

// ---- commits and welcomes ------------------------------------------------

type Commit struct {
	Raw     []byte // MLSMessage
	GroupID []byte
	Epoch   uint64
	Sender  uint32
	Refs    [][]byte
	ByValue int
	HasPath bool
	Leaf    LeafNode
}

// ParseCommit reads one MLSMessage(PublicMessage(commit)) from the front of b
// and returns it with what follows.
func ParseCommit(b []byte) (*Commit, []byte, error) {
	r := &R{B: b}
	if v := r.U16(); v != 1 {
		return nil, nil, fmt.Errorf("mlsw: version %d", v)
	}
	if wf := r.U16(); wf != WFPublic {
		return nil, nil, fmt.Errorf("mlsw: wire format %d", wf)
	}
	c := &Commit{}
	c.GroupID = r.Vec()
	c.Epoch = r.U64()
	if st := r.U8(); st != SenderMember {
		return nil, nil, fmt.Errorf("mlsw: sender type %d", st)
	}
	c.Sender = r.U32()
	r.Vec() // authenticated_data
	if ct := r.U8(); ct != ContentCommit {
		return nil, nil, fmt.Errorf("mlsw: content type %d", ct)
	}
	pr := &R{B: r.Vec()}
	for r.Err == nil && pr.Err == nil && pr.Off < len(pr.B) {
		switch pr.U8() {
		case 1:
			return nil, nil, errors.New("mlsw: commit carries a proposal by value")
		case 2:
			c.Refs = append(c.Refs, pr.Vec())
		default:
			return nil, nil, errors.New("mlsw: bad ProposalOrRef")
		}
	}
	if pr.Err != nil {
		return nil, nil, pr.Err
	}
	if r.U8() == 1 {
		c.HasPath = true
		c.Leaf = readLeaf(r)
		r.Vec() // nodes
	}
	r.Vec() // signature
	r.Vec() // confirmation tag
	r.Vec() // membership tag
	if r.Err != nil {
		return nil, nil, r.Err
	}
	c.Raw = b[:r.Off]
	return c, b[r.Off:], nil
}

type welcomeSecret struct{ ref, kem, ct []byte }

type Welcome struct {
	Suite     uint16
	secrets   []welcomeSecret
	groupInfo []byte
}

func ParseWelcome(b []byte) (*Welcome, error) {
	r := &R{B: b}
	w := &Welcome{Suite: r.U16()}
	sr := &R{B: r.Vec()}
	for r.Err == nil && sr.Err == nil && sr.Off < len(sr.B) {
		w.secrets = append(w.secrets, welcomeSecret{sr.Vec(), sr.Vec(), sr.Vec()})
	}
	w.groupInfo = r.Vec()
	if sr.Err != nil {
		return nil, sr.Err
	}
	if r.Err != nil {
		return nil, r.Err
	}
	if !r.Done() {
		return nil, errors.New("mlsw: trailing bytes after welcome")
	}
	if w.Suite != CipherSuiteP256 {
		return nil, fmt.Errorf("mlsw: welcome suite %d", w.Suite)
	}
	return w, nil
}

// For returns the Welcome cut down to the secrets of one key package.
func (w *Welcome) For(ref []byte) ([]byte, bool) {
	for _, s := range w.secrets {
		if string(s.ref) == string(ref) {
			var v W
			v.Vec(s.ref)
			v.Vec(s.kem)
			v.Vec(s.ct)
			var o W
			o.U16(w.Suite)
			o.Vec(v.B)
			o.Vec(w.groupInfo)
			return o.B, true
		}
	}
	return nil, false
}

func (w *Welcome) Len() int { return len(w.secrets) }
