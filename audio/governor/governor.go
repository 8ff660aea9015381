// Package governor decides what players may take of what they share: how much
// effort encoding, and how much memory what is read ahead. Encoders do their best
// while there is time for it, and are told to take less before any frame is late;
// streams hold as many seconds of packets as their source gives reason to, and
// fewer where there are many of them or memory is short. There is one Governor in
// a process; every encoder asks it at each frame, every reader at each packet, and
// it hears from the pumps how that goes.
package governor

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// interval is how often it is decided, at most: often enough to be ahead of the
// 60 ms that pumps hold when the load doubles within a second.
const interval = 250 * time.Millisecond

// A Governor measures and decides. Its methods may be called from any goroutine
// and never wait; it decides in the calls that tell it something, so that it
// needs no goroutine of its own.
type Governor struct {
	complexity atomic.Int32
	spent      atomic.Int64 // nanoseconds, of all calls ever
	taken      atomic.Int64
	thin       atomic.Int64
	lowered    atomic.Int64
	raised     atomic.Int64
	due        atomic.Int64 // nanoseconds after start

	streams atomic.Int64 // that read ahead
	divided atomic.Int64 // among how many share is
	share   atomic.Int64 // bytes
	glance  atomic.Int64 // at memory, the next: nanoseconds after start

	start time.Time
	cores func() int

	mu     sync.Mutex // guards what follows; whoever finds it locked goes on
	rule   Rule
	last   sums
	ration Ration
	strain Strain
	memory func() (used, limit int64)
}

// sums is what had been measured at a time.
type sums struct {
	at                 time.Duration // after start
	spent, taken, thin int64
}

// New returns a Governor that asks for full complexity until it hears of a load.
func New() *Governor {
	g := &Governor{start: time.Now(), cores: func() int { return runtime.GOMAXPROCS(0) }, memory: memory()}
	g.due.Store(int64(interval))
	g.complexity.Store(int32(g.rule.Complexity()))
	g.share.Store(int64(g.ration.Next(g.strain)))
	return g
}

// Complexity is how hard encoders may try just now, from 0 to 10.
func (g *Governor) Complexity() int { return int(g.complexity.Load()) }

// Encoded tells that a frame was encoded, beginning at began and ending now.
func (g *Governor) Encoded(began time.Time) {
	now := time.Since(g.start)
	g.spent.Add(int64(now - began.Sub(g.start)))
	if int64(now) >= g.due.Load() && g.mu.TryLock() {
		defer g.mu.Unlock()
		g.decide(now)
	}
}

// Taken tells that a sender asked a pump that encodes for a frame. Thin means
// that none was left behind or even found, although the pump had what it needs
// but time: it should have made two in the 20 ms before.
func (g *Governor) Taken(thin bool) {
	g.taken.Add(1)
	if thin {
		g.thin.Add(1)
	}
}

// decide looks at what was measured since the last time. The caller has g.mu.
func (g *Governor) decide(now time.Duration) {
	is, was := sums{now, g.spent.Load(), g.taken.Load(), g.thin.Load()}, g.last
	over := is.at - was.at
	if over < interval { // somebody else was quicker
		return
	}
	g.last = is
	g.due.Store(int64(now + interval))
	before := g.rule.Complexity()
	after := g.rule.Next(Load{
		Over: over, Busy: float64(is.spent-was.spent) / float64(over) / float64(g.cores()),
		Taken: is.taken - was.taken, Thin: is.thin - was.thin,
	})
	switch {
	case after < before:
		g.lowered.Add(1)
	case after > before:
		g.raised.Add(1)
	}
	g.complexity.Store(int32(after))
}

// Stats is what a Governor has done so far.
type Stats struct {
	Complexity int   // now
	Lowered    int64 // how often it asked for less
	Raised     int64 // how often for more
	Taken      int64 // frames asked for by senders of pumps that encode
	Thin       int64 // of these: the last there was, or none
	Streams    int   // that read ahead now
	Share      int   // bytes of packets each of them may hold
}

// Stats looks at the Governor.
func (g *Governor) Stats() Stats {
	return Stats{
		Complexity: g.Complexity(), Lowered: g.lowered.Load(), Raised: g.raised.Load(), Taken: g.taken.Load(), Thin: g.thin.Load(),
		Streams: int(g.streams.Load()), Share: g.Share(),
	}
}
