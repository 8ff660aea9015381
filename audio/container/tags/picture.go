package tags

import (
	"bytes"
	"encoding/binary"
	"strings"

	"segue/audio"
)

// MaxPicture is the largest picture kept, in bytes.
const MaxPicture = 2 << 20

// FrontCover is the kind of picture that is preferred, as ID3, FLAC and Vorbis
// comments number them.
const FrontCover = 3

// A Cover chooses one of several pictures: the first front cover, or else the
// first. The zero value is ready; it is for one tag, or several that belong
// together.
type Cover struct{ begun, front bool }

// Wants reports whether a picture of that kind and size would be taken. What an
// earlier tag gave stays.
func (c *Cover) Wants(in *audio.Info, kind uint32, size int64) bool {
	if !c.begun {
		c.begun, c.front = true, len(in.Artwork.Data) > 0
	}
	return size > 0 && size <= MaxPicture && !c.front && (len(in.Artwork.Data) == 0 || kind == FrontCover)
}

// Take makes data, which it keeps, the artwork, if it wants that. The type is
// told by the content, and by mime only if that is of no kind we know.
func (c *Cover) Take(in *audio.Info, kind uint32, mime string, data []byte) {
	if mime == "-->" || !c.Wants(in, kind, int64(len(data))) {
		return // "-->": an address, not a picture
	}
	in.Artwork = audio.Picture{MIME: imageType(data, mime), Data: data[:len(data):len(data)]}
	c.front = kind == FrontCover
}

func imageType(b []byte, claimed string) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xff\xd8\xff")):
		return "image/jpeg"
	case bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")):
		return "image/png"
	case bytes.HasPrefix(b, []byte("GIF8")):
		return "image/gif"
	case len(b) >= 12 && string(b[:4]) == "RIFF" && string(b[8:12]) == "WEBP":
		return "image/webp"
	case bytes.HasPrefix(b, []byte("BM")):
		return "image/bmp"
	}
	claimed = strings.ToLower(Clean(claimed))
	switch {
	case claimed == "":
		return "application/octet-stream"
	case !strings.Contains(claimed, "/"):
		return "image/" + claimed // ID3 of old
	}
	return claimed
}

// FLACPicture reads the body of a PICTURE metadata block (RFC 9639, 8.8), size
// bytes long, as far as it makes sense, and no more of r than that. The error is
// that of r.
func FLACPicture(in *audio.Info, c *Cover, r Source, size int64) error {
	const colours = 4 * 4 // width, height, depth, how many
	left := size - 4*4 - colours
	if left < 0 {
		return nil
	}
	var err error
	number := func() (n int64) {
		var b [4]byte
		if err == nil {
			_, err = r.ReadFull(b[:])
		}
		return int64(binary.BigEndian.Uint32(b[:]))
	}
	kind, length := number(), number()
	if err != nil || length > min(left, maxFrame) {
		return err
	}
	mime, err := take(r, int(length))
	left -= length
	if length = number(); err != nil || length > left {
		return err
	}
	left -= length
	if err = r.Skip(length + colours); err != nil {
		return err
	}
	if length = number(); err != nil || length > left {
		return err
	}
	return c.Picture(in, r, uint32(kind), string(mime), length)
}

// Picture reads size bytes of r as a picture of that kind, if c wants it. The
// error is that of r.
func (c *Cover) Picture(in *audio.Info, r Source, kind uint32, mime string, size int64) error {
	if !c.Wants(in, kind, size) {
		return nil
	}
	data, err := take(r, int(size))
	if err == nil {
		c.Take(in, kind, mime, data)
	}
	return err
}
