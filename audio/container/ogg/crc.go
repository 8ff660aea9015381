package ogg

import "encoding/binary"

// crcTable serves Ogg's CRC-32: polynomial 0x04c11db7, most significant bit
// first, from 0, nothing inverted. Sixteen bytes at a time.
var crcTable = makeCRC()

func makeCRC() *[16][256]uint32 {
	var t [16][256]uint32
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

func crc(c uint32, b []byte) uint32 {
	t := crcTable
	for ; len(b) >= 16; b = b[16:] {
		p, q := binary.BigEndian.Uint64(b), binary.BigEndian.Uint64(b[8:])
		p ^= uint64(c) << 32
		c = t[15][p>>56] ^ t[14][byte(p>>48)] ^ t[13][byte(p>>40)] ^ t[12][byte(p>>32)] ^
			t[11][byte(p>>24)] ^ t[10][byte(p>>16)] ^ t[9][byte(p>>8)] ^ t[8][byte(p)] ^
			t[7][q>>56] ^ t[6][byte(q>>48)] ^ t[5][byte(q>>40)] ^ t[4][byte(q>>32)] ^
			t[3][byte(q>>24)] ^ t[2][byte(q>>16)] ^ t[1][byte(q>>8)] ^ t[0][byte(q)]
	}
	for _, x := range b {
		c = c<<8 ^ t[0][byte(c>>24)^x]
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
