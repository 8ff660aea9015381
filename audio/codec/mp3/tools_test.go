package mp3_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/codec/mp3"
	"segue/audio/container/containertest"
)

// need finds a program that the machine should have.
func need(t *testing.T, name string) string {
	t.Helper()
	path := audiotest.Tool(t, name)
	return path
}

func command(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	out, err := exec.Command(name, args...).Output()
	if err != nil {
		t.Fatalf("%s %v: %v", name, args, err)
	}
	return out
}

// TestEveryRateAndModeAsFFmpeg encodes noise and bursts of tone, and compares with
// what ffmpeg's floating point decoders make of it. In some, intensity stereo is turned
// on afterwards: that is noise, but the same noise.
func TestEveryRateAndModeAsFFmpeg(t *testing.T) {
	ffmpeg, lame := need(t, "ffmpeg"), need(t, "lame")
	dir := t.TempDir()
	source := filepath.Join(dir, "source.wav")
	command(t, ffmpeg, "-v", "error", "-f", "lavfi", "-i", "anoisesrc=c=pink:r=48000:d=0.6:a=0.3:seed=1", "-f", "lavfi", "-i",
		`aevalsrc=0.4*sin(2000*t*t)*lt(mod(t\,0.3)\,0.05)|0.3*sin(9000*t):s=48000:d=0.6`, "-filter_complex", "[0][1]amix=2,aformat=channel_layouts=stereo", source)
	for _, rate := range []int{8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000} {
		modes := []string{"s", "j", "m"}
		if rate != 8000 && rate != 22050 && rate != 44100 {
			modes = modes[:1]
		}
		for _, mode := range modes {
			file := filepath.Join(dir, fmt.Sprintf("%d-%s.mp3", rate, mode))
			bitrate := map[bool]string{true: "48", false: "128"}[rate < 16000]
			command(t, lame, "--quiet", "-t", "--resample", fmt.Sprint(float64(rate)/1000), "-m", mode, "-b", bitrate, source, file)
			limit := -96.0
			if rate == 24000 {
				limit = -55 // it lets a band end at line 330 that ends at 332
			}
			asFFmpeg(t, ffmpeg, file, 0, limit)
			if mode == "s" {
				if rate < 32000 {
					limit = max(limit, -70) // it does not know of illegal positions in MPEG-2
				}
				asFFmpeg(t, ffmpeg, file, 0x70, limit)
			}
		}
		if rate >= 16000 {
			file := filepath.Join(dir, fmt.Sprintf("%d.mp2", rate))
			command(t, ffmpeg, "-v", "error", "-i", source, "-ar", fmt.Sprint(rate), "-b:a", "160k", file)
			asFFmpeg(t, ffmpeg, file, 0, -96)
		}
	}
}

// asFFmpeg compares, with the mode and its extension set to kind unless that is 0. The
// error may be limit dB over full scale, or over the peak where that is higher.
func asFFmpeg(t *testing.T, ffmpeg, file string, kind byte, limit float64) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(file)
	packets := stream{data: b}.packets(t)
	if kind != 0 {
		name = fmt.Sprintf("%s as %x", name, kind)
		b = nil
		for _, p := range packets {
			p.Data[3] = p.Data[3]&0x0f | kind
			b = append(b, p.Data...)
		}
		file = filepath.Join(t.TempDir(), "changed"+filepath.Ext(file))
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	codec := "mp3float"
	if filepath.Ext(file) == ".mp2" {
		codec = "mp2float"
	}
	raw := command(t, ffmpeg, "-v", "quiet", "-flags2", "-skip_manual", "-c:a", codec, "-i", file, "-f", "f32le", "-")
	d, n := mp3.NewDecoder(0), 0
	var sum, peak float64
	for i, p := range packets {
		pcm, err := d.Decode(nil, p)
		if err != nil && !containertest.Sane(err) {
			t.Fatalf("%s: frame %d: %v", name, i, err)
		}
		h, _ := mp3.ParseHeader(p.Data)
		for k := 0; k < len(pcm); k += 3 - h.Channels {
			v := pcm[k]
			if 4*n+4 <= len(raw) {
				want := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*n:])))
				sum += (float64(v) - want) * (float64(v) - want)
				peak = max(peak, math.Abs(want))
			}
			n++
		}
	}
	db := 10 * math.Log10(sum/float64(n)/max(1, peak*peak)+1e-20)
	if n == 0 || n != len(raw)/4 || !(db < limit) {
		t.Errorf("%s: %d values, want %d; error %.1f dB", name, n, len(raw)/4, db)
	}
	t.Logf("%s: error %.1f dB", name, db)
}
