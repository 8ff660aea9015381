package mp4

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	maxMarks = 1 << 15 // fragments remembered: nine hours of a second each, and then every other
	enough   = 128 << 10
)

// A mark is where in the media a fragment begins that was passed, or of which an
// index told, and when, in units of the track since the first fragment.
type mark struct{ time, pos int64 }

// note remembers a fragment, if it lies behind those known.
func (d *Demuxer) note(m mark) {
	if n := len(d.marks); n > 0 && (m.pos <= d.marks[n-1].pos || m.time < d.marks[n-1].time) {
		return
	}
	if len(d.marks) == maxMarks {
		for i := range maxMarks / 2 {
			d.marks[i] = d.marks[2*i]
		}
		d.marks = d.marks[:maxMarks/2]
	}
	d.marks = append(d.marks, m)
}

// lookAhead reads what stands between the index of a file and its first fragment,
// where there may be another index.
func (d *Demuxer) lookAhead() error {
	if !d.movie.fragmented || d.track.table.count > 0 {
		return nil
	}
	for {
		b, err := d.r.Peek(8)
		if err != nil || string(b[4:]) != "sidx" && string(b[4:]) != "styp" {
			return nil //nolint:nilerr // it will come again
		}
		x, err := d.header(forever)
		if err != nil {
			return cut(err)
		}
		if x.kind == "sidx" {
			if err := d.readIndex(x); err != nil {
				return err
			}
		}
		if err := d.leave(x); err != nil {
			return err
		}
		d.resume, d.first = x.end, x.end
	}
}

// readIndex reads a sidx, which says how long the fragments behind it are and how
// far they reach.
func (d *Demuxer) readIndex(b box) error {
	h, err := d.fields(b, 12)
	if err != nil {
		return err
	}
	be := binary.BigEndian
	wide, scale := h[0] == 1, be.Uint32(h[8:])
	size := 8
	if wide {
		size = 16
	}
	if h, err = d.fields(b, size+4); err != nil || scale == 0 {
		return err
	}
	time, pos := int64(be.Uint32(h)), int64(be.Uint32(h[4:]))
	if wide {
		time, pos = int64(be.Uint64(h)), int64(be.Uint64(h[8:]))
	}
	count := be.Uint16(h[size+2:])
	if pos += b.end; pos < 0 || time < 0 {
		return malformed("an index of what cannot be")
	}
	if !d.indexed {
		d.indexed, d.from = true, time
	}
	unit := func(n int64) int64 { return input.MulDiv(n-d.from, int64(d.track.scale), int64(scale)) }
	for range count {
		e, err := d.fields(b, 12)
		if err != nil {
			return err
		}
		if at := unit(time); at >= 0 && d.r.Seekable() {
			d.note(mark{at, pos})
		}
		pos += int64(be.Uint32(e) & (1<<31 - 1))
		if time += int64(be.Uint32(e[4:])); time < 0 || pos < 0 {
			return malformed("an index of what cannot be")
		}
	}
	if d.info.Duration == 0 {
		d.info.Duration = input.Duration(max(0, input.Scale(time-d.from, int(scale))-d.codec.PreSkip))
	}
	return nil
}

// lastIndex reads the mfra that may stand at the end, once. It is a nicety.
func (d *Demuxer) lastIndex() {
	const tail = 16
	if d.asked || d.r.Size() < tail {
		return
	}
	d.asked = true
	if d.r.Jump(d.r.Size()-tail) != nil {
		return
	}
	h, err := d.r.Next(tail)
	if err != nil || string(h[4:8]) != "mfro" {
		return
	}
	if d.r.Jump(d.r.Size()-int64(binary.BigEndian.Uint32(h[12:]))) != nil {
		return
	}
	if b, err := d.header(d.r.Size()); err == nil && b.kind == "mfra" {
		_ = d.within(b.end, 0, func(b box, _ int) error { return d.readAccess(b) })
	}
}

// readAccess reads the tfra of our track: where fragments are.
func (d *Demuxer) readAccess(b box) error {
	if b.kind != "tfra" {
		return nil
	}
	h, err := d.fields(b, 16)
	if err != nil || binary.BigEndian.Uint32(h[4:]) != d.track.id {
		return err
	}
	wide, lengths, count := h[0] == 1, h[11], binary.BigEndian.Uint32(h[12:])
	size := 8
	if wide {
		size = 16
	}
	rest := 3 + int(lengths>>4&3) + int(lengths>>2&3) + int(lengths&3) // numbers within the fragment
	var marks []mark
	for range min(count, maxMarks) {
		e, err := d.fields(b, size+rest)
		if err != nil {
			return err
		}
		m := mark{int64(binary.BigEndian.Uint32(e)), int64(binary.BigEndian.Uint32(e[4:]))}
		if wide {
			m = mark{int64(binary.BigEndian.Uint64(e)), int64(binary.BigEndian.Uint64(e[8:]))}
		}
		m.time, m.pos = m.time-d.origin, m.pos+d.shift
		if n := len(marks); m.time >= 0 && m.pos >= d.first && (n == 0 || m.time >= marks[n-1].time && m.pos > marks[n-1].pos) {
			marks = append(marks, m)
		}
	}
	if len(marks) > len(d.marks) {
		d.marks = marks
	}
	return nil
}

// seekFragment makes the fragment that holds target the one at hand, or the last.
func (d *Demuxer) seekFragment(target int64) error {
	d.resume, d.begun, d.at = d.first, 0, cursor{}
	d.table = &d.track.table
	if !d.seen { // the first says when time begins
		if err := d.nextFragment(); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if len(d.marks) < 2 {
		d.lastIndex()
	}
	// Indices are not always exact, so that a mark is believed to an eighth of a second.
	low, high := mark{0, d.first}, mark{0, d.r.Size()}
	i, _ := slices.BinarySearchFunc(d.marks, target+1-int64(d.track.scale)/8, func(m mark, t int64) int { return int(min(1, max(-1, m.time-t))) })
	if i > 0 {
		low = d.marks[i-1]
	}
	if i < len(d.marks) {
		high = d.marks[i]
	} else if d.info.Duration > 0 {
		high.time = input.MulDiv(input.Samples(d.info.Duration)+d.codec.PreSkip, int64(d.track.scale), audio.SampleRate)
	}
	if d.seen {
		low = d.halve(low, high, target)
	}
	return d.walk(low, target)
}

// halve looks between two places for the last fragment that begins at or before
// target, until little is left to be walked through. Where times are known it
// guesses first.
func (d *Demuxer) halve(low, high mark, target int64) mark {
	const guesses, steps = 3, 40
	for n := 0; n < steps && high.pos-low.pos > enough; n++ {
		middle := low.pos + (high.pos-low.pos)/2
		if n < guesses && low.time <= target && target < high.time {
			middle = low.pos + int64(float64(high.pos-low.pos)*float64(target-low.time)/float64(high.time-low.time))
			middle = max(low.pos+1, middle-enough/2)
		}
		m, ok := d.fragmentAfter(middle, high.pos)
		switch {
		case ok && m.time <= target:
			low = m
		case ok:
			high = mark{m.time, middle}
		default:
			high.pos = middle
		}
	}
	return low
}

// fragmentAfter returns the first fragment of ours that begins in from..high and
// tells its time.
func (d *Demuxer) fragmentAfter(from, high int64) (mark, bool) {
	if d.r.Jump(from) != nil {
		return mark{}, false
	}
	for {
		if found, err := d.r.Find([]byte("moof"), high-d.r.Pos()); err != nil || !found {
			return mark{}, false
		}
		at := d.r.Pos()
		if at-4 >= from && d.r.Jump(at-4) == nil {
			if time, ok := d.timeOf(at - 4); ok {
				return mark{time, at - 4}, true
			}
		}
		if d.r.Jump(at+1) != nil {
			return mark{}, false
		}
	}
}

// timeOf reads the fragment at pos, if it is one, and returns the time it tells.
func (d *Demuxer) timeOf(pos int64) (time int64, ok bool) {
	d.boxes = 0
	b, err := d.header(max(d.r.Size(), pos))
	if err != nil || b.kind != "moof" || b.end-pos > 1<<20 {
		return 0, false
	}
	if h, err := d.r.Peek(8); err != nil || string(h[4:]) != "mfhd" {
		return 0, false
	}
	f := &fragment{}
	err = d.within(b.end, 0, func(b box, depth int) error {
		if b.kind != "traf" {
			return nil
		}
		f.ours = false
		return d.within(b.end, depth, func(b box, _ int) error {
			if b.kind == "tfhd" || b.kind == "tfdt" && f.ours {
				ok = ok || b.kind == "tfdt"
				return d.readTraf(f, b)
			}
			return nil
		})
	})
	return d.begun, ok && err == nil
}

// walk goes on from m to the fragment that holds target.
func (d *Demuxer) walk(m mark, target int64) error {
	d.resume, d.begun, d.at, d.boxes = m.pos, m.time, cursor{}, 0
	d.pieces.count = 0
	for {
		if err := d.nextFragment(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		length := d.pieces.total()
		if d.begun+length > target {
			return nil
		}
		d.at.time = length // as if it had been read
	}
}
