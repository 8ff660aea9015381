package tags

import (
	"bytes"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	"segue/audio"
)

// ID3Header is the length of the beginning of an ID3v2 tag that says how long
// the whole is.
const ID3Header = 10

// ID3Size is the length in bytes of the ID3v2 tag that begins with b, header and
// footer included, or 0 if none does. b should have ID3Header bytes.
func ID3Size(b []byte) int64 {
	if len(b) < ID3Header || string(b[:3]) != "ID3" || b[3] == 0xff || b[4] == 0xff {
		return 0
	}
	if (b[6]|b[7]|b[8]|b[9])&0x80 != 0 {
		return 0
	}
	size := ID3Header + int64(syncsafe(b[6:]))
	if b[5]&0x10 != 0 {
		size += ID3Header
	}
	return size
}

// ID3v2 reads title, artist and album from the ID3v2 tag (2.2 to 2.4) that
// begins with b, as far as b goes.
func ID3v2(in *audio.Info, b []byte) {
	if ID3Size(b) == 0 {
		return
	}
	version, flags := b[3], b[5]
	b = b[ID3Header:]
	if flags&0x80 != 0 && version < 4 {
		b = bytes.ReplaceAll(b, []byte{0xff, 0}, []byte{0xff})
	}
	if flags&0x40 != 0 && version > 2 && len(b) >= 4 { // extended header
		skip := int(binary.BigEndian.Uint32(b)) + 4
		if version == 4 {
			skip = syncsafe(b)
		}
		if skip < 0 || skip > len(b) {
			return
		}
		b = b[skip:]
	}
	for len(b) > 0 && b[0] != 0 {
		name, text, rest, ok := id3Frame(b, version)
		if !ok {
			return
		}
		if field := id3Names(name); field != "" && len(text) > 1 {
			Set(in, field, id3Text(text))
		}
		b = rest
	}
}

func id3Names(frame string) string {
	switch frame {
	case "TIT2", "TT2":
		return "TITLE"
	case "TPE1", "TP1":
		return "ARTIST"
	case "TALB", "TAL":
		return "ALBUM"
	}
	return ""
}

// id3Frame takes one frame off b.
func id3Frame(b []byte, version byte) (name string, body, rest []byte, ok bool) {
	head, size := 10, 0
	switch {
	case version == 2 && len(b) >= 6:
		head, size = 6, int(b[3])<<16|int(b[4])<<8|int(b[5])
	case version == 3 && len(b) >= 10:
		size = int(binary.BigEndian.Uint32(b[4:]))
	case version == 4 && len(b) >= 10:
		size = syncsafe(b[4:])
	default:
		return "", nil, nil, false
	}
	name = string(b[:4])
	if version == 2 {
		name = string(b[:3])
	}
	b = b[head:]
	if size < 0 || size > len(b) {
		return "", nil, nil, false
	}
	return name, b[:size], b[size:], true
}

// id3Text decodes a text frame: a byte for the encoding, then the text.
func id3Text(b []byte) string {
	encoding, b := b[0], b[1:]
	var s string
	switch encoding {
	case 1, 2:
		s = utf16Text(b)
	case 3:
		s = string(b)
	default:
		s = latin1(b)
	}
	s, _, _ = strings.Cut(s, "\x00") // 2.4 may list several
	return s
}

func utf16Text(b []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	if bytes.HasPrefix(b, []byte{0xff, 0xfe}) {
		order = binary.LittleEndian
	}
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		if u := order.Uint16(b); u != 0xfeff {
			units = append(units, u)
		}
	}
	return string(utf16.Decode(units))
}

func latin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}

// ID3v1 reads the 128 bytes at the end of a file that begin with "TAG".
func ID3v1(in *audio.Info, b []byte) {
	if len(b) < 128 || string(b[:3]) != "TAG" {
		return
	}
	text := func(b []byte) string { return latin1(bytes.TrimRight(b, "\x00 ")) }
	Set(in, "TITLE", text(b[3:33]))
	Set(in, "ARTIST", text(b[33:63]))
	Set(in, "ALBUM", text(b[63:93]))
}

func syncsafe(b []byte) int {
	return int(b[0]&0x7f)<<21 | int(b[1]&0x7f)<<14 | int(b[2]&0x7f)<<7 | int(b[3]&0x7f)
}
