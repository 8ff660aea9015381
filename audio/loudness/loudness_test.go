package loudness_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/container"
	"segue/audio/loudness"
	"segue/testdata"
)

const second = audio.SampleRate

// tone is a stereo sine of a level in dBFS.
func tone(hz, level float64, n int) []float32 {
	return audiotest.Sine(hz, math.Pow(10, level/20), n)
}

// faded begins and ends gently: an edge would reach higher.
func faded(pcm []float32) []float32 {
	for i := range pcm {
		pcm[i] *= min(1, float32(min(i, len(pcm)-i))/2000)
	}
	return pcm
}

func join(parts ...[]float32) (all []float32) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

// feed adds pcm in pieces of many lengths.
func feed(m *loudness.Meter, pcm []float32) {
	for n := 2; len(pcm) > 0; n = n*7%4099/2*2 + 2 {
		n = min(n, len(pcm))
		m.Add(pcm[:n])
		pcm = pcm[n:]
	}
}

func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if !(math.Abs(got-want) <= within) {
		t.Errorf("%s is %.3f, want %.3f", what, got, want)
	}
}

// The first cases of EBU Tech 3341.
func TestMinimumRequirementsOfEBU(t *testing.T) {
	for _, c := range []struct {
		name string
		pcm  []float32
		want float64
	}{
		{"1", tone(1000, -23, 20*second), -23},
		{"2", tone(1000, -33, 20*second), -33},
		{"3", join(tone(1000, -36, 10*second), tone(1000, -23, 60*second), tone(1000, -36, 10*second)), -23},
		{"4", join(tone(1000, -72, 10*second), tone(1000, -36, 10*second), tone(1000, -23, 60*second), tone(1000, -36, 10*second), tone(1000, -72, 10*second)), -23},
		{"5", join(tone(1000, -26, 20*second), tone(1000, -20, 20*second+second/10), tone(1000, -26, 20*second)), -23},
	} {
		m := loudness.New()
		feed(m, c.pcm)
		near(t, "case "+c.name, m.Integrated(), c.want, 0.1)
	}
}

func TestMomentaryAndShortTermFollow(t *testing.T) {
	m := loudness.New()
	m.Add(tone(1000, -23, 399*second/1000))
	if !math.IsInf(m.Momentary(), -1) || !math.IsInf(m.Integrated(), -1) {
		t.Errorf("before 400 ms: %v, %v", m.Momentary(), m.Integrated())
	}
	m.Add(tone(1000, -23, 3*second))
	near(t, "momentary", m.Momentary(), -23, 0.1)
	near(t, "short-term", m.ShortTerm(), -23, 0.1)
	m.Add(tone(1000, -33, second/2))
	near(t, "momentary after half a second", m.Momentary(), -33, 0.2)
	if s := m.ShortTerm(); s > -23.3 || s < -24.5 {
		t.Errorf("short-term follows to %.1f", s)
	}
	m.Add(make([]float32, 8*second))
	if m.Momentary() > -100 || m.ShortTerm() > -100 {
		t.Errorf("silence is at %.1f and %.1f", m.Momentary(), m.ShortTerm())
	}
	near(t, "integrated", m.Integrated(), -23.3, 0.4)
}

// The cases 15 to 19 of EBU Tech 3341, which allow +0.2 and -0.4 dB.
func TestPeaksBetweenSamplesAreSeen(t *testing.T) {
	wave := func(amp, cycles, phase float64) []float32 {
		pcm := make([]float32, 2*second)
		for i := range second {
			v := float32(amp * math.Sin(2*math.Pi*(cycles*float64(i)+phase/360)))
			pcm[2*i], pcm[2*i+1] = v, -v/2
		}
		return faded(pcm)
	}
	for _, c := range []struct{ amp, cycles, phase, want float64 }{
		{0.5, 1. / 4, 0, -6}, {0.5, 1. / 4, 45, -6}, {0.5, 1. / 6, 60, -6}, {0.5, 1. / 8, 67.5, -6}, {1.41, 1. / 4, 45, 3},
	} {
		m := loudness.New()
		feed(m, wave(c.amp, c.cycles, c.phase))
		if got := m.TruePeak(); got > c.want+0.2 || got < c.want-0.4 {
			t.Errorf("%v of a cycle a sample from %v degrees: %.2f dBTP, want %.1f", c.cycles, c.phase, got, c.want)
		}
	}
	m := loudness.New()
	m.Add(make([]float32, second))
	if !math.IsInf(m.TruePeak(), -1) {
		t.Errorf("silence peaks at %v", m.TruePeak())
	}
	right := make([]float32, second)
	right[second-1] = 0.25 // the very last sample, in one channel
	m.Add(right)
	near(t, "an impulse at the end", m.TruePeak(), -12.04, 0.1)
}

func TestWhatIsNoSoundDoesNoLastingHarm(t *testing.T) {
	m := loudness.New()
	bad := tone(1000, -23, second)
	bad[5000], bad[9001], bad[20_000] = float32(math.NaN()), float32(math.Inf(1)), 1e30
	m.Add(bad)
	m.Add(tone(1000, -23, 60*second))
	near(t, "loudness", m.Integrated(), -23, 0.1)
	near(t, "peak", m.TruePeak(), -23, 0.3)
	m.Reset()
	if !math.IsInf(m.Integrated(), -1) || !math.IsInf(m.TruePeak(), -1) || !math.IsInf(m.Momentary(), -1) {
		t.Error("Reset does not forget")
	}
	m.Add(tone(1000, -20, second))
	near(t, "after Reset", m.Integrated(), -20, 0.1)
	m.Add([]float32{1})
	m.Add(nil)
}

func TestNothingIsAllocated(t *testing.T) {
	m, pcm := loudness.New(), audiotest.Music(audio.SampleRate)
	if n := testing.AllocsPerRun(10, func() { m.Add(pcm) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// oracle is what ffmpeg's ebur128 says of a file.
func oracle(t *testing.T, path string) (integrated, peak float64) {
	t.Helper()
	ffmpeg := audiotest.Tool(t, "ffmpeg")
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-nostats", "-i", path, "-af",
		"ebur128=peak=true:metadata=1:framelog=verbose,ametadata=mode=print:file=-", "-f", "null", "-")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v: %s", err, said.Bytes())
	}
	last := func(in []byte, pattern string) float64 { // the summary has a decimal, the frames have three
		all := regexp.MustCompile(pattern).FindAllSubmatch(in, -1)
		if len(all) == 0 {
			t.Fatalf("ffmpeg says nothing of %s: %.500s", pattern, in)
		}
		v, err := strconv.ParseFloat(string(all[len(all)-1][1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	return last(out, `lavfi\.r128\.I=(\S+)`), last(said.Bytes(), `Peak:\s+(\S+) dBFS`)
}

// write makes a WAV file of 32-bit floats.
func write(t *testing.T, pcm []float32) string {
	t.Helper()
	le := binary.LittleEndian
	b := append([]byte("RIFF"), le.AppendUint32(nil, uint32(36+4*len(pcm)))...)
	b = append(b, "WAVEfmt \x10\x00\x00\x00\x03\x00\x02\x00"...)
	b = le.AppendUint32(b, audio.SampleRate)
	b = le.AppendUint32(b, audio.SampleRate*8)
	b = append(b, "\x08\x00\x20\x00data"...)
	b = le.AppendUint32(b, uint32(4*len(pcm)))
	for _, v := range pcm {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// bundled decodes one of the bundled pieces.
func bundled(t *testing.T, name string) []float32 {
	t.Helper()
	b, err := testdata.Sounds.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	d, err := container.Open(&audio.Media{ReadCloser: io.NopCloser(bytes.NewReader(b)), Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	dec, err := codec.NewDecoder(d.Codec())
	if err != nil {
		t.Fatal(err)
	}
	if rate, channels := dec.Format(); rate != audio.SampleRate || channels != audio.Channels {
		t.Fatalf("%s is of another format", name)
	}
	var pcm []float32
	for {
		p, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			return pcm
		}
		if err != nil {
			t.Fatal(err)
		}
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAgreesWithFFmpeg(t *testing.T) {
	scaled := func(pcm []float32, by float32) []float32 {
		out := make([]float32, len(pcm))
		for i, v := range pcm {
			out[i] = v * by
		}
		return out
	}
	music := audiotest.Music(12 * second)
	oneSide := append([]float32(nil), music...)
	for i := 1; i < len(oneSide); i += 2 {
		oneSide[i] = 0
	}
	for name, pcm := range map[string][]float32{
		"music":        music,
		"quiet music":  scaled(music, 0.01),
		"loud music":   scaled(music, 3),
		"with a break": join(music, make([]float32, 10*second), scaled(music, 0.1)),
		"one side":     oneSide,
		"white noise":  audiotest.Noise(1, 0.3, 8*second),
		"a sweep":      audiotest.Sweep(20, 20_000, 0.5, 10*second),
		"deep":         tone(40, -10, 5*second),
		"high":         faded(tone(12_345, -10, 5*second)),
		"lantern":      bundled(t, testdata.Lantern),
	} {
		m := loudness.New()
		feed(m, pcm)
		integrated, peak := oracle(t, write(t, pcm))
		t.Logf("%-13s %7.2f LUFS, ffmpeg %7.2f; %6.2f dBTP, ffmpeg %6.2f", name, m.Integrated(), integrated, m.TruePeak(), peak)
		near(t, name+": loudness", m.Integrated(), integrated, 0.1)
		within := 0.2
		if name == "white noise" {
			within = 0.4 // it reaches to half the sampling rate, where every filter errs in its own way
		}
		near(t, name+": peak", m.TruePeak(), peak, within)
	}
}
