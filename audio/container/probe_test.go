package container_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

func TestWhatIsNotAudioIsNamed(t *testing.T) {
	for what, head := range map[string]string{
		"a web page":        "\n<!DOCTYPE html><html><head>",
		"a web page ":       "<html lang=en>",
		"an XML document":   "<?xml version=\"1.0\"?><rss>",
		"an image (PNG)":    "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR",
		"an image (JPEG)":   "\xff\xd8\xff\xe0\x00\x10JFIF",
		"an image (GIF)":    "GIF89a",
		"an image (WebP)":   "RIFF\x00\x00\x00\x00WEBPVP8 ",
		"an image (AVIF)":   "\x00\x00\x00\x20ftypavif\x00\x00\x00\x00",
		"a ZIP archive":     "PK\x03\x04\x14\x00",
		"a PDF document":    "%PDF-1.7",
		"a program":         "\x7fELF\x02\x01\x01",
		"a playlist (M3U)":  "#EXTM3U\n#EXTINF:123,Song\nsong.mp3\n",
		"a playlist (M3U) ": "\xef\xbb\xbf#EXTM3U\n",
		"a playlist (PLS)":  "[playlist]\nFile1=http://radio.example/\n",
		"a playlist":        "http://radio.example/stream\n",
		"AAC audio":         "\xff\xf1\x50\x80\x01\x1f\xfc\x00",
		"an AVI video":      "RIFF\x00\x00\x00\x00AVI LIST",
		"a MIDI file":       "MThd\x00\x00\x00\x06",
		"text":              "Dear Sir or Madam,\nI write to you",
		"a JSON document":   "{\"error\": \"gone\"}",
		"an empty file":     "",
	} {
		what = strings.TrimSpace(what)
		for _, hint := range [][2]string{{"", ""}, {"audio/mpeg", ".mp3"}} {
			m := containertest.Stream([]byte(head))
			m.MIME, m.Ext = hint[0], hint[1]
			_, err := container.Open(m)
			foreign, ok := errors.AsType[*audio.Foreign](err)
			if !ok || foreign.Looks != what || !errors.Is(err, audio.ErrUnsupported) {
				t.Errorf("%s as %v: %v", what, hint, err)
			}
		}
	}
}

func TestOnlyPlaylistsOfSegmentsAreHLS(t *testing.T) {
	for head, want := range map[string]container.Format{
		"#EXTM3U\n#EXT-X-VERSION:3\n":                                         container.HLS,
		"\xef\xbb\xbf#EXTM3U\r\n#EXTINF:9,\r\na.ts\r\n#EXT-X-ENDLIST":         container.HLS,
		"#EXTM3U\n#EXTINF:-1,My Station\nhttp://radio.example/stream\n":       "",
		"#EXTM3U\n#EXTINF:-1,the tag #EXT-X-ENDLIST\nhttp://radio.example/\n": "",
		"#EXT-X-VERSION:3\n": "",
	} {
		for _, hint := range [][2]string{{"", ""}, {"application/vnd.apple.mpegurl", ".m3u8"}, {"audio/mpeg", ".mp3"}} {
			if f, err := container.Probe([]byte(head), hint[0], hint[1]); f != want || (err == nil) != (want != "") {
				t.Errorf("%q as %v is %q, %v", head, hint, f, err)
			}
		}
	}
	m := containertest.Stream([]byte("#EXTM3U\n" + strings.Repeat("#EXTINF:1,\na\n", 100) + "#EXT-X-ENDLIST\n"))
	if _, err := container.Open(m); !errors.Is(err, audio.ErrUnsupported) || !strings.Contains(err.Error(), "apart from its segments") {
		t.Errorf("without anything to open segments with: %v", err)
	}
}

func TestABroadcastOfFLACIsKnownWhereverItWasJoined(t *testing.T) {
	file := string(containertest.File(t, "sweep.flac"))
	first := file[strings.Index(file, "\xff\xf8"):]
	for what, head := range map[string]string{"from a frame on": first, "from within one": first[100:], "the beginning of a frame": first[:60]} {
		f, err := container.Probe([]byte(head), "", "")
		if f != container.FLAC || err != nil {
			t.Errorf("%s is %q, %v", what, f, err)
		}
	}
	d := containertest.Open(t, container.Open, containertest.Stream([]byte(first[100:])))
	if c := d.Codec(); c.Name != "flac" || c.SampleRate != 8000 || c.Channels != 1 {
		t.Errorf("%+v", c)
	}
}

func TestNoiseIsNoAudio(t *testing.T) {
	for _, head := range []string{"\x00\x01\x02\x03\x04\x05\x06\x07", strings.Repeat("\xff", 5000), strings.Repeat("\x00", 20000), "\xff\xfb"} {
		if f, err := container.Probe([]byte(head), "", ""); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%.8q is %q, %v", head, f, err)
		}
	}
}

func TestFramesInFreeFormatAreMP3(t *testing.T) {
	frame := append([]byte("\xff\xfb\x00\x00"), make([]byte, 700)...)
	for n := range 6 {
		head := bytes.Repeat(frame, n)
		if f, err := container.Probe(head, "", ""); (err == nil && f == container.MP3) != (n >= 3) {
			t.Errorf("%d frames in free format are %q, %v", n, f, err)
		}
	}
}

func TestHintsDecideBetweenGuessesOnly(t *testing.T) {
	file := containertest.File(t, "sweep.mp3")
	frame := file[strings.Index(string(file), "\xff\xf3"):]
	h, _ := mp3.ParseHeader(frame)
	frame = frame[:h.Size]
	for _, c := range []struct {
		mime, ext string
		ok        bool
	}{{"", "", false}, {"audio/mpeg", "", true}, {"", ".mp3", true}, {"audio/ogg", ".ogg", false}} {
		if f, err := container.Probe(frame, c.mime, c.ext); (err == nil && f == container.MP3) != c.ok {
			t.Errorf("one frame as %q %q is %q, %v", c.mime, c.ext, f, err)
		}
	}
	for ext, mime := range map[string]string{".mkv": "video/x-matroska", ".opus": "audio/ogg", ".wav": "audio/wav", ".flac": "audio/flac"} {
		for _, h := range [][2]string{{mime, ""}, {"", ext}} {
			if f, err := container.Probe([]byte("OggS\x00\x02"), h[0], h[1]); f != container.Ogg || err != nil {
				t.Errorf("a signature as %v is %q, %v", h, f, err)
			}
		}
	}
}

func TestReadErrorsAreNotHidden(t *testing.T) {
	boom := errors.New("connection reset")
	for _, s := range sounds {
		b := containertest.File(t, s.file)
		for _, at := range []int{0, 20, 300, len(b) / 2} {
			m := containertest.Stream(b)
			m.ReadCloser = &breaking{m.ReadCloser, at, boom}
			d, err := container.Open(m)
			if err == nil {
				_, err = containertest.Drain(d)
			}
			if !errors.Is(err, boom) {
				t.Errorf("%s breaking at %d: %v", s.file, at, err)
			}
		}
	}
}

func FuzzProbe(f *testing.F) {
	for _, s := range sounds {
		f.Add(containertest.File(f, s.file), "audio/ogg", ".mp3")
	}
	f.Fuzz(func(t *testing.T, b []byte, mime, ext string) {
		format, err := container.Probe(b, mime, ext)
		if (err == nil) == (format == "") || err != nil && !errors.Is(err, audio.ErrUnsupported) {
			t.Fatalf("%q, %v", format, err)
		}
	})
}
