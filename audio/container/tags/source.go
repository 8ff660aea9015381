package tags

import "io"

// A Source is what tags are read from. An input.Reader is one.
type Source interface {
	// ReadFull fills dst, or says how much of it there was and why not all.
	ReadFull(dst []byte) (int, error)
	// Skip passes n bytes.
	Skip(n int64) error
}

// Bytes is b as a source. Pictures read from it are pieces of b, not copies: b is
// not to change any more.
func Bytes(b []byte) Source { return &memory{b} }

type memory struct{ b []byte }

func (m *memory) ReadFull(dst []byte) (int, error) {
	n := copy(dst, m.b)
	m.b = m.b[n:]
	if n < len(dst) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

func (m *memory) Skip(n int64) error {
	if n < 0 || n > int64(len(m.b)) {
		m.b = nil
		return io.ErrUnexpectedEOF
	}
	m.b = m.b[n:]
	return nil
}

// step is how much memory is taken at first for what claims to be long.
const step = 64 << 10

// take reads n bytes. It takes memory for what comes, not for what is claimed.
func take(r Source, n int) ([]byte, error) {
	if m, ok := r.(*memory); ok {
		if n > len(m.b) {
			m.b = nil
			return nil, io.ErrUnexpectedEOF
		}
		b := m.b[:n:n]
		m.b = m.b[n:]
		return b, nil
	}
	b := make([]byte, min(n, step))
	for from := 0; ; {
		if _, err := r.ReadFull(b[from:]); err != nil {
			return nil, err
		}
		if from = len(b); from == n {
			return b, nil
		}
		bigger := make([]byte, min(n, 2*from))
		copy(bigger, b)
		b = bigger
	}
}
