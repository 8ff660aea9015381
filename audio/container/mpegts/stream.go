package mpegts

import "bytes"

const (
	maxMarks     = 64
	maxScrambled = 200 // packets in a row

	// atOnce is how many bytes of frames share an allocation, half a second at 128
	// kbit/s. Go's heap gives so many at less cost than powers of two.
	atOnce = 10 << 10
)

// A mark is where a PES packet begins.
type mark struct {
	at     int64 // offset in the stream
	pts    int64 // 90 kHz, 33 bits; -1 if it does not tell
	broken bool  // a new time base was announced before it
	hole   bool  // something was lost before it
}

// A stream is the elementary stream on a PID: the payload of its PES packets, as
// far as nobody has taken it, and where they begin.
type stream struct {
	cc   byte
	any  bool // cc is that of last
	last [packetSize]byte

	waiting   bool   // for the next PES packet
	head      []byte // header of a PES packet that goes on in the next
	left      int    // bytes that belong to the PES packet; negative if it does not tell
	broken    bool   // for the next mark
	hole      bool   // for the next mark
	torn      bool   // what comes does not follow what was taken
	scrambled int    // packets in a row

	buf      []byte // whose bytes before from belong to those who took them
	from, to int
	at       int64 // offset in the stream of buf[from]
	marks    []mark
}

// reset forgets everything. The offset goes on.
func (s *stream) reset() {
	s.drop(s.to - s.from)
	*s = stream{buf: s.buf, from: s.from, to: s.to, head: s.head[:0], marks: s.marks[:0], at: s.at, waiting: true}
}

// bytes are those that wait to be taken.
func (s *stream) bytes() []byte { return s.buf[s.from:s.to] }

// drop takes n of them off: they are the caller's for good.
func (s *stream) drop(n int) {
	s.from += n
	s.at += int64(n)
}

// cut forgets what is not complete: something is missing behind it.
func (s *stream) cut() {
	s.drop(s.to - s.from)
	s.marks, s.head = s.marks[:0], s.head[:0]
	s.waiting, s.hole, s.torn = true, true, true
}

// add takes in p, a packet with our PID.
func (s *stream) add(p []byte) {
	at := 4
	if p[3]&0x20 != 0 {
		at += 1 + int(p[4])
		if breaks(p) {
			s.broken = true
		}
	}
	if p[3]&0x10 == 0 || at >= packetSize {
		return
	}
	cc := p[3] & 15
	if s.any && cc != (s.cc+1)&15 {
		if cc == s.cc && bytes.Equal(p[at:], s.last[at:]) {
			return // sent twice
		}
		s.cut()
	}
	s.cc, s.any = cc, true
	s.last = [packetSize]byte(p)
	if p[3]&0xc0 != 0 {
		s.scramble()
		return
	}
	payload := p[at:]
	switch {
	case p[1]&0x40 != 0:
		s.head = s.head[:0]
		s.begin(payload)
	case len(s.head) > 0:
		s.begin(payload)
	case !s.waiting:
		s.take(payload)
	}
}

// breaks reports whether p announces a new time base.
func breaks(p []byte) bool {
	const most = packetSize - 5 // bytes of an adaptation field
	return p[3]&0x20 != 0 && p[4] > 0 && p[4] <= most && p[5]&0x80 != 0
}

// scramble counts a packet that cannot be read.
func (s *stream) scramble() {
	s.cut()
	s.scrambled++
}

// begin begins a PES packet.
func (s *stream) begin(b []byte) {
	if len(s.head) > 0 {
		n := len(s.head)
		s.head = append(s.head, b...)
		p, size := parsePES(s.head)
		if size > len(s.head) {
			return
		}
		s.head = s.head[:0]
		s.open(p, size, b[max(0, min(size-n, len(b))):])
		return
	}
	p, size := parsePES(b)
	if size > len(b) {
		s.head = append(s.head[:0], b...)
		s.waiting = true
		return
	}
	s.open(p, size, b[size:])
}

// open begins a PES packet whose header is read, with the first of its payload.
func (s *stream) open(p pes, size int, payload []byte) {
	switch {
	case size == 0:
		s.cut()
		return
	case p.scrambled:
		s.scramble()
		return
	}
	s.waiting, s.scrambled = false, 0
	if s.left = -1; p.length >= size-6 && p.length > 0 {
		s.left = p.length - (size - 6)
	}
	if len(s.marks) == maxMarks {
		s.marks = append(s.marks[:0], s.marks[1:]...)
	}
	s.marks = append(s.marks, mark{s.at + int64(s.to-s.from), p.pts, s.broken, s.hole})
	s.broken, s.hole = false, false
	s.take(payload)
}

// take appends payload, as far as it belongs to the PES packet.
func (s *stream) take(b []byte) {
	if s.left >= 0 {
		b = b[:min(len(b), s.left)]
		s.left -= len(b)
	}
	if len(s.buf)-s.to < len(b) {
		rest := s.bytes()
		s.buf = make([]byte, max(atOnce, 2*(len(rest)+len(b))))
		s.from, s.to = 0, copy(s.buf, rest)
	}
	s.to += copy(s.buf[s.to:], b)
}

// astride reports whether a PES packet began within what was taken last.
func (s *stream) astride() bool { return len(s.marks) > 0 && s.marks[0].at < s.at }

// passed takes the marks up to the front of the stream off and returns what they
// say.
func (s *stream) passed() (m mark, ok bool) {
	n := 0
	m.pts = -1
	for n < len(s.marks) && s.marks[n].at <= s.at {
		next := s.marks[n]
		next.broken, next.hole = next.broken || m.broken, next.hole || m.hole
		m = next
		n++
	}
	if n > 0 {
		s.marks = append(s.marks[:0], s.marks[n:]...)
	}
	return m, n > 0
}

// A pes is the header of a PES packet.
type pes struct {
	length    int // bytes behind the length itself; 0 if not told
	pts       int64
	scrambled bool
}

// parsePES reads the header b begins with and returns how many bytes it has: more
// than b has if it is cut off, 0 if it is none (ISO/IEC 13818-1, 2.4.3.6).
func parsePES(b []byte) (p pes, size int) {
	p.pts = -1
	if prefix := "\x00\x00\x01"; len(b) < 3 || string(b[:3]) != prefix {
		if len(b) < 3 && string(b) == prefix[:len(b)] {
			return p, 9
		}
		return p, 0
	}
	if len(b) < 9 {
		return p, 9
	}
	if b[6]&0xc0 != 0x80 {
		return p, 0
	}
	size = 9 + int(b[8])
	if size > len(b) {
		return p, size
	}
	p.length = int(b[4])<<8 | int(b[5])
	p.scrambled = b[6]&0x30 != 0
	if b[7]&0x80 != 0 && b[8] >= 5 {
		p.pts = int64(b[9]>>1&7)<<30 | int64(b[10])<<22 | int64(b[11]>>1)<<15 | int64(b[12])<<7 | int64(b[13]>>1)
	}
	return p, size
}
