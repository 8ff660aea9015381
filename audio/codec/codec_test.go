package codec_test

import (
	"errors"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/codec"
	"segue/audio/codec/opus"
)

func TestDecodersAreFoundByName(t *testing.T) {
	for _, info := range []audio.CodecInfo{
		{Name: "opus", SampleRate: 48000, Channels: 2},
		{Name: "opus", SampleRate: 48000, Channels: 1},
		{Name: "opus", SampleRate: 48000, Channels: 6, Private: opus.Head{Channels: 6, Family: 1, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}.Append(nil)},
		{Name: "mp3", SampleRate: 44100, Channels: 2},
		{Name: "mp3", SampleRate: 8000, Channels: 1},
		{Name: "mp2", SampleRate: 48000, Channels: 2},
		{Name: "mp1", SampleRate: 32000, Channels: 2},
		{Name: "pcm_s16le", SampleRate: 8000, Channels: 1},
		{Name: "flac", Private: append([]byte{16, 0, 16, 0, 0, 0, 0, 0, 0, 0, 0x0a, 0xc4, 0x42, 0xf0}, make([]byte, 20)...)},
	} {
		d, err := codec.NewDecoder(info)
		if err != nil || d == nil {
			t.Errorf("%+v: %v", info, err)
			continue
		}
		if rate, channels := d.Format(); rate <= 0 || channels <= 0 {
			t.Errorf("%s: %d Hz, %d channels", info.Name, rate, channels)
		}
	}
}

func TestWhatThereIsNoDecoderForIsNamed(t *testing.T) {
	for _, c := range []struct {
		info audio.CodecInfo
		want error
		text string
	}{
		{audio.CodecInfo{Name: "alac"}, audio.ErrUnsupported, `"alac"`},
		{audio.CodecInfo{Name: "aac", Private: []byte{0x0a, 0x10}}, audio.ErrUnsupported, "AAC Main"},
		{audio.CodecInfo{Name: "opus", Channels: 6}, audio.ErrUnsupported, "6 channels"},
		{audio.CodecInfo{Name: "opus", Channels: 2, Private: []byte("OpusHead")}, audio.ErrMalformed, "OpusHead"},
		{audio.CodecInfo{Name: "opus", Channels: 4, Private: opus.Head{Channels: 4, Family: 2, Mapping: make([]byte, 6)}.Append(nil)}, audio.ErrUnsupported, "ambisonics"},
		{audio.CodecInfo{Name: "vorbis"}, audio.ErrMalformed, "vorbis"},
		{audio.CodecInfo{Name: "flac"}, audio.ErrMalformed, "flac"},
		{audio.CodecInfo{Name: "pcm_s16le"}, audio.ErrUnsupported, "pcm"},
	} {
		d, err := codec.NewDecoder(c.info)
		if d != nil || !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%+v: %v, %v", c.info, d, err)
		}
	}
}
