// Package queue decides what plays next. Plain values and methods: no locks,
// clocks, randomness, logs or contexts.
package queue

import (
	"slices"

	"segue/music"
)

// EntryID names an entry within one guild's queue. It is never reused.
type EntryID uint64

// An Entry is one track asked for once, by someone. The same track may be
// queued twice; the ids differ. The zero Entry stands for none.
type Entry struct {
	ID    EntryID
	Track music.Track
	By    music.UserID
}

// A Queue is what one guild hears now, hears next, and has heard. It belongs to
// one goroutine. What its methods return is a copy.
type Queue struct {
	loop    Loop
	limit   int
	last    EntryID // the highest id given out
	current Entry   // zero ID: none
	up      []Entry
	past    []Entry // newest last
}

// New makes an empty queue that holds at most limit entries up next; 0 means no
// limit.
func New(limit int) *Queue { return &Queue{limit: max(limit, 0)} }

// Add puts tracks at the end, all or none: if they do not fit, the error is a
// *music.Error "queue.full" whose arguments are the limit and how many more fit.
func (q *Queue) Add(by music.UserID, tracks ...music.Track) ([]Entry, error) {
	if room := q.limit - len(q.up); q.limit > 0 && len(tracks) > room {
		return nil, &music.Error{Kind: music.Limit, Code: "queue.full", Args: []any{q.limit, max(room, 0)}}
	}
	added := make([]Entry, len(tracks))
	for i, t := range tracks {
		q.last++
		added[i] = Entry{ID: q.last, Track: t, By: by}
	}
	q.up = append(q.up, added...)
	return added, nil
}

// Current is what is being heard, or false.
func (q *Queue) Current() (Entry, bool) { return q.current, q.current.ID != 0 }

// Peek is the entry Advance would make current, or false.
func (q *Queue) Peek() (Entry, bool) {
	if e, ok := q.Current(); ok && (q.loop == LoopTrack || q.loop == LoopQueue && len(q.up) == 0) {
		return e, true
	}
	if len(q.up) == 0 {
		return Entry{}, false
	}
	return q.up[0], true
}

// Advance is what happens when the current entry has been heard to its end. It
// returns the new current entry, or false when there is nothing more.
func (q *Queue) Advance() (Entry, bool) {
	if e, ok := q.Current(); ok && q.loop == LoopTrack {
		return e, true
	}
	return q.Skip(1)
}

// Skip ends the current entry and passes over n-1 more; n below 1 is 1. It
// returns the new current entry, or false when there is nothing more. A looped
// track does not come back by itself; in a looped queue everything passed over
// goes to the end.
func (q *Queue) Skip(n int) (Entry, bool) {
	back := make([]Entry, 0, 1)
	if e, ok := q.Current(); ok {
		back = append(back, e)
		q.Finish()
	}
	over := min(max(n, 1)-1, len(q.up))
	back = append(back, q.up[:over]...)
	q.up = slices.Delete(q.up, 0, over)
	if q.loop == LoopQueue {
		q.up = append(q.up, back...)
	}
	if len(q.up) == 0 {
		return Entry{}, false
	}
	q.current = q.up[0]
	q.up = slices.Delete(q.up, 0, 1)
	return q.current, true
}

// Finish ends the current entry and begins no other, whatever the loop.
func (q *Queue) Finish() {
	if q.current.ID == 0 {
		return
	}
	q.remember(q.current)
	q.current = Entry{}
}

// Remove takes an entry out, the current one included, and returns it. It does
// not reach history: it was not heard.
func (q *Queue) Remove(id EntryID) (Entry, bool) {
	if e, ok := q.Current(); ok && e.ID == id {
		q.current = Entry{}
		return e, true
	}
	i := q.find(id)
	if i < 0 {
		return Entry{}, false
	}
	e := q.up[i]
	q.up = slices.Delete(q.up, i, i+1)
	return e, true
}

// Move puts an entry that is up next at place to, counted from 0 and brought
// into range. It reports whether the entry was there.
func (q *Queue) Move(id EntryID, to int) bool {
	i := q.find(id)
	if i < 0 {
		return false
	}
	e := q.up[i]
	q.up = slices.Delete(q.up, i, i+1)
	q.up = slices.Insert(q.up, min(max(to, 0), len(q.up)), e)
	return true
}

// Clear drops everything up next and reports how much it was.
func (q *Queue) Clear() int {
	n := len(q.up)
	q.up = nil
	return n
}

// Shuffle reorders what is up next. intn(n) returns a number in [0, n), as
// rand.IntN does.
func (q *Queue) Shuffle(intn func(n int) int) {
	for i := len(q.up) - 1; i > 0; i-- {
		j := intn(i + 1)
		q.up[i], q.up[j] = q.up[j], q.up[i]
	}
}

// Up is what comes next, in order.
func (q *Queue) Up() []Entry { return slices.Clone(q.up) }

// Len is how many entries are up next.
func (q *Queue) Len() int { return len(q.up) }

func (q *Queue) find(id EntryID) int {
	return slices.IndexFunc(q.up, func(e Entry) bool { return e.ID == id })
}
