package pipeline

import (
	"errors"
	"io"
	"time"

	"segue/audio"
)

// A Medley is pieces of music that follow each other as one, joined as Pumps join
// them, for whoever waits for frames. One goroutine owns it.
type Medley struct {
	open    func() (*Stream, error) // nil after the last
	overlap int64

	now, next *Stream
	fore      *fore
	primed    bool      // next can follow at once
	gone      []*Stream // of the last, what follows may still hold the music
	failed    []error   // that pieces ended with
}

// NewMedley begins with first, of which no frame has been made. open gives what
// follows, one piece after the other, and io.EOF after the last; other errors leave
// out a piece, and are told in the end. It is called when the piece before has been
// read to its end. Pieces overlap by so much; 0 is to the sample. The streams are the
// Medley's, and closed by it.
func NewMedley(first *Stream, overlap time.Duration, open func() (*Stream, error)) *Medley {
	m := &Medley{open: open, overlap: toSamples(max(overlap, 0))}
	m.begin(first)
	return m
}

// begin makes s the piece at hand.
func (m *Medley) begin(s *Stream) {
	m.now, m.fore = s, &fore{from: s.from}
	s.from = m.fore
}

// Now is the piece at hand, to be looked at.
func (m *Medley) Now() *Stream { return m.now }

// Stats counts what all pieces have done so far.
func (m *Medley) Stats() (all Stats) {
	for _, s := range append(m.gone, m.now) {
		one := s.Stats()
		all.Passed += one.Passed
		all.Transcoded += one.Transcoded
		all.Splices += one.Splices
		all.Damaged += one.Damaged
	}
	return all
}

// Next returns the next frame. After the last of the last piece it returns io.EOF, or
// what other errors pieces ended with.
func (m *Medley) Next() (audio.Frame, error) {
	for {
		m.leave()
		f, err := m.now.Next()
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, io.EOF) {
			m.failed = append(m.failed, err)
		}
		if !m.ready() {
			if len(m.failed) == 0 {
				return audio.Frame{}, io.EOF
			}
			return audio.Frame{}, errors.Join(m.failed...)
		}
		m.turn()
	}
}

// turn makes the next piece the one at hand.
func (m *Medley) turn() {
	if n := len(m.gone); n > 0 {
		_ = m.gone[n-1].Close() // nothing of it is heard any more; Close says how that went
	}
	m.gone = append(m.gone, m.now)
	m.begin(m.next)
	m.next = nil
}

// leave lets the next piece join the one at hand if it is time.
func (m *Medley) leave() {
	s := m.now
	if m.open == nil && m.next == nil || !m.fore.reach(m.overlap+margin) || !m.ready() {
		return
	}
	s.o.Ring = 0 // echoes sound on over what follows, if at all
	if !m.primed {
		return
	}
	if _, err := s.Lead(); err != nil {
		return // Next says the same
	}
	var d *departed
	var err error
	rest := s.rest(m.fore.length)
	switch {
	case m.overlap > 0 && due(rest, m.overlap):
		d, err = s.depart(rest, rest)
	case m.overlap == 0 && s.yields(m.next, rest):
		d, err = s.yield(m.next)
	}
	if err != nil || d == nil {
		return
	}
	if !errors.Is(m.fore.ended, io.EOF) {
		m.failed = append(m.failed, m.fore.ended)
	}
	m.turn()
	if err := m.now.join(d); err != nil {
		m.now.failed = err
	}
}

// ready sees to it that there is a next piece, and is false if none follows.
func (m *Medley) ready() bool {
	for m.next == nil && m.open != nil {
		s, err := m.open()
		switch {
		case err == nil:
			m.next, m.primed = s, s.prime() == nil
		case errors.Is(err, io.EOF):
			m.open = nil
		default:
			m.failed = append(m.failed, err)
		}
	}
	return m.next != nil
}

// Close closes all pieces.
func (m *Medley) Close() error {
	var errs []error
	for _, s := range append(m.gone, m.now, m.next) {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}

// A fore reads ahead when it is asked to.
type fore struct {
	from   packets
	read   []audio.Packet
	length int64 // of those
	bytes  int
	ended  error
}

// reach reads so far ahead, as far as there is room, and reports whether nothing
// follows that.
func (f *fore) reach(samples int64) bool {
	const room = 8 << 20 // bytes
	for f.ended == nil && f.length < samples && f.bytes < room {
		p, err := f.from.ReadPacket()
		if err != nil {
			f.ended = err
			break
		}
		f.read = append(f.read, p)
		f.length += lasting(p)
		f.bytes += len(p.Data)
	}
	return f.ended != nil
}

func (f *fore) ReadPacket() (audio.Packet, error) {
	if len(f.read) == 0 {
		if f.ended != nil {
			return audio.Packet{}, f.ended
		}
		return f.from.ReadPacket()
	}
	p := f.read[0]
	f.read[0] = audio.Packet{}
	f.read = f.read[1:]
	f.length -= lasting(p)
	f.bytes -= len(p.Data)
	return p, nil
}
