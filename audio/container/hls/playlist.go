package hls

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"segue/audio"
)

const (
	maxLine    = 16 << 10 // bytes: signed addresses are long
	maxText    = 8 << 20  // bytes of a playlist, of which little is kept
	maxTold    = 1 << 20  // bytes that what is kept takes, apart from segments
	maxChoices = 256      // variants, and renditions, of a master playlist
	maxLength  = 24 * time.Hour
	maxRange   = 1 << 40 // bytes
)

// A playlist is a master playlist or a media playlist.
type playlist struct {
	variants   []variant // of a master playlist; a media playlist has none
	renditions []rendition

	segments segments
	sequence int64 // number of the first segment
	target   time.Duration
	start    time.Duration // where to start, from the end if negative
	starts   bool          // start is told
	ended    bool          // there will be no more segments
	keys     []key
	initials []initial
}

// live reports whether more may come.
func (p *playlist) live() bool { return !p.ended }

// end is the number after that of the last segment.
func (p *playlist) end() int64 { return p.sequence + int64(p.segments.n) }

// A key is how segments are encrypted.
type key struct {
	uri    string
	iv     [16]byte
	hasIV  bool   // else the segment's number is the vector
	refuse string // not empty: a method we cannot undo
}

// An initial is an initialization section.
type initial struct {
	uri     string
	from, n int64
	key     int // as in segment
}

// A parser reads a playlist line by line.
type parser struct {
	playlist
	seg     segment // what the tags so far say of the next segment
	after   int64   // where the last byte range ended
	of      string  // the resource that was of
	ranged  bool    // the next segment has a byte range
	told    bool    // that says where it begins
	grouped bool    // the last tag about keys was not followed by a segment yet
	stream  *variant
	media   bool
	longest time.Duration
	kept    int // bytes, apart from segments
}

// parse reads a playlist. What it does not know it skips. Errors are
// audio.ErrMalformed, audio.ErrLimit, and those of r.
func parse(r io.Reader) (*playlist, error) { return (&parser{}).read(r) }

func (p *parser) read(r io.Reader) (*playlist, error) {
	whole := &io.LimitedReader{R: r, N: maxText + 1}
	lines := bufio.NewReaderSize(whole, maxLine)
	for first := true; ; first = false {
		b, err := lines.ReadSlice('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = fmt.Errorf("hls: a line of more than %d bytes: %w", maxLine, audio.ErrLimit)
			}
			return nil, err
		}
		if whole.N == 0 {
			return nil, fmt.Errorf("hls: a playlist of more than %d bytes: %w", maxText, audio.ErrLimit)
		}
		if first {
			b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
		}
		text := strings.TrimSpace(string(b))
		if first && !strings.HasPrefix(text, "#EXTM3U") {
			return nil, fmt.Errorf("hls: no playlist: %w", audio.ErrMalformed)
		}
		if lerr := p.line(text); lerr != nil {
			return nil, lerr
		}
		if err != nil {
			return p.finish()
		}
	}
}

// finish fills in what was not told.
func (p *parser) finish() (*playlist, error) {
	if len(p.variants) > 0 {
		return &p.playlist, nil
	}
	if !p.media && p.segments.n == 0 {
		return nil, fmt.Errorf("hls: neither variants nor segments: %w", audio.ErrMalformed)
	}
	if p.target <= 0 {
		p.target = p.longest
	}
	p.target = min(max(p.target, minTarget), maxTarget)
	return &p.playlist, nil
}

// line reads one.
func (p *parser) line(s string) error {
	switch {
	case s == "":
		return nil
	case !strings.HasPrefix(s, "#"):
		return p.address(s)
	case !strings.HasPrefix(s, "#EXT"):
		return nil
	}
	tag, value, _ := strings.Cut(s, ":")
	switch tag {
	case "#EXT-X-STREAM-INF":
		v := parseVariant(value)
		p.stream = &v
		return p.keep(value)
	case "#EXT-X-MEDIA":
		return p.rendition(value)
	default:
		return p.mediaTag(tag, value)
	}
}

// mediaTag reads a tag of a media playlist.
func (p *parser) mediaTag(tag, value string) error {
	switch tag {
	case "#EXTINF":
		value, _, _ = strings.Cut(value, ",")
		p.seg.length = seconds(value, maxLength, false)
		p.longest = max(p.longest, p.seg.length)
	case "#EXT-X-TARGETDURATION":
		p.target, p.media = seconds(value, maxLength, false), true
	case "#EXT-X-MEDIA-SEQUENCE":
		if p.segments.n == 0 {
			p.sequence = min(integer(value), 1<<60)
		}
	case "#EXT-X-PLAYLIST-TYPE":
		p.ended = p.ended || strings.EqualFold(strings.TrimSpace(value), "VOD")
	case "#EXT-X-ENDLIST":
		p.ended, p.media = true, true
	case "#EXT-X-DISCONTINUITY":
		p.seg.fresh = true
	case "#EXT-X-GAP":
		p.seg.gap = true
	case "#EXT-X-BYTERANGE":
		p.seg.n, p.seg.from, p.told = byteRange(value)
		p.ranged = p.seg.n > 0
	case "#EXT-X-START":
		attributes(value, func(name, v string) {
			if name == "TIME-OFFSET" {
				p.start, p.starts = seconds(v, maxLength, true), true
			}
		})
	case "#EXT-X-KEY":
		return p.key(value)
	case "#EXT-X-MAP":
		return p.initial(value)
	}
	return nil
}

// address takes the line that names a variant or a segment.
func (p *parser) address(uri string) error {
	if p.stream != nil {
		p.stream.uri = uri
		if len(p.variants) >= maxChoices {
			return fmt.Errorf("hls: more than %d variants: %w", maxChoices, audio.ErrLimit)
		}
		p.variants, p.stream = append(p.variants, *p.stream), nil
		return p.keep(uri)
	}
	s := p.seg
	s.uri = uri
	if p.ranged {
		if !p.told && p.of == uri {
			s.from = p.after
		}
		p.of, p.after = uri, s.from+s.n
	}
	err := p.segments.add(s)
	p.seg = segment{key: s.key, initial: s.initial}
	p.ranged, p.told, p.grouped = false, false, false
	return err
}

// keep counts what was kept, with the line it is from.
func (p *parser) keep(line string) error {
	const each = 128 // bytes of what is kept itself
	if p.kept += each + len(line); p.kept > maxTold {
		return fmt.Errorf("hls: keys, variants or initialization sections of more than %d bytes: %w", maxTold, audio.ErrLimit)
	}
	return nil
}

// key reads EXT-X-KEY. Several may stand before a segment, each for another
// system; the one that needs none is ours.
func (p *parser) key(list string) error {
	k, method, system := key{}, "", "identity"
	attributes(list, func(name, value string) {
		switch name {
		case "METHOD":
			method = value
		case "URI":
			k.uri = value
		case "KEYFORMAT":
			system = value
		case "IV":
			k.iv, k.hasIV = vector(value)
		}
	})
	ours := method == "AES-128" && system == "identity" && k.uri != ""
	switch {
	case method == "NONE" || method == "":
		p.seg.key = 0
		return nil
	case !ours && p.grouped && p.seg.key > 0:
		return nil
	case method != "AES-128":
		k.refuse = "an encrypted HLS stream (" + printable(method) + ")"
	case !ours:
		k.refuse = "an encrypted HLS stream (" + printable(system) + ")"
	}
	p.grouped = true
	if n := len(p.keys); n > 0 && p.keys[n-1] == k {
		p.seg.key = n
		return nil
	}
	p.keys = append(p.keys, k)
	p.seg.key = len(p.keys)
	return p.keep(list)
}

// vector reads 0x and up to 32 hexadecimal digits.
func vector(s string) (iv [16]byte, ok bool) {
	if len(s) < 3 || !strings.EqualFold(s[:2], "0x") || len(s) > 2+32 {
		return iv, false
	}
	b, err := hex.DecodeString(strings.Repeat("0", 34-len(s)) + s[2:])
	if err != nil {
		return iv, false
	}
	return [16]byte(b), true
}

func (p *parser) initial(list string) error {
	m := initial{key: p.seg.key}
	attributes(list, func(name, value string) {
		switch name {
		case "URI":
			m.uri = value
		case "BYTERANGE":
			m.n, m.from, _ = byteRange(value)
		}
	})
	if n := len(p.initials); n > 0 && p.initials[n-1] == m {
		p.seg.initial = n
		return nil
	}
	p.initials = append(p.initials, m)
	p.seg.initial = len(p.initials)
	return p.keep(list)
}

// printable is what of a stranger's word can stand in a sentence.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 40)]
}
