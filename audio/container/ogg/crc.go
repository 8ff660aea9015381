package ogg

import "encoding/binary"

// Ogg's CRC-32 has polynomial 0x04c11db7, goes most significant bit first, starts
// at 0, and inverts nothing. It would cost more than all the rest of reading a
// page, so it is done eight bytes at a time, in two halves of a block side by side,
// which the processor can do at once.
const half = 1024 // bytes

var (
	// crcTable[k][i] is the checksum of byte i followed by k zeros.
	crcTable = makeCRC()
	// crcAfter[k][i] is what the checksum i<<8k becomes after half zeros.
	crcAfter = makeAfter()
)

func makeCRC() *[8][256]uint32 {
	var t [8][256]uint32
	for i := range t[0] {
		c := uint32(i) << 24
		for range 8 {
			c = c<<1 ^ c>>31*0x04c11db7
		}
		t[0][i] = c
	}
	for k := 1; k < len(t); k++ {
		for i := range t[k] {
			c := t[k-1][i]
			t[k][i] = c<<8 ^ t[0][c>>24]
		}
	}
	return &t
}

func makeAfter() *[4][256]uint32 {
	var t [4][256]uint32
	for k := range t {
		for bit := range 8 {
			c := uint32(1) << (8*k + bit)
			for range half {
				c = c<<8 ^ crcTable[0][c>>24]
			}
			t[k][1<<bit] = c
		}
		for i := range t[k] {
			low := i & -i
			t[k][i] = t[k][low] ^ t[k][i^low]
		}
	}
	return &t
}

// crc continues the checksum c over b.
func crc(c uint32, b []byte) uint32 {
	for ; len(b) >= 2*half; b = b[2*half:] {
		var d uint32
		t := crcTable
		for i := 0; i <= half-8; i += 8 {
			p, q := binary.BigEndian.Uint64(b[i:]), binary.BigEndian.Uint64(b[half+i:])
			p ^= uint64(c) << 32
			q ^= uint64(d) << 32
			c = t[7][p>>56] ^ t[6][byte(p>>48)] ^ t[5][byte(p>>40)] ^ t[4][byte(p>>32)] ^
				t[3][byte(p>>24)] ^ t[2][byte(p>>16)] ^ t[1][byte(p>>8)] ^ t[0][byte(p)]
			d = t[7][q>>56] ^ t[6][byte(q>>48)] ^ t[5][byte(q>>40)] ^ t[4][byte(q>>32)] ^
				t[3][byte(q>>24)] ^ t[2][byte(q>>16)] ^ t[1][byte(q>>8)] ^ t[0][byte(q)]
		}
		a := crcAfter
		c = a[0][byte(c)] ^ a[1][byte(c>>8)] ^ a[2][byte(c>>16)] ^ a[3][c>>24] ^ d
	}
	for _, x := range b {
		c = c<<8 ^ crcTable[0][byte(c>>24)^x]
	}
	return c
}

// pageCRC is the checksum of a page with its own checksum taken as zero.
func pageCRC(page []byte) uint32 {
	var head [headerSize]byte
	copy(head[:], page)
	clear(head[22:26])
	return crc(crc(0, head[:]), page[headerSize:])
}
