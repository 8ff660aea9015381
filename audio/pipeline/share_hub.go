package pipeline

import (
	"context"
	"fmt"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
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
	done   chan struct{} // closed when it has been opened, or not
	share  *Share        // nil until there is one, of a track
	alone  *Pump         // who plays that
	member *Member       // of who opened it
	err    error
	gone   bool // who was opening it did not want it any more
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

	// Known is told which of the media it is before Options are used, all of which it
	// may change then. It may wait a little; nil is nothing to be changed.
	Known func(Facts, *Options)

	Live bool // it is known to be a station
	Park bool // it makes no frames yet, as Park says
}

// Facts are what is known of media once they are open.
type Facts struct {
	Version string // as Media has it
	Forward bool   // no part of them can be asked for again
	Live    bool
}

// known is a once f is known.
func (a Ask) known(f Facts) Ask {
	if a.Known != nil {
		a.Known(f, &a.Options)
	}
	return a
}

// Join returns what makes frames of a.Key together with all who play it now: of a
// live station from what is sent now on, of a track from its beginning if others have
// not been playing it for longer than two seconds; else it is opened for this
// listener and those who come after. It waits for that until ctx ends. The Member's
// life ends with life; who joins closes it. Errors are those of a.Open and of Open.
//
// A track nobody else plays costs what it costs to play it without a Hub. With
// Options.Trim it is never shared.
func (h *Hub) Join(ctx, life context.Context, a Ask) (*Member, error) {
	for {
		b, mine := h.booth(a.Key, a.Options.Trim && !a.Live)
		if mine {
			h.fill(ctx, life, b, a)
			return b.member, b.err
		}
		if !b.wait(ctx) {
			return nil, context.Cause(ctx)
		}
		if b.err != nil && !b.gone {
			return nil, b.err
		}
		if m := h.join(ctx, life, b, a); m != nil {
			return m, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h.forget(a.Key, b)
	}
}

// join lets a in where others are; nil if it comes too late.
func (h *Hub) join(ctx, life context.Context, b *booth, a Ask) *Member {
	if b.err != nil {
		return nil
	}
	h.mu.Lock()
	sh := b.share
	h.mu.Unlock()
	if sh == nil {
		if sh = b.alone.invite(ctx); sh == nil {
			return nil
		}
		h.mu.Lock()
		b.share = sh
		h.mu.Unlock()
	}
	a = a.known(sh.facts)
	t := h.tap(a)
	if !sh.join(t, a) {
		return nil
	}
	return t.member(life, a)
}

func (b *booth) wait(ctx context.Context) bool {
	select {
	case <-b.done:
		return true
	case <-ctx.Done():
		return false
	}
}

// booth returns the one for key, and whether it is for the caller to fill it, as one
// that nobody else ever sees is.
func (h *Hub) booth(key string, hidden bool) (b *booth, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if b, ok := h.booths[key]; ok && !hidden {
		return b, false
	}
	b = &booth{done: make(chan struct{})}
	if !hidden {
		h.booths[key] = b
	}
	return b, true
}

func (h *Hub) forget(key string, b *booth) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.booths[key] == b {
		delete(h.booths, key)
	}
}

// fill opens what a asks for, for its first listener.
func (h *Hub) fill(ctx, life context.Context, b *booth, a Ask) {
	defer close(b.done)
	b.member, b.err = guarded(func() (*Member, error) { return h.begin(ctx, life, b, a) })
	if b.err != nil {
		b.gone = ctx.Err() != nil
		h.forget(a.Key, b)
	}
}

func (h *Hub) begin(ctx, life context.Context, b *booth, a Ask) (*Member, error) {
	m, err := a.Open(ctx)
	if err != nil {
		return nil, err
	}
	live := m.Live || a.Live
	facts := Facts{Version: m.Version, Forward: m.Seeker == nil, Live: live}
	a = a.known(facts)
	t, o := h.tap(a), a.Options
	first := newLine()
	if live {
		o.Bitrate = first.bitrate
	}
	s, err := h.probe(ctx, m, o)
	if err != nil {
		return nil, err
	}
	t.levelled(a, s.Info())
	forget := func() { h.forget(a.Key, b) }
	if live = live || s.Info().Live; !live {
		return h.first(life, b, a, t, s, facts, forget), nil
	}
	b.share = newShare(h.ctx, s, first, t, live, forget)
	b.share.facts = facts
	return t.member(life, a), nil
}

// first lets frames of a track be made for who is the first to want them.
func (h *Hub) first(life context.Context, b *booth, a Ask, t *tap, s *Stream, facts Facts, forget func()) *Member {
	var begins *intro
	if !a.Options.Trim {
		begins = &intro{tap: t, since: time.Now(), forget: forget, root: h.ctx, facts: facts}
	}
	b.alone = launch(life, h.ctx, s, a.Park, begins)
	return &Member{b.alone, t, s.Info()}
}

// tap is one of who asks a.
func (h *Hub) tap(a Ask) *tap {
	t := newTap(a)
	t.open = func(ctx context.Context, o Options) (*Stream, error) {
		m, err := a.Open(ctx)
		if err != nil {
			return nil, err
		}
		return h.probe(ctx, m, o)
	}
	return t
}

// probe opens m until ctx ends. Probing reads; what ends the opening must end that read
// too.
func (h *Hub) probe(ctx context.Context, m *audio.Media, o Options) (*Stream, error) {
	stop := context.AfterFunc(ctx, func() { _ = m.Close() })
	s, err := guarded(func() (*Stream, error) { return h.open(m, o) })
	if err != nil {
		_ = guard(m.Close) // it panicked, maybe
	}
	if !stop() { // ctx came first
		if err == nil {
			_ = s.Close()
		}
		return nil, context.Cause(ctx)
	}
	return s, err
}

// Len is how many shares there are.
func (h *Hub) Len() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.booths)
}

// A Member is one listener of a share, or of what may become one: a Pump of frames that
// others may hear too. What is wanted of the sound is this listener's alone.
type Member struct {
	*Pump
	tap  *tap // its place is in a share only if it is the Pump's, too
	info audio.Info
}

// Want changes what is wanted of the sound from the next frame on.
func (m *Member) Want(e effect.Settings) {
	m.swap.Lock()
	defer m.swap.Unlock()
	m.tap.want(func(w *wish) { w.effects = e })
	if !m.guest.Load() {
		m.now().Want(e)
	}
}

// Level makes the piece louder by so many decibels, as Stream.Level does.
func (m *Member) Level(db float64) {
	m.swap.Lock()
	defer m.swap.Unlock()
	m.tap.want(func(w *wish) { w.level = db })
	if !m.guest.Load() {
		m.now().Level(db)
	}
}

// Seek is Pump.Seek. Who shares a track parts from the others by it, and has the media
// opened once more. A station refuses it: others hear the same.
func (m *Member) Seek(ctx context.Context, to time.Duration) error {
	m.swap.Lock()
	m.apart.Store(true)
	t := m.Pump.tap.Load()
	m.swap.Unlock()
	switch {
	case t == nil:
		return m.Pump.Seek(ctx, to)
	case t.share.live:
		return fmt.Errorf("a share: %w", audio.ErrNotSeekable)
	}
	return m.seekAlone(ctx, t, to)
}

// Info is what the container tells about what is played.
func (m *Member) Info() audio.Info { return m.info }

// Measured is Pump.Measured. Of what was shared, who leaves last knows it.
func (m *Member) Measured() levelling.Measurement {
	best := m.Pump.Measured()
	t := m.Pump.tap.Load()
	if t == nil || !m.closed.Load() {
		return best
	}
	t.share.mu.Lock()
	defer t.share.mu.Unlock()
	if t.share.over && t.share.measured.Better(best) {
		best = t.share.measured
	}
	return best
}

// Stats looks at the Member. Packets read ahead are those of all.
func (m *Member) Stats() PumpStats {
	st := m.Pump.Stats()
	t := m.Pump.tap.Load()
	if t == nil {
		return st
	}
	if !m.guest.Load() { // after what it heard of others
		st.Passed, st.Transcoded = st.Passed+t.passed.Load(), st.Transcoded+t.transcoded.Load()
		return st
	}
	own := st.Transcoded
	st.Passed, st.Transcoded = max(t.passed.Load()-own, 0), own+t.transcoded.Load()
	frames := st.Frames
	st.Depth, st.Waiting = t.share.feed.held()
	st.Frames = frames
	return st
}
