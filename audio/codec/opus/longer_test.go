package opus_test

import (
	"math"
	"testing"

	"segue/audio"
	"segue/audio/codec/opus"
)

// TestLongerFramesInTheMiddleAreHeard goes from frames of 20 ms to such of 60, of the
// same speech, which only another decoder may have room for: it sounds on.
func TestLongerFramesInTheMiddleAreHeard(t *testing.T) {
	const options = "-application voip -b:a 16k -cutoff 8000 -vbr off -frame_duration "
	short, long := hum(t, "mono", options+"20"), hum(t, "mono", options+"60")
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	var pcm, want []float32
	for _, p := range short[:48] {
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	for i, p := range long {
		if i >= 16 {
			if pcm, err = dec.Decode(pcm, p); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range long {
		if want, err = fresh.Decode(want, p); err != nil {
			t.Fatal(err)
		}
	}
	if len(pcm) != len(want) {
		t.Fatalf("%d values, want %d", len(pcm), len(want))
	}
	for at := 48; at < 96; at += 3 {
		part := func(pcm []float32) []float32 { return pcm[at*audio.FrameSamples*2:][:3*audio.FrameSamples*2] }
		var signal, noise float64
		for i, v := range part(want) {
			d := float64(part(pcm)[i] - v)
			signal, noise = signal+float64(v)*float64(v), noise+d*d
		}
		e := 10 * math.Log10(noise/signal)
		t.Logf("%d ms after: %.1f dB", (at-48)*20, e)
		limit := -20.0
		if at < 57 { // encoders begin anew too
			limit = -10
		}
		if e > limit {
			t.Errorf("%d ms after, the error is %.1f dB, want below %.0f", (at-48)*20, e, limit)
		}
	}
}
