package matroska

import (
	"errors"
	"strings"
	"time"

	"segue/audio"
	"segue/audio/container/tags"
)

const (
	maxAttached = 64      // files looked at
	maxLater    = 16      // tags whose meaning others decide
	maxLate     = 8 << 20 // bytes of what is fetched from behind the music
)

// A said is a tag that does not say what it is about.
type said struct{ name, value string }

// readTags reads who made it, and how loud it wants to be. What has no target is
// said of an album, by the letter; but many programs mean the track by that. So
// it is the album's where the track has its own.
func (d *Demuxer) readTags(e element) error {
	var later []said
	err := children(d.r, e, func(e element) error {
		if e.id != idTag {
			return nil
		}
		const album = 50
		target := int64(0)
		return children(d.r, e, func(e element) error {
			switch e.id {
			case idTargets:
				return children(d.r, e, func(e element) (err error) {
					if e.id == idTargetType {
						target, err = number(d.r, e)
					}
					return err
				})
			case idSimpleTag:
				name, value, err := d.readTag(e)
				if name = strings.ToUpper(name); target == 0 && meaning(name, true) != name && len(later) < maxLater {
					later = append(later, said{name, value})
				} else {
					tags.Set(&d.info, meaning(name, target >= album), value)
				}
				return err
			}
			return nil
		})
	})
	told, titled := d.info.Track.Told, d.info.Title
	for _, x := range later {
		if x.name != "TITLE" {
			tags.Set(&d.info, meaning(x.name, told), x.value)
		} else if tags.Clean(x.value) != titled {
			tags.Set(&d.info, meaning(x.name, titled != ""), x.value)
		}
	}
	return err
}

// nicety forgives what is wrong with something that music can do without.
func nicety(err error) error {
	if errors.Is(err, audio.ErrMalformed) || errors.Is(err, audio.ErrLimit) {
		return nil
	}
	return err
}

// meaning is the name of a Vorbis comment that says what a tag's name, in capitals,
// does.
func meaning(name string, ofAlbum bool) string {
	switch {
	case name == "TITLE" && ofAlbum:
		return "ALBUM"
	case (name == "REPLAYGAIN_GAIN" || name == "REPLAYGAIN_PEAK") && ofAlbum:
		return strings.Replace(name, "_", "_ALBUM_", 1)
	case name == "REPLAYGAIN_GAIN" || name == "REPLAYGAIN_PEAK":
		return strings.Replace(name, "_", "_TRACK_", 1)
	}
	return name
}

func (d *Demuxer) readTag(e element) (name, value string, err error) {
	err = children(d.r, e, func(e element) (err error) {
		switch e.id {
		case idTagName:
			name, err = text(d.r, e)
		case idTagString:
			value, err = text(d.r, e)
		}
		return err
	})
	return name, value, err
}

// readAttachments looks for the cover among the files that came along
// (RFC 9559, 21.1: cover.jpg and cover.png, and small ones).
func (d *Demuxer) readAttachments(e element) error {
	var cover tags.Cover
	seen := 0
	return children(d.r, e, func(e element) error {
		if seen++; e.id != idAttached || seen > maxAttached {
			return nil
		}
		return d.readAttached(e, &cover)
	})
}

// readAttached reads one file. Its name and type come before its bytes, as all
// programs write them.
func (d *Demuxer) readAttached(e element, cover *tags.Cover) error {
	name, mime := "", ""
	return children(d.r, e, func(e element) (err error) {
		switch e.id {
		case idFileName:
			name, err = text(d.r, e)
		case idFileType:
			mime, err = text(d.r, e)
		case idFileData:
			if !strings.HasPrefix(strings.ToLower(mime), "image/") {
				return nil
			}
			kind := uint32(0)
			if strings.HasPrefix(strings.ToLower(name), "cover") {
				kind = tags.FrontCover
			}
			err = within(cover.Picture(&d.info, d.r, kind, mime, e.size))
		}
		return err
	})
}

// readChapters reads the chapters of the default edition, or of the first. Parts
// of chapters are passed over.
func (d *Demuxer) readChapters(e element) error {
	chosen, had := []audio.Chapter(nil), false
	err := children(d.r, e, func(e element) error {
		if e.id != idEdition {
			return nil
		}
		var in audio.Info
		usual, hidden := false, false
		err := children(d.r, e, func(e element) (err error) {
			switch e.id {
			case idEditionDefault:
				usual, err = d.flag(e)
			case idEditionHidden:
				hidden, err = d.flag(e)
			case idAtom:
				err = d.readAtom(e, &in)
			}
			return err
		})
		if !hidden && (chosen == nil || usual && !had) {
			chosen, had = in.Chapters, usual
		}
		return err
	})
	if d.info.Chapters == nil {
		d.info.Chapters = chosen
	}
	return err
}

func (d *Demuxer) flag(e element) (bool, error) {
	n, err := number(d.r, e)
	return n != 0, err
}

// readAtom reads one chapter.
func (d *Demuxer) readAtom(e element, in *audio.Info) error {
	start, title, hidden, titled := int64(0), "", false, false
	err := children(d.r, e, func(e element) (err error) {
		switch e.id {
		case idAtomStart:
			start, err = number(d.r, e)
		case idAtomHidden:
			hidden, err = d.flag(e)
		case idAtomDisplay:
			if titled {
				return nil // in another language
			}
			titled = true
			return children(d.r, e, func(e element) (err error) {
				if e.id == idAtomString {
					title, err = text(d.r, e)
				}
				return err
			})
		}
		return err
	})
	if !hidden {
		tags.AddChapter(in, time.Duration(start), title)
	}
	return err
}

// late fetches from behind the music what the SeekHead says is there and was not
// at the beginning. It is a nicety: nothing that goes wrong with it matters.
func (d *Demuxer) late() {
	back, moved := d.r.Pos(), false
	if !d.r.Seekable() {
		return
	}
	for _, x := range []struct {
		id   uint32
		read func(element) error
	}{{idTags, d.readTags}, {idAttachments, d.readAttachments}, {idChapters, d.readChapters}} {
		at := d.places[x.id]
		if at <= d.first {
			continue
		}
		moved = true
		if d.r.Jump(at) != nil {
			continue
		}
		if e, err := header(d.r); err == nil && e.id == x.id && e.size < maxLate {
			_ = x.read(e)
		}
	}
	if moved {
		d.err = d.r.Jump(back)
	}
}
