package opus

import (
	"fmt"
	"slices"

	"github.com/thesyncim/gopus"

	"segue/audio"
)

// concealStep is the longest stretch concealed at once, in samples per channel:
// the library takes a full 120 ms buffer for "as long as the packet before".
const concealStep = 960

// maxDecoded is more than the largest packet with its padding anyone sends, in bytes.
const maxDecoded = 1 << 16

type encoder struct {
	enc   *gopus.Encoder
	alone bool // the next packet must not lean on those before it
}

func newEncoder(o EncoderOptions) (audio.Encoder, error) {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels, Application: gopus.ApplicationAudio,
	})
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	for _, err := range []error{
		enc.SetFrameSize(audio.FrameSamples),
		enc.SetBitrateMode(gopus.BitrateModeVBR),
		enc.SetBitrate(o.Bitrate),
		enc.SetComplexity(o.Complexity),
		enc.SetSignal(gopus.SignalMusic),
	} {
		if err != nil {
			return nil, fmt.Errorf("opus: %w", err)
		}
	}
	return &encoder{enc: enc}, nil
}

func (e *encoder) Encode(dst []byte, pcm []float32) ([]byte, error) {
	if len(pcm) != audio.FrameSamples*audio.Channels {
		return dst, fmt.Errorf("opus: a frame of %d samples: %w", len(pcm), audio.ErrMalformed)
	}
	dst = slices.Grow(dst, MaxPacket)
	e.enc.SetPredictionDisabled(e.alone)
	e.alone = false
	n, err := e.enc.Encode(pcm, dst[len(dst):len(dst)+MaxPacket])
	if err != nil {
		return dst, fmt.Errorf("opus: %w", err)
	}
	return dst[:len(dst)+n], nil
}

func (e *encoder) Lookahead() int { return e.enc.Lookahead() }

func (e *encoder) Reset() {
	e.enc.Reset()
	e.alone = false
}

// Independent makes the next packet one that needs none before it: a decoder
// that never heard those gets it right.
func (e *encoder) Independent() { e.alone = true }

type decoder struct{ dec *gopus.Decoder }

func newDecoder() (audio.Decoder, error) {
	dec, err := gopus.NewDecoder(gopus.DecoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels,
		MaxPacketSamples: MaxDuration, MaxPacketBytes: maxDecoded,
	})
	if err != nil {
		return nil, fmt.Errorf("opus: %w", err)
	}
	return &decoder{dec}, nil
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

func (d *decoder) Reset() { d.dec.Reset() }

// decode appends samples per channel made from data, or out of thin air if that is nil.
func (d *decoder) decode(dst []float32, data []byte, samples int) (out []float32, err error) {
	start, n := len(dst), samples*audio.Channels
	dst = slices.Grow(dst, n)
	defer func() {
		if r := recover(); r != nil { // none is known; a stranger's packet shall not be the first
			d.dec.Reset()
			out, err = dst[:start], malformed(fmt.Sprint(r))
		}
	}()
	got, err := d.dec.Decode(data, dst[start:start+n])
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
		step += (120 - step%120) % 120 // the library conceals in units of 2.5 ms
		var err error
		if dst, err = d.decode(dst, nil, step); err != nil {
			return dst, err
		}
	}
	return dst[:end], nil
}
