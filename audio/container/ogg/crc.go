package ogg

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// A checksum computes those of pages. Ogg's CRC-32 has the polynomial everybody
// has, but goes most significant bit first, from 0, and inverts nothing. With the
// bits of each byte turned round it is the usual one, for which processors have
// an instruction: a third quicker than the best of tables.
type checksum struct {
	turned [512]byte
}

// update continues the checksum c over b.
func (s *checksum) update(c uint32, b []byte) uint32 {
	c = ^bits.Reverse32(c)
	for len(b) > 0 {
		n := min(len(b), len(s.turned))
		turn(s.turned[:n], b[:n])
		c = crc32.Update(c, crc32.IEEETable, s.turned[:n])
		b = b[n:]
	}
	return bits.Reverse32(^c)
}

// page is the checksum of a page with its own checksum taken as zero.
func (s *checksum) page(b []byte) uint32 {
	var head [headerSize]byte
	copy(head[:], b)
	clear(head[22:26])
	return s.update(s.update(0, head[:]), b[headerSize:])
}

// turn reverses the bits of each byte of src into dst, which is as long.
func turn(dst, src []byte) {
	if n := len(src) / 16; n > 0 && quick {
		turn16(&dst[0], &src[0], n)
		dst, src = dst[16*n:], src[16*n:]
	}
	turnPlain(dst, src)
}

// turnPlain is turn for every processor. Four words at a time keep one busy: half
// as quick again as one by one.
func turnPlain(dst, src []byte) {
	le := binary.LittleEndian
	for len(src) >= 32 && len(dst) >= 32 {
		s, d := (*[32]byte)(src), (*[32]byte)(dst)
		a, b := turnWord(le.Uint64(s[:8])), turnWord(le.Uint64(s[8:16]))
		c, e := turnWord(le.Uint64(s[16:24])), turnWord(le.Uint64(s[24:]))
		le.PutUint64(d[:8], a)
		le.PutUint64(d[8:16], b)
		le.PutUint64(d[16:24], c)
		le.PutUint64(d[24:], e)
		src, dst = src[32:], dst[32:]
	}
	for i, x := range src {
		dst[i] = bits.Reverse8(x)
	}
}

func turnWord(x uint64) uint64 {
	const ones, twos, fours = 0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f
	x = x>>1&ones + 2*(x&ones)
	x = x>>2&twos + 4*(x&twos)
	return x>>4&fours | x&fours<<4
}
