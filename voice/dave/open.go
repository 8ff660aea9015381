package dave

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"slices"
	"sync"
	"time"

	"github.com/disgoorg/godave"
)

const (
	// maxRate is how many frames a second a sender may be ahead of (the paper
	// and libdave: 50 of audio, two videos of 60): it bounds the generations.
	maxRate = 170

	// maxSkip bounds the key derivations a single frame can cause.
	maxSkip = 250

	keptGenerations = 2 // behind the newest, for frames that come late
	maxEpochs       = 8 // receivers kept for one sender
)

// receiver opens the frames of one sender in one epoch.
type receiver struct {
	of      sending // life and epoch
	ratchet ratchet
	made    time.Time
	expires time.Time // zero while current
	keys    map[uint32]cipher.AEAD
	seen    window
}

func newReceiver(secret []byte, of sending, now time.Time) *receiver {
	return &receiver{of: of, ratchet: ratchet{secret: secret}, made: now, keys: map[uint32]cipher.AEAD{}}
}

// opener is the receiving half of a session.
type opener struct {
	mu         sync.Mutex
	keys       map[godave.UserID][]*receiver // oldest first
	plain      bool                          // frames in the clear are fine
	plainUntil time.Time                     // and for a while after that
	scratch    []byte
	nonce      [nonceSize]byte
}

func (o *opener) clear() {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.keys)
	o.plain, o.plainUntil = false, time.Time{}
}

func (o *opener) forget(u godave.UserID) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.keys, u)
}

func (o *opener) add(u godave.UserID, r *receiver) {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := append(o.keys[u], r)
	o.keys[u] = slices.Delete(list, 0, max(0, len(list)-maxEpochs))
}

// expire dates the keys older than k, and drops those past their date.
func (o *opener) expire(k sending, at time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for u, list := range o.keys {
		for _, r := range list {
			if r.of.olderThan(k) && r.expires.IsZero() {
				r.expires = at
			}
		}
		o.keys[u] = slices.DeleteFunc(list, func(r *receiver) bool { return r.expired(at.Add(-keyExpiry)) })
		if len(o.keys[u]) == 0 {
			delete(o.keys, u)
		}
	}
}

func (r *receiver) expired(now time.Time) bool { return !r.expires.IsZero() && !now.Before(r.expires) }

func (o *opener) allowPlain() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.plain = true
}

func (o *opener) forbidPlain(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.plain {
		o.plain, o.plainUntil = false, now.Add(keyExpiry)
	}
}

// MaxDecryptedFrameSize is the room Decrypt needs for a frame of n bytes.
func (s *Session) MaxDecryptedFrameSize(_ godave.UserID, n int) int { return n }

// Decrypt opens a frame that user sent into out[:cap(out)] and returns its
// length. Out may be the frame itself. It refuses frames in the clear in an
// encrypted call (ErrPlaintext; silence F8 FF FE excepted), frames seen before
// or too old (ErrReplay), of senders without a key (ErrNoKey), and whatever does
// not authenticate (ErrForged); a refused frame changes nothing.
func (s *Session) Decrypt(user godave.UserID, frame, out []byte) (int, error) {
	out = out[:cap(out)]
	if len(out) < len(frame) {
		return 0, ErrBuffer
	}
	if isSilence(frame) {
		return copy(out, frame), nil
	}
	sf, sealed := parseFrame(frame)
	o := &s.rx
	now := s.now()
	o.mu.Lock()
	defer o.mu.Unlock()
	if !sealed {
		if o.plain || now.Before(o.plainUntil) {
			return copy(out, frame), nil
		}
		return 0, ErrPlaintext
	}
	err := ErrNoKey
	list := o.keys[user]
	for i := len(list) - 1; i >= 0; i-- {
		if list[i].expired(now) {
			continue
		}
		if err = o.open(list[i], &sf, out, now); err == nil {
			return len(sf.body), nil
		}
	}
	return 0, err
}

// open tries one receiver. Nothing of it changes until the frame is known to be
// good.
func (o *opener) open(r *receiver, sf *sealedFrame, out []byte, now time.Time) error {
	count := r.seen.widen(sf.nonce)
	generation := uint32(count >> generationAt)
	most := uint64(max(0, now.Sub(r.made)/time.Second)) * maxRate
	if uint64(generation) > most>>generationAt || generation > r.ratchet.generation+maxSkip || !r.seen.fresh(count) {
		return ErrReplay
	}
	gcm, ratchet := r.keys[generation], r.ratchet
	if gcm == nil {
		if generation < ratchet.generation {
			return ErrReplay
		}
		for ratchet.generation < generation {
			ratchet.step()
		}
		gcm = ratchet.aead()
	}
	pt, ok := o.unseal(gcm, sf)
	if !ok {
		return ErrForged
	}
	if r.keys[generation] == nil {
		r.keys[generation], r.ratchet = gcm, ratchet
		for g := range r.keys {
			if g+keptGenerations < generation {
				delete(r.keys, g)
			}
		}
	}
	r.seen.mark(count)
	if len(sf.ranges) > 0 {
		out = out[:len(sf.body)]
		joined := o.scratch[len(o.scratch):][:len(sf.body)]
		sf.join(joined, pt)
		pt = joined
	}
	copy(out, pt)
	return nil
}

// unseal opens AES-128-GCM with a tag cut to 8 bytes, which crypto/cipher does
// not: GCM encrypts by XOR with a key stream, so to seal the ciphertext is to
// open it, and to seal the result once more gives the tag to compare with. What
// it returns is in the scratch buffer, which has len(body) bytes of room left.
func (o *opener) unseal(gcm cipher.AEAD, sf *sealedFrame) ([]byte, bool) {
	n := len(sf.body)
	o.scratch = slices.Grow(o.scratch[:0], 4*n+2*fullTagSize)
	ct, aad := sf.body, []byte(nil)
	buf := o.scratch
	if len(sf.ranges) > 0 {
		ct, aad = sf.split(buf[0:0:n], buf[n:n:2*n])
		buf = buf[:2*n]
	}
	at := len(buf)
	nonce := o.nonce[:]
	binary.LittleEndian.PutUint32(nonce[nonceSize-4:], sf.nonce)
	buf = gcm.Seal(buf, nonce, ct, nil)[:at+len(ct)]
	pt := buf[at:]
	buf = gcm.Seal(buf, nonce, pt, aad)
	tag := buf[len(buf)-fullTagSize:][:tagSize]
	o.scratch = buf[:at+len(pt)]
	return pt, subtle.ConstantTimeCompare(tag, sf.tag) == 1
}
