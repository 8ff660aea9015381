package audiotest

import (
	"math"
	"slices"
	"testing"

	"segue/audio"
	"segue/audio/codec/opus"
)

// A spoilt encoder is a good one with one fault.
type spoilt struct {
	*opus.Encoder
	fault string
}

func (s spoilt) Encode(dst []byte, pcm []float32) ([]byte, error) {
	switch s.fault {
	case "hums":
		pcm = slices.Clone(pcm)
		for i := range pcm {
			pcm[i] += 0.01
		}
	case "leans left":
		pcm = slices.Clone(pcm)
		for i := 0; i < len(pcm); i += 2 {
			pcm[i+1] /= 2
		}
	case "clicks":
		if math.Abs(float64(pcm[0])) > 0.2 {
			pcm = make([]float32, len(pcm))
		}
	}
	return s.Encoder.Encode(dst, pcm)
}

func (s spoilt) SetBitrate(bps int) {
	if s.fault != "deaf to the bit rate" {
		s.Encoder.SetBitrate(bps)
	}
}

func (s spoilt) SetComplexity(c int) {
	if s.fault != "deaf to the complexity" {
		s.Encoder.SetComplexity(c)
	}
}

func (s spoilt) Independent() {
	if s.fault != "leans on the past" {
		s.Encoder.Independent()
	}
}

func TestBrokenBuildsOfOpusAreFound(t *testing.T) {
	for fault, want := range map[string]struct {
		check func(o Opus, t testing.TB)
		found string
	}{
		"deaf to the bit rate":   {Opus.rateChanges, "bit/s wanted"},
		"deaf to the complexity": {Opus.complexityChanges, "the first packet that shows it is -1"},
		"leans on the past":      {Opus.independent, "error of 40 ms after joining is"},
		"hums":                   {Opus.silence, "value "},
		"leans left":             {Opus.mono, "left and right differ"},
		"clicks":                 {Opus.quality, "want below"},
		"half the bits":          {Opus.bitrates, "asked"},
		"does not conceal":       {Opus.loss, "error of what stands in is"},
	} {
		if fault == "deaf to the complexity" || fault == "leans on the past" {
			if opus.Build() != "pure Go (thesyncim/gopus)" {
				continue // it may not be able to in the first place
			}
		}
		o := Opus{
			Encoder: func(t testing.TB, bitrate, complexity int) audio.Encoder {
				if fault == "half the bits" {
					bitrate = max(bitrate/3, opus.MinBitrate)
				}
				e, err := opus.NewEncoder(opus.EncoderOptions{Bitrate: bitrate, Complexity: complexity})
				if err != nil {
					t.Fatal(err)
				}
				return spoilt{e, fault}
			},
			Decoder: func(t testing.TB) audio.Decoder {
				d, err := opus.NewDecoder()
				if err != nil {
					t.Fatal(err)
				}
				return forgetful{d, fault}
			},
			Duration: opus.Duration,
		}
		expect(t, fault, Found(t, func(t testing.TB) { want.check(o, t) }), want.found)
	}
}

// forgetful is a decoder that may make silence of what is lost.
type forgetful struct {
	audio.Decoder
	fault string
}

func (f forgetful) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if p.Data == nil && f.fault == "does not conceal" {
		return append(dst, make([]float32, frameLen)...), nil
	}
	return f.Decoder.Decode(dst, p)
}
