package flac

// Tables for the two checksums of RFC 9639 (9.1.8 and 9.3): CRC-8 with polynomial
// 0x07, CRC-16 with 0x8005, both most significant bit first and starting at 0.
// The CRC-16 takes eight bytes at a time.
var (
	crc8Table  = makeCRC8()
	crc16Table = makeCRC16()
)

func makeCRC8() *[256]uint8 {
	var t [256]uint8
	for i := range t {
		c := uint8(i)
		for range 8 {
			c = c<<1 ^ c>>7*0x07
		}
		t[i] = c
	}
	return &t
}

func makeCRC16() *[8][256]uint16 {
	var t [8][256]uint16
	for i := range t[0] {
		c := uint16(i) << 8
		for range 8 {
			c = c<<1 ^ c>>15*0x8005
		}
		t[0][i] = c
	}
	for k := 1; k < 8; k++ {
		for i := range t[k] {
			c := t[k-1][i]
			t[k][i] = c<<8 ^ t[0][c>>8]
		}
	}
	return &t
}

func crc8(b []byte) uint8 {
	var c uint8
	for _, x := range b {
		c = crc8Table[c^x]
	}
	return c
}

// CRC16 continues the checksum c over b. Over a whole frame, its own checksum at
// the end included, it comes to 0.
func CRC16(c uint16, b []byte) uint16 {
	t := crc16Table
	for ; len(b) >= 8; b = b[8:] {
		c = t[7][byte(c>>8)^b[0]] ^ t[6][byte(c)^b[1]] ^ t[5][b[2]] ^ t[4][b[3]] ^
			t[3][b[4]] ^ t[2][b[5]] ^ t[1][b[6]] ^ t[0][b[7]]
	}
	for _, x := range b {
		c = c<<8 ^ t[0][byte(c>>8)^x]
	}
	return c
}
