// Package opus reads what an Opus packet says about itself, and turns packets
// into PCM and PCM into packets. One interface, whatever library does the work:
// the functions at the seam (newEncoder, newDecoder) live in a file per build.
package opus

import (
	"fmt"

	"segue/audio"
)

// The encoder's defaults: what Discord's best voice channels carry, at the
// complexity above which music packets come out byte for byte the same.
const (
	DefaultBitrate    = 128_000 // bit/s
	DefaultComplexity = 8
)

// MaxPacket is the size in bytes no packet of ours exceeds: one frame of
// RFC 6716 (1275) and its TOC byte.
const MaxPacket = 1276

// MaxDuration is the longest packet there is (RFC 6716, 3.4 R5), in samples per
// channel at 48 kHz: 120 ms.
const MaxDuration = 5760

// EncoderOptions says how to encode. The zero value is good for music.
type EncoderOptions struct {
	Bitrate    int // bit/s, 6000 to 510000; 0 is DefaultBitrate
	Complexity int // 1 (quick) to 10 (best); 0 is DefaultComplexity
}

// NewEncoder returns an encoder of 20 ms stereo packets at 48 kHz: application
// audio, signal music, variable bit rate. It wraps audio.ErrUnsupported when an
// option is out of range. The encoder allocates nothing per frame if it may
// append MaxPacket bytes in place, and is for one goroutine at a time.
func NewEncoder(o EncoderOptions) (audio.Encoder, error) {
	if o.Bitrate == 0 {
		o.Bitrate = DefaultBitrate
	}
	if o.Complexity == 0 {
		o.Complexity = DefaultComplexity
	}
	if o.Bitrate < 6000 || o.Bitrate > 510_000 {
		return nil, fmt.Errorf("opus: bit rate %d is not within 6000..510000: %w", o.Bitrate, audio.ErrUnsupported)
	}
	if o.Complexity < 1 || o.Complexity > 10 {
		return nil, fmt.Errorf("opus: complexity %d is not within 1..10: %w", o.Complexity, audio.ErrUnsupported)
	}
	return newEncoder(o)
}

// NewDecoder returns a decoder to 48 kHz stereo, whatever the packets are: mono
// packets come out equal on both sides, packets of 2.5 to 120 ms at their full
// length. It applies neither pre-skip, nor end trim, nor the header's gain. A
// packet that is not Opus gives an error wrapping audio.ErrMalformed and no
// samples; the decoder can go on, and conceals p.Duration samples (20 ms if
// that is 0) when given a packet without data. It allocates nothing per packet
// if it may append in place, and is for one goroutine at a time.
func NewDecoder() (audio.Decoder, error) { return newDecoder() }
