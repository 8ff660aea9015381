package ogg

import (
	"encoding/binary"
	"hash/crc32"
	"math/bits"
)

// crc continues the checksum c over b. Ogg's CRC-32 has the polynomial everybody
// has, but goes most significant bit first, from 0, and inverts nothing. With the
// bits of each byte turned round it is the usual one, for which processors have
// an instruction: a third quicker than the best of tables.
func crc(c uint32, b []byte) uint32 {
	var turned [1024]byte
	c = ^bits.Reverse32(c)
	for len(b) > 0 {
		n := min(len(b), len(turned))
		turn(turned[:n], b[:n])
		c = crc32.Update(c, crc32.IEEETable, turned[:n])
		b = b[n:]
	}
	return bits.Reverse32(^c)
}

// turn reverses the bits of each byte of src into dst, which is as long.
func turn(dst, src []byte) {
	const ones, twos, fours = 0x5555555555555555, 0x3333333333333333, 0x0f0f0f0f0f0f0f0f
	for len(src) >= 8 && len(dst) >= 8 {
		x := binary.LittleEndian.Uint64(src)
		x = x>>1&ones | x&ones<<1
		x = x>>2&twos | x&twos<<2
		x = x>>4&fours | x&fours<<4
		binary.LittleEndian.PutUint64(dst, x)
		src, dst = src[8:], dst[8:]
	}
	for i, x := range src {
		dst[i] = bits.Reverse8(x)
	}
}

// pageCRC is the checksum of a page with its own checksum taken as zero.
func pageCRC(page []byte) uint32 {
	var head [headerSize]byte
	copy(head[:], page)
	clear(head[22:26])
	return crc(crc(0, head[:]), page[headerSize:])
}
