package mpegts

import (
	"slices"

	"segue/audio"
)

// table takes in a packet of the table of programmes, or of that of one of them.
func (d *Demuxer) table(p []byte, s *sections, of *programme) error {
	at := 4
	if p[3]&0x20 != 0 {
		at += 1 + int(p[4])
	}
	if p[3]&0xd0 != 0x10 || at >= packetSize { // scrambled, or empty
		return nil
	}
	start := p[1]&0x40 != 0
	rest := s.add(p[at:], start, p[3]&15)
	for {
		for b := s.next(); b != nil; b = s.next() {
			if of == nil {
				d.programmes.readPAT(b)
			} else if err := d.choose(of, b); err != nil {
				return err
			}
		}
		if !start {
			return nil
		}
		s.begin(rest)
		start = false
	}
}

// choose reads the table of a programme: it stays with the stream it has, if that
// is still there, or takes the first that can be played.
func (d *Demuxer) choose(of *programme, b []byte) error {
	of, pcr, listings := d.programmes.readPMT(of, b)
	if of == nil {
		return nil
	}
	of.seen = true
	if slices.ContainsFunc(listings, func(l listing) bool { return l.pid == d.pid && l.kind == d.kind }) {
		d.programmes.ours, d.pcr = of, pcr
		return nil
	}
	for _, l := range listings {
		c, what := codingOf(l)
		if c == nil {
			if !slices.Contains(d.found, what) && len(d.found) < maxMarks {
				d.found = append(d.found, what)
			}
			continue
		}
		d.switchTo(l, c)
		d.programmes.ours, d.pcr = of, pcr
		return nil
	}
	if d.codec.Name != "" || !d.programmes.allSeen() {
		return nil
	}
	for _, l := range listings { // it may be sound, without a word about it
		if _, what := codingOf(l); what == "private data" {
			d.switchTo(l, &adtsCoding{})
			d.guessing, d.programmes.ours, d.pcr = true, of, pcr
			return nil
		}
	}
	return d.refusal(audio.ErrUnsupported)
}

// switchTo makes l the stream that is read.
func (d *Demuxer) switchTo(l listing, c coding) {
	d.es.reset()
	d.es.broken = d.pid != noPID
	d.uneven = d.uneven || d.pid != noPID
	d.fresh = true
	d.pid, d.kind, d.coding, d.traits, d.guessing = l.pid, l.kind, c, c.traits(), false
	d.key, d.synced, d.need = noKey, false, 0
}

// otherwise looks whether the stream, of which no frame was found yet, begins with
// frames of another kind than it is said to have, and takes that up; or whether
// more must be seen, which d.need says then.
func (d *Demuxer) otherwise(b []byte) bool {
	if d.kind == kindPrivate && !d.guessing {
		return false
	}
	for _, c := range []coding{&adtsCoding{}, &latmCoding{}, mpegCoding{}} {
		t := c.traits()
		if len(b) < t.least {
			continue
		}
		size, key := c.look(b)
		if size == 0 || size >= maxUnit {
			continue
		}
		if len(b) < size+t.least {
			if d.final {
				continue
			}
			d.need = size + t.least
			return true
		}
		if n, k := c.look(b[size:]); n > 0 && k == key && t != d.traits {
			d.coding, d.traits = c, t
			return true
		}
	}
	return false
}
