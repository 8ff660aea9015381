package mp3

import (
	"encoding/binary"

	"segue/audio"
	"segue/audio/codec/mp3"
	"segue/audio/container/tags"
)

// maxTagHeader is how many bytes tell a tag and its size.
const maxTagHeader = 32

// tagSize is the length of the tag b begins with, or 0 if none does: ID3v2, ID3v1,
// APE, Lyrics3.
func tagSize(b []byte) int64 {
	if n := tags.ID3Size(b); n > 0 {
		return n
	}
	switch {
	case len(b) >= 3 && string(b[:3]) == "TAG":
		return 128
	case len(b) >= 32 && string(b[:8]) == "APETAGEX":
		if b[23]&0x20 == 0 { // a footer alone, its items passed already
			return 32
		}
		return 32 + int64(binary.LittleEndian.Uint32(b[12:]))
	}
	return 0
}

// xing is what a first frame without sound says about the file.
type xing struct {
	frames         int64 // 0 if unknown
	delay, padding int64 // samples the encoder put before and behind; -1 if unknown
	gain           audio.Gain
}

// parseXing reads the header of Xing and LAME, or that of Fraunhofer (VBRI).
func parseXing(b []byte, h mp3.Header) (xing, bool) {
	x := xing{delay: -1, padding: -1}
	if h.Layer != 3 || len(b) < h.Size {
		return x, false
	}
	if at := mp3.HeaderSize + 32; len(b) >= at+26 && string(b[at:at+4]) == "VBRI" {
		x.frames = int64(binary.BigEndian.Uint32(b[at+14:]))
		return x, true
	}
	at := mp3.HeaderSize + h.SideInfo()
	if !isXing(b, at) && h.CRC {
		at += 2
	}
	if !isXing(b, at) {
		return x, false
	}
	flags := binary.BigEndian.Uint32(b[at+4:])
	b = b[at+8:]
	for bit, size := range []int{4, 4, 100, 4} { // frames, bytes, table of contents, quality
		if flags>>bit&1 == 0 {
			continue
		}
		if len(b) < size {
			return x, true
		}
		if bit == 0 {
			x.frames = int64(binary.BigEndian.Uint32(b))
		}
		b = b[size:]
	}
	if len(b) >= 24 && b[0] >= 'A' && b[0] <= 'z' { // LAME, Lavc, …
		x.delay = int64(b[21])<<4 | int64(b[22])>>4
		x.padding = int64(b[22]&15)<<8 | int64(b[23])
		x.gain = lameGain(b[11:17])
	}
	return x, true
}

// lameGain reads what LAME measured: the peak in 2^23rds, and how far the music is
// from 89 dB SPL, which is what -18 LUFS was called then: three bits say that it is
// this, three who says so, and one the sign of tenths of a dB.
func lameGain(b []byte) audio.Gain {
	const radio, maxPeak = 1, 100
	peak, gain := binary.BigEndian.Uint32(b), binary.BigEndian.Uint16(b[4:])
	if gain>>13 != radio || gain>>10&7 == 0 {
		return audio.Gain{}
	}
	g := audio.Gain{Told: true, DB: float32(gain&0x1ff) / 10}
	if gain&0x200 != 0 {
		g.DB = -g.DB
	}
	if p := float32(peak) / (1 << 23); p <= maxPeak {
		g.Peak = p
	}
	return g
}

func isXing(b []byte, at int) bool {
	return len(b) >= at+8 && (string(b[at:at+4]) == "Xing" || string(b[at:at+4]) == "Info")
}
