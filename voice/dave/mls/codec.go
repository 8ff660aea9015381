// Package minimls is the part of MLS (RFC 9420) that DAVE protocol version 1
// uses, on the standard library alone: ciphersuite 2
// (DHKEM-P256/AES128GCM/SHA256/ECDSA-P256), basic credentials, PublicMessage,
// external Add and Remove proposals by reference, commits and welcomes with an
// inline ratchet tree, and the exporter.
package mls

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"math/big"
)

const (
	version10 = 1
	suiteP256 = 2
	wfPublic  = 1
	wfKeyPkg  = 5

	senderMember   = 1
	senderExternal = 2

	contentProposal = 2
	contentCommit   = 3

	propAdd    = 1
	propRemove = 3

	extRatchetTree     = 2
	extExternalSenders = 5

	nh = 32
	nk = 16
)

var errShort = errors.New("minimls: truncated")

type wr struct{ b []byte }

func (w *wr) u8(v uint8)   { w.b = append(w.b, v) }
func (w *wr) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *wr) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *wr) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }
func (w *wr) raw(b []byte) { w.b = append(w.b, b...) }
func (w *wr) vec(b []byte) {
	switch n := len(b); {
	case n < 1<<6:
		w.u8(uint8(n))
	case n < 1<<14:
		w.u16(uint16(n) | 0x4000)
	default:
		w.u32(uint32(n) | 0x8000_0000)
	}
	w.raw(b)
}

type rd struct {
	b   []byte
	off int
	err error
}

func (r *rd) take(n int) []byte {
	if r.err != nil || n < 0 || n > len(r.b)-r.off {
		if r.err == nil {
			r.err = errShort
		}
		return nil
	}
	v := r.b[r.off : r.off+n : r.off+n]
	r.off += n
	return v
}
func (r *rd) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}
func (r *rd) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}
func (r *rd) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}
func (r *rd) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
func (r *rd) vec() []byte {
	if r.err != nil || r.off >= len(r.b) {
		if r.err == nil {
			r.err = errShort
		}
		return nil
	}
	var n int
	switch r.b[r.off] >> 6 {
	case 0:
		n = int(r.u8())
	case 1:
		n = int(r.u16() & 0x3fff)
		if n < 1<<6 {
			r.err = errors.New("minimls: length not minimal")
		}
	case 2:
		n = int(r.u32() & 0x3fff_ffff)
		if n < 1<<14 {
			r.err = errors.New("minimls: length not minimal")
		}
	default:
		r.err = errors.New("minimls: length prefix")
	}
	return r.take(n)
}
func (r *rd) more() bool { return r.err == nil && r.off < len(r.b) }
func (r *rd) end() error {
	if r.err == nil && r.off != len(r.b) {
		r.err = errors.New("minimls: trailing bytes")
	}
	return r.err
}

// ---- crypto ----------------------------------------------------------------

func hash(b []byte) []byte { h := sha256.Sum256(b); return h[:] }
func mac(k, b []byte) []byte {
	m := hmac.New(sha256.New, k)
	m.Write(b)
	return m.Sum(nil)
}
func extract(salt, ikm []byte) []byte {
	out, err := hkdf.Extract(sha256.New, ikm, salt)
	if err != nil {
		panic(err)
	}
	return out
}

// ExpandWithLabel is RFC 9420 section 8.
func ExpandWithLabel(secret []byte, label string, context []byte, n int) []byte {
	var w wr
	w.u16(uint16(n))
	w.vec([]byte("MLS 1.0 " + label))
	w.vec(context)
	out, err := hkdf.Expand(sha256.New, secret, string(w.b), n)
	if err != nil {
		panic(err)
	}
	return out
}
func derive(secret []byte, label string) []byte { return ExpandWithLabel(secret, label, nil, nh) }

func refHash(label string, value []byte) []byte {
	var w wr
	w.vec([]byte(label))
	w.vec(value)
	return hash(w.b)
}

func labeled(label string, content []byte) []byte {
	var w wr
	w.vec([]byte("MLS 1.0 " + label))
	w.vec(content)
	return w.b
}

func sign(k *ecdsa.PrivateKey, label string, content []byte) []byte {
	sig, err := ecdsa.SignASN1(rand.Reader, k, hash(labeled(label, content)))
	if err != nil {
		panic(err)
	}
	return sig
}

func verify(pub []byte, label string, content, sig []byte) bool {
	if _, err := ecdh.P256().NewPublicKey(pub); err != nil { // on the curve, uncompressed
		return false
	}
	k := ecdsa.PublicKey{Curve: elliptic.P256(), X: new(big.Int).SetBytes(pub[1:33]), Y: new(big.Int).SetBytes(pub[33:])}
	return ecdsa.VerifyASN1(&k, hash(labeled(label, content)), sig)
}

var kem = hpke.DHKEM(ecdh.P256())

func sealTo(pub []byte, label string, context, pt []byte) (kemOut, ct []byte, err error) {
	k, err := kem.NewPublicKey(pub)
	if err != nil {
		return nil, nil, err
	}
	out, err := hpke.Seal(k, hpke.HKDFSHA256(), hpke.AES128GCM(), labeled(label, context), pt)
	if err != nil {
		return nil, nil, err
	}
	return out[:65], out[65:], nil
}

func openFrom(k hpke.PrivateKey, label string, context, kemOut, ct []byte) ([]byte, error) {
	return hpke.Open(k, hpke.HKDFSHA256(), hpke.AES128GCM(), labeled(label, context), append(append([]byte(nil), kemOut...), ct...))
}

func aead(key []byte) cipher.AEAD {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	g, err := cipher.NewGCM(b)
	if err != nil {
		panic(err)
	}
	return g
}

// Vector reads one length-prefixed vector that fills b.
func Vector(b []byte) ([]byte, error) {
	r := &rd{b: b}
	v := r.vec()
	return v, r.end()
}

// RevokeRefs forgets the proposals of an op 27 revoke.
func (p *Proposals) RevokeRefs(b []byte) error {
	for r := (&rd{b: b}); r.more(); {
		ref := r.vec()
		if r.err != nil {
			return r.err
		}
		if !p.Revoke(ref) {
			return errors.New("minimls: revokes an unknown proposal")
		}
	}
	return nil
}
