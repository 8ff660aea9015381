package opus

import (
	"fmt"
	"slices"

	"segue/audio"
)

// What an encoder can be told.
const (
	MinBitrate = 6_000   // bit/s
	MaxBitrate = 510_000 // bit/s
)

// EncoderOptions says how to encode. The zero value is good for music.
type EncoderOptions struct {
	Bitrate    int // bit/s, MinBitrate to MaxBitrate; 0 is DefaultBitrate
	Complexity int // 1 (quick) to 10 (best); 0 is DefaultComplexity
}

// An Encoder makes 20 ms stereo packets at 48 kHz: application audio, signal
// music, variable bit rate: what is hard to code gets more bits than asked, what is
// easy fewer. It allocates nothing per frame if it may append
// MaxPacket bytes in place (but see Build), and is for one goroutine at a time.
// Samples that are no numbers, and frames with such in them, come out as some
// sound or silence, and are forgotten with it.
type Encoder struct {
	raw   rawEncoder
	alone bool // the next packet must not lean on those before it
	told  bool // raw knows that
}

// NewEncoder returns an encoder. It wraps audio.ErrUnsupported when an option is
// out of range.
func NewEncoder(o EncoderOptions) (*Encoder, error) {
	if o.Bitrate == 0 {
		o.Bitrate = DefaultBitrate
	}
	if o.Complexity == 0 {
		o.Complexity = DefaultComplexity
	}
	if o.Bitrate < MinBitrate || o.Bitrate > MaxBitrate {
		return nil, fmt.Errorf("opus: bit rate %d is not within %d..%d: %w", o.Bitrate, MinBitrate, MaxBitrate, audio.ErrUnsupported)
	}
	if o.Complexity < 1 || o.Complexity > 10 {
		return nil, fmt.Errorf("opus: complexity %d is not within 1..10: %w", o.Complexity, audio.ErrUnsupported)
	}
	raw, err := newRawEncoder()
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	e := &Encoder{raw: raw}
	e.SetBitrate(o.Bitrate)
	e.SetComplexity(o.Complexity)
	return e, nil
}

// Encode implements audio.Encoder.
func (e *Encoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	if len(pcm) != audio.FrameSamples*audio.Channels {
		return dst, fmt.Errorf("opus: a frame of %d samples: %w", len(pcm), audio.ErrMalformed)
	}
	dst = slices.Grow(dst, MaxPacket)
	if e.alone != e.told {
		e.raw.setAlone(e.alone)
		e.told = e.alone
	}
	e.alone = false
	n, err := e.raw.encode(dst[len(dst):len(dst)+MaxPacket], pcm)
	if err != nil {
		return dst, fmt.Errorf("opus: %w", err)
	}
	return dst[:len(dst)+n], nil
}

// Lookahead implements audio.Encoder.
func (e *Encoder) Lookahead() int { return e.raw.lookahead() }

// Reset implements audio.Encoder. What was wanted of bit rate and complexity
// stays.
func (e *Encoder) Reset() {
	e.raw.reset()
	e.alone = false
}

// Independent makes the next packet one that needs none before it: a decoder
// that never heard those gets it right. Where the library cannot do that it is a
// packet like any other (see Build).
func (e *Encoder) Independent() { e.alone = true }

// SetBitrate makes packets bps bit/s on average from the next on, or the nearest
// the codec has; what lies outside MinBitrate to MaxBitrate is brought in.
func (e *Encoder) SetBitrate(bps int) { e.raw.setBitrate(min(max(bps, MinBitrate), MaxBitrate)) }

// SetComplexity trades time for quality from the next packet on: 0 is quick, 10
// is best, what lies outside is brought in. Where the library cannot do that
// nothing changes (see Build).
func (e *Encoder) SetComplexity(c int) { e.raw.setComplexity(min(max(c, 0), 10)) }
