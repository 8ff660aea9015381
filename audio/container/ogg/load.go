package ogg

import (
	"errors"
	"fmt"
	"io"

	"segue/audio"
	"segue/audio/container/input"
)

// maxJump is the longest gap between packets that a granule position is believed
// about, in seconds.
const maxJump = 600

// load reads the next page of the stream and queues the packets completed on it.
// It returns io.EOF at the end of the last stream, and audio.ErrTruncated if that
// had not ended yet.
func (d *Demuxer) load() error {
	d.queue, d.at = d.queue[:0], 0
	pg, err := d.nextOurs()
	if err != nil {
		return err
	}
	gap := d.hole || pg.flags&flagBegin == 0 && pg.sequence != d.sequence+1
	d.sequence = pg.sequence
	d.ended = pg.flags&flagEnd != 0
	if err := d.split(pg, gap); err != nil {
		return err
	}
	if len(d.queue) > 0 && d.code.ready() {
		d.place(pg, gap)
	}
	return nil
}

// nextOurs returns the next page of our stream. When a new stream begins after
// ours, that becomes ours.
func (d *Demuxer) nextOurs() (page, error) {
	hole := false
	for range maxBeside {
		pg, err := d.next()
		hole = hole || d.hole
		d.hole = hole
		switch {
		case errors.Is(err, io.EOF) && (!d.ended || d.open):
			return page{}, audio.ErrTruncated
		case err != nil:
			return page{}, err
		case pg.flags&flagBegin != 0 && !d.begun:
			if len(d.beside) < 2*maxStreams {
				d.beside = append(d.beside, pg.serial)
			}
		case pg.flags&flagBegin != 0:
			ours, err := d.follow(pg)
			if ours || err != nil {
				return pg, err
			}
		case pg.serial == d.serial:
			return pg, nil
		}
	}
	return page{}, fmt.Errorf("ogg: %d pages without one of ours: %w", maxBeside, audio.ErrLimit)
}

// follow looks at a page on which a stream begins after our audio did, so that it
// is chained to ours, and reports whether it is the one to read from now on.
func (d *Demuxer) follow(pg page) (bool, error) {
	code, _, err := recognise(pg.body)
	if err != nil || code == nil {
		return false, err
	}
	d.mark = d.time(d.heard)
	d.link++
	d.beside = append(d.beside[:0], pg.serial)
	d.adopt(pg, code)
	return true, nil
}

// split queues the packets completed on pg and keeps what of the last one goes on
// to the next page.
func (d *Demuxer) split(pg page, gap bool) error {
	continued, begin := pg.flags&flagContinued != 0, pg.flags&flagBegin != 0
	if gap || !continued {
		d.open, d.over, d.partial = false, false, d.partial[:0]
	}
	lost := continued && !d.open // the beginning of the first packet
	from, to, size := 0, 0, 0
	d.page, d.cut, d.joined = pg.body, 0, nil
	for _, size8 := range pg.segments {
		size = int(size8)
		to += size
		if size == 255 {
			continue
		}
		if lost {
			from, lost = to, false
			continue
		}
		packet := span{from: int32(from), to: int32(to)}
		if d.open {
			packet = d.complete(pg.body[from:to])
		}
		from = to
		if err := d.enqueue(packet, begin); err != nil {
			return err
		}
	}
	if size == 255 && !lost {
		d.extend(pg.body[from:to])
		d.open = true
	}
	return nil
}

// complete returns where the packet that went on is, if it ends with rest: nowhere,
// if it was too long to keep.
func (d *Demuxer) complete(rest []byte) span {
	d.joined = append(append(make([]byte, 0, len(d.partial)+len(rest)), d.partial...), rest...)
	long := d.over || len(d.joined) > maxPacket
	d.open, d.over, d.partial = false, false, d.partial[:0]
	if long && d.code.ready() {
		return span{}
	}
	return span{0, int32(min(len(d.joined), maxPacket)), true}
}

// extend adds to the packet that goes on, as far as it is not too long.
func (d *Demuxer) extend(b []byte) {
	if room := maxPacket - len(d.partial); len(b) > room {
		b, d.over = b[:room], true
	}
	d.partial = append(d.partial, b...)
}

// enqueue queues packet if it is audio, or a header the decoder must see. On the
// page with which a stream begins it was recognised already.
func (d *Demuxer) enqueue(at span, taken bool) error {
	if at.from == at.to {
		return nil
	}
	packet := d.packet(at)
	if !taken {
		var err error
		in := &d.info
		if d.link > 0 {
			in = &d.other
		}
		if taken, err = d.code.header(packet, in); err != nil {
			return err
		}
	}
	if !taken && d.code.ready() {
		d.queue = append(d.queue, queued{})
		q := &d.queue[len(d.queue)-1]
		q.span = at
		q.samples = int32(d.code.samples(packet)) // of no codec more than 65535
	}
	return nil
}

// place finds the position of the first queued packet, and the padding at the end.
func (d *Demuxer) place(pg page, gap bool) {
	total := int64(0)
	for i := range d.queue {
		total += int64(d.queue[i].samples)
	}
	granule := pg.granule
	if granule < 0 || granule > 1<<56 {
		granule = -1 // none, or nonsense
	}
	switch {
	case !d.begun && total > 0:
		d.begin(granule, total)
	case granule >= 0 && (gap || granule > d.pos+total):
		if jump := granule - total - d.pos; jump > 0 && jump <= maxJump*int64(d.rate) {
			d.pos += jump
		}
	}
	end := d.pos + total
	d.heard = end
	if granule < 0 || granule >= end || !d.ended && !d.last() {
		return
	}
	d.heard = max(granule, d.pos)
	for i := len(d.queue) - 1; i >= 0 && end > granule; i-- {
		q := &d.queue[i]
		q.trim = int32(min(end-granule, int64(q.samples)))
		end -= int64(q.samples)
	}
}

// begin sets the clock by the first page with audio. It may say that the first
// packet is not at 0: more, if the beginning was cut off; less, if the first
// samples are not to be heard (Vorbis I, A.2), unless all ends on this page.
func (d *Demuxer) begin(granule, total int64) {
	d.rate = d.code.codec().SampleRate
	d.begun = true
	d.pos = 0
	if granule >= 0 && (granule > total || !d.ended) {
		d.pos = granule - total
	}
	d.origin, d.base = d.pos, 0
	if d.pos < 0 && d.code.name() == "vorbis" {
		d.preSkip = input.Scale(-d.pos, d.rate)
	}
	d.first = d.from
	if d.link > 0 {
		d.base = d.mark - d.codec().PreSkip
	}
}

// last reports whether nothing follows the page last read.
func (d *Demuxer) last() bool {
	d.hold()
	b, _ := d.r.Peek(headerSize)
	return len(b) < headerSize
}
