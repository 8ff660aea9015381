package governor

import (
	"math"
	"runtime/metrics"
	"time"
)

// review is how often it is looked at how memory stands, at most.
const review = time.Second

// Opened tells that a stream reads ahead from now on. Closed must follow.
func (g *Governor) Opened() { g.streams.Add(1) }

// Closed tells that one that was Opened does so no more.
func (g *Governor) Closed() { g.streams.Add(-1) }

// Share is how many bytes of packets one stream may hold ahead of what is heard.
// It is to be asked before each packet is read; a stream that holds more lets
// that be heard before it reads on.
func (g *Governor) Share() int {
	now, n := int64(time.Since(g.start)), g.streams.Load()
	if (now >= g.glance.Load() || n != g.divided.Load()) && g.mu.TryLock() {
		defer g.mu.Unlock()
		if now >= g.glance.Load() {
			g.glance.Store(now + int64(review))
			g.strain.Used, g.strain.Limit = g.memory()
		}
		g.strain.Streams = int(n)
		g.share.Store(int64(g.ration.Next(g.strain)))
		g.divided.Store(n)
	}
	return int(g.share.Load())
}

// memory is what the process has from the system, and may have: GOMEMLIMIT, or 0.
// It counts as the runtime does that keeps to that limit.
func memory() func() (used, limit int64) {
	s := []metrics.Sample{
		{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}, {Name: "/gc/gomemlimit:bytes"},
	}
	return func() (used, limit int64) {
		metrics.Read(s)
		used = int64(s[0].Value.Uint64() - s[1].Value.Uint64())
		if l := s[2].Value.Uint64(); l < math.MaxInt64 {
			limit = int64(l)
		}
		return used, limit
	}
}
