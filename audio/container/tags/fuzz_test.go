package tags_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"unicode/utf8"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/tags"
)

// sane fails if in holds more than it may.
func sane(t *testing.T, in audio.Info) {
	t.Helper()
	texts := []string{in.Title, in.Artist, in.Album, in.Artwork.MIME}
	for i, c := range in.Chapters {
		texts = append(texts, c.Title)
		if c.Start < 0 || i > 0 && c.Start < in.Chapters[i-1].Start {
			t.Fatalf("chapter %d begins at %v", i, c.Start)
		}
	}
	for _, s := range texts {
		if len(s) > 520 || !utf8.ValidString(s) || strings.ContainsAny(s, "\n\x00") {
			t.Fatalf("%q", s)
		}
	}
	for _, g := range []audio.Gain{in.Track, in.Whole} {
		if !(g.DB >= -200 && g.DB <= 200 && g.Peak >= 0 && g.Peak <= 100) {
			t.Fatalf("%+v", g)
		}
	}
	if len(in.Chapters) > 1000 || len(in.Artwork.Data) > tags.MaxPicture || cap(in.Artwork.Data) != len(in.Artwork.Data) {
		t.Fatalf("%d chapters, %d bytes of picture", len(in.Chapters), len(in.Artwork.Data))
	}
}

func FuzzID3(f *testing.F) {
	f.Add(id3(2, "TT2", "\x00a", "PIC", "\x00JPG\x03\x00\xff\xd8\xff"))
	f.Add(id3(3, "TIT2", "\x01\xff\xfea\x00", "APIC", "\x01image/png\x00\x03\xff\xfed\x00\x00\x00data", "TXXX", "\x00REPLAYGAIN_TRACK_GAIN\x00-3 dB"))
	f.Add(id3(4, "TIT2", "\x03a", "RVA2", "track\x00\x01\xfc\x00\x10\x80\x00", "CHAP", "1\x00\x00\x00\x00\x01\x00\x00\x00\x02\xff\xff\xff\xff\xff\xff\xff\xffTIT2\x00\x00\x00\x02\x00\x00\x03x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in, same audio.Info
		tags.ID3v2(&in, b)
		sane(t, in)
		r := input.New(containertest.Stream(b))
		if err := tags.ReadID3(&same, r); err == nil && r.Pos() != tags.ID3Size(b) {
			t.Fatalf("it ends at %d of %d", r.Pos(), tags.ID3Size(b))
		}
		sane(t, same)
		if in.Title != same.Title || in.Track != same.Track || len(in.Chapters) != len(same.Chapters) || len(in.Artwork.Data) != len(same.Artwork.Data) {
			t.Fatalf("from memory %+v, from a stream %+v", in, same)
		}
	})
}

func FuzzVorbisComment(f *testing.F) {
	f.Add(comments("TITLE=a", "ARTIST=b", "REPLAYGAIN_TRACK_GAIN=+1.5 dB", "R128_ALBUM_GAIN=-256"))
	f.Add(comments("CHAPTER001=00:01:02.003", "CHAPTER001NAME=x", "COVERART=/9j/"))
	f.Add(comments("METADATA_BLOCK_PICTURE=" + base64.StdEncoding.EncodeToString(block(3, "image/png", "d", "data"))))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in audio.Info
		tags.VorbisComment(&in, b)
		sane(t, in)
	})
}

func FuzzPicture(f *testing.F) {
	f.Add(block(3, "image/png", "d", "data"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in audio.Info
		var c tags.Cover
		if err := tags.FLACPicture(&in, &c, tags.Bytes(b), int64(len(b))); err != nil {
			t.Fatal(err) // it may read no more than there is
		}
		sane(t, in)
	})
}

func FuzzEnd(f *testing.F) {
	f.Add(ape("Title", "a", "Cover Art (Front)", "x.jpg\x00\xff\xd8\xff"))
	f.Add(append(ape("REPLAYGAIN_TRACK_PEAK", "0.5"), id3v1("Title", "Artist", "Album")...))
	f.Fuzz(func(t *testing.T, b []byte) {
		var in audio.Info
		if err := tags.ReadEnd(&in, input.New(containertest.Media(b)), 0); err != nil {
			t.Fatal(err)
		}
		sane(t, in)
	})
}
