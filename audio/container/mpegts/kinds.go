package mpegts

import (
	"fmt"

	"segue/audio/codec/opus"
)

// Descriptors (ISO/IEC 13818-1, 2.6, and ETSI EN 300 468).
const (
	tagRegistration = 0x05
	tagAC3          = 0x6a
	tagEAC3         = 0x7a
	tagDTS          = 0x7b
	tagAAC          = 0x7c
	tagExtension    = 0x7f

	extensionOpus = 0x80
)

// Kinds of streams (ISO/IEC 13818-1, table 2-34).
const (
	kindMPEG1   = 0x03
	kindMPEG2   = 0x04
	kindPrivate = 0x06
	kindADTS    = 0x0f
	kindLATM    = 0x11
)

// others are kinds of streams we do not play.
var others = map[int]string{
	0x01: "MPEG-1 video", 0x02: "MPEG-2 video", 0x10: "MPEG-4 video", 0x1b: "H.264 video", 0x24: "H.265 video", 0x33: "H.266 video",
	0x15: "ID3 tags", 0x1c: "MPEG-4 audio without a transport", 0x2d: "MPEG-H audio", 0x2e: "MPEG-H audio",
	0x80: "LPCM audio", 0x81: "AC-3 audio", 0x82: "DTS audio", 0x83: "Dolby TrueHD audio", 0x84: "E-AC-3 audio",
	0x85: "DTS-HD audio", 0x86: "DTS-HD audio", 0x87: "E-AC-3 audio", 0x8a: "DTS audio", 0xa1: "E-AC-3 audio", 0xa2: "DTS-HD audio",
	0xc1: "encrypted AC-3 audio (SAMPLE-AES)", 0xc2: "encrypted E-AC-3 audio (SAMPLE-AES)",
	0xcf: "encrypted AAC audio (SAMPLE-AES)", 0xdb: "encrypted H.264 video (SAMPLE-AES)",
}

// registered are formats by their registration.
var registered = map[string]string{
	"AC-3": "AC-3 audio", "EAC3": "E-AC-3 audio", "AC-4": "AC-4 audio", "BSSD": "SMPTE 302M audio", "DTS1": "DTS audio",
	"DTS2": "DTS audio", "DTS3": "DTS audio", "HEVC": "H.265 video", "ID3 ": "ID3 tags", "KLVA": "KLV data",
}

// codingOf is how the frames of l are read, or nil; then what is its name.
func codingOf(l listing) (c coding, what string) {
	switch l.kind {
	case kindMPEG1, kindMPEG2:
		return mpegCoding{}, ""
	case kindADTS:
		return &adtsCoding{}, ""
	case kindLATM:
		return &latmCoding{}, ""
	case kindPrivate:
		return private(l.descriptors)
	}
	if what = others[l.kind]; what == "" {
		what = fmt.Sprintf("a stream of type 0x%02x", l.kind)
	}
	return nil, what
}

// private looks at the descriptors of private data.
func private(b []byte) (c coding, what string) {
	what = "private data"
	format, channels := "", -1
	for len(b) >= 2 {
		n := min(2+int(b[1]), len(b))
		tag, body := b[0], b[2:n]
		b = b[n:]
		switch {
		case tag == tagRegistration && len(body) >= 4:
			if format = string(body[:4]); registered[format] != "" {
				what = registered[format]
			}
		case tag == tagExtension && len(body) >= 2 && body[0] == extensionOpus:
			channels = int(body[1])
		case tag == tagAC3:
			what = "AC-3 audio"
		case tag == tagEAC3:
			what = "E-AC-3 audio"
		case tag == tagDTS:
			what = "DTS audio"
		case tag == tagAAC:
			return &latmCoding{}, ""
		}
	}
	if format != "Opus" {
		return nil, what
	}
	head, ok := headOf(channels)
	if !ok {
		return nil, fmt.Sprintf("Opus audio with channel configuration 0x%02x", channels)
	}
	return &opusCoding{head: head, leading: true}, ""
}

// headOf is the header that Opus with a channel configuration has in Ogg. Of the
// order of channels RFC 7845, 5.1.1.2 says the same for both.
func headOf(configuration int) (opus.Head, bool) {
	h := opus.Head{Channels: configuration, InputRate: 48000}
	switch {
	case configuration == 0: // two channels that have nothing to do with each other
		h.Channels, h.Family, h.Mapping = 2, 255, []byte{2, 0, 0, 1}
	case configuration == 1 || configuration == 2:
	case configuration >= 3 && configuration <= 8:
		h.Family = 1
		h.Mapping = append(h.Mapping, layouts[configuration-3]...)
	case configuration < 0: // a descriptor is missing; packets tell mono from stereo
		h.Channels = 2
	default:
		return h, false
	}
	return h, true
}

// layouts are how many streams three and more channels come in, how many of them
// are pairs, and where each channel is in them (RFC 7845, 5.1.1.2).
var layouts = [...][]byte{
	{2, 1, 0, 2, 1},
	{2, 2, 0, 1, 2, 3},
	{3, 2, 0, 4, 1, 2, 3},
	{4, 2, 0, 4, 1, 2, 3, 5},
	{4, 3, 0, 4, 1, 2, 3, 5, 6},
	{5, 3, 0, 6, 1, 2, 3, 4, 5, 7},
}
