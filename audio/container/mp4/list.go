package mp4

import (
	"fmt"

	"segue/audio"
)

const (
	pageSize   = 4096
	maxEntries = 2 << 20 // of any table: 12 hours of AAC at 48 kHz, one entry a frame
)

// A list grows by pages, so that it never holds much more than what came, nor
// copies it.
type list[T any] struct {
	pages [][]T
	n     int
}

func (l *list[T]) add(v T) error {
	if l.n >= maxEntries {
		return fmt.Errorf("mp4: more than %d entries in a table: %w", maxEntries, audio.ErrLimit)
	}
	if l.n/pageSize == len(l.pages) {
		l.pages = append(l.pages, make([]T, 0, pageSize))
	}
	p := &l.pages[l.n/pageSize]
	*p = append(*p, v)
	l.n++
	return nil
}

func (l *list[T]) at(i int) T { return l.pages[i/pageSize][i%pageSize] }

// empty forgets all entries and keeps their room.
func (l *list[T]) empty() {
	for i := range l.pages {
		l.pages[i] = l.pages[i][:0]
	}
	l.n = 0
}
