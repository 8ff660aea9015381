package tags

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"time"
	"unicode/utf16"

	"segue/audio"
)

// body reads what a frame says.
func (t *id3) body(name string, b []byte) {
	switch name {
	case "TIT2":
		Set(t.in, "TITLE", first(text(b[0], b[1:])))
	case "TPE1":
		Set(t.in, "ARTIST", first(text(b[0], b[1:])))
	case "TALB":
		Set(t.in, "ALBUM", first(text(b[0], b[1:])))
	case "TXXX":
		if key, value, ok := strings.Cut(text(b[0], b[1:]), "\x00"); ok && !isName(key) {
			Set(t.in, key, first(value))
		}
	case "APIC":
		t.picture(b)
	case "CHAP":
		t.chapter(b)
	case "RVA2":
		t.volume(b)
	}
}

// isName reports whether key is one of those that have frames of their own.
func isName(key string) bool {
	return strings.EqualFold(key, "TITLE") || strings.EqualFold(key, "ARTIST") || strings.EqualFold(key, "ALBUM")
}

// first is the first of several values, as 2.4 may list them.
func first(s string) string {
	s, _, _ = strings.Cut(s, "\x00")
	return s
}

// text decodes b by the number of its encoding.
func text(encoding byte, b []byte) string {
	switch encoding {
	case 1, 2:
		return UTF16(b)
	case 3:
		return string(b)
	}
	return latin1(b)
}

// UTF16 decodes b, big-endian unless a mark says otherwise.
func UTF16(b []byte) string {
	var order binary.ByteOrder = binary.BigEndian
	units := make([]uint16, 0, len(b)/2)
	for ; len(b) >= 2; b = b[2:] {
		switch {
		case b[0] == 0xff && b[1] == 0xfe:
			order = binary.LittleEndian
		case b[0] == 0xfe && b[1] == 0xff:
			order = binary.BigEndian
		default:
			units = append(units, order.Uint16(b))
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

// picture reads an attached picture: encoding, type, kind, description, data.
func (t *id3) picture(b []byte) {
	encoding, b := b[0], b[1:]
	var mime string
	if t.version == 2 {
		if len(b) < 3 {
			return
		}
		mime, b = string(b[:3]), b[3:]
	} else {
		claimed, rest, ok := bytes.Cut(b, []byte{0})
		if !ok || len(claimed) > maxText {
			return
		}
		mime, b = string(claimed), rest
	}
	if len(b) < 2 {
		return
	}
	kind, b := uint32(b[0]), b[1:]
	if data, ok := behindText(encoding, b); ok {
		t.cover.Take(t.in, kind, mime, data)
	}
}

// behindText is what follows the text b begins with.
func behindText(encoding byte, b []byte) ([]byte, bool) {
	if encoding != 1 && encoding != 2 {
		_, rest, ok := bytes.Cut(b, []byte{0})
		return rest, ok
	}
	for i := 0; i+1 < len(b); i += 2 {
		if b[i] == 0 && b[i+1] == 0 {
			return b[i+2:], true
		}
	}
	return nil, false
}

// chapter reads a chapter: its name within the tag, four numbers, and frames that
// say what it is called. A table of contents adds nothing to that: chapters come
// in order of time.
func (t *id3) chapter(b []byte) {
	const numbers = 4 * 4
	_, b, ok := bytes.Cut(b, []byte{0})
	if !ok || len(b) < numbers {
		return
	}
	start := binary.BigEndian.Uint32(b)
	if start == math.MaxUint32 {
		return // told as a place in the file
	}
	var in audio.Info
	sub := id3{in: &in, r: Bytes(b[numbers:]), version: t.version, left: int64(len(b) - numbers), part: true}
	sub.read(false)
	AddChapter(t.in, time.Duration(start)*time.Millisecond, in.Title)
}

// volume reads a relative volume adjustment (2.4, 4.11), as far as it is of the
// master volume: 512ths of a dB, and the peak in so many bits.
func (t *id3) volume(b []byte) {
	const master = 1
	id, b, _ := bytes.Cut(b, []byte{0})
	g := &t.in.Track
	if strings.EqualFold(string(id), "album") {
		g = &t.in.Whole
	}
	for len(b) >= 4 {
		bits := int(b[3])
		size := 4 + (bits+7)/8
		if len(b) < size {
			return
		}
		db := float32(int16(binary.BigEndian.Uint16(b[1:]))) / 512
		if b[0] == master && !g.Told && db >= -maxGain && db <= maxGain {
			peak := 0.0
			for _, c := range b[4:size] {
				peak = peak*256 + float64(c)
			}
			g.Told, g.DB = true, db
			if peak = math.Ldexp(peak, 1-bits); bits > 0 && peak <= maxPeak {
				g.Peak = float32(peak)
			}
		}
		b = b[size:]
	}
}
