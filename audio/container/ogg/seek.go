package ogg

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

// near is the stretch, in bytes, that is read through rather than halved again.
const near = 2 * maxPage

// measure finds the duration from the last page, if the media can seek.
func (d *Demuxer) measure() {
	d.r.Measure()
	if !d.r.Seekable() || d.r.Size() < 0 || !d.begun {
		return
	}
	at := d.from
	end, chained := d.tail(d.r.Size())
	if d.chained = chained; chained {
		if err := d.survey(fewLinks); err != nil && !errors.Is(err, audio.ErrLimit) {
			d.err = err
		}
		return
	}
	d.info.Duration = max(0, input.Duration(d.time(end)-d.opened.PreSkip))
	if err := d.reread(at); err != nil {
		d.queue, d.at, d.err = d.queue[:0], 0, err
	}
}

// reread goes back to the page with the packets in the queue.
func (d *Demuxer) reread(at int64) error {
	if err := d.r.Jump(at); err != nil {
		return err
	}
	pg, err := d.next()
	d.page, d.cut = pg.body, 0
	return err
}

// tail reads to end from somewhat before it and returns the last position of our
// stream there, or the beginning. It is chained if a stream that is neither ours
// nor beside it comes last.
func (d *Demuxer) tail(end int64) (granule int64, chained bool) {
	granule = d.origin
	if d.r.Jump(max(d.first, end-near)) != nil {
		return granule, false
	}
	for {
		pg, err := d.next()
		if err != nil || d.from >= end {
			return granule, chained
		}
		chained = !slices.Contains(d.beside, pg.serial)
		if pg.serial == d.serial && pg.granule >= 0 && pg.granule < 1<<56 {
			granule, chained = pg.granule, false
		}
	}
}

// Seek moves by halving to the last page at or before to, and on to the last
// packet there that is.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.r.Seekable() || d.r.Size() < 0 || !d.begun && !d.chained {
		return 0, audio.ErrNotSeekable
	}
	d.hold()
	pts := max(0, input.Samples(to)) // of a packet whose music is at to or, by PreSkip, before
	end, err := d.goTo(pts + d.opened.PreSkip)
	if err != nil {
		return 0, err
	}
	target := d.origin + input.Unscale(max(0, pts-d.base), d.rate)
	at, err := d.search(target, end)
	if err != nil {
		return 0, err
	}
	if err := d.restart(at); err != nil {
		return 0, err
	}
	for d.code.name() != "vorbis" && d.at+1 < len(d.queue) && d.pos+int64(d.queue[d.at].samples) <= target {
		d.pos += int64(d.queue[d.at].samples)
		d.at++
	}
	return min(max(0, to), max(0, input.Duration(d.time(d.pos)-d.opened.PreSkip))), nil
}

// search returns where the page begins that holds the packet at target: the one
// after the last page that ends at or before it, or the one before that if packets
// need the ones before them.
func (d *Demuxer) search(target, end int64) (int64, error) {
	low, high := d.first, end
	for high-low > near {
		middle := low + (high-low)/2
		from, granule, err := d.pageAfter(middle, high)
		switch {
		case err != nil:
			return 0, err
		case from < 0 || granule > target:
			high = middle
		default:
			low = from
		}
	}
	return d.walk(low, end, target)
}

// pageAfter returns the first page of ours that begins in from..high and ends a
// packet; from is -1 if there is none.
func (d *Demuxer) pageAfter(from, high int64) (at, granule int64, err error) {
	if err := d.r.Jump(from); err != nil {
		return 0, 0, err
	}
	for d.r.Pos() < high {
		pg, err := d.next()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, audio.ErrMalformed):
			return -1, 0, nil
		case err != nil:
			return 0, 0, err
		case pg.serial == d.serial && pg.granule >= 0 && d.from < high:
			return d.from, pg.granule, nil
		}
	}
	return -1, 0, nil
}

// walk reads pages from low on and returns where the last one begins from which
// target can be reached: the one it is on, or the one before that if a packet
// there needs what comes before, or if it is the last, whose position is not the
// end of its packets.
func (d *Demuxer) walk(low, end, target int64) (int64, error) {
	if err := d.r.Jump(low); err != nil {
		return 0, err
	}
	before, best := low, low
	for {
		pg, err := d.next()
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, audio.ErrMalformed) || err == nil && d.from >= end:
			return before, nil
		case err != nil:
			return 0, err
		case pg.serial != d.serial:
			continue
		}
		continued := pg.flags&flagContinued != 0
		if !continued || completes(pg) > 1 {
			before, best = best, d.from
		}
		if pg.granule > target || pg.flags&flagEnd != 0 {
			if continued || pg.flags&flagEnd != 0 || d.code.name() == "vorbis" {
				return before, nil
			}
			return best, nil
		}
	}
}

// completes is how many packets end on pg.
func completes(pg page) int {
	n := 0
	for _, s := range pg.segments {
		if s < 255 {
			n++
		}
	}
	return n
}

// restart begins anew with the page at from, as after a hole.
func (d *Demuxer) restart(from int64) error {
	if err := d.r.Jump(from); err != nil {
		return err
	}
	d.code.restart()
	d.open, d.over, d.partial, d.err = false, false, d.partial[:0], nil
	d.heard = d.origin
	if from == d.first {
		d.begun, d.preSkip = false, 0
	}
	d.queue, d.at = d.queue[:0], 0
	for range maxOpening {
		if err := d.land(); err != nil {
			d.err = err
		}
		if len(d.queue) > 0 || d.err != nil {
			break
		}
	}
	if len(d.queue) == 0 {
		return fmt.Errorf("ogg: nothing to play there: %w", audio.ErrTruncated)
	}
	return nil
}

// land loads a page and takes its position from its own granule.
func (d *Demuxer) land() error {
	if !d.begun {
		return d.load()
	}
	pg, err := d.nextOurs()
	if err != nil {
		return err
	}
	d.queue, d.at = d.queue[:0], 0
	d.sequence, d.ended = pg.sequence, pg.flags&flagEnd != 0
	if err := d.split(pg, true); err != nil || len(d.queue) == 0 {
		return err
	}
	total := int64(0)
	for _, q := range d.queue {
		total += int64(q.samples)
	}
	if pg.granule >= 0 && pg.granule <= 1<<56 {
		d.pos = pg.granule - total
	}
	d.heard = d.pos + total
	return nil
}
