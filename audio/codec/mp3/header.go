// Package mp3 reads MPEG audio frame headers and decodes MPEG-1, MPEG-2 and
// MPEG-2.5 audio, Layers I, II and III, as ISO 11172-3 and ISO 13818-3 tell it.
package mp3

import (
	"fmt"

	"segue/audio"
)

// HeaderSize is the length of a frame header in bytes.
const HeaderSize = 4

// MaxPacket is the largest frame that states its bit rate, in bytes: MPEG-2.5
// Layer II, 160 kbit/s at 8 kHz.
const MaxPacket = 2881

// A Version of MPEG audio.
type Version uint8

// The versions: each halves the sample rates of the one before.
const (
	MPEG1 Version = iota
	MPEG2
	MPEG25
)

// A Header is what a frame says about itself (ISO 11172-3, 2.4.1.3).
type Header struct {
	Version  Version
	Layer    int // 1 to 3
	Bitrate  int // bit/s; 0 is free format
	Rate     int // Hz
	Channels int
	Samples  int  // per channel
	Size     int  // bytes of the whole frame; 0 in free format
	Padding  int  // bytes of padding, which Size contains
	CRC      bool // two bytes of checksum follow

	joint     bool
	extension int // of the mode, if joint
}

// ParseHeader reads the frame header b begins with. It reports false if that is
// none.
func ParseHeader(b []byte) (Header, bool) {
	if len(b) < HeaderSize || b[0] != 0xff || b[1]&0xe0 != 0xe0 {
		return Header{}, false
	}
	version, layer, bitrate, rate := b[1]>>3&3, int(4-b[1]>>1&3), int(b[2]>>4), int(b[2]>>2&3)
	if version == 1 || layer == 4 || bitrate == 15 || rate == 3 || b[3]&3 == 2 {
		return Header{}, false
	}
	h := Header{
		Version: [4]Version{MPEG25, 0, MPEG2, MPEG1}[version],
		Layer:   layer, Channels: 2, CRC: b[1]&1 == 0,
	}
	switch b[3] >> 6 {
	case 1:
		h.joint, h.extension = true, int(b[3]>>4&3)
	case 3:
		h.Channels = 1
	}
	h.Rate = [3]int{44100, 48000, 32000}[rate] >> h.Version
	h.Bitrate = bitrateOf(h.Version, layer, bitrate) * 1000
	h.Samples = 1152
	switch {
	case layer == 1:
		h.Samples = 384
	case layer == 3 && h.Version != MPEG1:
		h.Samples = 576
	}
	h.Padding = int(b[2] >> 1 & 1)
	if layer == 1 {
		h.Padding *= 4
	}
	switch {
	case h.Bitrate == 0:
	case layer == 1:
		h.Size = 12*h.Bitrate/h.Rate*4 + h.Padding
	default:
		h.Size = h.Samples/8*h.Bitrate/h.Rate + h.Padding
	}
	return h, true
}

// bitrateOf is the bit rate in kbit/s under an index of 0 (free) to 14.
func bitrateOf(v Version, layer, index int) int {
	switch {
	case v == MPEG1 && layer == 1:
		return 32 * index
	case v == MPEG1 && layer == 2:
		return [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384}[index]
	case v == MPEG1:
		return [15]int{0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320}[index]
	case layer == 1:
		return [15]int{0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256}[index]
	}
	return [15]int{0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160}[index]
}

// Alike reports whether two frames can stand next to each other in one stream.
func (h Header) Alike(o Header) bool {
	return h.Version == o.Version && h.Layer == o.Layer && h.Rate == o.Rate && (h.Bitrate == 0) == (o.Bitrate == 0)
}

// FreeSize is the size in bytes, without padding, of the frames in free format that b
// begins with: the distance at which two more like the first follow, or one more and
// the end. It is 0 if there are none. Nothing behind 2*MaxPacket+HeaderSize matters.
func FreeSize(b []byte) int {
	h, ok := ParseHeader(b)
	if !ok || h.Bitrate != 0 {
		return 0
	}
	for n := h.Body() + 1; n <= MaxPacket && n+HeaderSize <= len(b); n++ {
		second, ok := ParseHeader(b[n:])
		if !ok || !second.Alike(h) || second.Channels != h.Channels {
			continue
		}
		size := n - h.Padding
		behind := b[min(len(b), n+size+second.Padding):]
		if third, ok := ParseHeader(behind); ok && third.Alike(h) || len(behind) == 0 && n+size+second.Padding == len(b) {
			return size
		}
	}
	return 0
}

// SideInfo is the length in bytes of the side information of a Layer III frame,
// which follows the header and its CRC.
func (h Header) SideInfo() int {
	switch {
	case h.Version == MPEG1 && h.Channels == 2:
		return 32
	case h.Version != MPEG1 && h.Channels == 1:
		return 9
	}
	return 17
}

// Body is where the side information begins in a frame.
func (h Header) Body() int {
	if h.CRC {
		return HeaderSize + 2
	}
	return HeaderSize
}

// Name is what audio.CodecInfo calls this layer: "mp1", "mp2" or "mp3".
func (h Header) Name() string { return fmt.Sprintf("mp%d", h.Layer) }

// Supported is nil if Decoder can decode such frames, else an error that wraps
// audio.ErrUnsupported. It is nil for all there are.
func (h Header) Supported() error { return nil }

func malformed(what string) error {
	return fmt.Errorf("mp3: %s: %w", what, audio.ErrMalformed)
}
