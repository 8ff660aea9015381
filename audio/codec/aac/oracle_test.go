package aac_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/aac"
)

// tool runs ffmpeg with input, or skips the test if there is none.
func tool(t testing.TB, input []byte, args ...string) []byte {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	cmd := exec.Command("ffmpeg", append([]string{"-v", "error"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, stderr.String())
	}
	return out
}

// music is sound for every tool of the codec: tones that come and go, noise,
// clicks that ask for short windows, and channels that are alike or not.
func music(rate, channels int, seconds float64) []byte {
	rng := rand.New(rand.NewPCG(3, uint64(rate)))
	n := int(float64(rate) * seconds)
	b := make([]byte, 0, 4*n*channels)
	for i := range n {
		x := float64(i) / float64(rate)
		common := 0.2*math.Sin(2*math.Pi*440*x) + 0.1*math.Sin(2*math.Pi*(200*x+float64(rate)/12*x*x))
		if i%(rate/3+1) < 20 {
			common += 0.4
		}
		for c := range channels {
			v := common*math.Cos(float64(c)) + 0.02*rng.NormFloat64() + 0.1*math.Sin(2*math.Pi*float64(300+170*c)*x)*math.Exp(-6*math.Mod(x, 0.4))
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(float32(v)))
		}
	}
	return b
}

// frames takes ADTS apart: the configuration, and the frames.
func frames(t testing.TB, b []byte) (config []byte, frames [][]byte) {
	t.Helper()
	for len(b) > 7 {
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		rate, channels := b[2]>>2&15, b[2]&1<<2|b[3]>>6
		config = []byte{2<<3 | rate>>1, rate<<7 | channels<<3}
		header := 9 - int(b[1]&1)*2
		if b[0] != 0xff || size < header || size > len(b) {
			t.Fatal("the encoder made no ADTS")
		}
		frames = append(frames, b[header:size])
		b = b[size:]
	}
	return config, frames
}

func floats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

func decodeAll(t testing.TB, config []byte, frames [][]byte) (pcm []float32, channels int) {
	t.Helper()
	d, err := aac.NewDecoder(config)
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range frames {
		if pcm, err = d.Decode(pcm, audio.Packet{Data: f}); err != nil {
			t.Fatalf("frame %d: %v", i, err)
		}
	}
	_, channels = d.Format()
	return pcm, channels
}

// likeness is how far below want the difference of got is, in dB.
func likeness(got, want []float32, channel, channels int) float64 {
	var signal, noise float64
	for i := channel; i < min(len(got), len(want)); i += channels {
		a, b := float64(got[i]), float64(want[i])
		signal += b * b
		noise += (a - b) * (a - b)
	}
	return 10 * math.Log10(signal/(noise+1e-30))
}

func TestItSoundsAsFFmpegDecodesIt(t *testing.T) {
	worst := math.Inf(1)
	for _, c := range []struct {
		rate, channels int
		bitrate        string
		more           []string
	}{
		{8000, 1, "24k", nil},
		{8000, 2, "40k", nil},
		{11025, 1, "32k", nil},
		{12000, 2, "48k", nil},
		{16000, 1, "48k", nil},
		{22050, 2, "64k", nil},
		{24000, 2, "64k", nil},
		{32000, 2, "96k", nil},
		{44100, 1, "64k", nil},
		{44100, 2, "32k", nil},
		{44100, 2, "128k", nil},
		{44100, 2, "320k", nil},
		{44100, 2, "128k", []string{"-aac_coder", "fast"}},
		{44100, 2, "96k", []string{"-aac_ms", "1"}},
		{48000, 2, "192k", []string{"-strict", "-2", "-aac_coder", "anmr"}},
		{48000, 2, "48k", []string{"-aac_is", "1"}},
		{48000, 5, "256k", []string{"-af", "aformat=channel_layouts=5.0"}},
		{48000, 6, "320k", []string{"-af", "aformat=channel_layouts=5.1"}},
		{44100, 6, "384k", []string{"-af", "aformat=channel_layouts=5.1"}},
		{64000, 2, "192k", nil},
		{88200, 2, "256k", nil},
		{96000, 1, "128k", nil},
		{96000, 2, "256k", nil},
	} {
		name := fmt.Sprintf("%d Hz, %d channels, %s %v", c.rate, c.channels, c.bitrate, c.more)
		file := filepath.Join(t.TempDir(), "x.aac")
		args := []string{"-f", "f32le", "-ar", strconv.Itoa(c.rate), "-ac", strconv.Itoa(c.channels), "-i", "-", "-c:a", "aac", "-aac_pns", "0", "-b:a", c.bitrate}
		tool(t, music(c.rate, c.channels, 1), append(append(args, c.more...), file)...)
		want := floats(tool(t, nil, "-i", file, "-f", "f32le", "-"))
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config, frames := frames(t, b)
		got, channels := decodeAll(t, config, frames)
		if channels != c.channels || len(got) != len(want) {
			t.Errorf("%s: %d channels, %d samples, ffmpeg has %d", name, channels, len(got), len(want))
			continue
		}
		for ch := range channels {
			dB := likeness(got, want, ch, channels)
			if worst = min(worst, dB); !(dB >= 85) {
				t.Errorf("%s: channel %d is %.1f dB like ffmpeg's", name, ch, dB)
			}
		}
	}
	t.Logf("the worst channel: %.1f dB", worst)
}

// TestNoiseIsAsLoudAsFFmpegs compares what noise substitution leaves of noise: no
// two decoders make the same, but all make as much.
func TestNoiseIsAsLoudAsFFmpegs(t *testing.T) {
	const rate, seconds = 44100, 4
	rng := rand.New(rand.NewPCG(8, 9))
	var in []byte
	for range rate * seconds * 2 {
		in = binary.LittleEndian.AppendUint32(in, math.Float32bits(float32(0.1*rng.NormFloat64())))
	}
	encode := func(pns string) (got, want []float32) {
		file := filepath.Join(t.TempDir(), "x.aac")
		tool(t, in, "-f", "f32le", "-ar", "44100", "-ac", "2", "-i", "-", "-c:a", "aac", "-aac_pns", pns, "-b:a", "64k", file)
		want = floats(tool(t, nil, "-i", file, "-f", "f32le", "-"))
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		config, frames := frames(t, b)
		got, _ = decodeAll(t, config, frames)
		return got, want
	}
	got, want := encode("1")
	if len(got) != len(want) {
		t.Fatalf("%d samples, ffmpeg has %d", len(got), len(want))
	}
	if likeness(got, want, 0, 2) > 80 {
		t.Fatal("there is no noise in the test")
	}
	for ch := range 2 {
		var a, b float64
		for i := ch; i < len(got); i += 2 {
			a += float64(got[i]) * float64(got[i])
			b += float64(want[i]) * float64(want[i])
		}
		if dB := 10 * math.Log10(a/b); math.Abs(dB) > 0.3 {
			t.Errorf("channel %d is %.2f dB louder than ffmpeg's", ch, dB)
		}
	}
}
