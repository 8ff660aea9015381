package httpfile

import (
	"sync"
	"time"

	"segue/music"
)

const (
	// heldFor is how long an answer waits to be played: longer than a player
	// takes to get to an empty queue, shorter than servers' patience.
	heldFor = 8 * time.Second
	// heldMost bounds the connections that wait like this.
	heldMost = 16
)

// held keeps what Resolve has opened for the Open that usually follows at once.
type held struct {
	mu     sync.Mutex
	bodies map[music.TrackID]*body
	order  []music.TrackID // oldest first
}

// put keeps b for a while; one kept under the same id makes way, and the oldest
// where there are too many.
func (h *held) put(id music.TrackID, b *body) {
	h.mu.Lock()
	away := []*body{h.remove(id)}
	if len(h.order) >= heldMost {
		away = append(away, h.remove(h.order[0]))
	}
	if h.bodies == nil {
		h.bodies = make(map[music.TrackID]*body)
	}
	h.bodies[id] = b
	h.order = append(h.order, id)
	h.mu.Unlock()
	for _, o := range away {
		if o != nil {
			_ = o.Close()
		}
	}
	time.AfterFunc(heldFor, func() { h.drop(id, b) })
}

// take gives what was kept under id, once, or nil.
func (h *held) take(id music.TrackID) *body {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.remove(id)
}

func (h *held) remove(id music.TrackID) *body {
	b := h.bodies[id]
	if b == nil {
		return nil
	}
	delete(h.bodies, id)
	for i, o := range h.order {
		if o == id {
			h.order = append(h.order[:i], h.order[i+1:]...)
			break
		}
	}
	return b
}

// drop closes b if it is still kept.
func (h *held) drop(id music.TrackID, b *body) {
	h.mu.Lock()
	if h.bodies[id] != b {
		h.mu.Unlock()
		return
	}
	h.remove(id)
	h.mu.Unlock()
	_ = b.Close()
}

func (h *held) close() {
	h.mu.Lock()
	all := h.bodies
	h.bodies, h.order = nil, nil
	h.mu.Unlock()
	for _, b := range all {
		_ = b.Close()
	}
}
