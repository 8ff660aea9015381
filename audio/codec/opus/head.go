package opus

import (
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
	Mapping   []byte // as it follows the family, for families other than 0
}

// ParseHead reads an OpusHead. The error wraps audio.ErrMalformed, or
// audio.ErrUnsupported for a later version of the format or for more than two
// channels, which none of our decoders can do.
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
	case h.Channels > 2 || h.Family > 1:
		return Head{}, fmt.Errorf("opus: %d channels in mapping family %d: %w", h.Channels, h.Family, audio.ErrUnsupported)
	}
	if h.Family != 0 {
		h.Mapping = b[19:]
		if len(h.Mapping) < 2+h.Channels {
			return Head{}, malformed("channel mapping cut off")
		}
		if h.Mapping[0] != 1 {
			return Head{}, fmt.Errorf("opus: %d streams for %d channels: %w", h.Mapping[0], h.Channels, audio.ErrUnsupported)
		}
	}
	return h, nil
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
