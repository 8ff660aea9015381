// Package audio names the parts of the engine: media, packets, frames, and the
// small interfaces at which containers, codecs, effects and the pipeline meet.
// It has never heard of Discord.
package audio

import (
	"io"
	"time"
)

// The one PCM format inside the engine: interleaved stereo float32 at 48 kHz,
// nominal range -1..1.
const (
	SampleRate   = 48000
	Channels     = 2
	FrameSamples = SampleRate / 50 // per channel: 20 ms
)

// Media is an opened track: its bytes, and what is known about them. Who opens
// it closes it, or hands it on with that duty. Close unblocks a pending Read.
type Media struct {
	io.ReadCloser
	Seeker    io.Seeker // nil when the bytes only flow forward
	MIME, Ext string    // hints for probing (Ext with its dot); may be empty or wrong
	Size      int64     // bytes, or -1 if unknown
	Refs      Refs      // opens what these bytes refer to; nil if nothing can
	Live      bool      // they go on for as long as somebody sends

	// Version names these very bytes: media with the same one hold the same. It is
	// empty if nobody can promise that.
	Version string

	// Playing is what a live stream says is on just now ("Artist - Title"), or
	// "". It may be called from any goroutine; nil if the stream never says.
	Playing func() string
}

// Refs opens what media refer to: a playlist its segments and keys.
type Refs interface {
	// OpenRef opens ref, an address absolute or relative to where the media came
	// from ("" is the media itself, anew). It gives n bytes from from on, or all
	// that follow if n is 0. What it opens has Refs of its own, and they live as
	// long as the media one began with, whose Close unblocks every OpenRef, and
	// Read of what was opened. What can never be had is an ErrUnsupported.
	OpenRef(ref string, from, n int64) (*Media, error)
	// Wait waits for d, or until the media one began with is closed: then it
	// returns an error.
	Wait(d time.Duration) error
}

// A Packet is one unit of encoded audio as its container held it. Times count
// samples at 48 kHz, which is exact where nanoseconds are not.
type Packet struct {
	Data          []byte
	PTS, Duration int64 // Duration is 0 where only the decoder can tell
	TrimEnd       int64 // samples at 48 kHz at the end of this packet that are padding

	// Codec is set on the first packet of another stream in the same media (a
	// chained Ogg, a discontinuity): how packets are coded from here on, its
	// PreSkip and GainDB included. Such a packet follows nothing heard before. Its
	// PTS plus that PreSkip is where what was heard before ends.
	Codec *CodecInfo
}

// A Frame is exactly 20 ms of Opus, ready for the voice connection. It is never
// changed once made: several guilds may send it.
type Frame struct {
	Opus []byte
	Pos  int64 // where in the track it begins, in samples at 48 kHz
}

// Frames hands out frames to whoever keeps the beat.
type Frames interface {
	// Take returns the next frame, or false when none is ready. It never blocks.
	Take() (Frame, bool)
}

// CodecInfo says how the packets of a Demuxer are coded.
type CodecInfo struct {
	Name       string // "opus", "vorbis", "mp3", "flac", "pcm_s16le", …
	SampleRate int    // of the coded audio, Hz; 48000 for Opus whatever its header says
	Channels   int
	Private    []byte  // the container's codec header (OpusHead, STREAMINFO, Vorbis headers, …)
	PreSkip    int64   // samples at 48 kHz to drop at the very start
	GainDB     float32 // output gain the format demands (Opus header gain)
}

// Info is what a container tells about the whole, as far as it does.
type Info struct {
	Container string        // "webm", "ogg", "wav", "mp3", "flac"
	Duration  time.Duration // 0 if unknown
	Live      bool          // it goes on for as long as somebody sends
	Title     string
	Artist    string
	Album     string
	Track     Gain      // of the piece alone
	Whole     Gain      // of the album it is from
	Chapters  []Chapter // in order of time
	Artwork   Picture   // the front cover if there is a choice
}

// A Gain is how a file wants its loudness corrected.
type Gain struct {
	Told bool    // false: the file says nothing, DB and Peak mean nothing
	DB   float32 // to reach -18 LUFS (ReplayGain 2.0); R128 tags, which aim at -23, are converted
	Peak float32 // of the samples, 1 is full scale; 0 if not told
}

// A Chapter is a part of a long piece. It ends where the next begins.
type Chapter struct {
	Start time.Duration
	Title string
}

// A Picture is an image as the file has it.
type Picture struct {
	MIME string // "image/jpeg"
	Data []byte
}

// A Demuxer takes packets out of a container.
type Demuxer interface {
	Codec() CodecInfo
	Info() Info
	// ReadPacket returns the next packet, or io.EOF after the last. A stream
	// that ends in the middle of something gives what was whole, then
	// ErrTruncated. The packet's data is the caller's to keep.
	ReadPacket() (Packet, error)
	// Seek moves to a packet at or before to and reports where it landed, or
	// returns ErrNotSeekable.
	Seek(to time.Duration) (landed time.Duration, err error)
}

// A Decoder turns packets into PCM at the codec's own rate and channel count,
// interleaved float32. The pipeline brings that to the engine's format.
type Decoder interface {
	// Format is the rate and channel count of what Decode appends. Before the
	// first packet it may be what the container claims.
	Format() (rate, channels int)
	// Decode appends the samples of p to dst. A nil p.Data asks for concealment
	// of a lost packet of p.Duration, where the codec can.
	Decode(dst []float32, p Packet) ([]float32, error)
	// Reset forgets everything heard so far. Call it wherever packets are not contiguous.
	Reset()
}

// An Encoder turns PCM of the engine's format into Opus.
type Encoder interface {
	// Encode appends to dst the packet for exactly FrameSamples*Channels samples.
	Encode(dst []byte, pcm []float32) ([]byte, error)
	// Lookahead is by how many samples per channel decoded output trails the input.
	Lookahead() int
	Reset()
}

// An Effect changes PCM of the engine's format. What it appends may be shorter
// or longer than what it was given.
type Effect interface {
	Process(dst, src []float32) []float32
	Reset()
}
