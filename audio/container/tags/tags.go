// Package tags reads who made a piece of music and what it is called, from the
// places containers keep that.
package tags

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"

	"segue/audio"
)

// maxText is the longest title, artist or album kept, in bytes.
const maxText = 512

// Set puts value into the field of in that name means, if that is a name we
// know and the field is still empty. Names are those of Vorbis comments.
func Set(in *audio.Info, name, value string) {
	field := map[string]*string{"TITLE": &in.Title, "ARTIST": &in.Artist, "ALBUM": &in.Album}[strings.ToUpper(name)]
	if field != nil && *field == "" {
		*field = Clean(value)
	}
}

// Clean makes foreign text fit to show: valid UTF-8, no control characters, one
// line, at most 512 bytes.
func Clean(s string) string {
	if len(s) > 8*maxText {
		s = s[:8*maxText]
	}
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText]
	for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	if r, n := utf8.DecodeLastRuneInString(s); r == utf8.RuneError && n == 1 {
		s = s[:len(s)-1]
	}
	return strings.TrimSpace(s)
}

// VorbisComment reads a Vorbis comment block (the vendor string and what
// follows it) into in, as far as the block goes.
func VorbisComment(in *audio.Info, b []byte) {
	_, b, ok := lengthed(b)
	if !ok || len(b) < 4 {
		return
	}
	count := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for ; count > 0; count-- {
		var comment []byte
		if comment, b, ok = lengthed(b); !ok {
			return
		}
		if len(comment) > 1<<16 { // a picture
			continue
		}
		if name, value, found := strings.Cut(string(comment), "="); found {
			Set(in, name, value)
		}
	}
}

// lengthed takes a string off b that has its length before it.
func lengthed(b []byte) (text, rest []byte, ok bool) {
	if len(b) < 4 {
		return nil, nil, false
	}
	n := binary.LittleEndian.Uint32(b)
	b = b[4:]
	if uint64(n) > uint64(len(b)) {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}
