package mp3

import (
	"segue/audio/codec/mp3"
)

const (
	leapFrom   = 200      // frames: what is this close, some 5 s, is read through
	proveFirst = 64       // frames: the rarest padding there is, 1 in 49, shows within them
	proveThere = 8        // frames in a row where it lands
	stepBack   = 64 << 10 // bytes: where it looks again if there are no such frames
)

// A pace is how many bytes a frame of constant bit rate has on average, padding
// included: num/den.
type pace struct {
	num, den int64
	base     int   // bytes of a frame without padding
	slack    int64 // bytes that a frame may be from where the average has it
}

// at is where frame n is on average, counted in bytes from the first.
func (p pace) at(n int64) int64 { return n * p.num / p.den }

// frame is the number of the frame that begins at a place counted in bytes from
// the first, or false if none can begin there.
func (p pace) frame(at int64) (int64, bool) {
	n := (at*p.den + p.num/2) / p.num
	off := at - p.at(n)
	return n, off >= -p.slack && off <= p.slack
}

// paces are the ways in which an encoder may pad frames like h to a constant bit
// rate: so that it is met, or never. Free format is taken to have whole kbit/s.
func paces(h mp3.Header) []pace {
	base, slot, unit := h.Size-h.Padding, int64(1), int64(h.Samples/8)
	if h.Layer == 1 {
		slot, unit = 4, 48
	}
	rate, bitrate := int64(h.Rate), int64(h.Bitrate)
	if bitrate == 0 {
		bitrate = (int64(base)*rate + 1000*unit - 1) / (1000 * unit) * 1000
	}
	never := pace{int64(base), 1, base, 0}
	if over := unit*bitrate - int64(base)*rate; over < 0 || over >= slot*rate {
		return []pace{never}
	}
	return []pace{{unit * bitrate, rate, base, 2 * slot}, never}
}

// measurePace reads the first frames, once, and finds out whether they have a
// constant bit rate and which.
func (d *Demuxer) measurePace() error {
	if d.measured {
		return nil
	}
	d.measured = true
	if err := d.r.Jump(d.begin); err != nil {
		return err
	}
	var candidates []pace
	at := int64(0)
	for n := range int64(proveFirst) {
		b, err := d.r.Peek(mp3.HeaderSize)
		h, ok := d.parse(b)
		if n == 0 && ok && h.Size > 0 {
			candidates = paces(h)
		}
		if err != nil || !ok || !h.Alike(d.like) || len(candidates) == 0 || h.Size-h.Padding != candidates[0].base {
			return nil //nolint:nilerr // a short file, or one that has to be read: whoever does will see the error
		}
		kept := candidates[:0]
		for _, p := range candidates {
			if off := at - p.at(n); off >= -p.slack/2 && off <= p.slack/2 {
				kept = append(kept, p)
			}
		}
		candidates = kept
		if err := d.r.Skip(int64(h.Size)); err != nil {
			return nil //nolint:nilerr // as above
		}
		at += int64(h.Size)
	}
	if len(candidates) > 0 {
		d.pace = candidates[0]
	}
	return nil
}

// leap goes to a frame shortly before target, or to target, without reading what
// is before it, and reports whether it could: if the bit rate is constant.
//
// That is proved by the first frames, by those where it lands and by those half
// way there: they must be of the size that is usual and begin where a frame does
// if there was nothing but such frames before. So nothing that is no frame, and no
// frame of another size, goes unnoticed, unless it and all its like together are
// as long as so many frames, to within two bytes, at both places.
func (d *Demuxer) leap(target int64) (bool, error) {
	if err := d.measurePace(); err != nil || d.pace.num == 0 {
		return false, err
	}
	if d.r.Size() >= 0 {
		target = min(target, (d.r.Size()-d.begin)*d.pace.den/d.pace.num-2*proveThere)
	}
	for range 2 {
		if target < leapFrom {
			return false, nil
		}
		if _, ok, err := d.land(target / 2); !ok {
			return false, err
		}
		n, ok, err := d.land(target)
		if err != nil {
			return false, err
		}
		if ok {
			d.frame, d.err = n, nil
			return true, nil
		}
		target -= stepBack * d.pace.den / d.pace.num
	}
	return false, nil
}

// land finds the frame at or just before target, and its number.
func (d *Demuxer) land(target int64) (n int64, ok bool, err error) {
	room := d.pace.base + 8
	from := max(0, d.pace.at(target)-int64(room))
	if err := d.r.Jump(d.begin + from); err != nil {
		return 0, false, err
	}
	b, _ := d.r.Peek((proveThere + 2) * room)
	for i := range min(len(b), room) {
		if !d.runs(b[i:]) {
			continue
		}
		if n, ok := d.pace.frame(from + int64(i)); ok { // or it is in the middle of a frame that looks like many
			d.r.Advance(i)
			return n, true, nil
		}
	}
	return 0, false, nil
}

// runs reports whether b begins with frames of constant bit rate.
func (d *Demuxer) runs(b []byte) bool {
	for range proveThere {
		h, ok := d.parse(b)
		if !ok || !h.Alike(d.like) || h.Size-h.Padding != d.pace.base || h.Size > len(b) {
			return false
		}
		b = b[h.Size:]
	}
	return true
}
