// Package flac reads FLAC's stream and frame headers and decodes its frames.
package flac

import (
	"encoding/binary"
	"fmt"

	"segue/audio"
)

// StreamInfoSize is the length in bytes of a STREAMINFO block without its header,
// which is what audio.CodecInfo.Private holds for FLAC.
const StreamInfoSize = 34

// StreamInfo is what a FLAC stream says about all of itself (RFC 9639, 8.2).
type StreamInfo struct {
	MinBlock, MaxBlock int // samples per channel in a frame
	Rate               int // Hz
	Channels           int
	Bits               int   // per sample
	Samples            int64 // per channel; 0 if unknown
	MD5                [16]byte
}

// ParseStreamInfo reads a STREAMINFO block without its header. The error wraps
// audio.ErrMalformed.
func ParseStreamInfo(b []byte) (StreamInfo, error) {
	if len(b) < StreamInfoSize {
		return StreamInfo{}, malformed("STREAMINFO cut off")
	}
	v := binary.BigEndian.Uint64(b[10:])
	s := StreamInfo{
		MinBlock: int(binary.BigEndian.Uint16(b)),
		MaxBlock: int(binary.BigEndian.Uint16(b[2:])),
		Rate:     int(v >> 44),
		Channels: int(v>>41&7) + 1,
		Bits:     int(v>>36&31) + 1,
		Samples:  int64(v & (1<<36 - 1)),
		MD5:      [16]byte(b[18:34]),
	}
	if s.Rate == 0 || s.Bits < 4 {
		return StreamInfo{}, malformed("impossible STREAMINFO")
	}
	return s, nil
}

// A FrameHeader is what a frame says about itself (RFC 9639, 9.1). Rate and Bits
// are 0 where it leaves that to STREAMINFO.
type FrameHeader struct {
	Block    int // samples per channel
	Rate     int // Hz
	Channels int
	Bits     int
	Stereo   Stereo
	Variable bool   // Number counts samples, not frames
	Number   uint64 // of the frame, or of its first sample
	Size     int    // of the header in bytes, its CRC included
}

// MaxHeader is the longest frame header, in bytes.
const MaxHeader = 16

// ParseFrameHeader reads the frame header b begins with, and checks its CRC. It
// reports false if there is none.
func ParseFrameHeader(b []byte) (FrameHeader, bool) {
	if len(b) < 6 || b[0] != 0xff || b[1]&0xfe != 0xf8 {
		return FrameHeader{}, false
	}
	h := FrameHeader{Variable: b[1]&1 == 1, Size: 4}
	if !h.readFormat(b) {
		return FrameHeader{}, false
	}
	n, ok := 0, false
	if h.Number, n, ok = number(b[4:]); !ok || (!h.Variable && h.Number >= 1<<31) {
		return FrameHeader{}, false
	}
	h.Size += n
	if !h.readBlock(b) || !h.readRate(b) || len(b) <= h.Size {
		return FrameHeader{}, false
	}
	if crc8(b[:h.Size]) != b[h.Size] {
		return FrameHeader{}, false
	}
	h.Size++
	return h, true
}

// readFormat reads channels and sample size.
func (h *FrameHeader) readFormat(b []byte) bool {
	channels, size := int(b[3]>>4), b[3]>>1&7
	if channels > 10 || size == 3 || b[3]&1 != 0 {
		return false
	}
	h.Channels = channels + 1
	if channels > 7 {
		h.Channels, h.Stereo = 2, Stereo(channels-7)
	}
	h.Bits = [8]int{0, 8, 12, 0, 16, 20, 24, 32}[size]
	return true
}

// readBlock reads the block size, part of which may follow the number. 65536 is
// one more than there should be, but it has been done, and does no harm.
func (h *FrameHeader) readBlock(b []byte) bool {
	switch code := int(b[2] >> 4); {
	case code == 0:
		return false
	case code == 1:
		h.Block = 192
	case code <= 5:
		h.Block = 576 << (code - 2)
	case code >= 8:
		h.Block = 256 << (code - 8)
	default:
		n := code - 5
		if len(b) < h.Size+n {
			return false
		}
		for range n {
			h.Block = h.Block<<8 | int(b[h.Size])
			h.Size++
		}
		h.Block++
	}
	return true
}

// readRate reads the sample rate, part of which may follow the block size.
func (h *FrameHeader) readRate(b []byte) bool {
	code := b[2] & 15
	if code < 12 {
		h.Rate = [12]int{0, 88200, 176400, 192000, 8000, 16000, 22050, 24000, 32000, 44100, 48000, 96000}[code]
		return true
	}
	n, unit := 2, 1
	switch code {
	case 12:
		n, unit = 1, 1000
	case 14:
		unit = 10
	case 15:
		return false
	}
	if len(b) < h.Size+n {
		return false
	}
	for range n {
		h.Rate = h.Rate<<8 | int(b[h.Size])
		h.Size++
	}
	h.Rate *= unit
	return h.Rate > 0
}

// number reads an integer coded like UTF-8, in up to seven bytes.
func number(b []byte) (v uint64, n int, ok bool) {
	lead := b[0]
	if lead < 0x80 {
		return uint64(lead), 1, true
	}
	for n = 1; n < 8 && lead<<n&0x80 != 0; n++ {
	}
	if n < 2 || n > 7 || len(b) < n {
		return 0, 0, false
	}
	v = uint64(lead) & (1<<(7-n) - 1)
	for _, c := range b[1:n] {
		if c&0xc0 != 0x80 {
			return 0, 0, false
		}
		v = v<<6 | uint64(c&0x3f)
	}
	return v, n, true
}

func malformed(what string) error {
	return fmt.Errorf("flac: %s: %w", what, audio.ErrMalformed)
}
