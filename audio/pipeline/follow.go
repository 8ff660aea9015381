package pipeline

import (
	"errors"

	"segue/audio"
)

// Streams that follow each other in the same media: a chained Ogg, a
// discontinuity. The music of each begins where that of the one before ended.
//
// Where packets of the next may pass, the one before ends as a track does, with
// its last frame filled up, and the next begins as a track does: whole frames of
// its pre-skip are left out, and the rest of it is heard. So the listener hears
// at a join the padding of the last packet and the rest of the pre-skip, each
// less than 20 ms, and Length counts them. Where packets of the next may not
// pass, its music follows to the sample.

// errTurned is what ends the frames of one stream when packets of the next pass.
var errTurned = errors.New("another stream passes")

// passes reports whether packets of the stream that begins with p, which has been
// read, are the next to be heard. It reads on to the first whose music is, and
// puts all back.
func (s *Stream) passes(p timed) bool {
	run, begins := []timed{p}, p.PTS+p.Codec.PreSkip
	ok := s.rules.passable(*p.Codec)
	for ok && p.PTS+p.length <= begins {
		q, err := s.read()
		if err != nil {
			ok = false
			break
		}
		run = append(run, q)
		ok = q.Codec == nil
		p = q
	}
	s.held = append(run, s.held...)
	return ok && s.rules.pass(p)
}

// cut reports whether p has padding at its end which must not be heard, because
// music that is not aligned with packets follows to the sample.
func (s *Stream) cut(p timed) bool {
	if p.TrimEnd == 0 {
		return false
	}
	q, err := s.read()
	if err != nil {
		return false
	}
	if q.Codec != nil {
		return !s.passes(q)
	}
	s.unget(q)
	return false
}

// adopt makes c what the next packets are coded in.
func (s *Stream) adopt(c *audio.CodecInfo) {
	s.codec = *c
	s.past.forget()
	if s.coder != nil {
		s.coder.in = nil
	}
}

// turn makes the packets of the stream that begins with the one held the next to
// be heard.
func (s *Stream) turn() error {
	p, err := s.read()
	if err != nil {
		return err
	}
	s.adopt(p.Codec)
	s.relieve()
	s.floor = p.PTS + p.Codec.PreSkip
	p.Codec = nil
	for p.PTS+p.length <= s.floor {
		s.past.add(p)
		if p, err = s.read(); err != nil {
			return err
		}
	}
	s.added += s.end - p.PTS
	s.unget(p)
	s.mode, s.aligned, s.turning, s.joined = Passthrough, true, false, false
	return nil
}

// replace goes on transcoding with the stream that begins with p: its music
// follows what has been decoded, to the sample.
func (s *Stream) replace(p *timed) error {
	dec, err := s.o.Decoder(*p.Codec)
	if err != nil {
		return err
	}
	s.codec, s.aligned = *p.Codec, false
	s.past.forget()
	s.coder.replace(newIntake(dec, s.o.Tables, s.codec.GainDB), p.PTS, p.PTS+s.zero, s.codec.PreSkip)
	p.Codec = nil
	return nil
}
