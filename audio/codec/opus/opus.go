// Package opus reads what an Opus packet says about itself, and turns packets
// into PCM and PCM into packets. One interface, whatever library does the work:
// the types at the seam (rawEncoder, rawDecoder) live in a file per build, and
// Build says which that is.
package opus

// The encoder's defaults: what Discord's best voice channels carry, at the
// complexity above which music packets come out byte for byte the same.
const (
	DefaultBitrate    = 128_000 // bit/s
	DefaultComplexity = 8
)

// MaxPacket is the size in bytes no packet of ours exceeds: one frame of
// RFC 6716 (1275) and its TOC byte.
const MaxPacket = 1276

// MaxDuration is the longest packet there is (RFC 6716, 3.4 R5), in samples per
// channel at 48 kHz: 120 ms.
const MaxDuration = 5760

// Build names the library that encodes and decodes in this binary:
//
//   - by default github.com/thesyncim/gopus, which is pure Go;
//   - with the tag libopus the system's libopus, linked statically, about twice
//     as fast;
//   - with the tag gopus layeh.com/gopus, which needs only a C compiler. It
//     encodes at complexity 9 whatever it is told, knows no Independent, comes
//     down to a lower bit rate by a fifth a frame, allocates once per packet, and
//     is not used to decode.
func Build() string { return build }
