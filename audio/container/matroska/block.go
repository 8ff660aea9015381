package matroska

import (
	"fmt"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

// group queues the packets of a BlockGroup, the last with what it says of padding.
func (d *Demuxer) group(g element) error {
	discard := int64(0)
	for range maxInside {
		if d.r.Pos() >= g.end() {
			break
		}
		e, err := header(d.r)
		if err != nil {
			return within(err)
		}
		if e.size == unknown || e.size > g.end()-e.body {
			return d.resync()
		}
		switch e.id {
		case idBlock:
			err = d.block(e)
		case idDiscard:
			discard, err = signed(d.r, e)
		}
		if err != nil {
			return within(err)
		}
		if err := d.r.Skip(e.end() - d.r.Pos()); err != nil {
			return err
		}
	}
	if n := len(d.queue); n > 0 && discard > 0 {
		last := &d.queue[n-1]
		last.TrimEnd = min(input.Samples(nanoseconds(discard)), last.Duration)
	}
	return nil
}

// block queues the packets of a block if it is ours, else skips it. A block that
// makes no sense is skipped as well.
func (d *Demuxer) block(e element) error {
	head, err := d.r.Peek(int(min(e.size, 8)))
	if err != nil {
		return within(err)
	}
	number, n := vint(head, false)
	if n == 0 || number != d.number || e.size < int64(n)+3 {
		return d.r.Skip(e.size)
	}
	if e.size > maxBlock {
		return fmt.Errorf("matroska: block of %d bytes: %w", e.size, audio.ErrLimit)
	}
	b := d.slab.Make(int(e.size))
	if _, err := d.r.ReadFull(b); err != nil {
		return within(err)
	}
	ticks, flags := int64(int16(uint16(b[n])<<8|uint16(b[n+1]))), b[n+2]
	sizes, frames, err := lace(b[n+3:], flags>>1&3, d.sizes[:0])
	if err != nil {
		return nil //nolint:nilerr // one block lost is a gap, and its time will tell
	}
	d.sizes = sizes
	d.align(ticks)
	for _, size := range sizes {
		d.enqueue(frames[:size:size])
		frames = frames[size:]
	}
	return nil
}

// align sets the clock by a block that begins ticks after its cluster. Times are
// rounded to ticks, so those close to what the packets add up to are not heeded.
func (d *Demuxer) align(ticks int64) {
	t := input.MulDiv(d.clusterAt, d.scale*6, 125_000) + input.MulDiv(ticks, d.scale*6, 125_000)
	if !d.begun {
		d.begun, d.origin = true, t
	}
	now := d.clock.Now()
	off := t - d.origin - now
	switch {
	case d.landed:
		d.landed = false
		d.clock.Set(max(0, t-d.origin))
	case off > maxJump || off < -tolerance: // another beginning: time goes on
		d.origin = t - now
	case off > tolerance:
		d.clock.Set(t - d.origin)
	}
}

func (d *Demuxer) enqueue(frame []byte) {
	if len(d.prefix) > 0 {
		whole := d.slab.Make(len(d.prefix) + len(frame))
		copy(whole[copy(whole, d.prefix):], frame)
		frame = whole
	}
	if len(frame) == 0 {
		return
	}
	p := audio.Packet{Data: frame, PTS: d.clock.Now()}
	p.Duration = d.clock.Advance(int64(d.samples(frame)))
	d.queue = append(d.queue, p)
}

func nanoseconds(n int64) time.Duration { return time.Duration(n) }
