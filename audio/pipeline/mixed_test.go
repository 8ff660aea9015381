package pipeline

import (
	"math"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
)

// TestFormatsFadeIntoEachOther plays noise as MP3, Opus and FLAC, with cross-fades, through
// our encoder and one decoder: the power stays, and Opus passes where it is alone.
func TestFormatsFadeIntoEachOther(t *testing.T) {
	const n, overlap = 4 * audio.SampleRate, audio.SampleRate
	var files [][]byte
	for i, command := range []string{"lame --quiet -b 320 IN OUT", "opusenc --quiet --bitrate 256 IN OUT", "flac --silent -o OUT IN"} {
		files = append(files, written(t, audiotest.Noise(uint64(i), 0.3, n), command))
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var modes strings.Builder
	pcm := heardAsOne(t, time.Second, Options{Encoder: func() (audio.Encoder, error) {
		return opus.NewEncoder(opus.EncoderOptions{Bitrate: 256000})
	}}, func(f audio.Frame, m Mode) []float32 {
		out, err := dec.Decode(nil, audio.Packet{Data: f.Opus})
		if err != nil {
			t.Fatal(err)
		}
		modes.WriteByte("pT"[m])
		return out
	}, files...)
	if passed := strings.Count(modes.String(), "p"); passed < 80 || passed > 100 { // two of its four seconds
		t.Errorf("%d frames pass: %s", passed, modes.String())
	}
	// What coders leave out of noise is not power that a cross-fade lost: the middle of each is
	// the measure.
	power := func(at, samples int) float64 { return 20 * math.Log10(loudness(pcm[2*at:2*(at+samples)])) }
	alone := [3]float64{power(overlap, overlap), power(n+overlap/2, overlap), power(2*n, overlap)}
	for i := range 2 {
		begin := (i+1)*n - (i+1)*overlap
		for at := begin; at+4800 <= begin+overlap; at += 4800 {
			low, high := min(alone[i], alone[i+1])-0.5, max(alone[i], alone[i+1])+0.5
			if db := power(at, 4800); db < low || db > high {
				t.Errorf("cross-fade %d: %.2f dB after %d samples, %.2f before and %.2f after it", i, db, at-begin, alone[i], alone[i+1])
			}
		}
	}
	t.Logf("%.2f dB", alone)
}
