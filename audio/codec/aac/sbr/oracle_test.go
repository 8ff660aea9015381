package sbr_test

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"math/bits"
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
	cmd := exec.Command("ffmpeg", append([]string{"-v", "fatal"}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(input), &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, stderr.String())
	}
	return out
}

func floats(b []byte) []float32 {
	v := make([]float32, len(b)/4)
	for i := range v {
		v[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
	return v
}

// split takes ADTS apart.
func split(t testing.TB, b []byte) (config []byte, frames [][]byte) {
	t.Helper()
	for len(b) > 7 {
		size := int(b[3]&3)<<11 | int(b[4])<<3 | int(b[5])>>5
		rate, channels := b[2]>>2&15, b[2]&1<<2|b[3]>>6
		config = []byte{2<<3 | rate>>1, rate<<7 | channels<<3}
		header := 9 - int(b[1]&1)*2
		if b[0] != 0xff || size < header || size > len(b) {
			t.Fatal("no ADTS")
		}
		frames = append(frames, b[header:size])
		b = b[size:]
	}
	return config, frames
}

// join makes ADTS of frames.
func join(config []byte, frames [][]byte) (b []byte) {
	rate, channels := config[0]&7<<1|config[1]>>7, config[1]>>3&15
	for _, f := range frames {
		n := len(f) + 7
		b = append(b, 0xff, 0xf1, 1<<6|rate<<2|channels>>2, channels<<6|byte(n>>11), byte(n>>3), byte(n<<5)|0x1f, 0xfc)
		b = append(b, f...)
	}
	return b
}

// core encodes a second of music without the substitution of noise, of which each
// decoder makes its own, and returns the elements of each frame: their bits, and how many.
func core(t testing.TB, rate, channels int) (config []byte, frames [][]byte, ends []int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, uint64(rate)))
	var in []byte
	for i := range rate * 3 / 2 {
		x := float64(i) / float64(rate)
		common := 0.1*math.Sin(2*math.Pi*440*x) + 0.1*math.Sin(2*math.Pi*(200*x+float64(rate)/12*x*x))
		if i%(rate/3+1) < 20 {
			common += 0.3
		}
		for c := range channels {
			v := common*math.Cos(float64(c)) + 0.05*rng.NormFloat64()
			in = binary.LittleEndian.AppendUint32(in, math.Float32bits(float32(v)))
		}
	}
	file := filepath.Join(t.TempDir(), "core.aac")
	tool(t, in, "-f", "f32le", "-ar", strconv.Itoa(rate), "-ac", strconv.Itoa(channels), "-i", "-",
		"-c:a", "aac", "-aac_pns", "0", "-b:a", strconv.Itoa(rate*2*channels), "-bitexact", file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	config, frames = split(t, b)
	for _, f := range frames {
		last := len(f) - 1
		for f[last] == 0 {
			last--
		}
		// The last bit that is set is that of ID_END.
		ends = append(ends, 8*last+8-bits.TrailingZeros8(f[last])-3)
	}
	return config, frames, ends
}

// extend adds what c composes to each frame.
func extend(frames [][]byte, ends []int, c *composer) (out [][]byte) {
	for i, f := range frames {
		w := &bitWriter{}
		w.copyBits(f, 0, ends[i])
		appendPayload(w, c.next())
		w.write(7, 3)
		out = append(out, w.b)
	}
	return out
}

func decode(t testing.TB, config []byte, frames [][]byte) (pcm []float32, rate, channels int) {
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
	rate, channels = d.Format()
	return pcm, rate, channels
}

// left is the left of two channels.
func left(pcm []float32) (v []float32) {
	for i := 0; i < len(pcm); i += 2 {
		v = append(v, pcm[i])
	}
	return v
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

var update = flag.Bool("update", false, "write the frames that the tests of package aac read")

// TestFramesForTheTestsOfTheDecoder writes frames of both versions of HE-AAC to
// testdata of package aac. Without -update it only looks whether they are there.
func TestFramesForTheTestsOfTheDecoder(t *testing.T) {
	for name, m := range map[string]composer{"he1.aac": {pair: true}, "he2.aac": {stereo: true}} {
		file := filepath.Join("..", "testdata", name)
		if !*update {
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
			continue
		}
		channels := 1
		if m.pair {
			channels = 2
		}
		m.Rand, m.rate, m.every = rand.New(rand.NewPCG(1, uint64(channels))), 44100, 5
		config, frames, ends := core(t, m.rate/2, channels)
		frames = extend(frames[8:24], ends[8:24], &m)
		if err := os.WriteFile(file, join(config, frames), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// TestEachElementHasAnExtension puts one channel and a pair together to three.
func TestEachElementHasAnExtension(t *testing.T) {
	const rate = 24000
	config, one, onesEnds := core(t, rate, 1)
	_, two, twosEnds := core(t, rate, 2)
	a := composer{Rand: rand.New(rand.NewPCG(4, 1)), rate: 2 * rate, every: 5}
	b := composer{Rand: rand.New(rand.NewPCG(4, 2)), rate: 2 * rate, every: 7, pair: true}
	var frames [][]byte
	for i, f := range one {
		w := &bitWriter{}
		w.copyBits(f, 0, onesEnds[i])
		appendPayload(w, a.next())
		w.copyBits(two[i], 0, twosEnds[i])
		appendPayload(w, b.next())
		w.write(7, 3)
		frames = append(frames, w.b)
	}
	config[1] = config[1]&0x87 | 3<<3
	got, _, channels := decode(t, config, frames)
	want := floats(tool(t, join(config, frames), "-f", "aac", "-i", "-", "-f", "f32le", "-"))
	if channels != 3 || len(got) != len(want) {
		t.Fatalf("%d channels, %d samples, ffmpeg has %d", channels, len(got), len(want))
	}
	for ch := range channels {
		if dB := likeness(got[2*2048*3:], want[2*2048*3:], ch, 3); !(dB >= 60) {
			t.Errorf("channel %d is %.1f dB like ffmpeg's", ch, dB)
		}
	}
}

func TestRandomStreamsSoundAsFFmpegDecodesThem(t *testing.T) {
	worst := math.Inf(1)
	seed := uint64(0)
	for _, c := range []struct {
		rate, channels int
		composer
	}{
		{8000, 1, composer{}},
		{11025, 2, composer{}},
		{12000, 1, composer{}},
		{16000, 2, composer{}},
		{22050, 1, composer{}},
		{22050, 2, composer{}},
		{22050, 2, composer{fixed: true, classes: []int{0}, quiet: true}},
		{22050, 2, composer{fixed: true, classes: []int{1}}},
		{22050, 2, composer{fixed: true, classes: []int{2}}},
		{24000, 2, composer{fixed: true, classes: []int{3}}},
		{24000, 2, composer{}},
		{24000, 1, composer{}},
		{32000, 2, composer{}},
		{44100, 2, composer{}},
		{48000, 1, composer{}},
	} {
		seed++
		m := c.composer
		m.Rand, m.rate, m.pair, m.every = rand.New(rand.NewPCG(seed, 7)), 2*c.rate, c.channels == 2, 5
		config, frames, ends := core(t, c.rate, c.channels)
		frames = extend(frames, ends, &m)
		got, rate, channels := decode(t, config, frames)
		file := filepath.Join(t.TempDir(), "he.aac")
		if err := os.WriteFile(file, join(config, frames), 0o600); err != nil {
			t.Fatal(err)
		}
		want := floats(tool(t, nil, "-i", file, "-f", "f32le", "-"))
		if c.channels == 1 { // ffmpeg expects parametric stereo
			want = left(want)
		}
		name := fmt.Sprintf("%d Hz, %d channels, classes %v", c.rate, c.channels, c.classes)
		if rate != 2*c.rate || channels != c.channels || len(got) != len(want) {
			t.Errorf("%s: %d Hz, %d channels, %d samples, ffmpeg has %d", name, rate, channels, len(got), len(want))
			continue
		}
		for ch := range channels {
			// In the first frames there is next to nothing to make high bands of: rounding
			// errors, which are amplified.
			from := 2 * 2048 * channels
			dB := likeness(got[from:], want[from:], ch, channels)
			if worst = min(worst, dB); !(dB >= 60) {
				t.Errorf("%s: channel %d is %.1f dB like ffmpeg's", name, ch, dB)
			}
			held := sameBands(t, name, [][]float32{got[from:]}, want[from:], ch, channels, 32)
			if held < 0.2 {
				t.Errorf("%s: only %.2f of channel %d is loud enough to be compared", name, held, ch)
			}
		}
	}
	t.Logf("the worst channel: %.1f dB", worst)
}
