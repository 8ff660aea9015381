package queue_test

import (
	"fmt"

	"segue/music"
	"segue/queue"
)

func Example() {
	q := queue.New(100)
	const alice, bob = 1, 2
	_, _ = q.Add(alice, music.Track{Title: "One"}, music.Track{Title: "Two"})
	_, _ = q.Add(bob, music.Track{Title: "Three"})

	for e, ok := q.Advance(); ok; e, ok = q.Advance() {
		fmt.Println("now:", e.Track.Title, "for", e.By, "then", q.Len(), "more")
	}
	for _, e := range q.History() {
		fmt.Println("heard:", e.Track.Title)
	}
	// Output:
	// now: One for 1 then 2 more
	// now: Two for 1 then 1 more
	// now: Three for 2 then 0 more
	// heard: Three
	// heard: Two
	// heard: One
}
