package queue

import "slices"

// remembered is how many heard entries a queue keeps: a page or two to scroll
// back through, and a bound on what a guild costs.
const remembered = 50

// History is what was heard, newest first, at most 50 entries.
func (q *Queue) History() []Entry {
	h := slices.Clone(q.past)
	slices.Reverse(h)
	return h
}

func (q *Queue) remember(e Entry) {
	if over := len(q.past) + 1 - remembered; over > 0 {
		q.past = slices.Delete(q.past, 0, over)
	}
	q.past = append(q.past, e)
}
