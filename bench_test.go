package main

import (
	"testing"

	"segue/voice"
)

func TestLatenessIsOfTheTicksInBetween(t *testing.T) {
	const last = len(voice.Lateness{}) - 1
	for name, c := range map[string]struct {
		before, after voice.Lateness
		p99, worst    int
	}{
		"no ticks":            {voice.Lateness{5: 3}, voice.Lateness{5: 3}, 0, 0},
		"all in time":         {voice.Lateness{0: 7, 9: 1}, voice.Lateness{0: 1007, 9: 1}, 0, 0},
		"one in a hundred":    {voice.Lateness{}, voice.Lateness{0: 99, 30: 1}, 0, 30},
		"two in a hundred":    {voice.Lateness{}, voice.Lateness{0: 98, 30: 2}, 30, 30},
		"later than it shows": {voice.Lateness{}, voice.Lateness{last: 1}, last, last},
	} {
		if p99, worst := lateness(c.before, c.after); p99 != c.p99 || worst != c.worst {
			t.Errorf("%s: p99 %d, worst %d, want %d and %d", name, p99, worst, c.p99, c.worst)
		}
	}
}
