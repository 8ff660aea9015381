package hls

import (
	"encoding/binary"
	"slices"
	"testing"

	"segue/audio/container/containertest"
)

// A muxer writes a transport stream of one stream of AAC.
type muxer struct {
	out []byte
	cc  map[int]byte
}

// packet writes payload, as much as fits, and returns the rest.
func (m *muxer) packet(pid int, start bool, payload []byte) []byte {
	n := min(len(payload), 184)
	head := []byte{0x47, byte(pid >> 8), byte(pid), 0x10 | m.cc[pid]&15}
	if start {
		head[1] |= 0x40
	}
	m.cc[pid]++
	if stuff := 184 - n; stuff > 0 {
		head[3] |= 0x20
		head = append(head, byte(stuff-1))
		if stuff > 1 {
			head = append(append(head, 0), slices.Repeat([]byte{0xff}, stuff-2)...)
		}
	}
	m.out = append(append(m.out, head...), payload[:n]...)
	return payload[n:]
}

// section writes a table.
func (m *muxer) section(pid int, id byte, body []byte) {
	b := append([]byte{id, 0xb0, byte(len(body) + 9), 0, 1, 0xc1, 0, 0}, body...)
	b = binary.BigEndian.AppendUint32(b, crc(b))
	m.packet(pid, true, append([]byte{0}, b...))
}

func crc(b []byte) uint32 {
	c := ^uint32(0)
	for _, x := range b {
		c ^= uint32(x) << 24
		for range 8 {
			if c>>31 != 0 {
				c = c<<1 ^ 0x04c11db7
			} else {
				c <<= 1
			}
		}
	}
	return c
}

// frames writes them as one PES packet.
func (m *muxer) frames(pts int64, frames ...[]byte) {
	pts &= 1<<33 - 1
	data := slices.Concat(frames...)
	b := []byte{
		0, 0, 1, 0xc0, byte((len(data) + 8) >> 8), byte(len(data) + 8), 0x80, 0x80, 5,
		0x21 | byte(pts>>29&0x0e), byte(pts >> 22), byte(pts>>14) | 1, byte(pts >> 7), byte(pts<<1) | 1,
	}
	b = append(b, data...)
	for start := true; len(b) > 0; start = false {
		b = m.packet(0x100, start, b)
	}
}

// transport is the AAC sweep as segments of so many frames; its clock begins anew
// in the middle.
func transport(t testing.TB, each int) (whole []byte, segments [][]byte, length float64) {
	t.Helper()
	all := frames(t, containertest.File(t, "sweep.aac"))
	const begin = 1<<33 - 60_000
	m := &muxer{cc: make(map[int]byte)}
	for n := 0; n < len(all); n += each {
		m.section(0, 0, []byte{0, 1, 0xe1, 0x01})
		m.section(0x101, 2, []byte{0xe1, 0, 0xf0, 0, 0x0f, 0xe1, 0, 0xf0, 0})
		for i := n; i < min(n+each, len(all)); i += 3 {
			m.frames(begin+int64(i)*1024*90000/22050, all[i:min(i+3, n+each, len(all))]...)
		}
		segments = append(segments, m.out)
		m.out = nil
	}
	return slices.Concat(all...), segments, float64(each) * 1024 / 22050
}
