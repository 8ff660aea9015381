package codec

import (
	"fmt"

	"segue/audio"
	"segue/audio/codec/aac"
	"segue/audio/codec/flac"
	"segue/audio/codec/mp3"
	"segue/audio/codec/opus"
	"segue/audio/codec/pcm"
	"segue/audio/codec/vorbis"
)

// NewDecoder returns a decoder for packets coded as info says. What the container
// wants done to the result (PreSkip, GainDB, a packet's TrimEnd) is left to the
// caller. The error wraps audio.ErrUnsupported and names the codec if there is no
// decoder for it, or audio.ErrMalformed or audio.ErrLimit if its headers are bad.
func NewDecoder(info audio.CodecInfo) (audio.Decoder, error) {
	switch name := info.Name; {
	case name == "opus":
		return newOpus(info)
	case name == "vorbis":
		return wrap(vorbis.NewDecoder(info.Private))
	case name == "aac":
		return wrap(aac.NewDecoder(info.Private))
	case name == "flac":
		return wrap(flac.NewDecoder(info.Private))
	case name == "mp1" || name == "mp2" || name == "mp3":
		return mp3.NewDecoder(info.SampleRate), nil
	case pcm.Width(name) > 0:
		return wrap(pcm.NewDecoder(name, info.SampleRate, info.Channels))
	default:
		return nil, fmt.Errorf("codec: no decoder for %q: %w", name, audio.ErrUnsupported)
	}
}

// newOpus goes by the header, or, where there is none, by the channels.
func newOpus(info audio.CodecInfo) (audio.Decoder, error) {
	if len(info.Private) == 0 {
		if info.Channels > audio.Channels {
			return nil, fmt.Errorf("codec: opus in %d channels without a header: %w", info.Channels, audio.ErrUnsupported)
		}
		return opus.NewDecoder()
	}
	h, err := opus.ParseHead(info.Private)
	if err != nil {
		return nil, err
	}
	return opus.NewDecoderFor(h)
}

// wrap keeps a nil pointer from becoming a decoder that is not nil.
func wrap[D audio.Decoder](d D, err error) (audio.Decoder, error) {
	if err != nil {
		return nil, err
	}
	return d, nil
}
