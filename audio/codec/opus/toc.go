package opus

import (
	"fmt"

	"segue/audio"
)

// maxFrame is the longest compressed frame, in bytes (RFC 6716, 3.4 R2).
const maxFrame = 1275

// Duration is the length of the audio in packet, in samples per channel at
// 48 kHz: 120 (2.5 ms) to 5760 (120 ms). The whole layout is checked against
// RFC 6716, 3.2 to 3.4; the error wraps audio.ErrMalformed.
func Duration(packet []byte) (samples48k int, err error) {
	n, err := FrameCount(packet)
	if err != nil {
		return 0, err
	}
	return n * frameSamples(packet[0]), nil
}

// FrameCount is the number of Opus frames in packet, 1 to 48, under the same
// checks and with the same errors as Duration.
func FrameCount(packet []byte) (int, error) {
	if len(packet) == 0 {
		return 0, malformed("packet without a byte") // R1
	}
	body := packet[1:]
	switch packet[0] & 3 {
	case 0:
		return 1, frameFits(len(body))
	case 1:
		if len(body)%2 != 0 { // R3
			return 0, malformed("two equal frames in an odd number of bytes")
		}
		return 2, frameFits(len(body) / 2)
	case 2:
		first, n, err := frameLength(body)
		if err != nil {
			return 0, err
		}
		if first > len(body)-n { // R4
			return 0, malformed("first frame longer than the packet")
		}
		return 2, frameFits(len(body) - n - first)
	}
	return manyFrames(packet)
}

// Stereo reports whether the audio in packet is coded in two channels. An empty
// packet is not.
func Stereo(packet []byte) bool { return len(packet) > 0 && packet[0]&4 != 0 }

// frameSamples is the duration of each frame under a TOC byte (RFC 6716, table 2).
func frameSamples(toc byte) int {
	config := toc >> 3
	switch {
	case config < 12: // SILK: 10, 20, 40, 60 ms
		return [4]int{480, 960, 1920, 2880}[config&3]
	case config < 16: // hybrid: 10, 20 ms
		return 480 << (config & 1)
	default: // CELT: 2.5, 5, 10, 20 ms
		return 120 << (config & 3)
	}
}

// manyFrames checks a code 3 packet: a frame count byte, padding, and frames of
// equal or of stated lengths.
func manyFrames(packet []byte) (int, error) {
	if len(packet) < 2 {
		return 0, malformed("no frame count")
	}
	count, rest := int(packet[1]&0x3f), packet[2:]
	if count == 0 || count*frameSamples(packet[0]) > MaxDuration { // R5
		return 0, malformed("impossible frame count")
	}
	if packet[1]&0x40 != 0 {
		var err error
		if rest, err = withoutPadding(rest); err != nil {
			return 0, err
		}
	}
	if packet[1]&0x80 == 0 { // R6
		if len(rest)%count != 0 {
			return 0, malformed("equal frames do not divide the packet")
		}
		return count, frameFits(len(rest) / count)
	}
	total := 0
	for range count - 1 { // R7
		size, n, err := frameLength(rest)
		if err != nil {
			return 0, err
		}
		rest, total = rest[n:], total+size
	}
	if total > len(rest) {
		return 0, malformed("frames longer than the packet")
	}
	return count, frameFits(len(rest) - total)
}

// withoutPadding takes the padding length and the padding itself off the bytes
// after a frame count byte (RFC 6716, 3.2.5).
func withoutPadding(rest []byte) ([]byte, error) {
	padding, rest, err := paddingLength(rest)
	if err != nil {
		return nil, err
	}
	if padding > len(rest) {
		return nil, malformed("more padding than packet")
	}
	return rest[:len(rest)-padding], nil
}

// paddingLength reads the padding length alone.
func paddingLength(b []byte) (padding int, rest []byte, err error) {
	for len(b) > 0 {
		n := int(b[0])
		b = b[1:]
		if n < 255 {
			return padding + n, b, nil
		}
		padding += 254
	}
	return 0, nil, malformed("padding length cut off")
}

// frameLength reads a frame length and says how many bytes it took (RFC 6716, 3.2.1).
func frameLength(b []byte) (size, n int, err error) {
	switch {
	case len(b) == 0:
		return 0, 0, malformed("frame length missing")
	case b[0] < 252:
		return int(b[0]), 1, nil
	case len(b) < 2:
		return 0, 0, malformed("frame length cut off")
	}
	return int(b[1])*4 + int(b[0]), 2, nil
}

func frameFits(size int) error {
	if size > maxFrame {
		return malformed("frame of more than 1275 bytes")
	}
	return nil
}

func malformed(what string) error {
	return fmt.Errorf("opus: %s: %w", what, audio.ErrMalformed)
}
