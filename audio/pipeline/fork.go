package pipeline

import (
	"errors"

	"segue/audio"
)

// errNotHere is why a stream cannot be forked where it is. A little later it can.
var errNotHere = errors.New("no fork here")

// A stand is where a stream is after a frame, as far as another one needs it to go
// on from there.
type stand struct {
	begin, end  int64 // of the frame, on the timeline
	mode        Mode
	aligned     bool
	bent        bool // a timescale is at work: another stream cannot be where this one is
	zero, floor int64
	added       int64
	codec       audio.CodecInfo
	next        int64 // number of the packet to be read next
}

// stand is where the stream is after frame f, the last it made. Its owner may ask.
func (s *Stream) stand(f audio.Frame, next int64) stand {
	st := stand{
		begin: f.Pos, end: s.end, mode: s.mode, aligned: s.aligned,
		zero: s.zero, floor: s.floor, added: s.added, codec: s.codec, next: next,
	}
	if s.mode == Transcode && s.coder.wet {
		st.bent = s.coder.led || s.coder.chain.Latency() > 0
	}
	if !st.bent {
		st.begin = st.end - frameSamples // Pos does not go below the floor
	}
	return st
}

// twin returns a stream of what c reads, made as s was, that begins with w. It
// reads no more of s than what never changes.
func (s *Stream) twin(c *cursor, o Options, w wish) *Stream {
	o.Settings, o.Level = w.effects, nil
	t := New(c, c, o)
	t.rules, t.tail, t.from = s.rules, s.tail, c
	t.Level(w.level)
	return t
}

// place returns a cursor from which a stream can be led to st, and where it has to
// begin making frames for that; false if there is none just now.
func (f *feed) place(st stand, heard bool) (c *cursor, begin int64, ok bool) {
	begin = st.end
	if heard && st.mode == Transcode {
		begin -= warm * frameSamples // its codecs and effects live through that first
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for n := min(st.next, f.next) - 1; n >= f.first; n-- {
		p := f.at(n)
		switch {
		case n == 0:
			from := st.floor
			if st.aligned {
				from = p.PTS - st.zero
			}
			for begin < from {
				begin += frameSamples
			}
			return f.cursor(n), begin, begin <= st.end
		case p.Codec != nil: // what came before is coded otherwise
			return nil, 0, false
		case p.PTS <= begin-lead+st.zero:
			return f.cursor(n), begin, true
		}
	}
	return nil, 0, false
}

// goOnFrom leads a stream that is new to st: the frame it makes next is the one after
// that. It begins with the frame at begin. heard is whether the listener heard what
// comes before. It may wait for packets.
func (s *Stream) goOnFrom(st stand, begin int64, heard bool) error {
	s.codec, s.coding, s.skip = st.codec, st.codec.Name, 0
	s.zero, s.dated, s.jumped, s.floor, s.added = st.zero, true, true, st.floor, st.added
	if s.resume(begin, st.aligned) != nil {
		return errNotHere // nor anywhere: the media have ended
	}
	s.joined = heard && st.mode == Passthrough
	for s.end < st.end {
		if _, err := s.Next(); err != nil && s.ended == nil {
			return err
		} else if err != nil {
			return errNotHere
		}
	}
	if s.end != st.end {
		return errNotHere
	}
	return nil
}

// resume prepares to make the frame at begin, as part of one that is aligned or not,
// of packets of which the first are for warming up.
func (s *Stream) resume(begin int64, aligned bool) error {
	var run []timed
	for {
		p, err := s.read()
		if err != nil {
			return err
		}
		p.Codec = nil
		if run = append(run, p); !aligned || p.PTS >= begin {
			break
		}
	}
	s.begun, s.end, s.heard = true, begin, begin
	last := run[len(run)-1]
	if s.aligned = aligned && last.PTS == begin; !s.aligned {
		s.origin, s.skip = begin, max(begin-run[0].PTS, 0)
		s.held = append(run, s.held...)
		return nil
	}
	for _, p := range run[:len(run)-1] {
		s.past.add(p)
	}
	s.unget(last)
	return nil
}

// goOnLive lets a stream that is new begin where it is, with packets coded as codec
// says. The first are for warming up. It may wait for packets.
func (s *Stream) goOnLive(codec audio.CodecInfo) error {
	codec.PreSkip = 0 // it was at the beginning
	s.codec, s.coding, s.skip = codec, codec.Name, 0
	if err := s.look(); err != nil {
		return err
	}
	if !s.aligned {
		if s.held[0].PTS == 0 { // else it is new to all
			s.origin, s.skip = lead, lead
		}
		return nil
	}
	for left := lead; left > 0; {
		p, err := s.read()
		if err != nil {
			return err
		}
		if p.Codec != nil { // it is new to all
			s.unget(p)
			return nil
		}
		s.past.add(p)
		left -= p.length
	}
	return nil
}
