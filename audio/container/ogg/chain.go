package ogg

import (
	"errors"
	"fmt"
	"slices"

	"segue/audio"
	"segue/audio/container/input"
)

const (
	fewLinks = 16   // streams of a chain that are looked for to know how long it is
	maxLinks = 1024 // and to seek in it
)

// A link is one stream of a chain, with those beside it.
type link struct {
	at, end int64 // where in the media
	mark    int64 // where its music begins, as a PTS
}

// survey finds all streams of the chain, which are limit at most, and how long
// they are together. Whatever it finds, it goes back to the beginning.
func (d *Demuxer) survey(limit int) error {
	links, err := d.follows([]link{{at: d.at0, mark: d.opened.PreSkip}}, limit)
	if err == nil {
		d.links = links
	} else {
		d.info.Duration = 0
	}
	return errors.Join(err, d.visit(0, links))
}

// follows appends to links, which has the first, all that follow.
func (d *Demuxer) follows(links []link, limit int) ([]link, error) {
	for {
		if err := d.visit(len(links)-1, links); err != nil {
			if len(links) == 1 {
				return links, err
			}
			return links[:len(links)-1], nil // what comes there cannot be played
		}
		last := &links[len(links)-1]
		end, err := d.boundary()
		if err != nil {
			return links, err
		}
		last.end = end
		granule, _ := d.tail(end)
		mark := max(last.mark, d.time(granule))
		d.info.Duration = max(0, input.Duration(mark-d.opened.PreSkip))
		if end >= d.r.Size() {
			return links, nil
		}
		if len(links) == limit {
			return links, fmt.Errorf("ogg: a chain of more than %d streams: %w", limit, audio.ErrLimit)
		}
		links = append(links, link{at: end, mark: mark})
	}
}

// visit goes to the beginning of the stream with that number.
func (d *Demuxer) visit(n int, links []link) error {
	if err := d.r.Jump(links[n].at); err != nil {
		return err
	}
	d.link, d.mark = n, links[n].mark
	if err := d.enter(); err != nil {
		return err
	}
	if !d.begun {
		return fmt.Errorf("ogg: a stream without audio: %w", audio.ErrTruncated)
	}
	return nil
}

// boundary returns where the stream at hand and those beside it end: by halving,
// then page by page.
func (d *Demuxer) boundary() (int64, error) {
	low, high := d.first, d.r.Size()
	for high-low > near {
		middle := low + (high-low)/2
		if err := d.r.Jump(middle); err != nil {
			return 0, err
		}
		pg, err := d.next()
		if err == nil && d.from < high && slices.Contains(d.beside, pg.serial) {
			low = d.from
		} else {
			high = middle
		}
	}
	if err := d.r.Jump(low); err != nil {
		return 0, err
	}
	for {
		pg, err := d.next()
		if err != nil {
			return d.r.Size(), nil //nolint:nilerr // as far as there are pages
		}
		if !slices.Contains(d.beside, pg.serial) && pg.flags&flagBegin != 0 {
			return d.from, nil
		}
	}
}

// goTo makes the stream with the music at time, a PTS, the one at hand and returns
// where in the media it ends.
func (d *Demuxer) goTo(time int64) (end int64, err error) {
	if !d.chained {
		return d.r.Size(), nil
	}
	if d.links == nil {
		if err := d.survey(maxLinks); err != nil {
			return 0, fmt.Errorf("%w: %w", audio.ErrNotSeekable, err)
		}
	}
	n := 0
	for n+1 < len(d.links) && d.links[n+1].mark <= time {
		n++
	}
	if n != d.link || !d.begun {
		if err := d.visit(n, d.links); err != nil {
			return 0, err
		}
	}
	return d.links[n].end, nil
}
