package input

import (
	"errors"
	"io"
	"time"

	"segue/audio"
)

// Raw hands out sound that is not compressed, 20 ms at a time.
type Raw struct {
	r     *Reader
	rate  int
	frame int   // bytes of one sample in all channels
	begin int64 // where in the media they begin
	size  int64 // bytes, or -1 if nobody knows
	done  int64 // bytes handed out
	err   error
}

// NewRaw returns what hands out the size bytes of samples that begin at r's
// position, or all up to its end if size is negative. A sample of all channels
// takes frame bytes, which is positive like rate.
func NewRaw(r *Reader, rate, frame int, size int64) *Raw {
	return &Raw{r: r, rate: rate, frame: frame, begin: r.Pos(), size: max(size, -1)}
}

// Duration is how long they last, as far as the media reach: 0 if nobody knows.
func (s *Raw) Duration() time.Duration {
	known := s.size
	if rest := s.r.Size() - s.begin; s.r.Size() >= 0 && (known < 0 || known > rest) {
		known = rest
	}
	if known <= 0 {
		return 0
	}
	return Duration(s.time(known))
}

// ReadPacket returns the next 20 ms of samples, or what is left of them.
func (s *Raw) ReadPacket() (audio.Packet, error) {
	if s.err != nil {
		return audio.Packet{}, s.err
	}
	want := s.packet()
	if s.size >= 0 {
		want = min(want, (s.size-s.done)/int64(s.frame)*int64(s.frame))
	}
	if want <= 0 {
		s.err = io.EOF
		return audio.Packet{}, s.err
	}
	data, err := s.r.Keep(int(want))
	if err != nil {
		s.err = s.ending(len(data), err)
		data = data[:len(data)-len(data)%s.frame]
		if len(data) == 0 {
			return audio.Packet{}, s.err
		}
	}
	p := audio.Packet{Data: data, PTS: s.time(s.done)}
	s.done += int64(len(data))
	p.Duration = s.time(s.done) - p.PTS
	return p, nil
}

// packet is the size of 20 ms, in bytes.
func (s *Raw) packet() int64 { return int64(max(1, s.rate/50) * s.frame) }

// ending says what the end of the media means after n more bytes.
func (s *Raw) ending(n int, err error) error {
	switch {
	case !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF):
		return err
	case s.size >= 0 || n%s.frame != 0:
		return audio.ErrTruncated
	}
	return io.EOF
}

func (s *Raw) time(bytes int64) int64 { return Scale(bytes/int64(s.frame), s.rate) }

// Seek goes to the packet with the sample, as a Demuxer's does.
func (s *Raw) Seek(to time.Duration) (time.Duration, error) {
	if !s.r.Seekable() {
		return 0, audio.ErrNotSeekable
	}
	end := s.size
	if s.r.Measure(); s.r.Size() >= 0 {
		if rest := max(0, s.r.Size()-s.begin); end < 0 || end > rest {
			end = rest
		}
	}
	at := MulDiv(int64(max(0, to)), int64(s.rate), int64(time.Second))
	if at > end/int64(s.frame) {
		at = end / int64(s.frame)
	}
	at *= int64(s.frame)
	at -= at % s.packet()
	if err := s.r.Jump(s.begin + at); err != nil {
		return 0, err
	}
	s.done, s.err = at, nil
	return min(max(0, to), Duration(s.time(at))), nil
}
