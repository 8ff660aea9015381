package dave

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"sync"

	"segue/voice/dave/mls"
)

// ratchet is a sender's hash ratchet (RFC 9420 section 9; the paper, "Sender
// key derivation"). Its generation counts in steps of 2^24 nonces.
type ratchet struct {
	secret     []byte
	generation uint32
}

func (r *ratchet) step() {
	r.secret = mls.DeriveTreeSecret(r.secret, "secret", r.generation, 32)
	r.generation++
}

// key is the AES-128 key of the generation.
func (r *ratchet) key() []byte { return mls.DeriveTreeSecret(r.secret, "key", r.generation, 16) }

// aead is AES-128-GCM under that key.
func (r *ratchet) aead() cipher.AEAD {
	block, err := aes.NewCipher(r.key())
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

// sender seals the frames of one epoch.
type sender struct {
	ratchet ratchet
	gcm     cipher.AEAD
	count   uint64 // frames sealed; the last nonce
	nonce   [nonceSize]byte
}

func newSender(secret []byte) *sender {
	s := &sender{ratchet: ratchet{secret: secret}}
	s.gcm = s.ratchet.aead()
	return s
}

// sealer is the sending half of a session.
type sealer struct {
	mu    sync.Mutex
	plain bool
	key   *sender
}

func (s *sealer) set(plain bool, key *sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.plain, s.key = plain, key
}

// MaxEncryptedFrameSize is the room Encrypt needs for a frame of n bytes.
func (s *Session) MaxEncryptedFrameSize(n int) int { return n + max(maxTrailer, fullTagSize) }

// Encrypt seals an Opus frame into out[:cap(out)] and returns its length. Out
// needs a capacity of MaxEncryptedFrameSize(len(frame)), else ErrBuffer; it may
// begin where frame begins, and must not overlap it otherwise. The silence frame
// F8 FF FE, and every frame of a call free of DAVE, is copied as it is;
// without a key there is ErrNotReady, never a frame in the clear. It allocates
// nothing but for a new key every 2^24 frames, and never waits for the
// handshake.
func (s *Session) Encrypt(_ uint32, frame, out []byte) (int, error) {
	out = out[:cap(out)]
	t := &s.tx
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.plain || isSilence(frame) {
		if len(out) < len(frame) {
			return 0, ErrBuffer
		}
		return copy(out, frame), nil
	}
	if t.key == nil {
		return 0, ErrNotReady
	}
	if len(out) < s.MaxEncryptedFrameSize(len(frame)) {
		return 0, ErrBuffer
	}
	return t.key.seal(frame, out), nil
}

// seal writes ciphertext and trailer to out. Nonces begin at 1 in each epoch.
func (k *sender) seal(frame, out []byte) int {
	k.count++
	for k.ratchet.generation != uint32(k.count>>generationAt) {
		k.ratchet.step()
		k.gcm = k.ratchet.aead()
	}
	nonce := uint32(k.count)
	binary.LittleEndian.PutUint32(k.nonce[nonceSize-4:], nonce)
	k.gcm.Seal(out[:0], k.nonce[:], frame, nil)
	n := len(frame) + tagSize // the rest of the tag is overwritten
	n += putULEB(out[n:], nonce)
	out[n] = byte(n - len(frame) + 3)
	out[n+1], out[n+2] = marker, marker
	return n + 3
}
