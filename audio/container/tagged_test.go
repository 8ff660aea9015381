package container_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// picture is an image in the format of its name.
func picture(t *testing.T, name string, side int) []byte {
	t.Helper()
	m := image.NewRGBA(image.Rect(0, 0, side, side))
	for i := range m.Pix {
		m.Pix[i] = byte(i * i >> 7)
	}
	m.Set(0, 0, color.White)
	var b bytes.Buffer
	err := png.Encode(&b, m)
	if filepath.Ext(name) == ".jpg" {
		b.Reset()
		err = jpeg.Encode(&b, m, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const someChapters = `;FFMETADATA1
title=Prélude
artist=Wir
album=Das Ganze
REPLAYGAIN_TRACK_GAIN=-6.54 dB
REPLAYGAIN_TRACK_PEAK=0.988525
REPLAYGAIN_ALBUM_GAIN=+1.25 dB
[CHAPTER]
TIMEBASE=1/1000
START=0
END=400
title=Anfang
[CHAPTER]
TIMEBASE=1/1000
START=400
END=1100
title=Ende ∞
`

const matroskaTags = `<?xml version="1.0"?><Tags>
<Tag><Targets><TargetTypeValue>50</TargetTypeValue></Targets><Simple><Name>TITLE</Name><String>Das Ganze</String></Simple>
<Simple><Name>REPLAYGAIN_GAIN</Name><String>1.25 dB</String></Simple></Tag>
<Tag><Targets><TargetTypeValue>30</TargetTypeValue></Targets><Simple><Name>TITLE</Name><String>Prélude</String></Simple>
<Simple><Name>ARTIST</Name><String>Wir</String></Simple><Simple><Name>REPLAYGAIN_GAIN</Name><String>-6.54 dB</String></Simple>
<Simple><Name>REPLAYGAIN_PEAK</Name><String>0.988525</String></Simple></Tag></Tags>`

// What the usual programs write about a piece comes along, pictures byte for byte.
func TestTagsOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	front, back := picture(t, "front.jpg", 300), picture(t, "back.png", 90)
	for name, b := range map[string][]byte{
		"front.jpg": front, "cover.jpg": front, "back.png": back, "meta.txt": []byte(someChapters), "tags.xml": []byte(matroskaTags),
		"chapters.txt": []byte("CHAPTER01=00:00:00.000\nCHAPTER01NAME=Anfang\nCHAPTER02=00:00:00.400\nCHAPTER02NAME=Ende ∞\n"),
	} {
		if err := os.WriteFile(at(name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*300*t)|0.3*sin(2*PI*500*t)':s=48000:d=1.1", at("in.wav"))
	tool(t, "flac", "-s", at("in.wav"), "-o", at("in.flac"))
	tool(t, "opusenc", "--quiet", at("in.wav"), at("in.opus"))
	plain := []string{"-i", at("in.wav"), "-i", at("meta.txt"), "-map", "0:a", "-map_metadata", "1"}
	pictured := []string{
		"-i", at("in.wav"), "-i", at("meta.txt"), "-i", at("back.png"), "-i", at("front.jpg"), "-map", "0:a", "-map", "2:v", "-map", "3:v", "-map_metadata", "1", "-c:v", "copy",
		"-disposition:v", "attached_pic", "-metadata:s:v:0", "comment=Cover (back)", "-metadata:s:v:1", "comment=Cover (front)",
	}
	cover := []string{"-i", at("in.wav"), "-i", at("meta.txt"), "-i", at("front.jpg"), "-map", "0:a", "-map", "2:v", "-map_metadata", "1", "-c:v", "copy", "-disposition:v", "attached_pic"}
	comments := []string{
		"--set-tag=TITLE=Prélude", "--set-tag=ARTIST=Wir", "--set-tag=ALBUM=Das Ganze",
		"--set-tag=CHAPTER001=00:00:00.000", "--set-tag=CHAPTER001NAME=Anfang", "--set-tag=CHAPTER002NAME=Ende ∞", "--set-tag=CHAPTER002=00:00:00.400",
	}
	for _, c := range []struct {
		name     string
		what     string // of: gain peak album chapters front
		args     []string
		then     [][]string
		forwards bool // it says as much where media only flow
	}{
		{"v3.mp3", "gain peak album chapters front", append(append([]string{"ffmpeg"}, pictured...), "-id3v2_version", "3"), nil, true},
		{"v4.mp3", "gain peak album chapters front", append(append([]string{"ffmpeg"}, pictured...), "-id3v2_version", "4"), nil, true},
		{"v1.mp3", "", []string{"lame", "--quiet", "--noreplaygain", "--id3v1-only", "--tt", "Prélude", "--ta", "Wir", "--tl", "Das Ganze", at("in.wav")}, nil, false},
		{"x.m4a", "chapters front", append(append([]string{"ffmpeg"}, cover...), "-c:a", "aac", "-movflags", "+faststart"), nil, true},
		{"x.mka", "gain peak album chapters", append(append([]string{"ffmpeg"}, plain...), "-c:a", "libopus"), nil, true},
		{"x.ogg", "gain peak album", append(append([]string{"ffmpeg"}, plain...), "-c:a", "libvorbis"), nil, true},
		{"x.oga", "gain peak album front", append(append([]string{"ffmpeg"}, plain...), "-c:a", "flac"), nil, true},
		{"x.flac", "gain peak album front", append(append([]string{"ffmpeg"}, pictured...), "-c:a", "flac"), nil, true},
		{"meta.flac", "front chapters", []string{"cp", at("in.flac")}, [][]string{
			append(append([]string{"metaflac"}, comments...), "--import-picture-from=4||||"+at("back.png"), "--import-picture-from=3||||"+at("front.jpg"), at("meta.flac")),
		}, true},
		{"x.opus", "front chapters gain", []string{"opusenc", "--quiet", "--comment", "R128_TRACK_GAIN=-2954", "--comment", "CHAPTER001=00:00:00.000", "--comment", "CHAPTER001NAME=Anfang", "--comment", "CHAPTER002=00:00:00.400", "--comment", "CHAPTER002NAME=Ende ∞", "--title", "Prélude", "--artist", "Wir", "--album", "Das Ganze", "--picture", "4||||" + at("back.png"), "--picture", "3||||" + at("front.jpg"), at("in.wav")}, nil, true},
		{"merge.mka", "gain peak chapters front", []string{"mkvmerge", "-q", "--global-tags", at("tags.xml"), "--chapters", at("chapters.txt"), "--attach-file", at("back.png"), "--attach-file", at("cover.jpg"), at("in.opus"), "-o"}, nil, false},
		{"x.wav", "", append(append([]string{"ffmpeg"}, plain...), "-c:a", "pcm_s16le"), nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := c.args[1:]
			if c.args[0] == "ffmpeg" {
				args = append([]string{"-v", "error"}, args...)
			}
			if c.name == "x.oga" {
				args = append(args, "-f", "ogg")
			}
			tool(t, c.args[0], append(args, at(c.name))...)
			for _, then := range c.then {
				tool(t, then[0], then[1:]...)
			}
			b, err := os.ReadFile(at(c.name))
			if err != nil {
				t.Fatal(err)
			}
			want := front
			if c.name == "x.oga" { // no program here puts a picture there
				want = nil
			}
			tells(t, containertest.Media(b), c.what, want)
			if c.forwards {
				tells(t, containertest.Stream(b), c.what, want)
			}
		})
	}
}

// tells checks what m says of itself.
func tells(t *testing.T, m *audio.Media, what string, front []byte) {
	t.Helper()
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	in := d.Info()
	if in.Title != "Prélude" || in.Artist != "Wir" || in.Album != "Das Ganze" {
		t.Errorf("it is called %q by %q from %q", in.Title, in.Artist, in.Album)
	}
	has := func(s string) bool { return bytes.Contains([]byte(what), []byte(s)) }
	if g := in.Track; g.Told != has("gain") || g.Told && math.Abs(float64(g.DB+6.54)) > 0.005 || has("peak") && math.Abs(float64(g.Peak)-0.988525) > 1e-4 {
		t.Errorf("gain %+v", in.Track)
	}
	if g := in.Whole; has("album") && (!g.Told || g.DB != 1.25) {
		t.Errorf("album gain %+v", g)
	}
	if has("chapters") != (len(in.Chapters) == 2) || has("chapters") && (in.Chapters[0] != audio.Chapter{Title: "Anfang"} || in.Chapters[1] != audio.Chapter{Start: 400 * time.Millisecond, Title: "Ende ∞"}) {
		t.Errorf("chapters %+v", in.Chapters)
	}
	if has("front") && front != nil && (!bytes.Equal(in.Artwork.Data, front) || in.Artwork.MIME != "image/jpeg") {
		t.Errorf("artwork is %s of %d bytes, want %d", in.Artwork.MIME, len(in.Artwork.Data), len(front))
	}
	if _, err := d.ReadPacket(); err != nil {
		t.Errorf("the first packet: %v", err)
	}
}

// LAME measures what it encodes and says so; there is a tenth of a dB in it for
// each it is given.
func TestGainOfLAMEIsTheLastResort(t *testing.T) {
	dir := t.TempDir()
	gain := func(level, more string) audio.Gain {
		in, out := filepath.Join(dir, "in.wav"), filepath.Join(dir, "out.mp3")
		tool(t, "ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "anoisesrc=a="+level+":d=3:r=44100:seed=1", in)
		tool(t, "lame", "--quiet", "--replaygain-accurate", more, in, out)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		d, err := container.Open(containertest.Stream(b))
		if err != nil {
			t.Fatal(err)
		}
		return d.Info().Track
	}
	loud, quiet, silent := gain("0.5", "-b128"), gain("0.05", "-b128"), gain("0.5", "--noreplaygain")
	if !loud.Told || !quiet.Told || math.Abs(float64(quiet.DB-loud.DB)-20) > 0.25 || loud.Peak < 0.4 || loud.Peak > 0.8 {
		t.Errorf("loud %+v, quiet %+v", loud, quiet)
	}
	if silent.Told {
		t.Errorf("not measured, and yet %+v", silent)
	}
}
