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
)

// Ciphersuite 2 (section 17.1).
const (
	hashSize   = 32 // SHA-256
	keySize    = 16 // AES-128-GCM
	nonceSize  = 12
	kemOutSize = 65 // an uncompressed P-256 point
)

// kem is DHKEM(P-256, HKDF-SHA256).
var kem = hpke.DHKEM(ecdh.P256())

func hash(b []byte) []byte { h := sha256.Sum256(b); return h[:] }

func mac(key, b []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(b)
	return m.Sum(nil)
}

// random returns n fresh bytes; crypto/rand never fails.
func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// must unwraps results whose errors only wrong constants of ours could cause.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func extract(salt, ikm []byte) []byte { return must(hkdf.Extract(sha256.New, ikm, salt)) }

// expandWithLabel is ExpandWithLabel (section 8).
func expandWithLabel(secret []byte, label string, context []byte, n int) []byte {
	var w writer
	w.u16(uint16(n))
	w.vec([]byte("MLS 1.0 " + label))
	w.vec(context)
	return must(hkdf.Expand(sha256.New, secret, string(w.b), n))
}

// deriveSecret is DeriveSecret (section 8).
func deriveSecret(secret []byte, label string) []byte {
	return expandWithLabel(secret, label, nil, hashSize)
}

// DeriveTreeSecret is the step of a hash ratchet (section 9): n bytes for a
// label at a generation.
func DeriveTreeSecret(secret []byte, label string, generation uint32, n int) []byte {
	return expandWithLabel(secret, label, binary.BigEndian.AppendUint32(nil, generation), n)
}

// refHash is RefHash (section 5.2).
func refHash(label string, value []byte) []byte {
	var w writer
	w.vec([]byte(label))
	w.vec(value)
	return hash(w.b)
}

func keyPackageRef(kp []byte) []byte { return refHash("MLS 1.0 KeyPackage Reference", kp) }
func proposalRef(ac []byte) []byte   { return refHash("MLS 1.0 Proposal Reference", ac) }

// labeled is SignContent (section 5.1.2) and EncryptContext (5.1.3).
func labeled(label string, content []byte) []byte {
	var w writer
	w.vec([]byte("MLS 1.0 " + label))
	w.vec(content)
	return w.b
}

// signWithLabel is SignWithLabel (section 5.1.2).
func signWithLabel(k *ecdsa.PrivateKey, label string, content []byte) []byte {
	return must(ecdsa.SignASN1(rand.Reader, k, hash(labeled(label, content))))
}

// verifyWithLabel is VerifyWithLabel (section 5.1.2); a key that is no point
// of the curve verifies nothing.
func verifyWithLabel(pub []byte, label string, content, sig []byte) bool {
	k, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), pub)
	return err == nil && ecdsa.VerifyASN1(k, hash(labeled(label, content)), sig)
}

// validKey reports whether b is a public key of the ciphersuite.
func validKey(b []byte) bool {
	_, err := ecdh.P256().NewPublicKey(b)
	return err == nil
}

// sealed is HPKECiphertext (section 7.6).
type sealed struct{ kemOut, ct []byte }

func (s sealed) marshal(w *writer) { w.vec(s.kemOut); w.vec(s.ct) }

func readSealed(r *reader) sealed { return sealed{kemOut: r.vec(), ct: r.vec()} }

// encryptWithLabel is EncryptWithLabel (section 5.1.3).
func encryptWithLabel(pub []byte, label string, context, pt []byte) (sealed, error) {
	k, err := kem.NewPublicKey(pub)
	if err != nil {
		return sealed{}, err
	}
	out, err := hpke.Seal(k, hpke.HKDFSHA256(), hpke.AES128GCM(), labeled(label, context), pt)
	if err != nil {
		return sealed{}, err
	}
	return sealed{kemOut: out[:kemOutSize], ct: out[kemOutSize:]}, nil
}

// decryptWithLabel is DecryptWithLabel (section 5.1.3).
func decryptWithLabel(k hpke.PrivateKey, label string, context []byte, s sealed) ([]byte, error) {
	if len(s.kemOut) != kemOutSize {
		return nil, malformed("KEM output")
	}
	in := append(append(make([]byte, 0, len(s.kemOut)+len(s.ct)), s.kemOut...), s.ct...)
	return hpke.Open(k, hpke.HKDFSHA256(), hpke.AES128GCM(), labeled(label, context), in)
}

// welcomeAEAD is the key and nonce of the encrypted group info (12.4.3.1).
func welcomeAEAD(welcomeSecret []byte) (cipher.AEAD, []byte) {
	block := must(aes.NewCipher(expandWithLabel(welcomeSecret, "key", nil, keySize)))
	return must(cipher.NewGCM(block)), expandWithLabel(welcomeSecret, "nonce", nil, nonceSize)
}
