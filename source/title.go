package source

import (
	"path"
	"regexp"
	"strings"
	"unicode"
)

// titleLimit keeps a hostile file name from filling a message, in characters.
const titleLimit = 200

// number is what people put before a title to keep files in order: "01 ", "7. ",
// "03-". A number without a leading zero needs a separator and a space after it,
// or "99 Problems" and "2.5 Minutes" would suffer.
var number = regexp.MustCompile(`^(?:0\d{1,2}\s*[-._)\s]\s*|\d{1,3}\s*[-.)]\s+)`)

// Title makes an artist and a title of a file's name or path: the last element
// without a known kind of ending or a leading track number, "Artist - Title"
// taken apart, control characters dropped. The title is never empty unless name
// says nothing at all.
func Title(name string) (artist, title string) {
	base := strings.TrimSpace(path.Base("/" + strings.ReplaceAll(name, "\\", "/")))
	if base == "/" || base == "." {
		return "", ""
	}
	if ext := path.Ext(base); Playable(ext) {
		base = strings.TrimSuffix(base, ext)
	}
	if !strings.Contains(base, " ") {
		base = strings.ReplaceAll(base, "_", " ")
	}
	base = Clean(base)
	if bare := strings.TrimSpace(number.ReplaceAllString(base, "")); bare != "" {
		base = bare
	}
	if a, t, ok := strings.Cut(base, " - "); ok {
		a, t = strings.TrimSpace(a), strings.TrimSpace(t)
		if a != "" && t != "" {
			return a, t
		}
	}
	return "", base
}

// Clean makes one line of valid text out of a stranger's: control and invisible
// format characters (direction changes among them) go, runs of space become one,
// and it ends after 200 characters.
func Clean(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Cf, r), r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	n := 0
	for i := range s {
		if n++; n > titleLimit {
			return strings.TrimSpace(s[:i]) + "…"
		}
	}
	return s
}

// Playable reports whether a file ending, with its dot, is one that music has.
// What is really inside is for the container to say.
func Playable(ext string) bool {
	switch strings.ToLower(ext) {
	case ".opus", ".ogg", ".oga", ".webm", ".weba", ".mka", ".mkv",
		".mp3", ".mp2", ".flac", ".wav", ".wave", ".rf64", ".w64", ".aif", ".aiff", ".aifc",
		".m4a", ".m4b", ".mp4", ".aac", ".m3u8":
		return true
	}
	return false
}
