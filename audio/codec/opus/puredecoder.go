//go:build !libopus

package opus

import (
	"github.com/thesyncim/gopus"

	"segue/audio"
)

const (
	// longestFrame is how many samples per channel the longest frame lasts: 60 ms of SILK.
	longestFrame = 2880
	// frameBytes is the largest packet of one frame, with its TOC.
	frameBytes = 1 + maxFrame
)

// A rawDecoder is github.com/thesyncim/gopus, in the build with layeh.com/gopus
// too: the decoder in that one lacks a fix for what strangers may send.
//
// It holds five buffers for the longest packet it was told of, which are most of what
// it takes: so it is told of frames of 20 ms at first, and of longer ones when there is
// one. It is given the frames of a packet one by one, which is what it does itself.
type rawDecoder struct {
	dec    *gopus.Decoder
	room   int     // samples per channel a frame may last
	in     *frames // nil until a packet has several
	single []byte  // one of those as a packet
	last   []byte  // the last packet of a frame
}

func newRawDecoder() (rawDecoder, error) {
	dec, err := newGopus(audio.FrameSamples)
	return rawDecoder{dec: dec, room: audio.FrameSamples, last: make([]byte, 0, frameBytes)}, err
}

// newGopus returns a decoder of frames that last room samples per channel or less.
func newGopus(room int) (*gopus.Decoder, error) {
	return gopus.NewDecoder(gopus.DecoderConfig{
		SampleRate: audio.SampleRate, Channels: audio.Channels,
		MaxPacketSamples: room + 1, // for it conceals something else where it should do as many
		MaxPacketBytes:   frameBytes,
	})
}

func (r *rawDecoder) decode(dst []float32, data []byte) (samples int, err error) {
	if len(data) == 0 || data[0]&3 == 0 {
		return r.frame(dst, data)
	}
	if r.in == nil {
		r.in, r.single = &frames{}, make([]byte, 0, frameBytes)
	}
	if _, err := r.in.parse(data, false); err != nil {
		return 0, err
	}
	for _, f := range r.in.all() {
		r.single = append(append(r.single[:0], data[0]&^3), f...)
		n, err := r.frame(dst[samples*audio.Channels:], r.single)
		if err != nil {
			return samples, err
		}
		samples += n
	}
	return samples, nil
}

// frame decodes a packet of one frame, or conceals one.
func (r *rawDecoder) frame(dst []float32, data []byte) (int, error) {
	if len(data) > 0 {
		if frameSamples(data[0]) > r.room {
			if err := r.grow(dst); err != nil {
				return 0, err
			}
		}
		r.last = append(r.last[:0], data[:min(len(data), frameBytes)]...)
	}
	return r.dec.Decode(data, dst)
}

// grow makes room for the longest frames. What was heard before, so much shorter, is
// forgotten but for the last frame: an encoder that is told to make longer frames of
// speech in the middle of it is hardly ever met.
func (r *rawDecoder) grow(scratch []float32) error {
	dec, err := newGopus(longestFrame)
	if err != nil {
		return err
	}
	if len(r.last) > 0 {
		_, _ = dec.Decode(r.last, scratch) // it was in order, or is of no use
	}
	r.dec, r.room = dec, longestFrame
	return nil
}

func (r *rawDecoder) reset() {
	r.dec.Reset()
	r.last = r.last[:0]
}
