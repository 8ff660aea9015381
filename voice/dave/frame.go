package dave

import "errors"

// What can be wrong with a frame.
var (
	ErrNotReady  = errors.New("dave: no key to seal with")
	ErrBuffer    = errors.New("dave: buffer too small")
	ErrPlaintext = errors.New("dave: frame in the clear in an encrypted call")
	ErrNoKey     = errors.New("dave: no key for the sender")
	ErrReplay    = errors.New("dave: nonce used before, too old or too far ahead")
	ErrForged    = errors.New("dave: frame does not authenticate")
)

// The trailer of a sealed frame (the paper, "Protocol frame"): a cut GCM tag,
// the nonce as ULEB128, ranges left in the clear (none for Opus), the length of
// all that, a marker.
const (
	tagSize      = 8
	fullTagSize  = 16
	maxULEB      = 5
	marker       = 0xfa
	minTrailer   = tagSize + 1 + 1 + 2
	maxTrailer   = tagSize + maxULEB + 1 + 2
	nonceSize    = 12
	generationAt = 24 // bits of the nonce below the generation
)

// isSilence reports whether f is the Opus silence that voice servers put in
// themselves, and that is therefore in the clear for everybody.
func isSilence(f []byte) bool {
	return len(f) == 3 && f[0] == 0xf8 && f[1] == 0xff && f[2] == 0xfe
}

// uleb reads an unsigned LEB128 of at most 32 bits; n is 0 when there is none.
func uleb(b []byte) (v uint32, n int) {
	for i := 0; i < len(b) && i < maxULEB; i++ {
		if i == maxULEB-1 && b[i] > 0xf {
			return 0, 0
		}
		v |= uint32(b[i]&0x7f) << (7 * i)
		if b[i] < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// putULEB writes v and returns how many bytes it took.
func putULEB(b []byte, v uint32) int {
	n := 0
	for ; v >= 0x80; v >>= 7 {
		b[n] = byte(v) | 0x80
		n++
	}
	b[n] = byte(v)
	return n + 1
}

// sealedFrame is a frame taken apart. All of it points into the frame.
type sealedFrame struct {
	body   []byte // ciphertext, with clear ranges in between
	tag    []byte
	nonce  uint32
	ranges []byte // pairs of ULEB128: offset and length in body, ascending
}

// parseFrame is the paper's protocol frame check: ok is false for what is not
// a sealed frame.
func parseFrame(f []byte) (sf sealedFrame, ok bool) {
	n := len(f)
	if n < minTrailer || f[n-1] != marker || f[n-2] != marker {
		return sf, false
	}
	trailer := int(f[n-3])
	if trailer < minTrailer || trailer > n {
		return sf, false
	}
	sf.body, sf.tag = f[:n-trailer], f[n-trailer:n-trailer+tagSize]
	rest := f[n-trailer+tagSize : n-3]
	var k int
	if sf.nonce, k = uleb(rest); k == 0 {
		return sf, false
	}
	sf.ranges = rest[k:]
	end := 0
	for r := sf.ranges; len(r) > 0; {
		from, to, k := nextRange(r)
		if k == 0 || from < end || to < from || to > len(sf.body) {
			return sf, false
		}
		end, r = to, r[k:]
	}
	return sf, true
}

// nextRange reads one clear range; n is 0 when it is malformed.
func nextRange(b []byte) (from, to, n int) {
	off, k := uleb(b)
	length, k2 := uleb(b[k:])
	if k == 0 || k2 == 0 {
		return 0, 0, 0
	}
	return int(off), int(off) + int(length), k + k2
}

// split appends what is sealed to ct and what is clear to aad.
func (sf *sealedFrame) split(ct, aad []byte) ([]byte, []byte) {
	last := 0
	for r := sf.ranges; len(r) > 0; {
		from, to, k := nextRange(r)
		ct = append(ct, sf.body[last:from]...)
		aad = append(aad, sf.body[from:to]...)
		last, r = to, r[k:]
	}
	return append(ct, sf.body[last:]...), aad
}

// join writes the frame that pt and the clear ranges make to out, which holds
// len(body) bytes and does not overlap body.
func (sf *sealedFrame) join(out, pt []byte) {
	n, last := 0, 0
	for r := sf.ranges; len(r) > 0; {
		from, to, k := nextRange(r)
		n += copy(out[n:], pt[:from-last])
		pt = pt[from-last:]
		n += copy(out[n:], sf.body[from:to])
		last, r = to, r[k:]
	}
	copy(out[n:], pt)
}
