package voiceserver

import (
	"context"
	"fmt"
	"slices"
	"sync"
)

// record keeps sentences and how often each was said.
type record struct {
	mu    sync.Mutex
	order []string
	times map[string]int
	total int
	grown chan struct{} // closed at the next sentence; nil while nobody waits
}

// maxSentences bounds what a mad client can make the record hold.
const maxSentences = 1000

func (r *record) add(sentence string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.times == nil {
		r.times = map[string]int{}
	}
	if r.times[sentence] == 0 {
		if len(r.order) == maxSentences {
			return
		}
		r.order = append(r.order, sentence)
	}
	r.times[sentence]++
	r.total++
	if r.grown != nil {
		close(r.grown)
		r.grown = nil
	}
}

// await waits until n sentences have been said.
func (r *record) await(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		total := r.total
		if r.grown == nil {
			r.grown = make(chan struct{})
		}
		grown := r.grown
		r.mu.Unlock()
		if total >= n {
			return nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (r *record) sentences() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := slices.Clone(r.order)
	for i, sentence := range out {
		if n := r.times[sentence]; n > 1 {
			out[i] = fmt.Sprintf("%s (%d times)", sentence, n)
		}
	}
	return out
}
