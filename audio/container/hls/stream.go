package hls

import (
	"errors"
	"fmt"
	"io"
	"time"

	"segue/audio"
)

const (
	minTarget = time.Second
	maxTarget = 60 * time.Second
	untilLive = 3 // target durations from the end of a live playlist that we start (RFC 8216, 6.3.3)
	stillness = 6 // target durations without anything new before a live stream counts as over
	tries     = 3 // of one thing before it is given up
	pause     = 500 * time.Millisecond
	maxSkips  = 4 // segments in a row that cannot be had
)

// A stream is the bytes of segments one after the other. They come in runs: within
// a run each goes on where the one before ended, so that all together are one
// piece of one container. At the end of a run Read returns io.EOF, until begin.
type stream struct {
	refs  audio.Refs // of the list
	list  *playlist
	next  int64 // number of the segment to be opened next, or being read
	first int64 // that the run at hand began with

	begins part   // the initialization section of the run
	parts  []part // of that segment still to be read, the one at hand first
	body   io.Reader
	media  *audio.Media
	given  int64 // bytes of the part at hand
	tried  int   // times that it failed
	skips  int   // segments in a row that were given up

	begun  bool  // bytes of the run were given
	broken bool  // the next segment does not follow
	over   bool  // the run has ended
	done   bool  // there are no more segments
	failed error // for good

	loaded  time.Time // when the list was asked for last
	changed bool      // it was a new one then
	since   time.Time // when it was first not a new one; zero if it is
	why     error     // it could not be had

	keyOf string // the address of the key below
	key   []byte
}

// A part is bytes of a resource.
type part struct {
	uri     string
	from, n int64
	key     int
}

// begin starts the next run.
func (s *stream) begin() {
	s.begun, s.over, s.broken = false, false, false
}

// jump makes the segment with a number the first of a run.
func (s *stream) jump(number int64) {
	s.leave()
	s.next, s.done, s.failed, s.skips, s.tried = number, false, nil, 0, 0
	s.begin()
}

// leave closes what is open.
func (s *stream) leave() {
	if s.media != nil {
		_ = s.media.Close()
	}
	s.media, s.body, s.parts, s.given, s.tried = nil, nil, nil, 0, 0
}

// skip gives up the segment at hand.
func (s *stream) skip() {
	s.leave()
	s.next++
	s.broken = true
}

// Read gives bytes of one part at a time. It waits where more is to come.
func (s *stream) Read(p []byte) (int, error) {
	for {
		switch {
		case s.failed != nil:
			return 0, s.failed
		case s.over || s.done:
			return 0, io.EOF
		case len(s.parts) == 0:
			s.failed = s.advance()
			continue
		case s.body == nil:
			if err := s.open(); err != nil {
				s.again(err)
			}
			continue
		}
		n, err := s.body.Read(p)
		s.given += int64(n)
		if err != nil && !errors.Is(err, io.EOF) {
			s.again(err)
		} else if err != nil {
			s.leavePart()
		}
		if n > 0 || err == nil {
			s.begun = s.begun || n > 0
			return n, nil
		}
	}
}

// leavePart goes on to the next part, and from the last to the next segment.
func (s *stream) leavePart() {
	rest, empty := s.parts[1:], s.given == 0
	s.leave()
	if s.parts = rest; len(rest) > 0 {
		return
	}
	s.next++
	if !empty {
		s.skips = 0
	} else if s.skips++; s.skips > maxSkips {
		s.failed = fmt.Errorf("hls: %d empty segments in a row: %w", s.skips, audio.ErrMalformed)
	}
}

// advance finds the next segment, if it belongs to the run.
func (s *stream) advance() error {
	i, err := s.find()
	if err != nil || s.done {
		return err
	}
	seg, _ := s.list.segments.at(i)
	if seg.gap {
		s.skip()
		return nil
	}
	var begins part
	if seg.initial > 0 {
		begins = part(s.list.initials[seg.initial-1])
	}
	other := begins.uri != s.begins.uri || begins.from != s.begins.from // another beginning is another file
	if s.begun && (seg.fresh || s.broken || other) {
		s.over = true
		return nil
	}
	if s.begins = begins; !s.begun {
		s.first, s.broken = s.next, false
		if begins.uri != "" {
			s.parts = append(s.parts, begins)
		}
	}
	s.parts = append(s.parts, part{seg.uri, seg.from, seg.n, seg.key})
	return nil
}

// find returns where in the list the next segment is. It waits for it in a live
// one; done is set where there is none.
func (s *stream) find() (int, error) {
	for {
		switch i := s.next - s.list.sequence; {
		case s.list.live() && s.old(): // what it names may be gone
			if err := s.reload(); err != nil {
				return 0, err
			}
		case i < 0: // gone already
			s.next, s.broken = s.list.edge(), true
		case i < int64(s.list.segments.n):
			return int(i), nil
		case !s.list.live():
			s.done = true
			return 0, nil
		default:
			if err := s.reload(); err != nil {
				return 0, err
			}
		}
	}
}

// old reports whether the list was asked for longer ago than it lasts: then the
// server need not have all that is in it (RFC 8216, 6.2.2).
func (s *stream) old() bool {
	return time.Since(s.loaded) > max(s.list.segments.total, s.list.target)
}

// edge is the number of the segment to start a live list with.
func (p *playlist) edge() int64 {
	l := &p.segments
	at := l.total - untilLive*p.target
	switch {
	case p.starts && p.start < 0:
		at = l.total + p.start
	case p.starts:
		at = p.start
	}
	return p.sequence + int64(l.find(at))
}

// open opens the part at hand from where it failed.
func (s *stream) open() error {
	p := s.parts[0]
	m, err := s.refs.OpenRef(p.uri, p.from, p.n)
	if err != nil {
		return fmt.Errorf("hls: segment %d: %w", s.next, err)
	}
	s.media, s.body = m, m
	if p.key > 0 {
		if err := s.unlock(s.list.keys[p.key-1]); err != nil {
			return err
		}
	}
	if s.given > 0 {
		_, err = io.CopyN(io.Discard, s.body, s.given)
	}
	return err
}

// unlock puts a decrypter before the part at hand.
func (s *stream) unlock(k key) error {
	if k.refuse != "" {
		return fmt.Errorf("hls: %w", &audio.Foreign{Looks: k.refuse})
	}
	if s.keyOf != k.uri || s.key == nil {
		m, err := s.refs.OpenRef(k.uri, 0, 0)
		if err != nil {
			return fmt.Errorf("hls: key: %w", err)
		}
		b, err := io.ReadAll(io.LimitReader(m, 17))
		_ = m.Close()
		if err == nil && len(b) != 16 {
			err = fmt.Errorf("not of 16 bytes: %w", audio.ErrMalformed)
		}
		if err != nil {
			return fmt.Errorf("hls: key: %w", err)
		}
		s.keyOf, s.key = k.uri, b
	}
	if !k.hasIV {
		k.iv = vectorOf(s.next)
	}
	d, err := decrypt(s.media, s.key, k.iv)
	s.body = d
	return err
}

// again makes the part at hand be opened anew, after a while, and gives up its
// segment after some times.
func (s *stream) again(err error) {
	given, tried, parts := s.given, s.tried+1, s.parts
	s.leave()
	if tried < tries && !errors.Is(err, audio.ErrUnsupported) {
		s.parts, s.given, s.tried = parts, given, tried
		s.failed = s.refs.Wait(pause << (tried - 1))
		return
	}
	if s.skips++; s.skips > maxSkips || errors.Is(err, audio.ErrUnsupported) {
		s.failed = err
		return
	}
	s.skip()
}

// reload asks for the list again when it is time to (RFC 8216, 6.3.4). That it
// cannot be had, or is an old one, is the same as that it says nothing new.
func (s *stream) reload() error {
	interval := s.list.target
	if !s.changed {
		interval /= 2
	}
	if d := time.Until(s.loaded.Add(interval)); d > 0 {
		if err := s.refs.Wait(d); err != nil {
			return err
		}
	}
	s.loaded = time.Now()
	p, err := load(s.refs)
	s.why = err
	if s.changed = err == nil && s.accept(p); s.changed {
		s.since = time.Time{}
		return nil
	}
	if s.since.IsZero() {
		s.since = s.loaded
	}
	if still := time.Since(s.since); still >= stillness*s.list.target {
		if s.why != nil {
			return s.why
		}
		return fmt.Errorf("hls: the stream has stood still for %v: %w", still.Round(time.Second), audio.ErrTruncated)
	}
	return nil
}

// load asks for the list again.
func load(refs audio.Refs) (*playlist, error) {
	m, err := refs.OpenRef("", 0, 0)
	if err != nil {
		return nil, fmt.Errorf("hls: playlist: %w", err)
	}
	defer m.Close()
	p, err := parse(m)
	if err == nil && len(p.variants) > 0 {
		err = fmt.Errorf("hls: a master playlist in place of its own: %w", audio.ErrMalformed)
	}
	return p, err
}

// accept takes a new list, and reports whether it is news.
func (s *stream) accept(p *playlist) bool {
	switch {
	case p.segments.n > 0 && p.end() <= s.list.sequence: // counted anew: the server has started again
		s.next, s.broken = p.edge(), true
	case p.end() > s.list.end() || p.ended:
	default:
		return false
	}
	s.list = p
	return true
}
