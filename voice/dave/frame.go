package dave

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"time"

	"github.com/disgoorg/godave"

	"segue/voice/dave/mls"
)

var (
	errNoKey   = errors.New("dave: no key for the sender")
	errFrame   = errors.New("dave: malformed frame")
	errReplay  = errors.New("dave: nonce seen before or too old")
	errAuth    = errors.New("dave: authentication failed")
	errBuffer  = errors.New("dave: buffer too small")
	errNoTx    = errors.New("dave: no sending key yet")
	errPlain   = errors.New("dave: unencrypted frame in an encrypted call")
	silence    = []byte{0xf8, 0xff, 0xfe}
	maxGenGap  = uint32(250)
	replayBits = uint64(1024)
)

const (
	tagLen  = 8
	minSupp = tagLen + 1 + 1 + 2 // tag, nonce, size, marker
)

// ratchet is the per-sender hash ratchet.
type ratchet struct {
	secret []byte
	gen    uint32
}

func (r *ratchet) key() []byte {
	return mls.ExpandWithLabel(r.secret, "key", binary.BigEndian.AppendUint32(nil, r.gen), 16)
}
func (r *ratchet) step() {
	r.secret = mls.ExpandWithLabel(r.secret, "secret", binary.BigEndian.AppendUint32(nil, r.gen), 32)
	r.gen++
}

func gcm(key []byte) cipher.AEAD {
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

// ---- sending -----------------------------------------------------------------

type sender struct {
	r     ratchet
	aead  cipher.AEAD
	n     uint64
	nonce [12]byte
}

func newSender(base []byte) *sender {
	s := &sender{r: ratchet{secret: base}}
	s.aead = gcm(s.r.key())
	return s
}

func (s *session) MaxEncryptedFrameSize(n int) int { return n + 16 + 16 }

func (s *session) Encrypt(_ uint32, frame, out []byte) (int, error) {
	out = out[:cap(out)]
	if s.passthrough.Load() {
		if len(out) < len(frame) {
			return 0, errBuffer
		}
		return copy(out, frame), nil
	}
	s.txMu.Lock()
	defer s.txMu.Unlock()
	t := s.tx
	if t == nil {
		return 0, errNoTx
	}
	if len(out) < len(frame)+16+8 {
		return 0, errBuffer
	}
	t.n++
	for uint32(t.n>>24) != t.r.gen {
		t.r.step()
		t.aead = gcm(t.r.key())
	}
	v := uint32(t.n)
	binary.LittleEndian.PutUint32(t.nonce[8:], v)
	k := len(t.aead.Seal(out[:0], t.nonce[:], frame, nil)) - 8 // tag cut to 8 bytes
	start := k
	for ; v >= 0x80; v >>= 7 {
		out[k] = byte(v) | 0x80
		k++
	}
	out[k] = byte(v)
	k++
	out[k] = byte(tagLen + k - start + 3)
	out[k+1], out[k+2] = 0xfa, 0xfa
	return k + 3, nil
}

// ---- receiving ----------------------------------------------------------------

type receiver struct {
	r       ratchet
	made    time.Time
	expires time.Time // zero: current
	keys    map[uint32]cipher.AEAD
	newest  uint64
	seen    [16]uint64 // replay window of 1024 nonces
	any     bool
}

func newReceiver(base []byte) *receiver {
	return &receiver{r: ratchet{secret: base}, made: time.Now(), keys: map[uint32]cipher.AEAD{}}
}

func (s *session) MaxDecryptedFrameSize(_ godave.UserID, n int) int { return n }

func uleb(b []byte) (v uint32, n int) {
	for i := 0; i < len(b) && i < 5; i++ {
		v |= uint32(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// parse splits a protocol frame; ok is the protocol frame check. Audio carries
// no unencrypted ranges, and frames that have them are decrypted all the same.
func parse(f []byte) (body, tag []byte, nonce uint32, ranges [][2]int, ok bool) {
	n := len(f)
	if n < minSupp || f[n-1] != 0xfa || f[n-2] != 0xfa {
		return
	}
	supp := int(f[n-3])
	if supp < minSupp || supp > n {
		return
	}
	body, tag = f[:n-supp], f[n-supp:n-supp+tagLen]
	rest := f[n-supp+tagLen : n-3]
	nonce, k := uleb(rest)
	if k == 0 {
		return
	}
	rest = rest[k:]
	end := 0
	for len(rest) > 0 {
		o, k := uleb(rest)
		if k == 0 {
			return
		}
		l, k2 := uleb(rest[k:])
		if k2 == 0 {
			return
		}
		rest = rest[k+k2:]
		if int64(o) < int64(end) || int64(o)+int64(l) > int64(len(body)) {
			return
		}
		end = int(o) + int(l)
		ranges = append(ranges, [2]int{int(o), end})
	}
	return body, tag, nonce, ranges, true
}

func (s *session) Decrypt(user godave.UserID, f, out []byte) (int, error) {
	out = out[:cap(out)]
	if bytes.Equal(f, silence) {
		return copy(out, f), nil
	}
	body, tag, nonce, ranges, ok := parse(f)
	s.rxMu.Lock()
	defer s.rxMu.Unlock()
	now := time.Now()
	if !ok {
		if s.plain || now.Before(s.plainUntil) {
			return copy(out, f), nil
		}
		return 0, errPlain
	}
	list := s.rx[user]
	keep := list[:0]
	for _, r := range list {
		if r.expires.IsZero() || now.Before(r.expires) {
			keep = append(keep, r)
		}
	}
	clear(list[len(keep):])
	s.rx[user] = keep
	err := errNoKey
	for i := len(keep) - 1; i >= 0; i-- {
		var n int
		if n, err = keep[i].open(out, body, tag, nonce, ranges, now); err == nil {
			return n, nil
		}
	}
	return 0, err
}

func (r *receiver) open(out, body, tag []byte, nonce uint32, ranges [][2]int, now time.Time) (int, error) {
	// widen the truncated nonce: the generation byte may have wrapped
	cur := r.newest >> 32
	big := cur<<32 | uint64(nonce)
	if r.any && big+1<<31 < r.newest {
		big += 1 << 32
	}
	gen := uint32(big >> 24)
	// what libdave allows: no faster than 170 frames a second since the epoch began
	if life := uint64(now.Sub(r.made)/time.Second) * 170; uint64(gen) > life>>24 && gen > 0 || gen > r.r.gen+maxGenGap {
		return 0, errReplay
	}
	if r.any && !r.fresh(big) {
		return 0, errReplay
	}
	a := r.keys[gen]
	ratch := r.r
	if a == nil {
		if gen < ratch.gen {
			return 0, errNoKey
		}
		for ratch.gen < gen {
			ratch.step()
		}
		a = gcm(ratch.key())
	}
	if len(out) < len(body) {
		return 0, errBuffer
	}
	// GCM with an 8-byte tag: decrypt by sealing (CTR is its own inverse),
	// then compare the recomputed tag of the plaintext.
	ct, aad := body, []byte(nil)
	if len(ranges) > 0 {
		ct = make([]byte, 0, len(body))
		last := 0
		for _, x := range ranges {
			ct = append(ct, body[last:x[0]]...)
			aad = append(aad, body[x[0]:x[1]]...)
			last = x[1]
		}
		ct = append(ct, body[last:]...)
	}
	var nb [12]byte
	binary.LittleEndian.PutUint32(nb[8:], nonce)
	buf := make([]byte, 0, 2*len(ct)+32)
	pt := a.Seal(buf, nb[:], ct, nil)[:len(ct)]
	chk := a.Seal(buf[len(ct):len(ct)], nb[:], pt, aad)
	got := chk[len(chk)-16:][:tagLen]
	var diff byte
	for i := range tag {
		diff |= tag[i] ^ got[i]
	}
	if diff != 0 {
		return 0, errAuth
	}
	// authenticated: only now move any state
	if _, have := r.keys[gen]; !have {
		r.keys[gen] = a
		r.r = ratch
		for g := range r.keys {
			if g+2 < gen {
				delete(r.keys, g)
			}
		}
	}
	r.mark(big)
	if len(ranges) == 0 {
		return copy(out, pt), nil
	}
	n, last := 0, 0
	for _, x := range ranges {
		k := x[0] - last
		n += copy(out[n:], pt[:k])
		pt = pt[k:]
		n += copy(out[n:], body[x[0]:x[1]])
		last = x[1]
	}
	n += copy(out[n:], pt)
	return n, nil
}

func (r *receiver) fresh(n uint64) bool {
	if n > r.newest {
		return true
	}
	if r.newest-n >= replayBits {
		return false
	}
	return r.seen[n/64%16]&(1<<(n%64)) == 0
}

func (r *receiver) mark(n uint64) {
	if !r.any {
		r.any, r.newest = true, n
		clear(r.seen[:])
	} else if n > r.newest {
		if n-r.newest >= replayBits {
			clear(r.seen[:])
		} else {
			for x := r.newest + 1; x <= n; x++ {
				r.seen[x/64%16] &^= 1 << (x % 64)
			}
		}
		r.newest = n
	}
	r.seen[n/64%16] |= 1 << (n % 64)
}
