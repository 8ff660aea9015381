package pipeline

import (
	"context"
	"fmt"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// A Hub knows what is being shared. Its methods may be called from any goroutine.
type Hub struct {
	ctx  context.Context
	open func(*audio.Media, Options) (*Stream, error)

	mu     sync.Mutex
	booths map[string]*booth
}

// A booth is where a share is opened by one and waited for by others.
type booth struct {
	done  chan struct{} // closed when it has been opened, or not
	share *Share
	err   error
	gone  bool // who was opening it did not want it any more
}

// NewHub returns a Hub whose shares end with ctx at the latest.
func NewHub(ctx context.Context) *Hub {
	return &Hub{ctx: ctx, open: Open, booths: make(map[string]*booth)}
}

// An Ask says what to play, and how.
type Ask struct {
	Key     string                                      // the same for what is the same, like a track's ID
	Open    func(context.Context) (*audio.Media, error) // is asked if nobody plays it
	Options Options                                     // their Settings, Level, Bitrate and Fade are this listener's own
	Live    bool                                        // it is known to be a station
	Park    bool                                        // it makes no frames yet, as Park says
}

// Join returns what makes frames of a.Key together with all who play it now: of a
// live station from what is sent now on, of a track from its beginning if others have
// not been playing it for longer than two seconds; else it is opened for this
// listener and those who come after. It waits for that until ctx ends. The Member's
// life ends with life; who joins closes it. Errors are those of a.Open and of Open.
func (h *Hub) Join(ctx, life context.Context, a Ask) (*Member, error) {
	t := newTap(a)
	for {
		b, mine := h.booth(a.Key)
		if mine {
			h.fill(ctx, b, a, t)
		} else if !b.wait(ctx) {
			return nil, context.Cause(ctx)
		}
		switch {
		case mine && b.err != nil || b.err != nil && !b.gone:
			return nil, b.err
		case mine || b.err == nil && b.share.join(t, a):
			return t.member(life, a), nil
		}
		h.forget(a.Key, b)
	}
}

func (b *booth) wait(ctx context.Context) bool {
	select {
	case <-b.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// booth returns the one for key, and whether it is for the caller to fill it.
func (h *Hub) booth(key string) (b *booth, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b, ok := h.booths[key]; ok {
		return b, false
	}
	b = &booth{done: make(chan struct{})}
	h.booths[key] = b
	return b, true
}

func (h *Hub) forget(key string, b *booth) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.booths[key] == b {
		delete(h.booths, key)
	}
}

// fill opens what a asks for, with t as its first listener.
func (h *Hub) fill(ctx context.Context, b *booth, a Ask, t *tap) {
	defer close(b.done)
	b.share, b.err = guarded(func() (*Share, error) { return h.begin(ctx, a, t) })
	if b.err != nil {
		b.gone = ctx.Err() != nil
		h.forget(a.Key, b)
		return
	}
	b.share.forget = func() { h.forget(a.Key, b) }
}

func (h *Hub) begin(ctx context.Context, a Ask, t *tap) (*Share, error) {
	m, err := a.Open(ctx)
	if err != nil {
		return nil, err
	}
	first := newLine()
	o := a.Options
	o.Bitrate = first.bitrate
	// Probing reads; what ends the opening must end that read too.
	stop := context.AfterFunc(ctx, func() { _ = m.Close() })
	s, err := h.open(m, o)
	if !stop() { // ctx came first
		if err == nil {
			_ = s.Close()
		}
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	t.levelled(a, s.Info())
	return newShare(h.ctx, s, first, t, m.Live || a.Live), nil
}

// Len is how many shares there are.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.booths)
}

// A Member is one listener of a share: a Pump of frames that others may hear too.
// What is wanted of the sound is this listener's alone.
type Member struct {
	*Pump
	tap *tap
}

// Want changes what is wanted of the sound from the next frame on.
func (m *Member) Want(e effect.Settings) { m.tap.want(func(w *wish) { w.effects = e }) }

// Level makes the piece louder by so many decibels, as Stream.Level does.
func (m *Member) Level(db float64) { m.tap.want(func(w *wish) { w.level = db }) }

// Seek is refused: others hear the same.
func (m *Member) Seek(context.Context, time.Duration) error {
	return fmt.Errorf("a share: %w", audio.ErrNotSeekable)
}

// Info is what the container tells about what is played.
func (m *Member) Info() audio.Info { return m.tap.Info() }

// Stats looks at the Member. Packets read ahead are those of all.
func (m *Member) Stats() PumpStats {
	st := m.Pump.Stats()
	own := st.Transcoded
	st.Passed, st.Transcoded = max(m.tap.passed.Load()-own, 0), own+m.tap.transcoded.Load()
	frames := st.Frames
	st.Depth, st.Waiting = m.tap.share.feed.held()
	st.Frames = frames
	return st
}
