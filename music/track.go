package music

import (
	"strconv"
	"time"
)

// Discord's ids are snowflakes; zero means "none".
type (
	// GuildID names a guild.
	GuildID uint64
	// ChannelID names a text or voice channel.
	ChannelID uint64
	// UserID names a person or a bot.
	UserID uint64
)

// String gives the id in decimal, as Discord writes it.
func (g GuildID) String() string { return strconv.FormatUint(uint64(g), 10) }

// String gives the id in decimal, as Discord writes it.
func (c ChannelID) String() string { return strconv.FormatUint(uint64(c), 10) }

// String gives the id in decimal, as Discord writes it.
func (u UserID) String() string { return strconv.FormatUint(uint64(u), 10) }

// TrackID names a track within all sources: "local:albums/one.flac",
// "http:https://example.org/a.mp3". The part before the first colon is the
// name of its source.
type TrackID string

// A Track describes something playable. It never changes once resolved and
// can be stored: nothing in it expires.
type Track struct {
	ID       TrackID
	Source   string        // name of the source that can open it
	Title    string        // never empty; text from strangers, not yet escaped
	Artist   string        // empty if unknown
	Duration time.Duration // 0 if unknown or Live
	Live     bool
	URL      string // where a person can look at it; empty for local files
	Artwork  string // URL of a picture, or empty
	ISRC     string

	// Loudness is what the source says of it (YouTube's loudnessDb is relative to
	// -14 LUFS); usually nothing.
	Loudness Loudness
}
