package mp4_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
)

const jpeg = "\xff\xd8\xff\xe0 a photograph"

func told(kind string, flags int, value string) []byte {
	return box(kind, box("data", flags, 0, value))
}

func freely(name, value string) []byte {
	return box("----", box("mean", 0, "com.apple.iTunes"), box("name", 0, name), box("data", 1, 0, value))
}

func ilst(items ...any) []byte {
	return box("udta", box("meta", 0, box("hdlr", 0, 0, "mdirappl", zeros(9)), box("ilst", items...)))
}

func TestTagsTellLoudnessAndCover(t *testing.T) {
	f := file{movie: ilst(
		told("\xa9nam", 1, "Piece"), told("aART", 1, "Ensemble"), told("\xa9alb", 1, "Album"),
		freely("replaygain_track_gain", "-6.50 dB"), freely("REPLAYGAIN_TRACK_PEAK", "0.5"), freely("replaygain_album_gain", "1 dB"),
		freely("iTunNORM", " 00000A2C 00000A2C 00003E80"),
		box("covr", box("data", 13, 0, jpeg), box("data", 14, 0, "\x89PNG another")),
	)}
	in := containertest.Open(t, open, containertest.Stream(f.bytes())).Info()
	if in.Title != "Piece" || in.Artist != "Ensemble" || in.Album != "Album" {
		t.Errorf("%q by %q from %q", in.Title, in.Artist, in.Album)
	}
	if in.Track != (audio.Gain{Told: true, DB: -6.5, Peak: 0.5}) || in.Whole != (audio.Gain{Told: true, DB: 1}) {
		t.Errorf("%+v, %+v", in.Track, in.Whole)
	}
	if in.Artwork.MIME != "image/jpeg" || string(in.Artwork.Data) != jpeg {
		t.Errorf("%s, %q", in.Artwork.MIME, in.Artwork.Data)
	}
	f.movie = ilst(told("aART", 1, "Ensemble"), told("\xa9ART", 1, "Soloist"), told("covr", 13, strings.Repeat("x", 2<<20+1)))
	if in := containertest.Open(t, open, containertest.Media(f.bytes())).Info(); in.Artist != "Soloist" || in.Artwork.Data != nil {
		t.Errorf("by %q, %d bytes of picture", in.Artist, len(in.Artwork.Data))
	}
}

func nero(version byte, titles ...string) []byte {
	b := []any{version, "\x00\x00\x00"}
	if version > 0 {
		b = append(b, 0)
	}
	b = append(b, byte(len(titles)))
	for i, s := range titles {
		b = append(b, uint64(i)*15_000_000, byte(len(s)), s)
	}
	return box("udta", box("chpl", b...))
}

// named is a track that says what chapters are called: in a box in front of the
// index, 24 bytes into the file.
func named(id, spread int, titles ...string) (front, trak []byte) {
	var texts, sizes, offsets []byte
	for i, s := range titles {
		offsets = join(offsets, 24+len(texts)+i*spread)
		texts = join(texts, uint16(len(s)), s)
		sizes = join(sizes, len(s)+2)
	}
	n := len(titles)
	return box("free", texts), box("trak", box("tkhd", zeros(12), id, zeros(60)),
		box("mdia", box("mdhd", zeros(12), 1000, 0, 0), box("hdlr", 0, 0, "text", zeros(12)),
			box("minf", box("stbl", box("stsd", 0, 0), box("stts", 0, 1, n, 1500), box("stsc", 0, 1, 1, 1, 1), box("stsz", 0, 0, n, sizes), box("stco", 0, n, offsets)))))
}

func TestChaptersOfEitherKind(t *testing.T) {
	want := []audio.Chapter{{Title: "One"}, {Start: 1500 * time.Millisecond, Title: "Zwei ∞"}, {Start: 3 * time.Second, Title: "Three"}}
	front, trak := named(7, 0, "One", "Zwei ∞", "\xfe\xff\x00T\x00h\x00r\x00e\x00e")
	tref := box("tref", box("chap", 9, 7))
	for name, c := range map[string]struct {
		f      file
		stream bool
		want   []audio.Chapter
	}{
		"Nero's":                 {file{movie: nero(1, "One", "Zwei ∞", "Three")}, true, want},
		"Nero's of version 0":    {file{movie: nero(0, "One", "Zwei ∞", "Three")}, true, want},
		"a track":                {file{first: front, edits: tref, movie: trak}, false, want},
		"a track in a stream":    {file{first: front, edits: tref, movie: trak}, true, nil},
		"a track of nobody":      {file{first: front, movie: trak}, false, nil},
		"Nero's are enough":      {file{first: front, edits: tref, movie: join(trak, nero(1, "N"))}, false, []audio.Chapter{{Title: "N"}}},
		"Nero's, cut off":        {file{movie: box("udta", box("chpl", "\x01\x00\x00\x00", 0, byte(2), uint64(0), byte(3), "One", uint64(1)))}, true, want[:1]},
		"Nero's, longer than it": {file{movie: box("udta", box("chpl", "\x01\x00\x00\x00", 0, byte(1), uint64(0), byte(200), "One"))}, true, nil},
	} {
		media := containertest.Media
		if c.stream {
			media = containertest.Stream
		}
		d := containertest.Open(t, open, media(c.f.bytes()))
		if got := d.Info().Chapters; fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v", name, got)
		}
		if packets, _ := containertest.Drain(d); len(packets) != 4 {
			t.Errorf("%s: %d packets", name, len(packets))
		}
	}
	many := make([]string, 255)
	_, far := named(7, 1<<20, "One", "Two")
	if in := containertest.Open(t, open, containertest.Media(file{edits: tref, movie: far}.bytes())).Info(); in.Chapters != nil {
		t.Errorf("fetched from all over the file: %v", in.Chapters)
	}
	in := containertest.Open(t, open, containertest.Media(file{first: front, edits: tref, movie: join(trak, nero(1, many...))}.bytes())).Info()
	if len(in.Chapters) != 3 {
		t.Errorf("255 is all that Nero can tell: %d chapters", len(in.Chapters))
	}
	_, lots := named(7, 0, make([]string, 1200)...)
	if in := containertest.Open(t, open, containertest.Media(file{edits: tref, movie: lots}.bytes())).Info(); in.Chapters != nil {
		t.Errorf("%d chapters of 1200", len(in.Chapters))
	}
}

// What is wrong with another track is no reason to be silent.
func TestADamagedTrackOfTextDoesNoHarm(t *testing.T) {
	bad := box("trak", box("mdia", box("hdlr", 0, 0, "text", zeros(12)), box("minf", box("stbl", box("stts", 0, 1000, 1)))))
	if packets := containertest.Packets(t, open, file{movie: bad}.bytes()); len(packets) != 4 {
		t.Errorf("%d packets", len(packets))
	}
}

func FuzzTags(f *testing.F) {
	front, trak := named(7, 0, "One", "Two")
	containertest.Fuzz(f, open, file{first: front, edits: box("tref", box("chap", 7)), movie: trak}.bytes(),
		file{movie: nero(1, "One", "Two")}.bytes(), file{movie: ilst(freely("replaygain_track_gain", "-6.50 dB"), box("covr", box("data", 13, 0, jpeg)))}.bytes())
}
