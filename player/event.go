package player

import (
	"time"

	"segue/audio"
	"segue/music"
	"segue/queue"
)

// An Event is news of one guild's music. The events of a guild come in order.
type Event struct {
	Guild music.GuildID
	Text  music.ChannelID // where the guild was last commanded from; 0 if unknown
	News  News
}

// News is one of TrackStarted, TrackEnded, TrackFailed, TrackStuck, QueueEmpty,
// GaveUp, VoiceLost, IdleLeft.
//
// Every entry that becomes current ends with exactly one TrackEnded, and has at
// most one TrackStarted before it.
type News interface{ news() }

// TrackStarted: the first frame of the entry was handed to the voice connection.
type TrackStarted struct {
	Entry    queue.Entry
	Duration time.Duration // 0 if unknown or live
	Info     audio.Info    // what the file says about itself
	Mode     string        // "passthrough" or "transcode"
	Took     time.Duration // from becoming current to its first frame
}

// TrackEnded: the entry is over.
type TrackEnded struct {
	Entry  queue.Entry
	Reason Reason
	Played time.Duration // how much of it was heard
}

// TrackFailed: the entry could not be opened, or broke while playing. A
// TrackEnded with LoadFailed follows, and the queue goes on.
type TrackFailed struct {
	Entry queue.Entry
	Err   *music.Error
}

// TrackStuck: the entry gave no frame for this long. A TrackEnded with Stuck
// follows, and the queue goes on.
type TrackStuck struct {
	Entry queue.Entry
	For   time.Duration
}

// QueueEmpty: the last entry ended by itself and there is no other.
type QueueEmpty struct{}

// GaveUp: so many entries in a row could not be heard that the player stopped
// trying. The rest of the queue stays; the next Enqueue goes on with it.
type GaveUp struct {
	Failures int // in a row
	Left     int // entries still queued
}

// VoiceLost: the voice connection is gone for good and we did not ask for it.
type VoiceLost struct {
	Channel music.ChannelID
	Err     error // why; a *music.Error where the voice connection knows
}

// IdleLeft: the voice channel was left because there was nothing to play.
type IdleLeft struct {
	Channel music.ChannelID
	After   time.Duration
}

func (TrackStarted) news() {}
func (TrackEnded) news()   {}
func (TrackFailed) news()  {}
func (TrackStuck) news()   {}
func (QueueEmpty) news()   {}
func (GaveUp) news()       {}
func (VoiceLost) news()    {}
func (IdleLeft) news()     {}

// Reason is why a track ended.
type Reason uint8

// The end reasons.
const (
	Finished   Reason = iota // heard to its end
	LoadFailed               // could not be opened, or broke
	Stuck                    // gave no frame for too long
	Stopped                  // somebody stopped the music
	Replaced                 // somebody skipped it
	Cleanup                  // the player ended: idle without voice, or the program ends
)

// String gives the field's word for it.
func (r Reason) String() string {
	words := [...]string{"finished", "load_failed", "stuck", "stopped", "replaced", "cleanup"}
	if int(r) < len(words) {
		return words[r]
	}
	return "unknown"
}
