// Package input is how demuxers take bytes in: a buffered reader over media that
// knows where it is, looks ahead without consuming, and jumps where it can.
package input

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"segue/audio"
)

const (
	// bufferSize is how much is read at once: a second of most music. It
	// grows where more is looked at.
	bufferSize = 16 << 10
	// sizes are what it grows in steps of: Go's heap has them, up to 32 KiB.
	sizes = 4 << 10
	// worthJump is the shortest way to jump: a jump may be a new request.
	worthJump = 64 << 10
	// maxSkip is the longest way to skip by reading: longer than files we take.
	maxSkip = 1 << 30
	// MaxPeek is the farthest Peek looks ahead, in bytes: more than the largest
	// FLAC frame there can be (65535 samples, 8 channels, 33 bits).
	MaxPeek   = 4 << 20
	maxKept   = 10 << 10 // half a second of Opus: the last piece keeps all of it; for the size see slabSize
	idleReads = 100      // reads of nothing before a source counts as broken
)

// A Reader reads media. It is for one goroutine at a time.
type Reader struct {
	src      io.Reader
	seeker   io.Seeker
	size     int64
	buf      []byte // of usual bytes, if not more or just what is in it
	usual    int
	from, to int    // what of buf is read but not consumed
	base     int64  // position in the media of buf[0]
	err      error  // what the source said last; sticky until a jump
	kept     []byte // a copy of what is buffered, from which Keep gives
	keptAt   int64  // where in the media it begins
	gave     int    // bytes of it given away
}

// New returns a reader of m from its beginning. It never closes m.
func New(m *audio.Media) *Reader {
	r := &Reader{src: m.ReadCloser, seeker: m.Seeker, size: m.Size, usual: bufferSize}
	if r.size <= 0 {
		r.size = -1
	}
	return r
}

// Pos is the number of bytes of the media consumed so far.
func (r *Reader) Pos() int64 { return r.base + int64(r.from) }

// Size is the length of the media in bytes, or -1 if nobody knows.
func (r *Reader) Size() int64 { return r.size }

// Seekable reports whether Jump can go back.
func (r *Reader) Seekable() bool { return r.seeker != nil }

// Peek returns the next n bytes without consuming them; they are the reader's
// own and good until its next method call. If fewer are left it returns those
// and why: io.EOF at the end of the media. n is at most MaxPeek.
func (r *Reader) Peek(n int) ([]byte, error) {
	for r.to-r.from < n && r.err == nil {
		r.fill(n)
	}
	if r.to-r.from < n {
		return r.buf[r.from:r.to], r.err
	}
	return r.buf[r.from : r.from+n], nil
}

// Buffered is how many bytes Peek returns without reading from the source.
func (r *Reader) Buffered() int { return r.to - r.from }

// Ahead returns what Peek can without reading from the source. It is the reader's
// own and good until its next method call.
func (r *Reader) Ahead() []byte { return r.buf[r.from:r.to] }

// Advance consumes n bytes of those Peek or Ahead returned last.
func (r *Reader) Advance(n int) { r.from += min(n, r.to-r.from) }

// Next returns the next n bytes and consumes them. They are the reader's own and
// good until its next method call. If fewer are left it consumes none and
// returns io.ErrUnexpectedEOF, or io.EOF if there is not even one.
func (r *Reader) Next(n int) ([]byte, error) {
	b, err := r.Peek(n)
	if err != nil {
		return nil, short(len(b), err)
	}
	r.from += n
	return b, nil
}

// ReadByte returns the next byte, or io.EOF.
func (r *Reader) ReadByte() (byte, error) {
	if r.from == r.to {
		if _, err := r.Peek(1); err != nil {
			return 0, err
		}
	}
	r.from++
	return r.buf[r.from-1], nil
}

// ReadFull fills dst, or says how much of it there was: io.EOF if nothing,
// io.ErrUnexpectedEOF if something was left.
func (r *Reader) ReadFull(dst []byte) (int, error) {
	n := 0
	for n < len(dst) {
		b, err := r.Peek(1)
		if len(b) == 0 {
			return n, short(n, err)
		}
		c := copy(dst[n:], r.buf[r.from:r.to])
		r.from += c
		n += c
	}
	return n, nil
}

// Keep returns the next n bytes, consumes them, and gives them away: they are the
// caller's for good. If fewer are left it returns and consumes those, and says so
// as ReadFull does. n is at most MaxPeek. Pieces may share an allocation, of 10 KiB
// or four pieces at most.
func (r *Reader) Keep(n int) ([]byte, error) {
	if at := r.Pos() - r.keptAt; at >= 0 && at+int64(n) <= int64(len(r.kept)) && n <= r.to-r.from {
		r.from += n
		r.gave += n
		return r.kept[at : int(at)+n : int(at)+n], nil
	}
	b, err := r.Peek(n)
	if err != nil {
		r.from += len(b)
		return append([]byte(nil), b...), short(len(b), err)
	}
	// One copy for many pieces, if the copy before was mostly given away: where
	// pieces are few and far between, what lies between is not to be kept.
	size := n
	if 2*r.gave >= len(r.kept) {
		size = max(n, min(2*max(n, len(r.kept)), max(maxKept, 4*n), r.to-r.from))
	}
	r.kept = append([]byte(nil), r.buf[r.from:r.from+size]...) // which zeroes nothing first
	r.keptAt, r.gave = r.Pos(), n
	r.from += n
	return r.kept[:n:n], nil
}

// Rest lets go of all memory that holds nothing, until something is asked for again.
// What Peek or Next returned stays good.
func (r *Reader) Rest() {
	r.usual = max(r.usual, len(r.buf))
	r.buf = append([]byte(nil), r.buf[r.from:r.to]...)
	r.base += int64(r.from)
	r.from, r.to = 0, len(r.buf)
	if r.gave == len(r.kept) {
		r.kept = nil
	}
}

// Skip consumes n bytes without looking at them, jumping if that is worth it.
// It returns io.ErrUnexpectedEOF if there are fewer, and audio.ErrLimit if it is
// too long a way to read.
func (r *Reader) Skip(n int64) error {
	if n < 0 {
		return fmt.Errorf("input: skip of %d bytes: %w", n, audio.ErrMalformed)
	}
	if r.seeker != nil && n > int64(r.to-r.from)+worthJump {
		if r.size >= 0 && n > r.size-r.Pos() {
			return io.ErrUnexpectedEOF
		}
		return r.Jump(r.Pos() + n)
	}
	if n > maxSkip {
		return fmt.Errorf("input: skip of %d bytes: %w", n, audio.ErrLimit)
	}
	for n > 0 {
		if b, err := r.Peek(1); len(b) == 0 {
			return short(1, err)
		}
		c := min(n, int64(r.to-r.from))
		r.from += int(c)
		n -= c
	}
	return nil
}

// Find consumes everything before the next occurrence of pattern and reports
// whether there is one within limit bytes. If not, it has consumed up to limit
// bytes, or to the end.
func (r *Reader) Find(pattern []byte, limit int64) (bool, error) {
	for limit > 0 {
		b, err := r.Peek(len(pattern))
		if len(b) < len(pattern) {
			r.from = r.to
			if errors.Is(err, io.EOF) {
				err = nil
			}
			return false, err
		}
		window := r.buf[r.from:r.to]
		if i := bytes.Index(window, pattern); i >= 0 {
			r.from += i
			return int64(i) <= limit, nil
		}
		r.from += len(window) - len(pattern) + 1
		limit -= int64(len(window) - len(pattern) + 1)
	}
	return false, nil
}

// Jump goes to pos, counted from the beginning of the media. Where the source
// cannot seek it goes forward by reading, and back not at all: audio.ErrNotSeekable.
func (r *Reader) Jump(pos int64) error {
	if pos >= r.base && pos <= r.base+int64(r.to) {
		r.from = int(pos - r.base)
		return nil
	}
	if r.seeker == nil {
		if pos < r.Pos() {
			return audio.ErrNotSeekable
		}
		return r.Skip(pos - r.Pos())
	}
	if _, err := r.seeker.Seek(pos, io.SeekStart); err != nil {
		return fmt.Errorf("input: seek to byte %d: %w", pos, err)
	}
	r.base, r.from, r.to, r.err = pos, 0, 0, nil
	return nil
}

// Measure makes Size known where the source can seek.
func (r *Reader) Measure() {
	if r.size >= 0 || r.seeker == nil {
		return
	}
	end, err := r.seeker.Seek(0, io.SeekEnd)
	if err == nil {
		r.size = end
	}
	_, back := r.seeker.Seek(r.base+int64(r.to), io.SeekStart)
	if r.err == nil {
		r.err = back
	}
}

// fill makes room for n bytes after from and reads once.
func (r *Reader) fill(n int) {
	if n > MaxPeek {
		r.err = fmt.Errorf("input: look ahead of %d bytes: %w", n, audio.ErrLimit)
		return
	}
	if r.from > 0 && len(r.buf)-r.from < max(n, bufferSize/2) {
		copy(r.buf, r.buf[r.from:r.to])
		r.base += int64(r.from)
		r.from, r.to = 0, r.to-r.from
	}
	if len(r.buf)-r.from < n && r.to == len(r.buf) {
		// It grows with what came, not with what is claimed.
		bigger := make([]byte, max(min(2*len(r.buf), (n+sizes-1)/sizes*sizes), r.usual))
		copy(bigger, r.buf)
		r.buf = bigger
	}
	for range idleReads {
		c, err := r.src.Read(r.buf[r.to:])
		if c < 0 || c > len(r.buf)-r.to {
			c, err = 0, io.ErrNoProgress
		}
		r.to += c
		r.err = err
		if c > 0 || err != nil {
			return
		}
	}
	r.err = io.ErrNoProgress
}

// short says how an end of file looks to someone who had n bytes of what they wanted.
func short(n int, err error) error {
	if n > 0 && errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
