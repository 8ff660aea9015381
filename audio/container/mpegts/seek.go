package mpegts

import (
	"errors"
	"io"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	near    = 64 << 10  // the stretch, in bytes, that is read through rather than halved again
	tail    = 256 << 10 // how much is looked at from the end
	maxTail = 16 << 20  // if there is no sound in less
)

// measure finds the duration from the last packets, if the media can seek.
func (d *Demuxer) measure() {
	d.ts.r.Measure()
	if !d.ts.r.Seekable() || d.ts.r.Size() < 0 || !d.dated {
		return
	}
	back := d.ts.r.Pos()
	scout := *d
	for n := int64(tail); ; n *= 4 {
		at := max(d.start, d.ts.r.Size()-n)
		scout.es, scout.slab, scout.coding, scout.told, scout.queue = stream{}, input.Slab{}, d.coding.clone(), &audio.CodecInfo{}, nil
		scout.blind = true
		if end := scout.end(at); end > 0 {
			d.info.Duration = max(0, input.Duration(end-d.codec.PreSkip))
			break
		}
		if at == d.start || n >= maxTail {
			break
		}
	}
	if err := d.ts.r.Jump(back); err != nil {
		d.err = err
	}
}

// end is when the last packet ends, reading from at on; 0 if there is none.
func (d *Demuxer) end(at int64) (end int64) {
	if d.restart(at) != nil {
		return 0
	}
	for {
		p, err := d.ReadPacket()
		if err != nil {
			return end
		}
		end = p.PTS + p.Duration - p.TrimEnd
	}
}

// restart goes to at, or the first packet behind it, and takes the time from there.
func (d *Demuxer) restart(at int64) error {
	if err := d.ts.jump(at); err != nil {
		return err
	}
	d.forget()
	d.timed, d.placing, d.hole, d.broken = false, true, false, false
	return nil
}

// jump goes to the first packet at or behind at.
func (t *packets) jump(at int64) error {
	if err := t.r.Jump(at); err != nil {
		return err
	}
	return t.sync()
}

// Seek moves by halving to the last PES packet shortly before to, and on to the
// frame there that lets decoders warm up. Where the times in the stream do not only
// go forward, it reads from the beginning.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	if !d.ts.r.Seekable() || d.ts.r.Size() < 0 || !d.dated {
		return 0, audio.ErrNotSeekable
	}
	target := input.Samples(max(0, to))
	goal := target - d.traits.runUp*input.Scale(d.each, d.clock.Rate)
	at, err := d.halve(goal)
	if err != nil {
		return 0, err
	}
	landed, err := d.land(at, goal)
	if err == nil && landed > target && at > d.start {
		landed, err = d.land(d.start, goal)
	}
	if err != nil {
		return 0, err
	}
	return min(max(0, input.Duration(landed-d.codec.PreSkip)), max(0, to)), nil
}

// halve returns where to read from to come by goal.
func (d *Demuxer) halve(goal int64) (int64, error) {
	low, high := d.start, d.ts.r.Size()
	earliest := int64(-jitter)
	latest := input.Samples(d.info.Duration) + d.codec.PreSkip + jitter
	for !d.uneven && goal > 0 && high-low > near {
		middle := low + (high-low)/2
		at, pts, err := d.probe(middle, high)
		switch {
		case err != nil:
			return 0, err
		case pts < 0:
			high = middle
			continue
		}
		switch now := d.since(pts); {
		case now < earliest || now > latest:
			d.uneven = true
		case now > goal:
			high, latest = middle, now+jitter
		default:
			low, earliest = at, now-jitter
		}
	}
	if d.uneven {
		return d.start, nil
	}
	return low, nil
}

// probe finds the first PES packet of ours that tells its time in from..high.
// There is none if pts is negative.
func (d *Demuxer) probe(from, high int64) (at, pts int64, err error) {
	err = d.ts.jump(from)
	for err == nil && d.ts.r.Pos() < high {
		var p []byte
		if p, err = d.ts.next(); err != nil {
			break
		}
		if int(p[1]&0x1f)<<8|int(p[2]) != d.pid || p[1]&0xc0 != 0x40 || p[3]&0x10 == 0 {
			continue
		}
		begin := 4
		if p[3]&0x20 != 0 {
			begin += 1 + int(p[4])
		}
		if begin >= packetSize {
			continue
		}
		if h, size := parsePES(p[begin:]); size > 0 && size <= packetSize-begin && h.pts >= 0 {
			return d.ts.r.Pos() - packetSize, h.pts, nil
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, audio.ErrMalformed) {
		err = nil
	}
	return 0, -1, err
}

// land reads from at to the packet that holds goal, makes it the next one, and
// returns when it is.
func (d *Demuxer) land(at, goal int64) (int64, error) {
	if at == d.start {
		if err := d.ts.jump(at); err != nil {
			return 0, err
		}
		d.rewind()
	} else if err := d.restart(at); err != nil {
		return 0, err
	}
	if o, ok := d.coding.(*opusCoding); ok {
		o.leading = false
	}
	known := d.known
	defer func() { d.known = known }()
	for {
		p, err := d.ReadPacket()
		if err != nil {
			return d.clock.Now(), unlessEnd(err)
		}
		if p.PTS+p.Duration > goal {
			d.next--
			d.retell(&d.queue[d.next], known)
			return p.PTS, nil
		}
	}
}

// retell makes a packet that was sought say how it is coded only if that is news.
func (d *Demuxer) retell(p *audio.Packet, known audio.CodecInfo) {
	p.Codec = nil
	if d.now.Name != known.Name || d.now.SampleRate != known.SampleRate || d.now.Channels != known.Channels || string(d.now.Private) != string(known.Private) {
		c := d.now
		p.Codec = &c
	}
}

// unlessEnd is err, if it is not that the stream is over.
func unlessEnd(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, audio.ErrTruncated) {
		return nil
	}
	return err
}
