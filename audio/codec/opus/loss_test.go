package opus_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/container"
	"segue/audio/container/containertest"
	"segue/audio/container/ogg"
	"segue/audio/meter"
)

// ffmpeg runs it and returns what it writes.
func ffmpeg(t *testing.T, args string, more ...string) []byte {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append(strings.Fields("-v error "+args), more...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, &stderr)
	}
	return out
}

// hum is two seconds of a sound that has something in every band, in 20 ms packets
// of libopus.
func hum(t *testing.T, channels, options string) []audio.Packet {
	t.Helper()
	const sound = "0.2*sin(2*PI*220*t)*(1+0.5*sin(7*t))+0.1*sin(2*PI*1100*t)+0.05*sin(2*PI*6100*t)"
	source := map[string]string{"mono": sound, "stereo": sound + "|0.3*sin(2*PI*330*t)+0.04*sin(2*PI*9000*t)"}[channels]
	name := filepath.Join(t.TempDir(), "x.opus")
	ffmpeg(t, "-f lavfi -i aevalsrc="+source+":s=48000:d=2:c="+channels+" -c:a libopus "+options, name)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return containertest.Packets(t, container.Open, b)
}

func decoded(t *testing.T, packets []audio.Packet, lost map[int]bool) (pcm []float32) {
	t.Helper()
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		if lost[i] {
			p.Data = nil
		}
		p.Duration = audio.FrameSamples
		before := len(pcm)
		if pcm, err = dec.Decode(pcm, p); err != nil || len(pcm)-before != audio.FrameSamples*audio.Channels {
			t.Fatalf("packet %d: %d values, %v", i, len(pcm)-before, err)
		}
	}
	return pcm
}

// TestEveryModeRecoversFromLoss loses three packets, and asks for something like
// the sound in place of the first, and for the sound itself half a second later.
func TestEveryModeRecoversFromLoss(t *testing.T) {
	const at, frame = 40, audio.FrameSamples * audio.Channels
	for mode, c := range map[string]struct {
		channels, options string
		from, to          byte // configurations of the mode (RFC 6716, table 2)
	}{
		"SILK":   {"mono", "-application voip -b:a 10k -cutoff 8000", 0, 11},
		"hybrid": {"mono", "-application voip -b:a 14k", 12, 15},
		"CELT":   {"stereo", "-application lowdelay -b:a 96k", 16, 31},
	} {
		packets := hum(t, c.channels, c.options)
		for i, p := range packets[at-5 : at+5] {
			if config := p.Data[0] >> 3; config < c.from || config > c.to {
				t.Fatalf("%s: packet %d has configuration %d", mode, at-5+i, config)
			}
		}
		want, got := decoded(t, packets, nil), decoded(t, packets, map[int]bool{at: true, at + 1: true, at + 2: true})
		level := func(pcm []float32) float64 {
			sum := 0.0
			for _, v := range pcm {
				sum += float64(v) * float64(v)
			}
			return 10 * math.Log10(sum/float64(len(pcm))+1e-12)
		}
		if d := level(got[at*frame:(at+1)*frame]) - level(want[at*frame:(at+1)*frame]); math.Abs(d) > 10 {
			t.Errorf("%s: the first packet lost is %.1f dB from as loud as it was", mode, d)
		}
		if e := meter.Error(want[:at*frame], got[:at*frame], 0); e > -100 {
			t.Errorf("%s: before the loss it differs by %.1f dB", mode, e)
		}
		e := meter.Error(want[(at+28)*frame:], got[(at+28)*frame:], 0)
		t.Logf("%s: %.1f dB half a second later", mode, e)
		if e > -25 {
			t.Errorf("%s: half a second after the loss it differs by %.1f dB", mode, e)
		}
	}
}

// TestMonoAndStereoPacketsInOneStream changes between them every few packets, and
// compares with what libopus makes of it. Both are CELT: where the mode changes
// without the redundancy that an encoder sends for it, what is heard in between is
// each decoder's own.
func TestMonoAndStereoPacketsInOneStream(t *testing.T) {
	mono, stereo := hum(t, "mono", "-application audio -b:a 64k"), hum(t, "stereo", "-b:a 96k")
	var mixed []audio.Packet
	var file bytes.Buffer
	w, err := ogg.NewWriter(&file, ogg.Head{Channels: 2, InputRate: audio.SampleRate}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 90 {
		p := [][]audio.Packet{mono, stereo}[i/10%2][i]
		if opus.Stereo(p.Data) != (i/10%2 == 1) {
			t.Fatalf("packet %d is stereo: %v", i, opus.Stereo(p.Data))
		}
		mixed = append(mixed, p)
		if err := w.WritePacket(p.Data, int64(i+1)*audio.FrameSamples); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(90 * audio.FrameSamples); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "mixed.opus")
	if err := os.WriteFile(name, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	raw := ffmpeg(t, "-c:a libopus -i "+name+" -f f32le -")
	want := make([]float32, len(raw)/4)
	for i := range want {
		want[i] = math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:]))
	}
	got := decoded(t, mixed, nil)
	if len(want) != len(got) {
		t.Fatalf("%d values, libopus gives %d", len(got), len(want))
	}
	e := meter.Error(want, got, 0)
	t.Logf("%.1f dB", e)
	if e > -80 {
		t.Errorf("it differs from libopus's by %.1f dB", e)
	}
}
