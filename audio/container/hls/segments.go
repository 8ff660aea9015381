package hls

import (
	"encoding/binary"
	"fmt"
	"sort"
	"time"

	"segue/audio"
)

const (
	// maxSegments is 36 hours of the usual shortest, 2 seconds.
	maxSegments = 1 << 16
	// maxKept bounds what all segments of a playlist take. Each is kept as what
	// distinguishes its address from the one before: some 10 to 25 bytes, so that
	// 12 hours in segments of 2 s take about half a megabyte, however long the
	// addresses are. Where each has a signature of its own, there is still room for
	// 80 bytes of it. A live stream has two playlists while it asks for a new one.
	maxKept = 2 << 20
	// markEvery is how many segments are read through at most to get at one.
	markEvery = 32
)

// A segment is one piece of a media playlist.
type segment struct {
	uri     string
	length  time.Duration
	from, n int64 // the bytes it takes of uri; n is 0 for all
	fresh   bool  // it does not go on where the one before ended
	gap     bool  // it is not there
	key     int   // number in the playlist's keys from 1 on, 0 for none
	initial int   // number in the playlist's initials from 1 on, 0 for none
}

// segments holds many of them in little room.
type segments struct {
	n     int
	total time.Duration
	data  []byte
	marks []mark  // of every markEvery-th
	last  segment // that was added
}

// A mark is where a segment is kept and when it begins. It is kept whole.
type mark struct {
	at    int
	begin time.Duration
}

// The flags of a segment that is kept.
const (
	isFresh = 1 << iota
	isGap
	isRange
)

// add appends s, or returns audio.ErrLimit.
func (l *segments) add(s segment) error {
	if l.n >= maxSegments || len(l.data) > maxKept {
		return fmt.Errorf("hls: %d segments are too many: %w", l.n, audio.ErrLimit)
	}
	before := l.last.uri
	if l.n%markEvery == 0 {
		before = ""
		l.marks = append(l.marks, mark{len(l.data), l.total})
	}
	front, back := alike(before, s.uri)
	flags := byte(0)
	for _, f := range []struct {
		is  bool
		bit byte
	}{{s.fresh, isFresh}, {s.gap, isGap}, {s.n > 0, isRange}} {
		if f.is {
			flags |= f.bit
		}
	}
	l.data = append(l.data, flags)
	was, middle := before[front:len(before)-back], s.uri[front:len(s.uri)-back]
	for _, v := range []int64{int64(front), int64(back), int64(len(middle)), s.length.Microseconds(), int64(s.key), int64(s.initial)} {
		l.data = binary.AppendUvarint(l.data, uint64(v))
	}
	if s.n > 0 {
		l.data = binary.AppendUvarint(l.data, uint64(s.from))
		l.data = binary.AppendUvarint(l.data, uint64(s.n))
	}
	l.data = appendMiddle(l.data, was, middle)
	l.n++
	l.total += s.length
	l.last = s
	return nil
}

// alike is how many bytes a and b have in common at the beginning and, beyond
// those, at the end.
func alike(a, b string) (front, back int) {
	shorter := min(len(a), len(b))
	for front < shorter && a[front] == b[front] {
		front++
	}
	for back < shorter-front && a[len(a)-1-back] == b[len(b)-1-back] {
		back++
	}
	return front, back
}

// appendMiddle appends what distinguishes b from a: all of it, or, if they are
// equally long, in turn how many bytes are the same, and those that are not.
func appendMiddle(data []byte, a, b string) []byte {
	if len(a) != len(b) {
		return append(data, b...)
	}
	for i := 0; i < len(b); {
		same := i
		for same < len(b) && a[same] == b[same] {
			same++
		}
		end := same
		for end < len(b) && (a[end] != b[end] || end+1 < len(b) && a[end+1] != b[end+1]) {
			end++
		}
		data = binary.AppendUvarint(binary.AppendUvarint(data, uint64(same-i)), uint64(end-same))
		data = append(data, b[same:end]...)
		i = end
	}
	return data
}

// A walk goes through segments in order.
type walk struct {
	l     *segments
	i, at int
	uri   []byte
	tail  []byte        // scratch: the end of the address before
	begin time.Duration // of the segment that next gives
}

// from returns a walk whose first segment is i, which must be one.
func (l *segments) from(i int) *walk {
	m := l.marks[i/markEvery]
	w := &walk{l: l, i: i / markEvery * markEvery, at: m.at, begin: m.begin}
	for w.i < i {
		w.next()
	}
	return w
}

// next takes a step. The segment's address is only in w.uri.
func (w *walk) next() (s segment) {
	number := func() int64 {
		v, n := binary.Uvarint(w.l.data[w.at:])
		w.at += n
		return int64(v)
	}
	if w.i%markEvery == 0 {
		w.uri = w.uri[:0]
	}
	flags := w.l.data[w.at]
	w.at++
	front, back, middle := int(number()), int(number()), int(number())
	s.length = time.Duration(number()) * time.Microsecond
	s.key, s.initial = int(number()), int(number())
	if s.fresh, s.gap = flags&isFresh != 0, flags&isGap != 0; flags&isRange != 0 {
		s.from, s.n = number(), number()
	}
	if was := len(w.uri) - front - back; was == middle {
		for at, end := front, front+middle; at < end; {
			at += int(number())
			n := int(number())
			w.at += copy(w.uri[at:at+n], w.l.data[w.at:])
			at += n
		}
	} else {
		w.tail = append(w.tail[:0], w.uri[len(w.uri)-back:]...)
		w.uri = append(append(w.uri[:front], w.l.data[w.at:w.at+middle]...), w.tail...)
		w.at += middle
	}
	w.begin += s.length
	w.i++
	return s
}

// at returns segment i, which must be one, and when it begins.
func (l *segments) at(i int) (segment, time.Duration) {
	w := l.from(i)
	begin := w.begin
	s := w.next()
	s.uri = string(w.uri)
	return s, begin
}

// find returns the last segment that begins at to or before; 0 if none does.
func (l *segments) find(to time.Duration) int {
	if l.n == 0 {
		return 0
	}
	m := max(0, sort.Search(len(l.marks), func(i int) bool { return l.marks[i].begin > to })-1)
	w := l.from(m * markEvery)
	i := w.i
	for w.i < l.n {
		if w.begin > to {
			break
		}
		i = w.i
		w.next()
	}
	return i
}

// joined reports whether the segments after a, up to and including b, each go on
// where the one before ended.
func (l *segments) joined(a, b int) bool {
	if a >= b {
		return true
	}
	w := l.from(a)
	before := w.next()
	for w.i <= b {
		s := w.next()
		if s.fresh || s.gap || s.initial != before.initial {
			return false
		}
		before = s
	}
	return true
}
