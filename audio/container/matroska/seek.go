package matroska

import (
	"errors"
	"io"
	"slices"
	"time"

	"segue/audio"
	"segue/audio/container/input"
)

const maxCues = 1 << 17

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
	if !d.begun { // the first block says what time 0 is
		if _, err := d.ReadPacket(); err != nil {
			return 0, err
		}
		d.at--
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
	case "mp3":
		return 14400 // a full bit reservoir at a low bit rate
	}
	return 0
}

// jump goes to the last cluster that the cues say begins at or before target.
func (d *Demuxer) jump(target int64) error {
	d.lateCues()
	at := d.first
	ours := slices.ContainsFunc(d.cues, func(c cue) bool { return c.track == d.number })
	for _, c := range d.cues {
		if ours && c.track != d.number {
			continue
		}
		if input.MulDiv(c.ticks, d.scale*6, 125_000)-d.origin > target {
			break
		}
		at = max(c.at, d.first)
	}
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
		at = d.first // the cues lie
	}
	d.restart()
	d.landed = d.begun
	d.queue, d.at, d.err = d.queue[:0], 0, nil
	return nil
}

// forward reads up to the last packet that begins at or before target and returns
// its time. Past the end it is the last packet.
func (d *Demuxer) forward(target int64) (int64, error) {
	var last audio.Packet
	for {
		p, err := d.ReadPacket()
		switch {
		case err != nil && last.Data != nil && (errors.Is(err, io.EOF) || errors.Is(err, audio.ErrTruncated)):
			d.queue, d.at = append(d.queue[:0], last), 0
			return last.PTS, nil
		case err != nil:
			return 0, err
		}
		if p.PTS > target && last.Data != nil { // a gap, with target in it
			d.queue, d.at = append([]audio.Packet{last}, d.queue[d.at-1:]...), 0
			return last.PTS, nil
		}
		if p.PTS+p.Duration > target || p.PTS >= target {
			d.at--
			return p.PTS, nil
		}
		last = p
	}
}
