//go:build !libopus && !gopus

package opus

import (
	"github.com/thesyncim/gopus"

	"segue/audio"
)

const build = "pure Go (thesyncim/gopus)"

// A rawEncoder is github.com/thesyncim/gopus, which knows everything we ask for.
type rawEncoder struct{ enc *gopus.Encoder }

// wildest is the magnitude above which a sample is no sound any more.
const wildest = 1 << 10

// hushed is a frame of silence. It never changes.
var hushed [audio.FrameSamples * audio.Channels]float32

func newRawEncoder() (rawEncoder, error) {
	enc, err := gopus.NewEncoder(gopus.EncoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels, Application: gopus.ApplicationAudio,
	})
	if err != nil {
		return rawEncoder{}, err
	}
	for _, err := range []error{
		enc.SetFrameSize(audio.FrameSamples),
		enc.SetBitrateMode(gopus.BitrateModeVBR),
		enc.SetSignal(gopus.SignalMusic),
	} {
		if err != nil {
			return rawEncoder{}, err
		}
	}
	return rawEncoder{enc}, nil
}

// encode keeps from the library what it panics at. Such a frame is silent, as it
// is with libopus.
func (r *rawEncoder) encode(dst []byte, pcm []float32) (int, error) {
	for _, v := range pcm {
		if !(v > -wildest && v < wildest) { // nor is NaN
			pcm = hushed[:]
			break
		}
	}
	return r.enc.Encode(pcm, dst)
}

func (r *rawEncoder) lookahead() int            { return r.enc.Lookahead() }
func (r *rawEncoder) reset()                    { r.enc.Reset() }
func (r *rawEncoder) setBitrate(bps int)        { _ = r.enc.SetBitrate(bps) } // it takes what lies in range
func (r *rawEncoder) setComplexity(c int) error { return r.enc.SetComplexity(c) }

func (r *rawEncoder) setAlone(on bool) { r.enc.SetPredictionDisabled(on) }
