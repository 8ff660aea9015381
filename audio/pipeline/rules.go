package pipeline

import (
	"segue/audio"
	"segue/audio/codec/opus"
)

// maxPayload is the largest packet in bytes that may pass: one frame of
// RFC 6716, which also fits the voice connection's datagrams.
const maxPayload = 1275

// rules say what the packets of a stream are worth. Tests put a codec of their
// own in the place of Opus.
type rules struct {
	passable func(audio.CodecInfo) bool // may any packet pass?
	pass     func(timed) bool           // may this one, the settings aside?
	// length is how many samples per channel at 48 kHz a packet decodes to, or 0
	// if only the decoder can tell; ok says it is a packet.
	length func(codec string, p audio.Packet) (samples int64, ok bool)
	limit  func() limiting // makes what keeps the sound below the ceiling
}

func opusRules() rules {
	return rules{passable: mayPass, pass: opusMayPass, length: lengthOf, limit: newLimiter}
}

// mayPass reports whether packets of c may pass at all: Opus in one or two
// channels of one stream, as that has them, at the level it was coded.
func mayPass(c audio.CodecInfo) bool {
	if c.Name != "opus" || c.GainDB != 0 || c.Channels > audio.Channels {
		return false
	}
	const family = 18 // byte of OpusHead (RFC 7845, 5.1) that names the channel mapping
	if len(c.Private) <= family || c.Private[family] == 0 {
		return true
	}
	mapping := string(c.Private[family:]) // its streams, those of two channels, and where each channel is
	return c.Channels == 1 && mapping == "\x01\x01\x00\x00" || c.Channels == 2 && mapping == "\x01\x01\x01\x00\x01"
}

// opusMayPass reports whether p is a frame as the voice connection wants it.
func opusMayPass(p timed) bool {
	return p.ok && p.length == frameSamples && len(p.Data) <= maxPayload
}

// opusLength counts the samples an Opus packet says it has. For one that says
// nothing sensible it is what the container claims, or one frame.
func opusLength(p audio.Packet) (int64, bool) {
	if n, err := opus.Duration(p.Data); err == nil {
		return int64(n), true
	}
	if p.Duration > 0 && p.Duration <= opus.MaxDuration {
		return p.Duration, false
	}
	return frameSamples, false
}

func lengthOf(codec string, p audio.Packet) (int64, bool) {
	if codec != "opus" {
		return p.Duration, true
	}
	return opusLength(p)
}
