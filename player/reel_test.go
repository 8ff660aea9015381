package player_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"segue/audio"
	"segue/audio/effect"
	"segue/audio/levelling"
	"segue/audio/pipeline"
	"segue/player"
	"segue/player/playertest"
)

// reel is a pump that plays a scripted track by the clock, without goroutines. All
// reels of a test share a lock.
type reel struct {
	script playertest.Script
	media  *playertest.Media
	ready  chan struct{}
	first  time.Time
	mu     *sync.Mutex

	next    int
	all     int // frames it will make; Cut makes it fewer
	held    bool
	closed  bool
	after   *reel // what follows
	overlap time.Duration
	gone    bool // it may make frames
	until   int  // frames it makes although it is held: the fade
	fade    time.Duration

	wants  effect.Settings
	level  float64
	cuts   []time.Duration
	levels int // how often the level was said

	over []*sound // mixed over it now
	laid []*sound // ever
	duck float64
}

// reels is the lock of all reels: they name each other.
var reels sync.Mutex

func open(_, _ context.Context, m *audio.Media) (player.Pump, audio.Info, error) {
	media := m.ReadCloser.(*playertest.Media)
	s := media.Script
	if s.Panic {
		panic("a foreign file did this")
	}
	r := &reel{script: s, media: media, ready: make(chan struct{}), first: time.Now().Add(s.First), mu: &reels, all: s.Frames}
	if s.First > 0 {
		time.AfterFunc(s.First, func() { close(r.ready) })
	} else {
		close(r.ready)
	}
	return r, audio.Info{
		Container: "test", Duration: time.Duration(s.Frames) * 20 * time.Millisecond,
		Track: audio.Gain{Told: s.Gain != 0, DB: s.Gain},
	}, nil
}

// open is the opener of a stage, which remembers what was opened.
func (s *stage) open(ctx, life context.Context, m *audio.Media) (player.Pump, audio.Info, error) {
	p, info, err := open(ctx, life, m)
	if r, ok := p.(*reel); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.pumps == nil {
			s.pumps = map[string]*reel{}
		}
		s.pumps[r.media.Title] = r
	}
	return p, info, err
}

// pump is the last that was opened of that title.
func (s *stage) pump(title string) *reel {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.pumps[title]
	if r == nil {
		s.Fatalf("%s was never opened", title)
	}
	return r
}

// see looks at a reel.
func (r *reel) see(f func(*reel)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

func (r *reel) Take() (audio.Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = true
	if r.held && r.next >= r.until || time.Now().Before(r.first) || r.next >= r.all || r.script.Stall > 0 && r.next >= r.script.Stall {
		return audio.Frame{}, false
	}
	f := audio.Frame{Opus: playertest.Frame(r.media.Title, r.next), Pos: int64(r.next) * audio.FrameSamples}
	r.next++
	r.over = slices.DeleteFunc(r.over, func(l *sound) bool { return l.plays(true) })
	return f, true
}

func (r *reel) Ended() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.next >= r.all
}

func (r *reel) Err() error             { return r.script.Break }
func (r *reel) Ready() <-chan struct{} { return r.ready }

func (r *reel) Close() error {
	r.see(func(r *reel) {
		r.closed = true
		r.over = slices.DeleteFunc(r.over, func(l *sound) bool { return l.plays(false) })
	})
	return r.media.Close()
}

func (r *reel) Want(s effect.Settings) { r.see(func(r *reel) { r.wants = s }) }
func (r *reel) Level(db float64)       { r.see(func(r *reel) { r.level, r.levels = db, r.levels+1 }) }

func (r *reel) Hold(on bool) {
	r.see(func(r *reel) { r.held, r.until = on, r.next+int(r.fade/(20*time.Millisecond)) })
}

func (r *reel) Fade(d time.Duration) { r.see(func(r *reel) { r.fade = d }) }
func (r *reel) Go()                  { r.see(func(r *reel) { r.gone = true }) }

func (r *reel) Follow(next player.Pump, overlap time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.after, r.overlap = nil, overlap
	if n, ok := next.(*reel); ok {
		r.after = n
	}
}

// Cut lets as many frames come as the fade lasts.
func (r *reel) Cut(fade time.Duration) {
	r.see(func(r *reel) {
		r.cuts = append(r.cuts, fade)
		r.all = min(r.all, r.next+int(fade/(20*time.Millisecond)))
	})
}

// Seek takes as long as the script says.
func (r *reel) Seek(ctx context.Context, to time.Duration) error {
	if r.script.Seeks > 0 {
		select {
		case <-time.After(r.script.Seeks):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	if r.script.Fixed {
		return audio.ErrNotSeekable
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.all {
		return pipeline.ErrEnded
	}
	r.next = min(int(to/(20*time.Millisecond)), r.all)
	return nil
}

func (r *reel) Stats() (p pipeline.PumpStats) {
	r.see(func(r *reel) { p.Passed = int64(r.next) })
	return p
}

func (r *reel) Measured() levelling.Measurement {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.closed || r.script.LUFS == 0 {
		return levelling.Measurement{}
	}
	return levelling.Measurement{Level: levelling.Level{Told: true, LUFS: r.script.LUFS, Peak: 0.5}, Heard: int64(r.next) * audio.FrameSamples}
}

// A sound is what is laid over a reel, without goroutines.
type sound struct {
	script playertest.Script
	media  *playertest.Media
	level  float64
	left   int // frames to be heard
	shut   bool
	heard  chan struct{}
}

// openSound opens sounds as scripted; of one whose bytes only flow forward the length is
// not known.
func openSound(ctx context.Context, m *audio.Media, level func(audio.Info) float64) (player.Layer, error) {
	media := m.ReadCloser.(*playertest.Media)
	s := media.Script
	switch {
	case s.Panic:
		panic("a foreign file did this")
	case s.Break != nil:
		_ = m.Close()
		return nil, s.Break
	}
	l := &sound{script: s, media: media, left: s.Frames, heard: make(chan struct{})}
	l.level = level(l.Info())
	return l, ctx.Err()
}

func (l *sound) Info() audio.Info {
	info := audio.Info{Container: "test", Track: audio.Gain{Told: l.script.Gain != 0, DB: l.script.Gain}}
	if !l.script.Forward {
		info.Duration = time.Duration(l.script.Frames) * 20 * time.Millisecond
	}
	return info
}

func (l *sound) Close() error {
	reels.Lock()
	defer reels.Unlock()
	l.shut = true
	return l.media.Close()
}

// plays is called with each frame of the music, or with none at its end.
func (l *sound) plays(frame bool) (over bool) {
	if frame && l.script.Stall == 0 {
		l.left--
	}
	if over = !frame || l.shut || l.left <= 0; over {
		_ = l.media.Close()
		close(l.heard)
	}
	return over
}

// Overlay takes any number of sounds, while frames come.
func (r *reel) Overlay(l player.Layer, duck float64) (heard <-chan struct{}, ok bool) {
	s := l.(*sound)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.all || r.closed {
		_ = s.media.Close()
		return nil, false
	}
	r.over, r.laid, r.duck = append(r.over, s), append(r.laid, s), duck
	return s.heard, true
}
