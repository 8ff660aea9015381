//go:build gopus && !libopus

package opus

import (
	"layeh.com/gopus"

	"segue/audio"
)

const build = "libopus 1.1.2 (C, layeh.com/gopus), decoding in pure Go (thesyncim/gopus)"

// A rawEncoder is layeh.com/gopus: libopus 1.1.2 at complexity 9, in 16 bits,
// which can be told a bit rate and nothing else, and whose variable bit rate is
// of the constrained kind.
type rawEncoder struct {
	enc          *gopus.Encoder
	pcm          []int16
	rate, wanted int // bit/s: what enc has been told, what it shall be told
}

// slope: downwards the bit rate goes by a fifth a frame. Of the constrained kind
// it saves bits up, at most a frame of them, and when it may spend less it first
// pays them back: in one step from 128 to 32 kbit/s that is three frames of two
// bytes, which is heard.
const slope = 5

func newRawEncoder() (rawEncoder, error) {
	enc, err := gopus.NewEncoder(audio.SampleRate, audio.Channels, gopus.Audio)
	if err != nil {
		return rawEncoder{}, err
	}
	enc.SetVbr(true)
	return rawEncoder{enc: enc, pcm: make([]int16, audio.FrameSamples*audio.Channels)}, nil
}

// encode copies what the library allocates: there is no other way to ask it.
func (r *rawEncoder) encode(dst []byte, pcm []float32) (int, error) {
	for i, v := range pcm {
		r.pcm[i] = sixteen(v)
	}
	if r.rate != r.wanted {
		r.rate = max(r.wanted, r.rate-r.rate/slope)
		r.enc.SetBitrate(r.rate)
	}
	packet, err := r.enc.Encode(r.pcm, audio.FrameSamples, len(dst))
	return copy(dst, packet), err
}

// sixteen is v in 16 bits, rounded; what is no number is silence.
func sixteen(v float32) int16 {
	switch v *= 32768; {
	case v >= 32767:
		return 32767
	case v <= -32768:
		return -32768
	case v >= 0:
		return int16(v + 0.5)
	case v < 0:
		return int16(v - 0.5)
	}
	return 0
}

// lookahead is what libopus 1.1.2 has at 48 kHz for audio (the library does not
// let us ask it): 2.5 ms of overlap and 4 ms of compensation.
func (r *rawEncoder) lookahead() int { return audio.SampleRate/400 + audio.SampleRate/250 }

func (r *rawEncoder) reset() {
	r.enc.ResetState()
	r.rate = 0
}

func (r *rawEncoder) setBitrate(bps int) { r.wanted = bps }
func (r *rawEncoder) setComplexity(int)  {}
func (r *rawEncoder) setAlone(bool)      {}
