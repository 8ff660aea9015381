package matroska

import (
	"encoding/binary"
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
	head := d.r.Ahead()
	if least := min(e.size, 8); int64(len(head)) < least {
		var err error
		if head, err = d.r.Peek(int(least)); err != nil {
			return within(err)
		}
	}
	number, n := vint(head[:min(e.size, 8)], false)
	if n == 0 || number != d.number || e.size < int64(n)+3 {
		return d.r.Skip(e.size)
	}
	if e.size > maxBlock {
		return fmt.Errorf("matroska: block of %d bytes: %w", e.size, audio.ErrLimit)
	}
	b, err := d.r.Keep(int(e.size))
	if err != nil {
		return within(err)
	}
	ticks, flags := int64(int16(uint16(b[n])<<8|uint16(b[n+1]))), b[n+2]
	sizes, frames, err := lace(b[n+3:], flags>>1&3, d.sizes[:0])
	if err != nil {
		return nil //nolint:nilerr // one block lost is a gap, and its time will tell
	}
	d.sizes = sizes
	for i, size := range sizes {
		samples := d.lasts(frames[:size])
		if i == 0 {
			d.align(d.clusterAt + d.ticks(ticks))
		}
		if frame := frames[:size:size]; size > 0 || len(d.prefix) > 0 {
			d.queue = append(d.queue, audio.Packet{})
			d.fill(&d.queue[len(d.queue)-1], frame, samples)
		}
		frames = frames[size:]
	}
	return nil
}

// simple makes p the packet of the next element, if that is what most are: a whole
// block of ours without lacing, of which nothing has to be read first. Else it
// consumes nothing.
func (d *Demuxer) simple(p *audio.Packet) bool {
	const most = 1 + 8 + 8 + 3 // bytes of headers
	b := d.r.Ahead()
	if len(b) < most || b[0] != idSimple {
		return false
	}
	size, n := vint(b[1:], false)
	number, m := vint(b[1+n:], false)
	head := 1 + n + m + 3
	if size <= int64(m)+3 || size > maxBlock || number != d.number || b[head-1]&6 != 0 {
		return false
	}
	whole := 1 + n + int(size)
	if end := d.r.Pos() + int64(whole); whole > len(b) || end > d.cluster.end() || end > d.segment.end() {
		return false
	}
	ticks := int64(int16(binary.BigEndian.Uint16(b[head-3:])))
	b, err := d.r.Keep(whole)
	if err != nil {
		return false
	}
	b = b[head:]
	samples := d.lasts(b)
	d.align(d.clusterAt + d.ticks(ticks))
	d.fill(p, b, samples)
	return true
}

// align sets the clock by a block that begins at t. Times are rounded to ticks, so
// those close to what the packets add up to are not heeded.
func (d *Demuxer) align(t int64) {
	if !d.dated {
		d.begun, d.origin = true, t
		return
	}
	now := d.clock.Now()
	off := t - d.origin - now
	switch {
	case d.landed:
		d.landed = false
		d.set(max(0, t-d.origin))
	case off > maxJump || off < -tolerance: // another beginning: time goes on
		d.origin = t - now
	case off > tolerance:
		d.set(t - d.origin)
	}
}

// set makes t the time of the next packet. It undoes the rounding to ticks where
// all packets last so long that only one place between packets is that near.
func (d *Demuxer) set(t int64) {
	if d.grid > 0 {
		n := d.grid * input.MulDiv(t, int64(d.clock.Rate), d.grid*audio.SampleRate)
		if off := t - input.Scale(n, d.clock.Rate); off <= d.ticks(1)+1 && off >= -d.ticks(1)-1 {
			d.clock.SetCount(n)
			return
		}
	}
	d.clock.Set(t)
}

// lasts is how many samples a frame as it stands in its block gives.
func (d *Demuxer) lasts(frame []byte) int64 {
	if len(d.prefix) > 0 {
		d.whole = append(append(d.whole[:0], d.prefix...), frame...)
		frame = d.whole
	}
	if len(frame) == 0 {
		return 0
	}
	return int64(d.samples(frame))
}

// prepares takes note of a packet with nothing to hear in it. What follows begins
// where its block says. If that is the same block, a packet of Vorbis lasts what it
// does after one of its own kind, and the very first, as mkvmerge has it, half that.
func (d *Demuxer) prepares(frame []byte) {
	d.landed = d.dated
	if !d.overlaps {
		return
	}
	switch half := int64(d.samples(frame)); {
	case d.dated && d.clock.Now() > 0:
		d.clock.Advance(half)
	case !d.dated:
		d.origin += input.Scale(half/2, d.clock.Rate)
	}
}

// fill makes p, which is empty, the packet with a frame of so many samples that
// lasts was asked about.
func (d *Demuxer) fill(p *audio.Packet, frame []byte, samples int64) {
	if len(d.prefix) > 0 {
		frame = d.slab.Copy(d.whole)
	}
	if samples > 0 {
		d.dated = true
	} else {
		d.prepares(frame)
	}
	if samples > 0 && samples != d.length {
		d.grid = gcd(d.grid, d.length) // not samples: the last packet may be any length
		if d.grid == 0 {
			d.grid = samples
		}
		d.length = samples
	}
	p.Data, p.PTS = frame, d.clock.Now()
	p.Duration = d.clock.Advance(samples)
}

func nanoseconds(n int64) time.Duration { return time.Duration(n) }
