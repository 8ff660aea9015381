package mpegts_test

import (
	"encoding/binary"
	"math"

	"segue/audio"
	"segue/audio/container/input"
)

// A muxer writes transport packets of one elementary stream, and whatever a test
// wants among them.
type muxer struct {
	out    []byte
	cc     map[int]byte
	lead   []byte // before each packet
	tail   []byte // behind each packet
	flags  byte   // of the next adaptation field
	hidden byte   // scrambling bits
}

const (
	pmtPID   = 0x1000
	soundPID = 0x100
)

// packet writes payload, at most 184 bytes of it, and returns the rest.
func (m *muxer) packet(pid int, start bool, payload []byte) (rest []byte) {
	if m.cc == nil {
		m.cc = map[int]byte{}
	}
	b := []byte{0x47, byte(pid >> 8), byte(pid), m.cc[pid]&15 | 0x10 | m.hidden}
	m.cc[pid]++
	if start {
		b[1] |= 0x40
	}
	room := 184
	if m.flags != 0 {
		room = 182
	}
	if n := room - len(payload); n > 0 || m.flags != 0 {
		b[3] |= 0x20
		length := max(n, 0) + 184 - room - 1
		b = append(b, byte(length))
		if length > 0 {
			b = append(b, m.flags)
			for range length - 1 {
				b = append(b, 0xff)
			}
		}
		m.flags = 0
	}
	n := 188 - len(b)
	b = append(b, payload[:n]...)
	m.out = append(append(append(m.out, m.lead...), b...), m.tail...)
	return payload[n:]
}

// payload writes all of b in packets.
func (m *muxer) payload(pid int, b []byte) {
	for start := true; start || len(b) > 0; start = false {
		b = m.packet(pid, start, b)
	}
}

// section writes a table.
func (m *muxer) section(pid, table, id, version, number, last int, body []byte) {
	m.payload(pid, append([]byte{0}, sectionOf(table, id, version, number, last, body)...))
}

func sectionOf(table, id, version, number, last int, body []byte) []byte {
	n := len(body) + 9
	b := []byte{byte(table), 0xb0 | byte(n>>8), byte(n), byte(id >> 8), byte(id), 0xc1 | byte(version<<1), byte(number), byte(last)}
	b = append(b, body...)
	sum := ^uint32(0)
	for _, x := range b {
		for i := 7; i >= 0; i-- {
			top := sum>>31 ^ uint32(x>>i&1)
			if sum <<= 1; top == 1 {
				sum ^= 0x04c11db7
			}
		}
	}
	return binary.BigEndian.AppendUint32(b, sum)
}

// entry is a line in the table of programmes.
func entry(number, pid int) []byte {
	return []byte{byte(number >> 8), byte(number), 0xe0 | byte(pid>>8), byte(pid)}
}

// line is a stream in the table of a programme.
func line(kind, pid int, descriptors ...byte) []byte {
	n := len(descriptors)
	return append([]byte{byte(kind), 0xe0 | byte(pid>>8), byte(pid), 0xf0 | byte(n>>8), byte(n)}, descriptors...)
}

// tables writes those of one programme with these streams.
func (m *muxer) tables(version int, lines ...[]byte) {
	m.section(0, 0, 1, version, 0, 0, entry(1, pmtPID))
	m.pmt(pmtPID, 1, version, lines...)
}

func (m *muxer) pmt(pid, number, version int, lines ...[]byte) {
	body := []byte{0xe0 | soundPID>>8, soundPID & 0xff, 0xf0, 0}
	for _, l := range lines {
		body = append(body, l...)
	}
	m.section(pid, 2, number, version, 0, 0, body)
}

// pes is a PES packet with payload; pts is left out if negative.
func pes(pts int64, told bool, payload []byte) []byte {
	b := []byte{0, 0, 1, 0xc0, 0, 0, 0x80, 0, 0}
	if pts >= 0 {
		p := pts & (1<<33 - 1)
		b[7], b[8] = 0x80, 5
		b = append(b, byte(p>>29)|0x21, byte(p>>22), byte(p>>14)|1, byte(p>>7), byte(p<<1)|1)
	}
	b = append(b, payload...)
	if n := len(b) - 6; told && n <= math.MaxUint16 {
		b[4], b[5] = byte(n>>8), byte(n)
	}
	return b
}

// frame gives p the header of its kind of stream.
func framed(kind int, p audio.Packet) []byte {
	n := len(p.Data)
	switch kind {
	case 0x0f: // ADTS, LC, 22050 Hz, mono
		n += 7
		return append([]byte{0xff, 0xf1, 0x5c, 0x40 | byte(n>>11), byte(n >> 3), byte(n<<5) | 0x1f, 0xfc}, p.Data...)
	case 0x06: // Opus
		b := []byte{0x7f, 0xe0}
		for ; n >= 255; n -= 255 {
			b = append(b, 255)
		}
		return append(append(b, byte(n)), p.Data...)
	}
	return p.Data
}

// sound writes packets of kind, n to a PES packet. Their time stamps begin at pts.
func (m *muxer) sound(kind int, packets []audio.Packet, n int, pts int64) {
	start := packets[0].PTS
	for len(packets) > 0 {
		at := pts + input.MulDiv(packets[0].PTS-start, 90000, audio.SampleRate)
		var b []byte
		for i := 0; i < n && len(packets) > 0; i++ {
			b = append(b, framed(kind, packets[0])...)
			packets = packets[1:]
		}
		m.payload(soundPID, pes(at, true, b))
	}
}
