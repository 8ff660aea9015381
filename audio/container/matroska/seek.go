package matroska

import (
	"encoding/binary"
	"errors"
	"io"
	"slices"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	maxCues   = 1 << 17
	clusterID = "\x1F\x43\xB6\x75"
)

// A cue says which cluster to go to for a time.
type cue struct {
	ticks, track int64
	at           int64 // in the media
}

func (d *Demuxer) readCues(e element) error {
	err := children(d.r, e, func(e element) error {
		if e.id != idCuePoint || len(d.cues) >= maxCues {
			return nil
		}
		return d.readCue(e)
	})
	slices.SortStableFunc(d.cues, func(a, b cue) int { return int(min(1, max(-1, a.ticks-b.ticks))) })
	return err
}

func (d *Demuxer) readCue(e element) error {
	c := cue{at: -1}
	err := children(d.r, e, func(e element) (err error) {
		switch e.id {
		case idCueTime:
			c.ticks, err = number(d.r, e)
		case idCuePosition:
			err = children(d.r, e, func(e element) (err error) {
				switch e.id {
				case idCueTrack:
					c.track, err = number(d.r, e)
				case idCueCluster:
					c.at, err = number(d.r, e)
					c.at += d.segment.body
				}
				return err
			})
		}
		return err
	})
	if c.at >= d.segment.body && c.ticks < 1<<60 {
		d.cues = append(d.cues, c)
	}
	return err
}

// lateCues fetches the cues from where the SeekHead says they are, once.
func (d *Demuxer) lateCues() {
	if d.cuesSought || len(d.cues) > 0 || d.cuesAt <= d.first {
		return
	}
	d.cuesSought = true
	if d.r.Jump(d.cuesAt) == nil {
		if e, err := header(d.r); err == nil && e.id == idCues {
			_ = d.readCues(e) // as far as they are good
		}
	}
}

// Seek goes to the cluster the cues name, or without cues to the first, and reads
// on from there. Media that only flow forward can be read forward, if they have an
// end. Decoders of Vorbis and MP3 need a run-up, so it lands that much earlier.
func (d *Demuxer) Seek(to time.Duration) (time.Duration, error) {
	for n := 0; !d.begun || d.r.Seekable() && !d.dated && n < 4; n++ { // the first blocks say what time 0 is
		p, err := d.ReadPacket()
		if err != nil {
			return 0, err
		}
		if d.r.Seekable() {
			d.at = len(d.queue)
		} else {
			d.unread(p)
		}
	}
	preSkip := d.coding.info.PreSkip
	target := max(0, input.Samples(to)) - d.runUp()
	behind := d.at < len(d.queue) && d.queue[d.at].PTS > target || d.at == len(d.queue) && d.clock.Now() > target
	if !d.r.Seekable() && (behind || d.info.Duration == 0) {
		return 0, audio.ErrNotSeekable
	}
	if d.r.Seekable() {
		if err := d.jump(target); err != nil {
			return 0, err
		}
	}
	pts, err := d.forward(target)
	return max(0, input.Duration(pts-preSkip)), err
}

// runUp is how much before a place decoding has to begin, in samples at 48 kHz.
func (d *Demuxer) runUp() int64 {
	switch d.coding.info.Name {
	case "vorbis":
		return 9600 // two blocks of the largest kind
	case "aac":
		return 4800 // frames overlap
	case "mp1", "mp2", "mp3":
		return 14400 // a full bit reservoir at a low bit rate
	}
	return 0
}

// jump goes to a cluster that begins at or before target: the one the cues name,
// or one found by halving what lies between two of them if that is much.
func (d *Demuxer) jump(target int64) error {
	d.lateCues()
	at, end := d.between(target)
	at = d.halve(at, end, target)
	for {
		if err := d.r.Jump(at); err != nil {
			return err
		}
		e, err := header(d.r)
		if err == nil && e.id == idCluster {
			d.cluster = e
			break
		}
		if at == d.first {
			return errors.Join(malformed("cluster gone"), err)
		}
		at = d.halve(d.first, d.end(), target) // the cues lie
		d.cues, d.cuesSought = nil, true
	}
	d.restart()
	d.landed = d.dated
	d.queue, d.at, d.err = d.queue[:0], 0, nil
	return nil
}

// between returns the places between which target is, as the cues have it.
func (d *Demuxer) between(target int64) (at, end int64) {
	at, end = d.first, d.end()
	ours := slices.ContainsFunc(d.cues, func(c cue) bool { return c.track == d.number })
	for _, c := range d.cues {
		if ours && c.track != d.number {
			continue
		}
		if d.ticks(c.ticks)-d.origin > target {
			if c.at > at {
				end = c.at
			}
			break
		}
		at = max(c.at, d.first)
	}
	return at, end
}

// end is where the clusters end at the latest, or 0 if nobody knows.
func (d *Demuxer) end() int64 {
	d.r.Measure()
	end := max(d.r.Size(), 0)
	if d.segment.size != unknown {
		end = min(end, d.segment.end())
	}
	return end
}

// halve looks between low, where a cluster begins, and high for the last one that
// begins at or before target, until little is left to be read through. Where the
// length is known it guesses first.
func (d *Demuxer) halve(low, high, target int64) int64 {
	const enough, guesses, steps = 128 << 10, 3, 40
	from, to := int64(0), input.Samples(d.info.Duration)
	for n := 0; n < steps && high-low > enough; n++ {
		middle := low + (high-low)/2
		if n < guesses && from <= target && target < to {
			middle = low + int64(float64(high-low)*float64(target-from)/float64(to-from))
			middle = max(low+1, middle-enough/2)
		}
		at, time, ok := d.clusterAfter(middle, high)
		switch {
		case !ok || time > target:
			if high = middle; ok {
				to = time
			}
		default:
			low, from = at, time
		}
	}
	return low
}

// clusterAfter returns the first cluster that begins in from..high, and its time
// since the first block.
func (d *Demuxer) clusterAfter(from, high int64) (at, time int64, ok bool) {
	if d.r.Jump(from) != nil {
		return 0, 0, false
	}
	for {
		if found, err := d.r.Find([]byte(clusterID), high-d.r.Pos()); err != nil || !found {
			return 0, 0, false
		}
		at = d.r.Pos()
		if ticks, ok := d.looksLikeCluster(); ok {
			return at, d.ticks(ticks) - d.origin, true
		}
		if d.r.Jump(at+1) != nil {
			return 0, 0, false
		}
	}
}

// looksLikeCluster reads the beginning of one, up to its time, and says if it was.
func (d *Demuxer) looksLikeCluster() (ticks int64, ok bool) {
	c, err := header(d.r)
	if err != nil || c.id != idCluster || c.size != unknown && c.end() > max(d.end(), d.segment.end()) {
		return 0, false
	}
	for range 4 { // a checksum and positions may stand before the time
		e, err := header(d.r)
		if err != nil || e.size == unknown || e.size > 64 {
			return 0, false
		}
		if e.id == idTimestamp {
			ticks, err = number(d.r, e)
			return ticks, err == nil && d.r.Pos() <= c.end() && d.goesOn()
		}
		if d.r.Skip(e.size) != nil {
			return 0, false
		}
	}
	return 0, false
}

// goesOn reports whether what comes next may stand in a cluster or after it. It
// consumes nothing.
func (d *Demuxer) goesOn() bool {
	b, err := d.r.Peek(4)
	if err != nil {
		return errors.Is(err, io.EOF)
	}
	switch b[0] {
	case idSimple, idGroup, idPosition, idPrevSize, idVoid, idCRC:
		return true
	}
	return string(b) == clusterID || begins(element{id: binary.BigEndian.Uint32(b)})
}

// unread makes p the next packet again.
func (d *Demuxer) unread(p audio.Packet) {
	d.queue, d.at = append([]audio.Packet{p}, d.queue[d.at:]...), 0
}

// forward reads up to the last packet that begins at or before target and returns
// its time. Past the end it is the last packet.
func (d *Demuxer) forward(target int64) (int64, error) {
	var last audio.Packet
	for {
		p, err := d.ReadPacket()
		switch {
		case err != nil && last.Data != nil && (errors.Is(err, io.EOF) || errors.Is(err, audio.ErrTruncated)):
			d.unread(last)
			return last.PTS, nil
		case err != nil:
			return 0, err
		}
		if p.PTS > target && last.Data != nil { // a gap, with target in it
			d.unread(p)
			d.unread(last)
			return last.PTS, nil
		}
		if p.PTS+p.Duration > target || p.PTS >= target {
			d.unread(p)
			return p.PTS, nil
		}
		last = p
	}
}
