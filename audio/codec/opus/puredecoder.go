//go:build !libopus

package opus

import (
	"github.com/thesyncim/gopus"

	"segue/audio"
)

// maxDecoded is more than the largest packet with its padding anyone sends, in bytes.
const maxDecoded = 1 << 16

// A rawDecoder is github.com/thesyncim/gopus, in the build with layeh.com/gopus
// too: the decoder in that one lacks a fix for what strangers may send.
type rawDecoder struct{ dec *gopus.Decoder }

func newRawDecoder() (rawDecoder, error) {
	dec, err := gopus.NewDecoder(gopus.DecoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels,
		MaxPacketSamples: MaxDuration, MaxPacketBytes: maxDecoded,
	})
	return rawDecoder{dec}, err
}

func (r *rawDecoder) decode(dst []float32, data []byte) (int, error) { return r.dec.Decode(data, dst) }
func (r *rawDecoder) reset()                                         { r.dec.Reset() }
