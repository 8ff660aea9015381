package voice

// A sequence follows the numbers the voice gateway gives its messages: one
// counter for JSON messages, where it is an integer, and binary ones, where it
// is 16 bits. What it says goes back as seq_ack.
type sequence struct {
	last int  // as the server counts; -1 before the first
	wide bool // JSON has shown more than 16 bits
}

func newSequence() sequence { return sequence{last: -1} }

// text takes the number of a JSON message and reports whether the message is
// new: after a resume a server may say things twice.
func (s *sequence) text(n int) bool {
	if n < 0 || s.last >= 0 && int16(uint16(n)-uint16(s.last)) <= 0 {
		return false
	}
	s.last = n
	s.wide = s.wide || n > 0xffff
	return true
}

// binary is text for the 16-bit number of a binary message.
func (s *sequence) binary(n uint16) bool {
	if s.last < 0 {
		s.last = int(n)
		return true
	}
	ahead := int16(n - uint16(s.last))
	if ahead <= 0 {
		return false
	}
	s.last += int(ahead)
	if !s.wide {
		s.last &= 0xffff
	}
	return true
}
