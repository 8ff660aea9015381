package vorbis_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/codec/vorbis"
	"segue/audio/container"
	"segue/audio/container/containertest"
	"segue/audio/meter"
)

// TestChannelsComeOutInWAVEOrder has ffmpeg encode a tone of another frequency in
// each loudspeaker, and compares every channel with what ffmpeg decodes, which is
// in WAVE order.
func TestChannelsComeOutInWAVEOrder(t *testing.T) {
	ffmpeg := need(t, "ffmpeg")
	dir := t.TempDir()
	for channels, layout := range []string{3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"} {
		if layout == "" {
			continue
		}
		tones := ""
		for i := range channels {
			tones += fmt.Sprintf("|0.2*sin(2*PI*%d*t)", 100*(i+1))
		}
		file := filepath.Join(dir, layout+".ogg")
		run(t, ffmpeg, "-v", "error", "-f", "lavfi", "-i", "aevalsrc="+tones[1:]+":s=48000:d=0.5:c="+layout, "-c:a", "libvorbis", "-q:a", "6", file)
		raw := run(t, ffmpeg, "-v", "error", "-i", file, "-f", "f32le", "-")
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		m := containertest.Open(t, container.Open, containertest.Media(b))
		d := decoder(t, m.Codec().Private)
		if _, n := d.Format(); n != channels || len(raw)/4%channels != 0 {
			t.Fatalf("%s: %d channels, ffmpeg gives %d bytes", layout, n, len(raw))
		}
		packets, _ := containertest.Drain(m)
		var pcm []float32
		for _, p := range packets {
			if pcm, err = d.Decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
		for c := range channels {
			var want, got []float32
			for i := c; i < min(len(raw)/4, len(pcm)); i += channels {
				want = append(want, math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
				got = append(got, pcm[i])
			}
			if len(got) < 20000 {
				t.Fatalf("%s: %d samples", layout, len(got))
			}
			if e := meter.Error(want, got, 0); e > -90 {
				t.Errorf("%s: channel %d differs from ffmpeg's by %.1f dB", layout, c, e)
			}
		}
	}
}

// TestOrderIsWAVEs reads the tables as the names of loudspeakers.
func TestOrderIsWAVEs(t *testing.T) {
	names := [][2][]string{
		3: {{"L", "C", "R"}, {"L", "R", "C"}},
		4: {{"L", "R", "BL", "BR"}, {"L", "R", "BL", "BR"}},
		5: {{"L", "C", "R", "BL", "BR"}, {"L", "R", "C", "BL", "BR"}},
		6: {{"L", "C", "R", "BL", "BR", "LFE"}, {"L", "R", "C", "LFE", "BL", "BR"}},
		7: {{"L", "C", "R", "SL", "SR", "BC", "LFE"}, {"L", "R", "C", "LFE", "BC", "SL", "SR"}},
		8: {{"L", "C", "R", "SL", "SR", "BL", "BR", "LFE"}, {"L", "R", "C", "LFE", "BL", "BR", "SL", "SR"}},
	}
	for n, c := range names[3:] {
		n += 3
		for out, in := range vorbis.Order(n) {
			if got, want := c[0][in], c[1][out]; got != want {
				t.Errorf("%d channels: the %dth is %s, want %s", n, out, got, want)
			}
		}
		if len(vorbis.Order(n)) != n {
			t.Errorf("%d channels in an order of %d", n, len(vorbis.Order(n)))
		}
	}
	if vorbis.Order(9) != nil {
		t.Error("nine channels have an order")
	}
}

func need(t *testing.T, name string) string {
	t.Helper()
	path := audiotest.Tool(t, name)
	return path
}

func run(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", name, args, err, &stderr)
	}
	return out
}
