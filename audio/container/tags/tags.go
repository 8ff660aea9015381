// Package tags reads who made a piece of music, what it is called and looks like,
// how loud it is to be played and what parts it has, from the places containers
// keep that.
//
// Nothing here fails because of what a tag says: what makes no sense is passed
// over. All is bounded: texts at 512 bytes, pictures at 2 MiB, chapters at 1,000.
// What is known already stays, so the first tag that tells something wins.
package tags

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"segue/audio"
)

const (
	maxText     = 512  // bytes of a title, artist, album or chapter kept
	maxChapters = 1000 // kept
	maxGain     = 60   // dB: more is nonsense
	maxPeak     = 100  // of full scale
)

// Set puts value into the field of in that name means, if that is a name we
// know and the field is still empty. Names are those of Vorbis comments:
// TITLE, ARTIST, ALBUM, REPLAYGAIN_TRACK_GAIN and _PEAK, REPLAYGAIN_ALBUM_GAIN and
// _PEAK, and R128_TRACK_GAIN and R128_ALBUM_GAIN (RFC 7845, 5.2.1), which count
// more than ReplayGain; case does not matter.
func Set(in *audio.Info, name, value string) {
	if len(name) > len("REPLAYGAIN_TRACK_GAIN") {
		return
	}
	switch strings.ToUpper(name) {
	case "TITLE":
		setText(&in.Title, value)
	case "ARTIST":
		setText(&in.Artist, value)
	case "ALBUM":
		setText(&in.Album, value)
	case "REPLAYGAIN_TRACK_GAIN":
		setGain(&in.Track, value)
	case "REPLAYGAIN_TRACK_PEAK":
		setPeak(&in.Track, value)
	case "REPLAYGAIN_ALBUM_GAIN":
		setGain(&in.Whole, value)
	case "REPLAYGAIN_ALBUM_PEAK":
		setPeak(&in.Whole, value)
	case "R128_TRACK_GAIN":
		setR128(&in.Track, value)
	case "R128_ALBUM_GAIN":
		setR128(&in.Whole, value)
	}
}

func setText(field *string, value string) {
	if *field == "" {
		*field = Clean(value)
	}
}

// setGain reads "-6.50 dB"; some programs write a comma.
func setGain(g *audio.Gain, value string) {
	value = strings.TrimSpace(clip(value))
	if n := len(value) - 2; n >= 0 && strings.EqualFold(value[n:], "dB") {
		value = strings.TrimSpace(value[:n])
	}
	if db, ok := decimal(value); ok && !g.Told && db >= -maxGain && db <= maxGain {
		g.Told, g.DB = true, float32(db)
	}
}

func setPeak(g *audio.Gain, value string) {
	if peak, ok := decimal(strings.TrimSpace(clip(value))); ok && g.Peak == 0 && peak > 0 && peak <= maxPeak {
		g.Peak = float32(peak)
	}
}

// setR128 reads a whole number of 256ths of a dB to reach -23 LUFS.
func setR128(g *audio.Gain, value string) {
	const below = 5 // LU between -23 and -18
	if n, err := strconv.ParseInt(strings.TrimSpace(clip(value)), 10, 16); err == nil {
		g.Told, g.DB = true, float32(n)/256+below
	}
}

// clip is the beginning of s, long enough for any number.
func clip(s string) string { return strings.TrimRight(s[:min(len(s), 64)], "\x00") }

// decimal reads a number as people write it. It is false for what is none.
func decimal(s string) (float64, bool) {
	for _, c := range []byte(s) {
		if !strings.ContainsRune("+-.,0123456789eE", rune(c)) {
			return 0, false // no hexadecimal, no infinity
		}
	}
	v, err := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
	return v, err == nil
}

// AddChapter adds a chapter in its place in order of time, if it can be one and
// there are not too many.
func AddChapter(in *audio.Info, start time.Duration, title string) {
	if start < 0 || len(in.Chapters) >= maxChapters {
		return
	}
	at := len(in.Chapters)
	for at > 0 && in.Chapters[at-1].Start > start {
		at--
	}
	in.Chapters = slices.Insert(in.Chapters, at, audio.Chapter{Start: start, Title: Clean(title)})
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
