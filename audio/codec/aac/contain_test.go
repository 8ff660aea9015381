package aac_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/container"
)

// TestHEPlaysOutOfContainers decodes frames as containers have them, from the first
// to the last, and holds all of it against ffmpeg.
func TestHEPlaysOutOfContainers(t *testing.T) {
	for _, name := range []string{"he1.aac", "he2.aac"} {
		source := filepath.Join("testdata", name)
		for _, ext := range []string{".aac", ".m4a", ".mka"} {
			file := filepath.Join(t.TempDir(), "x"+ext)
			tool(t, nil, "-i", source, "-c", "copy", file)
			want := floats(tool(t, nil, "-i", file, "-f", "f32le", "-"))
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			media := &audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(b)), Size: int64(len(b))}
			if ext == ".m4a" { // its index comes last
				r := bytes.NewReader(b)
				media.ReadCloser, media.Seeker = io.NopCloser(r), r
			}
			got, channels := decodeFile(t, media)
			if channels != 2 || len(got) != len(want) {
				t.Errorf("%s in %s: %d channels, %d samples, ffmpeg has %d", name, ext, channels, len(got), len(want))
				continue
			}
			for ch := range channels {
				from := 2 * 2048 * channels // before, rounding errors are amplified
				if dB := likeness(got[from:], want[from:], ch, channels); !(dB >= 50) {
					t.Errorf("%s in %s: channel %d is %.1f dB like ffmpeg's", name, ext, ch, dB)
				}
			}
		}
	}
}

func decodeFile(t *testing.T, m *audio.Media) (pcm []float32, channels int) {
	t.Helper()
	demuxer, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	d, err := codec.NewDecoder(demuxer.Codec())
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := demuxer.ReadPacket()
		if errors.Is(err, io.EOF) {
			_, channels = d.Format()
			return pcm, channels
		}
		if err != nil {
			t.Fatal(err)
		}
		if pcm, err = d.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
}
