package opus

import (
	"fmt"
	"slices"

	"segue/audio"
)

// concealStep is the longest stretch concealed at once, in samples per channel:
// a library takes a full 120 ms buffer for "as long as the packet before".
const concealStep = 960

type decoder struct{ raw rawDecoder }

// NewDecoder returns a decoder to 48 kHz stereo, whatever the packets are: mono
// packets come out equal on both sides, packets of 2.5 to 120 ms at their full
// length. It applies neither pre-skip, nor end trim, nor the header's gain. A
// packet that is not Opus gives an error wrapping audio.ErrMalformed and no
// samples; the decoder can go on, and conceals p.Duration samples (20 ms if
// that is 0) when given a packet without data. It allocates nothing per packet
// if it may append in place, and is for one goroutine at a time.
func NewDecoder() (audio.Decoder, error) {
	raw, err := newRawDecoder()
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &decoder{raw}, nil
}

func (d *decoder) Format() (rate, channels int) { return audio.SampleRate, audio.Channels }

func (d *decoder) Decode(dst []float32, p audio.Packet) ([]float32, error) {
	if len(p.Data) == 0 {
		return d.conceal(dst, p.Duration)
	}
	samples, err := Duration(p.Data)
	if err != nil {
		return dst, err
	}
	return d.decode(dst, p.Data, samples)
}

func (d *decoder) Reset() { d.raw.reset() }

// decode appends samples per channel made from data, or out of thin air if that is nil.
func (d *decoder) decode(dst []float32, data []byte, samples int) (out []float32, err error) {
	start, n := len(dst), samples*audio.Channels
	dst = slices.Grow(dst, n)
	defer func() {
		if r := recover(); r != nil { // none is known; a stranger's packet shall not be the first
			d.raw.reset()
			out, err = dst[:start], malformed(fmt.Sprint(r))
		}
	}()
	got, err := d.raw.decode(dst[start:start+n], data)
	if err != nil {
		return dst, fmt.Errorf("opus: %w: %w", audio.ErrMalformed, err)
	}
	return dst[:start+got*audio.Channels], nil
}

// conceal appends duration samples per channel in place of a packet that is lost.
func (d *decoder) conceal(dst []float32, duration int64) ([]float32, error) {
	if duration <= 0 {
		duration = audio.FrameSamples
	}
	duration = min(duration, MaxDuration)
	end := len(dst) + int(duration)*audio.Channels
	for len(dst) < end {
		step := min((end-len(dst))/audio.Channels, concealStep)
		step += (120 - step%120) % 120 // concealment comes in units of 2.5 ms
		var err error
		if dst, err = d.decode(dst, nil, step); err != nil {
			return dst, err
		}
	}
	return dst[:end], nil
}
