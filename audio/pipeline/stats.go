package pipeline

import (
	"sync/atomic"
	"time"
)

// Stats counts what a stream has done so far.
type Stats struct {
	Passed     int64 // frames that were the source's own packets
	Transcoded int64 // frames that were encoded
	Splices    int64 // changes of mode after the first frame
	Damaged    int64 // packets that could not be decoded and were concealed
}

type counters struct {
	passed, transcoded, splices, damaged atomic.Int64
}

// Stats may be called from any goroutine.
func (s *Stream) Stats() Stats {
	return Stats{
		Passed:     s.count.passed.Load(),
		Transcoded: s.count.transcoded.Load(),
		Splices:    s.count.splices.Load(),
		Damaged:    s.count.damaged.Load(),
	}
}

// Underruns counts asking in vain for a frame, by why there was none.
type Underruns struct {
	Beginning int64 // the first is still to come: a track begins, or a seek goes on
	Packets   int64 // the packets for it have not come: the network, or a disk
	Joining   int64 // an effect came on, and what was heard before is lived through
	Busy      int64 // all is there but time: the machine has too much to do
	Ended     int64 // there will be none any more; that is nobody's fault
}

// Starved is how often a frame was missed, for whatever reason.
func (u Underruns) Starved() int64 { return u.Beginning + u.Packets + u.Joining + u.Busy }

// Depth is what there is ahead of what is heard.
type Depth struct {
	Packets int           // read ahead
	Bytes   int           // that they take
	Ahead   time.Duration // that they last
	Frames  int           // ready to be taken
}

// least makes each part of d the lesser of what it was and what now is.
func (d *Depth) least(now Depth) {
	d.Packets, d.Bytes = min(d.Packets, now.Packets), min(d.Bytes, now.Bytes)
	d.Ahead, d.Frames = min(d.Ahead, now.Ahead), min(d.Frames, now.Frames)
}

// PumpStats is a look at a Pump.
type PumpStats struct {
	Stats
	Depth       // now
	Least Depth // the least there was while somebody listened, before the end came in sight
	Mode  Mode

	Read    int64     // bytes of packets read
	Taken   int64     // frames taken
	Late    int64     // of these: asked for in vain before
	Thin    int64     // of these: the last there was, so that little was missing
	Starved int64     // how often a frame was asked for in vain before the end
	Missed  Underruns // and why

	// Waiting is how long the media has owed the next packet; 0 when none is
	// being waited for. It becomes a stall when nothing is left to play.
	Waiting time.Duration
}

// Accounts are what a Pump counts besides. Who takes frames and who makes them
// write them; anybody may look.
type accounts struct {
	taken, late, thin             atomic.Int64
	beginning, packets, joining   atomic.Int64
	busy, ended, unclear, missing atomic.Int64 // unclear: joining or busy; missing: in a row
	least                         atomic.Int64 // frames that were left, of shallow
	begun                         atomic.Bool  // the first frame is made, of the track or after a seek
	seeking                       atomic.Bool  // the reader goes elsewhere
}

// took notes that a frame was taken and how many were left. In the end, when no
// more are made, few are left for no want of anything.
func (a *accounts) took(left int, ending bool) {
	if a.taken.Add(1) == 1 {
		a.least.Store(shallow)
	}
	if a.missing.Load() > 0 {
		a.missing.Store(0)
		a.late.Add(1)
	}
	if ending {
		return
	}
	if left == 0 {
		a.thin.Add(1)
	}
	if int64(left) < a.least.Load() {
		a.least.Store(int64(left))
	}
}

// missed notes that there was none to be taken.
func (a *accounts) missed(ended, short bool) {
	switch {
	case ended:
		a.ended.Add(1)
		return
	case a.taken.Load() == 0:
		a.beginning.Add(1)
		return
	case !a.begun.Load(), a.seeking.Load():
		a.beginning.Add(1)
	case short:
		a.packets.Add(1)
	default:
		a.unclear.Add(1)
	}
	a.missing.Add(1)
	a.least.Store(0)
}

// made notes that a frame was made; joined, if for that decoder and encoder lived
// through what had been heard.
func (a *accounts) made(joined bool) {
	if !a.begun.Load() {
		a.begun.Store(true)
		return
	}
	if n := a.unclear.Swap(0); n > 0 {
		if joined {
			a.joining.Add(n)
		} else {
			a.busy.Add(n)
		}
	}
}

// done notes that no more frames are made: what was missed last was the end.
func (a *accounts) done() { a.ended.Add(a.unclear.Swap(0)) }

func (a *accounts) underruns() Underruns {
	return Underruns{
		Beginning: a.beginning.Load(), Packets: a.packets.Load(), Joining: a.joining.Load(),
		Busy: a.busy.Load() + a.unclear.Load(), Ended: a.ended.Load(),
	}
}

// Stats looks at the Pump.
func (p *Pump) Stats() PumpStats {
	now, least, read, waiting := p.ahead().held()
	now.Frames = len(p.frames)
	least.Frames = now.Frames
	a := &p.account
	if a.taken.Load() > 0 {
		least.Frames = int(a.least.Load())
	}
	missed := a.underruns()
	return PumpStats{
		Stats: p.now().Stats(), Depth: now, Least: least, Mode: p.Mode(), Read: read,
		Taken: a.taken.Load(), Late: a.late.Load(), Thin: a.thin.Load(),
		Starved: missed.Starved(), Missed: missed, Waiting: waiting,
	}
}
