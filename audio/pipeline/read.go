package pipeline

import "segue/audio"

// packets is where a stream reads from: its demuxer, or what has been read ahead.
type packets interface {
	ReadPacket() (audio.Packet, error)
}

// look decides by the first packet what frames are aligned with.
func (s *Stream) look() error {
	p, err := s.read()
	if err != nil {
		return err
	}
	if p.Codec != nil {
		s.adopt(p.Codec)
		s.skip, p.Codec = s.codec.PreSkip, nil
	}
	s.held = append(s.held, p)
	s.begun = true
	s.aligned = s.rules.passable(s.codec) && s.rules.pass(p)
	return nil
}

// read takes the next packet, skipping those that are padding throughout.
func (s *Stream) read() (timed, error) {
	if len(s.held) > 0 {
		p := s.held[0]
		s.held = s.held[1:]
		return p, nil
	}
	var began *audio.CodecInfo
	for s.ended == nil {
		p, err := s.from.ReadPacket()
		if err != nil {
			s.ended = err
			break
		}
		if s.date(p); p.Codec != nil {
			began = p.Codec
		}
		p.PTS -= s.zero
		t := timed{Packet: p}
		t.length, t.ok = s.rules.length(s.coding, p)
		if t.TrimEnd > 0 && t.length > 0 && t.TrimEnd >= t.length {
			continue
		}
		s.last = t.PTS + t.length - max(t.TrimEnd, 0)
		t.Codec = began
		return t, nil
	}
	return timed{}, s.ended
}

// date notes when the music begins, by the first packet of all or of a stream.
func (s *Stream) date(p audio.Packet) {
	switch {
	case !s.dated && p.Codec == nil:
		s.zero = p.PTS + s.codec.PreSkip
	case !s.dated:
		s.zero = p.PTS + p.Codec.PreSkip
	case p.Codec != nil && !s.jumped: // to the sample, whatever the container says
		s.zero = p.PTS + p.Codec.PreSkip - s.last
	}
	s.dated, s.jumped = true, false
	s.zeroed.Store(s.zero)
	s.known.Store(true)
	if p.Codec != nil {
		s.coding = p.Codec.Name
	}
}

// unget makes p the next to be read.
func (s *Stream) unget(p timed) {
	s.held = append(s.held, timed{})
	copy(s.held[1:], s.held)
	s.held[0] = p
}
