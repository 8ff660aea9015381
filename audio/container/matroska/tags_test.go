package matroska

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
)

const jpeg, png = "\xff\xd8\xff\xe0 a photograph", "\x89PNG\r\n\x1a\n a drawing"

func tag(target uint64, nameAndValue ...string) []byte {
	targets := el(idTargets)
	if target > 0 {
		targets = el(idTargets, uint(idTargetType, target))
	}
	parts := [][]byte{targets}
	for i := 0; i < len(nameAndValue); i += 2 {
		parts = append(parts, el(idSimpleTag, str(idTagName, nameAndValue[i]), str(idTagString, nameAndValue[i+1])))
	}
	return el(idTag, parts...)
}

func attached(name, mime, data string) []byte {
	return el(idAttached, str(idFileName, name), str(idFileType, mime), str(idFileData, data))
}

// file is one with these elements behind its track.
func file(parts ...[]byte) []byte {
	return append(el(idEBML, str(idDocType, "webm")), el(idSegment, el(idTracks, audioTrack()), bytes.Join(parts, nil))...)
}

func atom(ms uint64, title string, more ...[]byte) []byte {
	return el(idAtom, append(more, uint(idAtomStart, ms*1e6), el(idAtomDisplay, str(idAtomString, title)), el(idAtomDisplay, str(idAtomString, "in another language")))...)
}

func TestTagsTellLoudness(t *testing.T) {
	for name, c := range map[string]struct {
		tags         [][]byte
		title, album string
		track, whole audio.Gain
	}{
		"by target":        {[][]byte{tag(50, "TITLE", "A", "REPLAYGAIN_GAIN", "1 dB"), tag(30, "TITLE", "T", "REPLAYGAIN_GAIN", "-6 dB", "REPLAYGAIN_PEAK", "0.5")}, "T", "A", audio.Gain{Told: true, DB: -6, Peak: 0.5}, audio.Gain{Told: true, DB: 1}},
		"without":          {[][]byte{tag(0, "title", "T", "replaygain_gain", "-6 dB")}, "T", "", audio.Gain{Told: true, DB: -6}, audio.Gain{}},
		"with and after":   {[][]byte{tag(0, "TITLE", "A", "REPLAYGAIN_GAIN", "1 dB"), tag(30, "TITLE", "T", "REPLAYGAIN_GAIN", "-6 dB")}, "T", "A", audio.Gain{Told: true, DB: -6}, audio.Gain{Told: true, DB: 1}},
		"said twice":       {[][]byte{tag(30, "TITLE", "T"), tag(0, "TITLE", "T")}, "T", "", audio.Gain{}, audio.Gain{}},
		"as ffmpeg writes": {[][]byte{tag(0, "TITLE", "T", "ALBUM", "A", "REPLAYGAIN_TRACK_GAIN", "-6 dB", "REPLAYGAIN_ALBUM_GAIN", "1 dB")}, "T", "A", audio.Gain{Told: true, DB: -6}, audio.Gain{Told: true, DB: 1}},
	} {
		b := file(el(idTags, c.tags...), el(idCluster, uint(idTimestamp, 0), simple(0, 0)))
		in := containertest.Open(t, open, containertest.Stream(b)).Info()
		if in.Title != c.title || in.Album != c.album || in.Track != c.track || in.Whole != c.whole {
			t.Errorf("%s: %+v", name, in)
		}
	}
}

func TestTheCoverIsFoundAmongTheAttachments(t *testing.T) {
	for name, c := range map[string]struct {
		files [][]byte
		want  string
	}{
		"by its name":  {[][]byte{attached("back.png", "image/png", png), attached("font.ttf", "font/ttf", "glyphs"), attached("Cover.jpg", "image/jpeg", jpeg)}, jpeg},
		"if need be":   {[][]byte{attached("words.txt", "text/plain", "la"), attached("x.png", "image/png", png)}, png},
		"none":         {[][]byte{attached("cover.txt", "text/plain", "la")}, ""},
		"too large":    {[][]byte{attached("cover.png", "image/png", string(make([]byte, 2<<20+1)))}, ""},
		"damaged tail": {[][]byte{attached("x.png", "image/png", png), {0x61, 0xa7, 0x8f, 0}}, png},
	} {
		b := file(el(idAttachments, c.files...), el(idCluster, uint(idTimestamp, 0), simple(0, 0)))
		d := containertest.Open(t, open, containertest.Stream(b))
		if got := d.Info().Artwork; string(got.Data) != c.want {
			t.Errorf("%s: %s %q", name, got.MIME, got.Data[:min(len(got.Data), 40)])
		}
		if _, err := d.ReadPacket(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChaptersOfTheDefaultEdition(t *testing.T) {
	chapters := el(idChapters,
		el(idEdition, uint(idEditionHidden, 1), uint(idEditionDefault, 1), atom(0, "hidden")),
		el(idEdition, atom(0, "of the first")),
		el(idEdition, uint(idEditionDefault, 1), atom(2500, "Two"), atom(0, "One", atom(5, "part of one")), atom(1, "not shown", uint(idAtomHidden, 1))),
	)
	want := []audio.Chapter{{Title: "One"}, {Start: 2500 * time.Millisecond, Title: "Two"}}
	cluster := el(idCluster, uint(idTimestamp, 0), simple(0, 0))
	in := containertest.Open(t, open, containertest.Stream(file(chapters, cluster))).Info()
	if fmt.Sprint(in.Chapters) != fmt.Sprint(want) {
		t.Errorf("%v", in.Chapters)
	}
	// Behind the music they are found by the SeekHead, where media can seek.
	late := [][]byte{el(idTags, tag(30, "ARTIST", "Us")), el(idAttachments, attached("cover.jpg", "image/jpeg", jpeg)), chapters}
	seek := func(at uint64) (b []byte) {
		var parts [][]byte
		for i, id := range []uint32{idTags, idAttachments, idChapters} {
			parts = append(parts, el(idSeek, el(idSeekID, idBytes(id)), uint(idSeekPos, at)))
			at += uint64(len(late[i]))
		}
		return el(idSeekHead, parts...)
	}
	whole := func(at uint64) []byte { return file(seek(at), cluster, bytes.Join(late, nil)) }
	const segment = 4 + 8 // its ID and size
	b := whole(0)
	at := bytes.Index(b, late[0]) - bytes.Index(b, idBytes(idSegment)) - segment
	in = containertest.Open(t, open, containertest.Media(whole(uint64(at)))).Info()
	if in.Artist != "Us" || string(in.Artwork.Data) != jpeg || fmt.Sprint(in.Chapters) != fmt.Sprint(want) {
		t.Errorf("behind the music: %+v", in)
	}
}

func FuzzTags(f *testing.F) {
	f.Add(file(el(idTags, tag(50, "TITLE", "A")), el(idAttachments, attached("cover.png", "image/png", png)),
		el(idChapters, el(idEdition, atom(0, "One"))), el(idCluster, uint(idTimestamp, 0), simple(0, 0))))
	containertest.Fuzz(f, open)
}
