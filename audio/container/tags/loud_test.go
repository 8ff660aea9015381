package tags_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

const jpeg, png = "\xff\xd8\xff\xe0 a photograph", "\x89PNG\r\n\x1a\n a drawing"

// block is the body of a FLAC PICTURE block.
func block(kind uint32, mime, description, data string) []byte {
	be := binary.BigEndian
	b := be.AppendUint32(nil, kind)
	b = append(be.AppendUint32(b, uint32(len(mime))), mime...)
	b = append(be.AppendUint32(b, uint32(len(description))), description...)
	b = append(b, make([]byte, 16)...)
	return append(be.AppendUint32(b, uint32(len(data))), data...)
}

// ape is an APE tag with items given as key and value, and its footer alone.
func ape(items ...string) []byte {
	le := binary.LittleEndian
	var b []byte
	for i := 0; i < len(items); i += 2 {
		b = le.AppendUint32(b, uint32(len(items[i+1])))
		b = append(b, 0, 0, 0, 0)
		b = append(append(append(b, items[i]...), 0), items[i+1]...)
	}
	size := len(b) + 32
	b = append(b, "APETAGEX\xd0\x07\x00\x00"...)
	b = le.AppendUint32(b, uint32(size))
	b = le.AppendUint32(b, uint32(len(items)/2))
	return append(b, make([]byte, 12)...)
}

func id3v1(title, artist, album string) []byte {
	b := make([]byte, 128)
	copy(b, "TAG")
	copy(b[3:33], title)
	copy(b[33:63], artist)
	copy(b[63:93], album)
	return b
}

func vorbis(list ...string) (in audio.Info) {
	tags.VorbisComment(&in, comments(list...))
	return in
}

func TestGainsAreConvertedToTheSameTarget(t *testing.T) {
	for _, c := range []struct {
		comments []string
		track    audio.Gain
		whole    audio.Gain
	}{
		{[]string{"REPLAYGAIN_TRACK_GAIN=-6.50 dB", "replaygain_track_peak=0.9"}, audio.Gain{Told: true, DB: -6.5, Peak: 0.9}, audio.Gain{}},
		{[]string{"Replaygain_Album_Gain= +3,25DB ", "REPLAYGAIN_ALBUM_PEAK=1.1"}, audio.Gain{}, audio.Gain{Told: true, DB: 3.25, Peak: 1.1}},
		{[]string{"R128_TRACK_GAIN=-512", "R128_ALBUM_GAIN=256"}, audio.Gain{Told: true, DB: 3}, audio.Gain{Told: true, DB: 6}},
		{[]string{"R128_TRACK_GAIN=0", "REPLAYGAIN_TRACK_GAIN=-9 dB"}, audio.Gain{Told: true, DB: 5}, audio.Gain{}},
		{[]string{"REPLAYGAIN_TRACK_GAIN=-9 dB", "R128_TRACK_GAIN=0"}, audio.Gain{Told: true, DB: 5}, audio.Gain{}},
		{[]string{"REPLAYGAIN_TRACK_GAIN=loud", "REPLAYGAIN_TRACK_GAIN=", "REPLAYGAIN_TRACK_GAIN=NaN dB", "REPLAYGAIN_TRACK_GAIN=inf", "REPLAYGAIN_TRACK_GAIN=0x10 dB", "REPLAYGAIN_TRACK_GAIN=999 dB", "R128_TRACK_GAIN=99999", "R128_TRACK_GAIN=1.5", "REPLAYGAIN_TRACK_PEAK=-1", "REPLAYGAIN_TRACK_PEAK=1e9"}, audio.Gain{}, audio.Gain{}},
	} {
		if in := vorbis(c.comments...); in.Track != c.track || in.Whole != c.whole {
			t.Errorf("%q: %+v and %+v", c.comments, in.Track, in.Whole)
		}
	}
}

func TestChaptersComeInOrderOfTime(t *testing.T) {
	in := vorbis("CHAPTER002=00:01:00.500", "CHAPTER002NAME=Two", "CHAPTER001NAME=One", "CHAPTER001=00:00:00", "CHAPTER003NAME=never begins", "CHAPTER004=01:00:00.000", "CHAPTER005=x", "CHAPTER006=00:99:00", "CHAPTERXNAME=y", "CHAPTER001URL=z")
	want := []audio.Chapter{{Title: "One"}, {Start: 60500 * time.Millisecond, Title: "Two"}, {Start: time.Hour}}
	if fmt.Sprint(in.Chapters) != fmt.Sprint(want) {
		t.Errorf("%v", in.Chapters)
	}
	var many []string
	for i := range 5000 {
		many = append(many, fmt.Sprintf("CHAPTER%d=00:00:%02d.%03d", i, i%60, i%1000), fmt.Sprintf("CHAPTER%dNAME=%s", i, strings.Repeat("x", 1000)))
	}
	in = vorbis(many...)
	sane(t, in)
	if len(in.Chapters) != 1000 {
		t.Errorf("%d chapters", len(in.Chapters))
	}
	var late audio.Info
	tags.AddChapter(&late, time.Second, "b")
	tags.AddChapter(&late, 0, "a")
	tags.AddChapter(&late, -1, "none")
	if len(late.Chapters) != 2 || late.Chapters[0].Title != "a" {
		t.Errorf("%v", late.Chapters)
	}
}

func TestTheFrontCoverIsPreferred(t *testing.T) {
	b64 := base64.StdEncoding.EncodeToString
	front, back := "METADATA_BLOCK_PICTURE="+b64(block(3, "image/jpg", "front", jpeg)), "metadata_block_picture="+b64(block(4, "", "back", png))
	for _, c := range []struct {
		comments   []string
		mime, data string
	}{
		{[]string{back, front}, "image/jpeg", jpeg},
		{[]string{front, back, front}, "image/jpeg", jpeg},
		{[]string{back}, "image/png", png},
		{[]string{"COVERART=" + b64([]byte(png)), "COVERARTMIME=image/x"}, "image/png", png},
		{[]string{"COVERART=" + b64([]byte(png)), front}, "image/jpeg", jpeg},
		{[]string{"COVERART=" + strings.TrimRight(b64([]byte("?drawn")), "="), "COVERARTMIME=Image/X-Odd"}, "image/x-odd", "?drawn"},
		{[]string{"METADATA_BLOCK_PICTURE=" + b64(block(3, "-->", "", "http://x/y.png"))}, "", ""},
		{[]string{"METADATA_BLOCK_PICTURE=" + b64(block(3, "image/png", "", strings.Repeat("x", tags.MaxPicture+1)))}, "", ""},
		{[]string{"METADATA_BLOCK_PICTURE=" + b64(block(3, "image/png", "", strings.Repeat("x", tags.MaxPicture)))}, "image/png", strings.Repeat("x", tags.MaxPicture)},
		{[]string{"METADATA_BLOCK_PICTURE=not base64!"}, "", ""},
	} {
		in := vorbis(c.comments...)
		if in.Artwork.MIME != c.mime || string(in.Artwork.Data) != c.data {
			t.Errorf("%.60q: %s, %.40q", c.comments, in.Artwork.MIME, in.Artwork.Data)
		}
	}
	whole := block(3, "image/jpg", "front", jpeg)
	for cut := range whole {
		var in audio.Info
		var c tags.Cover
		if err := tags.FLACPicture(&in, &c, tags.Bytes(whole[:cut]), int64(cut)); err != nil || len(in.Artwork.Data) > 0 {
			t.Fatalf("cut at %d: %v, %+v", cut, err, in.Artwork)
		}
		r := input.New(containertest.Stream(whole[:cut]))
		if err := tags.FLACPicture(&in, &c, r, int64(len(whole))); err == nil {
			t.Fatalf("a stream cut at %d is whole", cut)
		}
	}
	for kind, data := range map[string]string{"image/gif": "GIF89a", "image/webp": "RIFF\x00\x00\x00\x00WEBP", "image/bmp": "BM..", "application/octet-stream": "?"} {
		var in audio.Info
		var c tags.Cover
		c.Take(&in, 0, "", []byte(data))
		if in.Artwork.MIME != kind {
			t.Errorf("%q is %s", data, in.Artwork.MIME)
		}
	}
}

func TestID3TellsAllThere(t *testing.T) {
	chapter := func(version byte, at byte, title string) string {
		sub := id3(version, "TIT2", "\x00"+title)
		return "c\x00\x00\x00\x00" + string(at) + "\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff" + string(sub[10:len(sub)-20])
	}
	for name, b := range map[string][]byte{
		"2.2": id3(2, "PIC", "\x00PNG\x04back\x00"+png, "PIC", "\x00JPG\x03\x00"+jpeg, "TXX", "\x00replaygain_track_gain\x00-6.5 dB", "TXX", "\x00REPLAYGAIN_TRACK_PEAK\x000.5"),
		"2.3": id3(3, "APIC", "\x00image/png\x00\x04back\x00"+png, "APIC", "\x01image/jpeg\x00\x03\xff\xfef\x00\x00\x00"+jpeg, "TXXX", "\x01\xff\xfer\x00e\x00p\x00l\x00a\x00y\x00g\x00a\x00i\x00n\x00_\x00t\x00r\x00a\x00c\x00k\x00_\x00g\x00a\x00i\x00n\x00\x00\x00\xff\xfe-\x006\x00.\x005\x00", "TXXX", "\x00REPLAYGAIN_TRACK_PEAK\x000.5", "CHAP", chapter(3, 20, "B"), "CHAP", chapter(3, 10, "A")),
		"2.4": id3(4, "APIC", "\x03image/jpeg\x00\x03front\x00"+jpeg, "APIC", "\x03image/png\x00\x04back\x00"+png, "RVA2", "track\x00\x02\x00\x00\x00\x01\xf3\x00\x10\x40\x00", "CHAP", chapter(4, 10, "A"), "CHAP", chapter(4, 20, "B")),
	} {
		var in audio.Info
		r := input.New(containertest.Stream(append(b, "music"...)))
		if err := tags.ReadID3(&in, r); err != nil || r.Pos() != int64(len(b)) {
			t.Errorf("%s: %v, at %d of %d", name, err, r.Pos(), len(b))
		}
		if in.Track != (audio.Gain{Told: true, DB: -6.5, Peak: 0.5}) || in.Artwork.MIME != "image/jpeg" || string(in.Artwork.Data) != jpeg {
			t.Errorf("%s: %+v, %s %q", name, in.Track, in.Artwork.MIME, in.Artwork.Data)
		}
		if name != "2.2" && (len(in.Chapters) != 2 || in.Chapters[0] != (audio.Chapter{Start: 10 * time.Millisecond, Title: "A"}) || in.Chapters[1].Title != "B") {
			t.Errorf("%s: %v", name, in.Chapters)
		}
		for cut := range b {
			sane(t, func() (in audio.Info) { tags.ID3v2(&in, b[:cut]); return in }())
		}
	}
}

// What a tag does to its bytes is undone, or it is left alone.
func TestID3FramesInDisguise(t *testing.T) {
	flagged := func(version, flags byte, name, body string) []byte {
		b := id3(version, name, body, "TALB", "\x00after")
		b[10+9] = flags
		return b
	}
	unsync := func(s string) string { return strings.ReplaceAll(s, "\xff", "\xff\x00") }
	whole := id3(3, "APIC", "\x00\x00\x03\x00"+jpeg+"\xff\x00\xff", "TIT2", "\x00T")
	whole = append(whole[:10:10], unsync(string(whole[10:]))...)
	whole[5], whole[8], whole[9] = 0x80, byte((len(whole)-10)>>7), byte((len(whole)-10)&127)
	four := id3(4, "APIC", "\x00\x00\x03\x00"+unsync(jpeg), "TIT2", "\x00T")
	four[5] = 0x80
	for name, c := range map[string]struct {
		b              []byte
		title, picture string
	}{
		"2.3, whole tag unsynchronised": {whole, "T", jpeg + "\xff\x00\xff"},
		"2.4, whole tag unsynchronised": {four, "T", jpeg},
		"2.4, frame unsynchronised":     {flagged(4, 0x03, "APIC", "\x00\x00\x00\x08\x00\x00\x03\x00"+unsync(jpeg)), "", jpeg},
		"2.4, data length":              {flagged(4, 0x01, "TIT2", "\x00\x00\x00\x02\x00T"), "T", ""},
		"2.4, group":                    {flagged(4, 0x40, "TIT2", "g\x00T"), "T", ""},
		"2.4, compressed":               {flagged(4, 0x09, "TIT2", "\x00\x00\x00\x02\x00T"), "", ""},
		"2.4, encrypted":                {flagged(4, 0x04, "TIT2", "\x00T"), "", ""},
		"2.3, group":                    {flagged(3, 0x20, "TIT2", "g\x00T"), "T", ""},
		"2.3, compressed":               {flagged(3, 0x80, "TIT2", "\x00\x00\x00\x02\x00T"), "", ""},
		"2.3, flags and nothing else":   {flagged(3, 0x20, "TIT2", ""), "", ""},
	} {
		var in audio.Info
		if err := tags.ReadID3(&in, input.New(containertest.Stream(c.b))); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if in.Title != c.title || string(in.Artwork.Data) != c.picture || !bytes.HasPrefix(c.b[10:], []byte("APIC")) && in.Album != "after" {
			t.Errorf("%s: %q, %q, %q", name, in.Title, in.Album, in.Artwork.Data)
		}
	}
}

func TestWhatIsTooLargeIsPassedOver(t *testing.T) {
	big := strings.Repeat("x", tags.MaxPicture+1)
	b := []byte("ID3\x04\x00\x00\x00\x00\x00\x00")
	for _, f := range []string{"\x00image/png\x00\x03\x00" + big, "\x00image/jpeg\x00\x04\x00" + jpeg} {
		n := len(f)
		b = append(b, "APIC"...)
		b = append(b, byte(n>>21), byte(n>>14&127), byte(n>>7&127), byte(n&127), 0, 0)
		b = append(b, f...)
	}
	b = append(b, "TIT2\x00\x00\x00\x02\x00\x00\x00T"...)
	n := len(b) - 10
	b[6], b[7], b[8], b[9] = byte(n>>21), byte(n>>14&127), byte(n>>7&127), byte(n&127)
	var in audio.Info
	r := input.New(containertest.Stream(b))
	if err := tags.ReadID3(&in, r); err != nil || in.Title != "T" || string(in.Artwork.Data) != jpeg || r.Pos() != int64(len(b)) {
		t.Errorf("%v, %q, %d bytes of picture", err, in.Title, len(in.Artwork.Data))
	}
	if err := tags.ReadID3(&in, tags.Bytes([]byte("no tag at all"))); err == nil {
		t.Error("what is no tag is one")
	}
}

func TestTagsAtTheEndAreRead(t *testing.T) {
	music := strings.Repeat("music ", 100)
	full := ape("Title", "Piece", "Artist", "Somebody\x00Other", "Cover Art (Back)", "b.png\x00"+png, "Cover Art (Front)", "f.jpg\x00"+jpeg, "replaygain_track_gain", "-6.5 dB", "Binary", strings.Repeat("\x00", 20_000), "REPLAYGAIN_TRACK_PEAK", "0.5")
	for name, c := range map[string]struct {
		end   string
		title string
		gain  bool
	}{
		"APE":            {string(full), "Piece", true},
		"APE and ID3v1":  {string(full) + string(id3v1("Old", "Old", "Album")), "Piece", true},
		"ID3v1":          {string(id3v1("Old", "x", "Album")), "Old", false},
		"ID3v1 in UTF-8": {string(id3v1("Prélude", "x", "Album")), "Prélude", false},
		"ID3v1 in Latin": {string(id3v1("Pr\xe9lude", "x", "Album")), "Prélude", false},
		"nothing":        {"", "", false},
	} {
		var in audio.Info
		if err := tags.ReadEnd(&in, input.New(containertest.Media([]byte(music+c.end))), 10); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if in.Title != c.title || in.Track.Told != c.gain || c.gain && (in.Track != audio.Gain{Told: true, DB: -6.5, Peak: 0.5} || string(in.Artwork.Data) != jpeg || in.Artist != "Somebody") {
			t.Errorf("%s: %q by %q, %+v, %q", name, in.Title, in.Artist, in.Track, in.Artwork.Data)
		}
	}
	for cut := range full {
		var in audio.Info
		if err := tags.ReadEnd(&in, input.New(containertest.Media(full[cut:])), 0); err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		sane(t, in)
	}
	var in audio.Info
	if err := tags.ReadEnd(&in, input.New(containertest.Media(full)), int64(len(full))-40); err != nil || in.Title != "" {
		t.Errorf("what lies before the music is read: %v, %q", err, in.Title)
	}
}
