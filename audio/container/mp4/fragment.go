package mp4

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"segue/audio"
)

const maxPieces = 1 << 18 // samples in a fragment: an hour and a half of AAC

// A fragment is what is known while its headers are read.
type fragment struct {
	start    int64 // where the moof is
	end      int64 // of that
	base     int64 // what offsets count from
	next     int64 // where the next run is, if it does not say
	ours     bool
	defaults defaults
}

// nextFragment reads on to the next fragment that has something of the track, and
// up to its data. At the end of the media it returns io.EOF.
func (d *Demuxer) nextFragment() error {
	if d.resume == forever {
		return io.EOF
	}
	if err := d.r.Jump(d.resume); err != nil {
		return cut(err)
	}
	found := false
	for {
		start := d.r.Pos()
		b, err := d.header(forever)
		if err != nil {
			if errors.Is(err, io.EOF) && !found {
				return io.EOF
			}
			return cut(err)
		}
		switch b.kind {
		case "moof":
			if err := d.readFragment(b, start); err != nil {
				return err
			}
			found = d.pieces.count > 0
		case "sidx":
			if err := d.readIndex(b); err != nil {
				return err
			}
		case "mdat":
			if found {
				d.resume = b.end
				return nil
			}
		}
		if err := d.leave(b); err != nil {
			return err
		}
	}
}

// readFragment makes the table of a moof.
func (d *Demuxer) readFragment(b box, start int64) error {
	p := &d.pieces
	p.count, p.fixed = 0, 0
	p.sizes.empty()
	p.chunks.empty()
	p.spans.empty()
	p.runs.empty()
	d.begun += d.at.time // where no time is told, it goes on
	d.table, d.at = p, cursor{}
	err := d.within(b.end, 0, func(b box, depth int) error {
		if b.kind != "traf" {
			return nil
		}
		f := &fragment{start: start, end: b.end, base: start, next: start}
		return d.within(b.end, depth, func(b box, _ int) error { return d.readTraf(f, b) })
	})
	if err != nil || p.count == 0 {
		return err
	}
	if d.r.Seekable() {
		d.note(mark{d.begun, start})
	}
	return nil
}

func (d *Demuxer) readTraf(f *fragment, b box) error {
	switch b.kind {
	case "tfhd":
		return d.readFragmentHeader(f, b)
	case "tfdt":
		h, err := d.fields(b, 8)
		if err != nil || !f.ours {
			return err
		}
		time := int64(binary.BigEndian.Uint32(h[4:]))
		if h[0] == 1 {
			high := time
			if h, err = d.fields(b, 4); err != nil {
				return err
			}
			time = high<<32 | int64(binary.BigEndian.Uint32(h))
		}
		if time = max(time, 0); !d.seen && d.track.table.count == 0 {
			d.origin = time
		}
		d.begun, d.seen = min(max(time-d.origin, 0), 1<<56), true
	case "trun":
		if f.ours {
			return d.readRun(f, b)
		}
	}
	return nil
}

func (d *Demuxer) readFragmentHeader(f *fragment, b box) error {
	h, err := d.fields(b, 8)
	if err != nil {
		return err
	}
	flags, id := binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[4:])
	f.ours = id == d.track.id
	for _, x := range d.movie.defaults {
		if x.track == id {
			f.defaults = x
		}
	}
	word := func(n int) uint64 {
		if err != nil {
			return 0
		}
		if h, err = d.fields(b, n); err != nil {
			return 0
		}
		if n == 8 {
			return binary.BigEndian.Uint64(h)
		}
		return uint64(binary.BigEndian.Uint32(h))
	}
	if flags&0x1 != 0 {
		f.base = int64(word(8)) + d.shift
		const head = 16 // bytes of a box, at most
		// At the fragment or its data; else it counts in a file of which this is a part.
		if !d.r.Seekable() && (f.base < f.start || f.base > f.end+head) {
			f.base = f.start
		}
		f.next = f.base
	}
	if flags&0x2 != 0 {
		word(4)
	}
	if flags&0x8 != 0 {
		f.defaults.duration = uint32(word(4))
	}
	if flags&0x10 != 0 {
		f.defaults.size = uint32(word(4))
	}
	return err
}

// readRun adds the samples of a trun to the table.
func (d *Demuxer) readRun(f *fragment, b box) error {
	h, err := d.fields(b, 8)
	if err != nil {
		return err
	}
	flags, count := binary.BigEndian.Uint32(h), binary.BigEndian.Uint32(h[4:])
	if flags&0x1 != 0 {
		if h, err = d.fields(b, 4); err != nil {
			return err
		}
		f.next = f.base + int64(int32(binary.BigEndian.Uint32(h)))
	}
	if flags&0x4 != 0 {
		if _, err := d.fields(b, 4); err != nil {
			return err
		}
	}
	p := &d.pieces
	if count == 0 {
		return nil
	}
	if int64(count)+int64(p.count) > maxPieces {
		return fmt.Errorf("mp4: more than %d samples in a fragment: %w", maxPieces, audio.ErrLimit)
	}
	if err := errors.Join(p.chunks.add(f.next), p.spans.add(span{uint32(p.chunks.n), count})); err != nil {
		return err
	}
	width := 0
	for _, has := range []uint32{0x100, 0x200, 0x400, 0x800} {
		if flags&has != 0 {
			width += 4
		}
	}
	for range count {
		e, err := d.fields(b, width)
		if err != nil {
			return err
		}
		duration, size := f.defaults.duration, f.defaults.size
		if flags&0x100 != 0 {
			duration, e = binary.BigEndian.Uint32(e), e[4:]
		}
		if flags&0x200 != 0 {
			size = binary.BigEndian.Uint32(e)
		}
		if err := p.sizes.add(int64(size)); err != nil {
			return err
		}
		if err := p.lasts(duration); err != nil {
			return err
		}
		f.next += int64(size)
	}
	p.count += int(count)
	if p.bytes()+d.track.table.bytes() > maxTable {
		return fmt.Errorf("mp4: more than %d bytes of tables: %w", maxTable, audio.ErrLimit)
	}
	return nil
}
