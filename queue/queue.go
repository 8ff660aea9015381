// Package queue decides what plays next. Plain values and methods: no locks,
// clocks, randomness, logs or contexts.
package queue

import "segue/music"

// EntryID names an entry within one guild's queue. It is never reused.
type EntryID uint64

// An Entry is one track asked for once, by someone. The same track may be
// queued twice; the ids differ.
type Entry struct {
	ID    EntryID
	Track music.Track
	By    music.UserID
}
