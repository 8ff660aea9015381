package mpegts

import (
	"encoding/binary"
	"slices"
)

const (
	maxSection    = 3 + 4093
	maxProgrammes = 64 // that are looked at
	patTable      = 0
	pmtTable      = 2
)

// sections puts together the sections that come on one PID (ISO/IEC 13818-1, 2.4.4).
type sections struct {
	buf  []byte
	from int // what of buf is read
	cc   byte
	open bool
	sum  uint32 // of the section read last
}

// add takes the payload of a packet in, as far as the sections begun before it go,
// and returns what is to be added after they are read.
func (s *sections) add(payload []byte, start bool, cc byte) (rest []byte) {
	if cc != (s.cc+1)&15 {
		s.open = false
	}
	s.cc = cc
	if start {
		n := min(1+int(payload[0]), len(payload))
		payload, rest = payload[1:n], payload[n:]
	}
	if s.open && len(s.buf)+len(payload) <= maxSection+packetSize {
		s.buf = append(s.buf, payload...)
	}
	return rest
}

// begin makes payload the beginning of a section.
func (s *sections) begin(payload []byte) {
	s.buf, s.from, s.open = append(s.buf[:0], payload...), 0, true
}

// next takes the next whole section out, or nil. One that is the same as that
// before, cut off or damaged is left out, and one that is not in force yet.
func (s *sections) next() []byte {
	for s.open && len(s.buf)-s.from >= 3 {
		b := s.buf[s.from:]
		n := 3 + int(b[1]&0x0f)<<8 + int(b[2])
		if b[0] == 0xff || n > maxSection {
			s.open = false
			return nil
		}
		if len(b) < n {
			return nil
		}
		b = b[:n]
		s.from += n
		if n < 12 || b[1]&0x80 == 0 || b[5]&1 == 0 {
			continue
		}
		if sum := binary.BigEndian.Uint32(b[n-4:]); sum != s.sum && checksum(b[:n-4]) == sum {
			s.sum = sum
			return b[:n-4]
		}
	}
	return nil
}

// checksum is the CRC of ISO/IEC 13818-1, annex A. Tables are short and rare.
func checksum(b []byte) uint32 {
	sum := ^uint32(0)
	for _, x := range b {
		sum ^= uint32(x) << 24
		for range 8 {
			if sum&(1<<31) != 0 {
				sum = sum<<1 ^ 0x04c11db7
			} else {
				sum <<= 1
			}
		}
	}
	return sum
}

// A programme is where its table comes.
type programme struct {
	pid    int
	number int
	seen   bool // its table has come
	sections
}

// programmes are those of the transport stream.
type programmes struct {
	pat   sections
	list  []*programme
	fresh []*programme // of a table that is not complete yet
	ours  *programme   // the one with the stream; nil while there is none
}

// at is the programme whose table comes on pid, if that is of interest.
func (ps *programmes) at(pid int) *programme {
	if ps.ours != nil {
		if ps.ours.pid == pid {
			return ps.ours
		}
		return nil
	}
	for _, p := range ps.list {
		if p.pid == pid {
			return p
		}
	}
	return nil
}

// readPAT reads a section of the table of programmes.
func (ps *programmes) readPAT(b []byte) {
	if b[0] != patTable {
		return
	}
	if b[6] == 0 {
		ps.fresh = nil
	}
	for e := b[8:]; len(e) >= 4 && len(ps.fresh) < maxProgrammes; e = e[4:] {
		number, pid := int(e[0])<<8|int(e[1]), int(e[2]&0x1f)<<8|int(e[3])
		if number == 0 { // a network's own
			continue
		}
		i := slices.IndexFunc(ps.list, func(p *programme) bool { return p.pid == pid && p.number == number })
		if i >= 0 {
			ps.fresh = append(ps.fresh, ps.list[i])
			continue
		}
		ps.fresh = append(ps.fresh, &programme{pid: pid, number: number})
	}
	if b[6] >= b[7] {
		ps.list, ps.fresh = ps.fresh, nil
		if !slices.Contains(ps.list, ps.ours) {
			ps.ours = nil
		}
	}
}

// allSeen reports whether all tables there are have come.
func (ps *programmes) allSeen() bool {
	return len(ps.list) > 0 && !slices.ContainsFunc(ps.list, func(p *programme) bool { return !p.seen })
}

// A listing is a stream in the table of a programme.
type listing struct {
	pid, kind   int
	descriptors []byte
}

// readPMT reads the table of a programme, that came where of's comes: of it, or of
// another that has the same place. It returns whose it is, nil if nobody's; and on
// which PID the clock comes.
func (ps *programmes) readPMT(of *programme, b []byte) (_ *programme, clock int, streams []listing) {
	if b[0] != pmtTable || len(b) < 12 {
		return nil, 0, nil
	}
	if number := int(b[3])<<8 | int(b[4]); number != of.number {
		i := slices.IndexFunc(ps.list, func(p *programme) bool { return p.pid == of.pid && p.number == number })
		if ps.ours != nil || i < 0 {
			return nil, 0, nil
		}
		of = ps.list[i]
	}
	clock = int(b[8]&0x1f)<<8 | int(b[9])
	n := int(b[10]&0x0f)<<8 | int(b[11])
	for b = b[min(12+n, len(b)):]; len(b) >= 5; {
		n := min(5+int(b[3]&0x0f)<<8+int(b[4]), len(b))
		streams = append(streams, listing{int(b[1]&0x1f)<<8 | int(b[2]), int(b[0]), b[5:n]})
		b = b[n:]
	}
	return of, clock, streams
}
