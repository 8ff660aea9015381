package wav

import (
	"encoding/binary"

	"segue/audio/container/tags"
)

const maxLate = 64 // chunks looked at behind the samples

// readList reads the names in an INFO list.
func (d *Demuxer) readList(size int64) error {
	end := d.r.Pos() + size
	b, err := d.r.Next(4)
	if err != nil || string(b) != "INFO" {
		return err
	}
	for range maxChunks {
		if end-d.r.Pos() < 8 {
			break
		}
		b, err := d.r.Next(8)
		if err != nil {
			return err
		}
		id, size := string(b[:4]), int64(binary.LittleEndian.Uint32(b[4:]))
		next := d.r.Pos() + size + size&1
		if next > end+1 {
			break
		}
		if field := map[string]string{"INAM": "TITLE", "IART": "ARTIST", "IPRD": "ALBUM"}[id]; field != "" {
			text, err := d.r.Next(int(min(size, maxText)))
			if err != nil {
				return err
			}
			tags.Set(&d.info, field, string(text))
		}
		if err := d.r.Skip(next - d.r.Pos()); err != nil {
			return err
		}
	}
	return nil
}

// readID3 reads a chunk that holds an ID3v2 tag.
func (d *Demuxer) readID3(size int64) error {
	b, err := d.r.Peek(tags.ID3Header)
	if err != nil {
		return err
	}
	if n := tags.ID3Size(b); n == 0 || n > size {
		return nil
	}
	return tags.ReadID3(&d.info, d.r)
}

// lateTags reads the chunks behind size bytes of samples, if there are any and the
// media can seek. Nothing that goes wrong with them matters; the error is of going
// back.
func (d *Demuxer) lateTags(size int64) error {
	const least = 16
	back := d.r.Pos()
	at := back + size + size&1
	if d.wide {
		at = back + size + -size&7
	}
	if d.r.Measure(); !d.r.Seekable() || size < 0 || at < back || at > d.r.Size()-least || d.r.Jump(at) != nil {
		return nil
	}
	for range maxLate {
		id, size, err := d.next()
		if err != nil || id == "data" || id == "fmt " || id == "ds64" {
			break
		}
		if d.readChunk(id, size) != nil {
			break
		}
	}
	return d.r.Jump(back)
}
