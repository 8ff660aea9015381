package mp4

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"segue/audio"
	"segue/audio/container/tags"
)

const maxText = 4 << 10

// A movie is what the index says.
type movie struct {
	scale      uint32 // units of a second, for what is not in a track
	duration   int64
	fragmented bool
	chosen     *track
	refused    error // why not, if there was sound
	defaults   []defaults
	smooth     smooth
	texts      []*track // that may be the names of chapters
	cover      tags.Cover
	ensemble   string // who made the album
}

// smooth is what iTunes writes of where the music is, in samples.
type smooth struct{ delay, samples int64 }

// defaults are those of a track's fragments.
type defaults struct{ track, duration, size uint32 }

func (d *Demuxer) readMovie(b box, depth int) error {
	switch b.kind {
	case "mvhd":
		scale, duration, err := d.readClock(b)
		d.movie.scale, d.movie.duration = scale, duration
		return err
	case "trak":
		other := d.movie.chosen != nil
		err := d.readTrack(b, depth)
		if other && (errors.Is(err, audio.ErrMalformed) || errors.Is(err, audio.ErrLimit)) && d.r.Pos() <= b.end {
			return nil // music can do without
		}
		return err
	case "mvex":
		d.movie.fragmented = true
		return d.within(b.end, depth, d.readExtends)
	case "udta":
		return d.within(b.end, depth, d.readUser)
	case "meta":
		return d.readMeta(b, depth)
	}
	return nil
}

// readClock reads the time scale and duration of an mvhd or mdhd.
func (d *Demuxer) readClock(b box) (scale uint32, duration int64, err error) {
	h, err := d.fields(b, 4)
	if err != nil {
		return 0, 0, err
	}
	if h[0] == 1 {
		if h, err = d.fields(b, 28); err != nil {
			return 0, 0, err
		}
		scale, duration = binary.BigEndian.Uint32(h[16:]), int64(binary.BigEndian.Uint64(h[20:]))
	} else {
		if h, err = d.fields(b, 16); err != nil {
			return 0, 0, err
		}
		scale, duration = binary.BigEndian.Uint32(h[8:]), int64(binary.BigEndian.Uint32(h[12:]))
		if duration == 1<<32-1 {
			duration = 0
		}
	}
	return scale, max(duration, 0), nil
}

func (d *Demuxer) readExtends(b box, _ int) error {
	switch b.kind {
	case "mehd":
		h, err := d.fields(b, 4)
		if err != nil {
			return err
		}
		if h[0] == 1 {
			if h, err = d.fields(b, 8); err == nil {
				d.movie.duration = max(int64(binary.BigEndian.Uint64(h)), 0)
			}
		} else if h, err = d.fields(b, 4); err == nil {
			d.movie.duration = int64(binary.BigEndian.Uint32(h))
		}
		return err
	case "trex":
		h, err := d.fields(b, 24)
		if err == nil && len(d.movie.defaults) < 64 {
			d.movie.defaults = append(d.movie.defaults, defaults{
				binary.BigEndian.Uint32(h[4:]), binary.BigEndian.Uint32(h[12:]), binary.BigEndian.Uint32(h[16:]),
			})
		}
		return err
	}
	return nil
}

// parseSmooth reads four hexadecimal numbers: nothing, delay, padding, length.
func parseSmooth(s string) smooth {
	f := strings.Fields(s)
	if len(f) < 4 {
		return smooth{}
	}
	delay, err := strconv.ParseInt(f[1], 16, 32)
	samples, err2 := strconv.ParseInt(f[3], 16, 48)
	if err != nil || err2 != nil || delay < 0 || samples <= 0 {
		return smooth{}
	}
	return smooth{delay, samples}
}
