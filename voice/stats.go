package voice

import (
	"sync/atomic"
	"time"
)

// Stats is what a call has done so far; all counts run from when it was opened.
type Stats struct {
	Sent       int64 // frames of music sent
	Silence    int64 // frames of silence sent
	Nulled     int64 // ticks with nothing to take while something should have played
	Held       int64 // ticks at which frames were left waiting: no session, or DAVE not ready
	Late       int64 // ticks that came more than 10 ms late
	Refused    int64 // frames not sent: longer than Opus allows
	SendErrors int64 // packets the system would not send, or encryption refused
	Bytes      int64 // of UDP payload sent
	Received   int64 // bytes of UDP payload received, and discarded

	Resumes    int64         // sessions resumed
	Reconnects int64         // sessions identified anew after the first
	Epoch      uint64        // of the DAVE group frames are sealed for; 0: alone, not in a group yet, or a call free of DAVE
	Latency    time.Duration // of the last heartbeat there and back; 0 before the first
}

type counters struct {
	sent, silence, nulled, held, late, refused, sendErrors, bytes, received atomic.Int64
	resumes, sessions, latency                                              atomic.Int64
	epoch                                                                   atomic.Uint64
}

func (c *counters) snapshot() Stats {
	return Stats{
		Sent: c.sent.Load(), Silence: c.silence.Load(), Nulled: c.nulled.Load(), Held: c.held.Load(),
		Late: c.late.Load(), Refused: c.refused.Load(), SendErrors: c.sendErrors.Load(),
		Bytes: c.bytes.Load(), Received: c.received.Load(),
		Resumes: c.resumes.Load(), Reconnects: max(0, c.sessions.Load()-1),
		Epoch: c.epoch.Load(), Latency: time.Duration(c.latency.Load()),
	}
}
