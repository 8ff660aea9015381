package voiceserver

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Faults go wrong on demand, from the moment Inject is called. Those counted
// down end by themselves. What concerns one channel or user is a method of
// Channel.
type Faults struct {
	NoHello       bool // new connections are taken and never spoken to
	Silent        bool // new connections get Hello and no answer after it
	Refuse        int  // new connections are refused with this HTTP status
	LoseAcks      int  // so many heartbeats get no answer; below 0 all
	LoseDiscovery int  // so many discovery requests get no answer; below 0 all
	Up, Down      Path // media from a client, and media to a client
}

// A Fate is what happens to a datagram on its way.
type Fate struct {
	Lost  bool
	Delay time.Duration
}

// A Path decides the fate of the nth datagram of a user in one direction,
// counted from 0. It is called from one goroutine at a time.
type Path func(n int) Fate

// Lose loses every nth datagram.
func Lose(every int) Path {
	return func(n int) Fate { return Fate{Lost: n%every == every-1} }
}

// LoseSpan loses count datagrams in a row.
func LoseSpan(first, count int) Path {
	return func(n int) Fate { return Fate{Lost: n >= first && n < first+count} }
}

// LoseSome loses a share of the datagrams, the same ones for the same seed.
func LoseSome(share float64, seed uint64) Path {
	r := rand.New(rand.NewPCG(seed, 0))
	return func(int) Fate { return Fate{Lost: r.Float64() < share} }
}

// Swap delays every nth datagram by so much that those after it overtake.
func Swap(every int, by time.Duration) Path {
	return func(n int) Fate {
		if n%every == every-1 {
			return Fate{Delay: by}
		}
		return Fate{}
	}
}

// Jitter delays each datagram by up to most.
func Jitter(most time.Duration, seed uint64) Path {
	r := rand.New(rand.NewPCG(seed, 1))
	return func(int) Fate { return Fate{Delay: time.Duration(r.Float64() * float64(most))} }
}

// Inject replaces all faults of the server.
func (s *Server) Inject(f Faults) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f.Up, f.Down = oneAtATime(f.Up), oneAtATime(f.Down)
	s.faults = f
}

func oneAtATime(p Path) Path {
	if p == nil {
		return nil
	}
	var mu sync.Mutex
	return func(n int) Fate {
		mu.Lock()
		defer mu.Unlock()
		return p(n)
	}
}

func (s *Server) fault() Faults {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.faults
}

// loses counts a fault down and says whether it strikes now.
func (s *Server) loses(which func(*Faults) *int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := which(&s.faults)
	if *n > 0 {
		*n--
		return true
	}
	return *n < 0
}

// pass carries on with deliver according to the fate of the nth datagram.
func (s *Server) pass(p Path, n int, deliver func()) {
	if p == nil {
		deliver()
		return
	}
	switch f := p(n); {
	case f.Lost:
	case f.Delay > 0:
		s.timers.after(f.Delay, deliver)
	default:
		deliver()
	}
}
