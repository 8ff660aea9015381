package queue

import "slices"

// A Snapshot is a queue as plain data that can be stored.
type Snapshot struct {
	Loop    Loop
	Last    EntryID // the highest id given out
	Current Entry   // zero ID: none
	Up      []Entry // in order
	History []Entry // newest first
}

// Snapshot copies the queue.
func (q *Queue) Snapshot() Snapshot {
	return Snapshot{Loop: q.loop, Last: q.last, Current: q.current, Up: q.Up(), History: q.History()}
}

// Restore makes a queue from a snapshot, which may come from an older program
// or a damaged store: entries without an id or with one already seen get a new
// one, an unknown loop is off, history beyond what a queue keeps is dropped.
// Entries beyond limit stay; Add then refuses until there is room.
func Restore(s Snapshot, limit int) *Queue {
	q := New(limit)
	q.SetLoop(s.Loop)
	q.last = s.Last
	for _, part := range [][]Entry{{s.Current}, s.Up, s.History} {
		for _, e := range part {
			q.last = max(q.last, e.ID)
		}
	}
	seen := map[EntryID]bool{0: true}
	fresh := func(e Entry) Entry {
		if seen[e.ID] {
			q.last++
			e.ID = q.last
		}
		seen[e.ID] = true
		return e
	}
	if s.Current.ID != 0 {
		q.current = fresh(s.Current)
	}
	for _, e := range s.Up {
		q.up = append(q.up, fresh(e))
	}
	// What was heard twice, in a loop, is in history twice under one id.
	q.past = slices.Clone(s.History[:min(len(s.History), remembered)])
	slices.Reverse(q.past)
	return q
}
