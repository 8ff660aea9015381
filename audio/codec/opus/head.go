package opus

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"segue/audio"
)

// A Head is the identification header of Opus in a container (RFC 7845, 5.1).
type Head struct {
	Channels  int
	PreSkip   int    // samples at 48 kHz to drop at the start
	InputRate int    // Hz of what was encoded; for information only
	Gain      int16  // output gain in 1/256 dB
	Family    byte   // of the channel mapping: 0 for mono and stereo
	Mapping   []byte // as it follows the family, for family 1: counts of streams, and where each channel is
}

// ParseHead reads an OpusHead. The error wraps audio.ErrMalformed, or
// audio.ErrUnsupported for a later version of the format or for a mapping of the
// channels to something else than loudspeakers.
func ParseHead(b []byte) (Head, error) {
	if len(b) < 19 || string(b[:8]) != "OpusHead" {
		return Head{}, malformed("no OpusHead")
	}
	h := Head{
		Channels:  int(b[9]),
		PreSkip:   int(binary.LittleEndian.Uint16(b[10:])),
		InputRate: int(binary.LittleEndian.Uint32(b[12:])),
		Gain:      int16(binary.LittleEndian.Uint16(b[16:])),
		Family:    b[18],
	}
	switch {
	case b[8] > 15:
		return Head{}, fmt.Errorf("opus: header version %d: %w", b[8], audio.ErrUnsupported)
	case h.Channels == 0:
		return Head{}, malformed("no channels")
	case h.Family > 1:
		return Head{}, fmt.Errorf("opus: %d channels in mapping family %d (%s), which has no loudspeakers: %w",
			h.Channels, h.Family, familyName(h.Family), audio.ErrUnsupported)
	case h.Family == 0 && h.Channels > 2:
		return Head{}, malformed(fmt.Sprintf("%d channels without a mapping", h.Channels))
	case h.Channels > maxChannels:
		return Head{}, malformed(fmt.Sprintf("%d channels in mapping family 1", h.Channels))
	}
	if h.Family == 0 {
		return h, nil
	}
	if len(b) < 21+h.Channels {
		return Head{}, malformed("channel mapping cut off")
	}
	h.Mapping = bytes.Clone(b[19 : 21+h.Channels]) // b may be a buffer that is used again
	return h, h.checkMapping()
}

func familyName(family byte) string {
	switch family {
	case 2, 3:
		return "ambisonics"
	case 255:
		return "channels of no said meaning"
	}
	return "unknown"
}

// checkMapping sees to RFC 7845, 5.1.1: as many streams as can be, and only
// channels there are.
func (h Head) checkMapping() error {
	streams, coupled := int(h.Mapping[0]), int(h.Mapping[1])
	if streams == 0 || coupled > streams || streams+coupled > 255 {
		return malformed(fmt.Sprintf("%d streams, %d of them of two channels", streams, coupled))
	}
	if streams > maxChannels {
		return fmt.Errorf("opus: %d streams for %d channels: %w", streams, h.Channels, audio.ErrLimit)
	}
	for _, m := range h.Mapping[2:] {
		if m != silent && int(m) >= streams+coupled {
			return malformed(fmt.Sprintf("a channel from %d of %d", m, streams+coupled))
		}
	}
	return nil
}

// Streams is the number of Opus streams each packet has: 1 but for more than two
// channels, and seldom.
func (h Head) Streams() int {
	if h.Family == 0 {
		return 1
	}
	return int(h.Mapping[0])
}

// Append appends h as it stands in a container.
func (h Head) Append(dst []byte) []byte {
	dst = append(dst, "OpusHead\x01"...)
	dst = append(dst, byte(h.Channels))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.PreSkip))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.InputRate))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(h.Gain))
	dst = append(dst, h.Family)
	if h.Family != 0 {
		dst = append(dst, h.Mapping...)
	}
	return dst
}

// Info is what h means for whoever decodes the packets after it. private is the
// header itself.
func (h Head) Info(private []byte) audio.CodecInfo {
	return audio.CodecInfo{
		Name: "opus", SampleRate: audio.SampleRate, Channels: h.Channels, Private: private,
		PreSkip: int64(h.PreSkip), GainDB: float32(h.Gain) / 256,
	}
}
