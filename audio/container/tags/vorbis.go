package tags

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strconv"
	"strings"
	"time"

	"segue/audio"
)

// VorbisComment reads a Vorbis comment block (the vendor string and what
// follows it) into in, as far as the block goes. It keeps nothing of b.
func VorbisComment(in *audio.Info, b []byte) {
	_, b, ok := lengthed(b)
	if !ok || len(b) < 4 {
		return
	}
	var x comments
	defer func() { x.finish(in) }()
	count := binary.LittleEndian.Uint32(b)
	b = b[4:]
	for ; count > 0; count-- {
		var comment []byte
		if comment, b, ok = lengthed(b); !ok {
			return
		}
		if at := bytes.IndexByte(comment, '='); at > 0 && at <= 64 {
			x.set(in, string(comment[:at]), comment[at+1:])
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

// comments is what is known of a block while it is read.
type comments struct {
	cover    Cover
	chapters map[int]audio.Chapter // by number
	begun    map[int]bool          // those of which the time is known
	old      []byte                // COVERART, encoded
	oldMIME  string
}

func (x *comments) set(in *audio.Info, name string, value []byte) {
	switch upper := strings.ToUpper(name); {
	case upper == "METADATA_BLOCK_PICTURE":
		if len(value) > base64.StdEncoding.EncodedLen(MaxPicture+maxFrame) {
			return
		}
		if b, ok := decode(value); ok {
			_ = FLACPicture(in, &x.cover, Bytes(b), int64(len(b))) // as far as it goes
		}
	case upper == "COVERART":
		if len(value) <= base64.StdEncoding.EncodedLen(MaxPicture) && x.old == nil {
			x.old = value
		}
	case upper == "COVERARTMIME":
		x.oldMIME = string(value[:min(len(value), 64)])
	case strings.HasPrefix(upper, "CHAPTER"):
		x.chapter(upper[len("CHAPTER"):], string(value[:min(len(value), 8*maxText)]))
	default:
		Set(in, name, string(value[:min(len(value), 8*maxText)]))
	}
}

// decode decodes base64, padded or not.
func decode(b []byte) ([]byte, bool) {
	b = bytes.TrimRight(b, "= \r\n\x00")
	out := make([]byte, base64.RawStdEncoding.DecodedLen(len(b)))
	n, err := base64.RawStdEncoding.Decode(out, b)
	return out[:n:n], err == nil
}

// chapter reads CHAPTERxxx, which says when one begins, and CHAPTERxxxNAME.
func (x *comments) chapter(key, value string) {
	digits, named := strings.CutSuffix(key, "NAME")
	number, err := strconv.ParseUint(digits, 10, 16)
	if _, known := x.chapters[int(number)]; err != nil || !known && len(x.chapters) >= maxChapters {
		return
	}
	if x.chapters == nil {
		x.chapters, x.begun = map[int]audio.Chapter{}, map[int]bool{}
	}
	c := x.chapters[int(number)]
	if named {
		c.Title = Clean(value)
	} else if start, ok := clock(value); ok {
		c.Start, x.begun[int(number)] = start, true
	}
	x.chapters[int(number)] = c
}

// clock reads 01:02:03.456.
func clock(s string) (time.Duration, bool) {
	parts := strings.Split(strings.TrimSpace(s), ":")
	if len(parts) != 3 {
		return 0, false
	}
	hours, err := strconv.ParseUint(parts[0], 10, 16)
	minutes, err2 := strconv.ParseUint(parts[1], 10, 8)
	seconds, ok := decimal(parts[2])
	if err != nil || err2 != nil || !ok || minutes > 59 || !(seconds >= 0 && seconds < 60) {
		return 0, false
	}
	rest := time.Duration(seconds*1e6+0.5) * time.Microsecond
	return time.Duration(hours)*time.Hour + time.Duration(minutes)*time.Minute + rest, true
}

func (x *comments) finish(in *audio.Info) {
	if len(in.Chapters) == 0 {
		list := make([]audio.Chapter, 0, len(x.begun))
		for number, c := range x.chapters {
			if x.begun[number] {
				list = append(list, c)
			}
		}
		slices.SortFunc(list, func(a, b audio.Chapter) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.Title, b.Title))
		})
		for _, c := range list {
			AddChapter(in, c.Start, c.Title)
		}
	}
	if x.old != nil && len(in.Artwork.Data) == 0 {
		if b, ok := decode(x.old); ok {
			x.cover.Take(in, 0, x.oldMIME, b)
		}
	}
}
