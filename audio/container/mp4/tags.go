package mp4

import (
	"encoding/binary"
	"strings"
	"time"

	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const (
	maxTexts     = 8         // tracks of text looked at
	maxNeroTitle = 255       // of as many chapters as chpl can tell
	maxChapters  = 1000      // of a track of them
	maxSpread    = 256 << 10 // bytes in which their names must lie, so that one jump will do
	neroSecond   = 10_000_000
)

func (d *Demuxer) readUser(b box, depth int) error {
	switch b.kind {
	case "meta":
		return d.readMeta(b, depth)
	case "chpl":
		return d.readNero(b)
	}
	return nil
}

// readNero reads the chapters as Nero had them: 100 ns since the beginning, and a
// title. What is cut off is left out.
func (d *Demuxer) readNero(b box) error {
	h, err := d.fields(b, 4)
	if err != nil {
		return err
	}
	if h[0] > 0 {
		if _, err := d.fields(b, 4); err != nil {
			return err
		}
	}
	if h, err = d.fields(b, 1); err != nil {
		return err
	}
	for range h[0] {
		if b.end-d.r.Pos() < 9 {
			break
		}
		h, err := d.fields(b, 9)
		if err != nil {
			return err
		}
		start, size := binary.BigEndian.Uint64(h), int(h[8])
		if int64(size) > b.end-d.r.Pos() {
			break
		}
		if h, err = d.fields(b, size); err != nil {
			return err
		}
		d.chapter(input.MulDiv(int64(start&^(1<<63)), int64(time.Second), neroSecond), string(h))
	}
	return nil
}

func (d *Demuxer) chapter(nanoseconds int64, title string) {
	tags.AddChapter(&d.info, time.Duration(nanoseconds), title)
}

// readMeta reads the tags. QuickTime leaves the version of the box out.
func (d *Demuxer) readMeta(b box, depth int) error {
	if h, err := d.r.Peek(8); err != nil || string(h[4:]) != "hdlr" {
		if _, err := d.fields(b, 4); err != nil {
			return err
		}
	}
	return d.within(b.end, depth, func(b box, depth int) error {
		if b.kind != "ilst" {
			return nil
		}
		return d.within(b.end, depth, d.readTag)
	})
}

func (d *Demuxer) readTag(b box, depth int) error {
	names := map[string]string{"\xa9nam": "TITLE", "\xa9ART": "ARTIST", "\xa9alb": "ALBUM", "aART": "aART", "covr": "covr"}
	name := names[b.kind]
	if name == "" && b.kind != "----" {
		return nil
	}
	return d.within(b.end, depth, func(b box, _ int) error {
		if name == "covr" {
			return d.readCover(b)
		}
		text, err := d.text(b)
		switch {
		case err != nil:
			return err
		case b.kind == "name" && len(text) > 4:
			name = text[4:]
		case b.kind != "data" || len(text) <= 8:
		case name == "iTunSMPB":
			d.movie.smooth = parseSmooth(text[8:])
		case name == "aART":
			d.movie.ensemble = text[8:]
		default:
			tags.Set(&d.info, name, text[8:])
		}
		return nil
	})
}

// readCover takes the first picture, which is the front.
func (d *Demuxer) readCover(b box) error {
	if b.kind != "data" {
		return nil
	}
	h, err := d.fields(b, 8)
	if err != nil {
		return err
	}
	mime := map[uint32]string{13: "image/jpeg", 14: "image/png", 27: "image/bmp"}[binary.BigEndian.Uint32(h)]
	return cut(d.movie.cover.Picture(&d.info, d.r, tags.FrontCover, mime, b.end-d.r.Pos()))
}

// text reads the beginning of a box.
func (d *Demuxer) text(b box) (string, error) {
	h, err := d.fields(b, int(min(b.end-d.r.Pos(), maxText)))
	return string(h), err
}

// finish says who made it if only the album says so, and fetches the names of
// chapters that are a track, if that is cheap. Nothing that goes wrong with those
// matters.
func (d *Demuxer) finish() {
	tags.Set(&d.info, "ARTIST", d.movie.ensemble)
	if n := len(d.info.Chapters); !d.r.Seekable() || n > 0 && n < maxNeroTitle {
		return
	}
	for _, t := range d.movie.texts {
		for _, id := range d.track.chapters {
			if t.id == id && t.scale > 0 {
				back := d.r.Pos()
				d.readChapters(t)
				d.err = cut(d.r.Jump(back))
				return
			}
		}
	}
}

// readChapters reads the samples of t: two bytes that tell how long a title is, and
// the title.
func (d *Demuxer) readChapters(t *track) {
	var first, last int64
	for c, n := (cursor{}), 0; ; n++ {
		s, ok := t.table.next(&c)
		if !ok {
			break
		}
		if n == 0 {
			first, last = s.offset, s.offset
		}
		first, last = min(first, s.offset), max(last, s.offset)
	}
	if first < 0 || last-first > maxSpread {
		return
	}
	d.info.Chapters = nil
	for c := (cursor{}); ; {
		s, ok := t.table.next(&c)
		if !ok || d.r.Jump(s.offset+d.shift) != nil {
			return
		}
		h, err := d.r.Next(int(min(s.size, maxText)))
		if err != nil || len(h) < 2 {
			return
		}
		length := min(int(binary.BigEndian.Uint16(h)), len(h)-2)
		d.chapter(input.MulDiv(s.time, int64(time.Second), int64(t.scale)), title(h[2:2+length]))
	}
}

// title decodes the text of a sample, which is UTF-8 unless a mark says UTF-16.
func title(b []byte) string {
	if s := string(b); !strings.HasPrefix(s, "\xfe\xff") && !strings.HasPrefix(s, "\xff\xfe") {
		return s
	}
	return tags.UTF16(b)
}
