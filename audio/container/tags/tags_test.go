package tags_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf8"

	"segue/audio"
	"segue/audio/container/tags"
)

func comments(list ...string) []byte {
	b := []byte("\x04\x00\x00\x00test")
	b = binary.LittleEndian.AppendUint32(b, uint32(len(list)))
	for _, c := range list {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(c)))
		b = append(b, c...)
	}
	return b
}

func TestVorbisCommentsAreRead(t *testing.T) {
	b := comments("ENCODER=x", "title=Prélude", "ARTIST=", "artist=First", "ARTIST=Second", "nonsense", "PICTURE="+strings.Repeat("x", 1<<17), "ALBUM=A")
	var in audio.Info
	tags.VorbisComment(&in, b)
	if in.Title != "Prélude" || in.Artist != "First" || in.Album != "A" {
		t.Errorf("%+v", in)
	}
	for cut := range min(len(b), 200) {
		tags.VorbisComment(&audio.Info{}, b[:cut])
	}
	tags.VorbisComment(&in, []byte("\xff\xff\xff\xff"))
	tags.VorbisComment(&in, []byte("\x00\x00\x00\x00\xff\xff\xff\xff"))
}

func TestTextIsMadeFitToShow(t *testing.T) {
	for in, want := range map[string]string{
		" a\tb\r\n c\x00 ": "a b c",
		"\xff\xfeok":       "ok",
		"\x1b[31mred":      "[31mred",
	} {
		if got := tags.Clean(in); got != want {
			t.Errorf("%q is %q, want %q", in, got, want)
		}
	}
	long := tags.Clean("x" + strings.Repeat("é", 10_000))
	if len(long) > 512 || len(long) < 510 || !utf8.ValidString(long) {
		t.Errorf("long text has %d bytes, valid: %v", len(long), utf8.ValidString(long))
	}
}

// id3 is a tag with frames given as name and body.
func id3(version byte, frames ...string) []byte {
	var b []byte
	for i := 0; i < len(frames); i += 2 {
		n := len(frames[i+1])
		b = append(b, frames[i]...)
		switch version {
		case 2:
			b = append(b, byte(n>>16), byte(n>>8), byte(n))
		case 3:
			b = append(binary.BigEndian.AppendUint32(b, uint32(n)), 0, 0)
		case 4:
			b = append(b, 0, 0, byte(n>>7), byte(n&127), 0, 0)
		}
		b = append(b, frames[i+1]...)
	}
	n := len(b) + 20
	head := []byte{'I', 'D', '3', version, 0, 0, 0, 0, byte(n >> 7), byte(n & 127)}
	return append(append(head, b...), make([]byte, 20)...)
}

func TestID3OfEveryVersionIsRead(t *testing.T) {
	for name, b := range map[string][]byte{
		"2.2 latin1":   id3(2, "TT2", "\x00Pr\xe9lude", "TP1", "\x00Me", "TAL", "\x00A"),
		"2.3 utf16 le": id3(3, "TPE1", "\x00Me", "TIT2", "\x01\xff\xfeP\x00r\x00\xe9\x00l\x00u\x00d\x00e\x00\x00\x00", "TALB", "\x00A"),
		"2.3 utf16 be": id3(3, "TIT2", "\x01\xfe\xff\x00P\x00r\x00\xe9\x00l\x00u\x00d\x00e", "TPE1", "\x00Me", "TALB", "\x00A"),
		"2.4 utf8":     id3(4, "APIC", strings.Repeat("x", 300), "TIT2", "\x03Prélude\x00Other", "TPE1", "\x03Me", "TALB", "\x02\x00A"),
	} {
		var in audio.Info
		if tags.ID3Size(b) != int64(len(b)) {
			t.Errorf("%s: size %d, want %d", name, tags.ID3Size(b), len(b))
		}
		tags.ID3v2(&in, b)
		if in.Title != "Prélude" || in.Artist != "Me" || in.Album != "A" {
			t.Errorf("%s: %+v", name, in)
		}
		for cut := range b {
			tags.ID3v2(&audio.Info{}, b[:cut])
		}
	}
}

func TestID3Flags(t *testing.T) {
	b := id3(3, "\x00\x00\x00\x06", "", "TIT2", "\x00T")
	b = append(b[:10:10], append([]byte("\x00\x00\x00\x06\x00\x00\x00\x00\x00\x00"), id3(3, "TIT2", "\x00T")[10:]...)...)
	b[5] = 0x40 | 0x80 // extended header, unsynchronised
	var in audio.Info
	tags.ID3v2(&in, b)
	if in.Title != "T" {
		t.Errorf("behind an extended header: %+v", in)
	}
	b[10] = 0x7f
	tags.ID3v2(&audio.Info{}, b)
	four := id3(4, "TIT2", "\x03T")
	four[5] = 0x40 | 0x10
	tags.ID3v2(&audio.Info{}, four)
	if tags.ID3Size(four) != int64(len(four))+10 {
		t.Error("the footer is not counted")
	}
	for _, not := range []string{"", "ID3", "ID3\xff\x00\x00\x00\x00\x00\x00", "ID3\x03\x00\x00\x80\x00\x00\x00"} {
		if tags.ID3Size([]byte(not)) != 0 {
			t.Errorf("%q is a tag", not)
		}
	}
}

func TestID3v1IsRead(t *testing.T) {
	b := make([]byte, 128)
	copy(b, "TAG")
	copy(b[3:], "Title")
	copy(b[33:], "Artist  ")
	copy(b[63:], "Album")
	var in audio.Info
	tags.ID3v1(&in, b)
	if in.Title != "Title" || in.Artist != "Artist" || in.Album != "Album" {
		t.Errorf("%+v", in)
	}
	tags.ID3v1(&in, b[:100])
}
