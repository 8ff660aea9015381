package limiter_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/limiter"
)

// heardByFFmpeg is the true peak of pcm in dBTP as ffmpeg's ebur128 has it, which
// tells the value to three decimals.
func heardByFFmpeg(t *testing.T, pcm []float32) float64 {
	t.Helper()
	ffmpeg := audiotest.Tool(t, "ffmpeg")
	cmd := exec.CommandContext(t.Context(), ffmpeg, "-hide_banner", "-loglevel", "error", "-f", "f32le", "-ar", "48000", "-ac", "2", "-i", "-",
		"-af", "ebur128=peak=true:metadata=1,ametadata=mode=print:file=-", "-f", "null", "-")
	raw := make([]byte, 0, 4*len(pcm))
	for _, v := range pcm {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	cmd.Stdin = bytes.NewReader(raw)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ffmpeg: %v", err)
	}
	peak := 0.0
	for _, c := range []string{"0", "1"} {
		all := regexp.MustCompile(`true_peaks_ch`+c+`=(\S+)`).FindAllSubmatch(out, -1)
		if len(all) == 0 {
			t.Fatalf("ffmpeg says nothing of peaks: %.500s", out)
		}
		v, err := strconv.ParseFloat(string(all[len(all)-1][1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		peak = max(peak, v)
	}
	return 20 * math.Log10(peak)
}

func TestFFmpegHearsNothingAboveTheCeiling(t *testing.T) {
	for name, pcm := range hard() {
		before := heardByFFmpeg(t, pcm)
		after := heardByFFmpeg(t, limited(limiter.New(limiter.Ceiling), pcm))
		t.Logf("%-20s from %6.2f to %.2f dBTP", name, before, after)
		if !(after <= limiter.Ceiling) || before <= limiter.Ceiling {
			t.Errorf("%s: from %.2f to %.2f dBTP", name, before, after)
		}
	}
}
