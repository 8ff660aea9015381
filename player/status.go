package player

import (
	"time"

	"segue/audio"
	"segue/audio/pipeline"
	"segue/music"
	"segue/queue"
)

// Status is how one guild's music stands: a copy that nobody changes.
type Status struct {
	Guild music.GuildID
	Voice music.ChannelID // joined now; 0 if none
	Text  music.ChannelID // last commanded from; 0 if never

	Current  queue.Entry        // zero ID: nothing
	Loading  bool               // Current is not heard yet
	Paused   bool               // by Pause
	Position time.Duration      // where in the track the next frame begins
	Played   time.Duration      // how much of it was heard
	Duration time.Duration      // 0 if unknown or live
	Info     audio.Info         // what the file says about itself; zero while Loading
	Mode     string             // "passthrough" or "transcode"; empty while Loading
	OnAir    string             // what a live stream says is on just now ("Artist - Title"), or empty
	Engine   pipeline.PumpStats // of Current; zero while Loading

	Sound Sound // as the guild wants it, once the store has said

	Next    []queue.Entry // in order
	History []queue.Entry // newest first
	Loop    queue.Loop

	Counters Counters
}

// Playing reports whether music is heard.
func (s Status) Playing() bool {
	return s.Current.ID != 0 && !s.Loading && !s.Paused && s.Voice != 0
}

// Counters only grow while their player lives.
type Counters struct {
	Frames uint64 // frames handed to the voice connection
	Nulled uint64 // ticks without a frame while something should have been heard
	Tracks uint64 // entries that were heard
	Failed uint64 // entries that failed or got stuck

	// What was made, heard or not, those of tracks got ready in advance included.
	Passed     uint64 // frames that were the source's own packets
	Transcoded uint64 // frames that were encoded
	Splices    uint64 // changes between the two within a track
	Damaged    uint64 // packets that could not be decoded and were concealed

	Late   uint64             // frames that were asked for in vain before
	Missed pipeline.Underruns // how often that was, and why
}

// add counts what a pump did.
func (c *Counters) add(p pipeline.PumpStats) {
	c.Passed += uint64(p.Passed)
	c.Transcoded += uint64(p.Transcoded)
	c.Splices += uint64(p.Splices)
	c.Damaged += uint64(p.Damaged)
	c.Late += uint64(p.Late)
	c.Missed.Beginning += p.Missed.Beginning
	c.Missed.Packets += p.Missed.Packets
	c.Missed.Joining += p.Missed.Joining
	c.Missed.Busy += p.Missed.Busy
	c.Missed.Ended += p.Missed.Ended
}
