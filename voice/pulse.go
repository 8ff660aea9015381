package voice

import (
	"time"
)

const (
	// A missing acknowledgement is believed only after this much more time: when
	// it was we who were stopped, the answer is already waiting to be read.
	doubt = time.Second

	fastestPulse = 50 * time.Millisecond
	slowestPulse = 5 * time.Minute
)

// A pulse sends heartbeats over one gateway and listens for their echo.
type pulse struct {
	gw       *gateway
	beat     *time.Timer
	interval time.Duration
	sent     int64     // t of the last heartbeat: unix milliseconds
	at       time.Time // when it was sent
	awaiting bool
	doubting bool
}

// start begins with a heartbeat somewhere within the first interval, which is
// in milliseconds.
func (p *pulse) start(interval float64) error {
	if !(interval >= 1 && interval <= float64(slowestPulse/time.Millisecond)) {
		return protocol("heartbeat interval of %v ms", interval)
	}
	p.interval = max(time.Duration(interval*float64(time.Millisecond)), fastestPulse)
	p.gw.patience(2*p.interval + helloLimit)
	p.beat.Reset(jitter(p.interval))
	return nil
}

// turn is called when the timer has fired; ack is the last message heard, below
// 0 if there was none.
func (p *pulse) turn(ack int) error {
	if p.awaiting {
		if p.doubting {
			return errZombie
		}
		p.doubting = true
		p.beat.Reset(doubt)
		return nil
	}
	p.at = time.Now()
	p.sent = p.at.UnixMilli()
	p.awaiting = true // before it is sent: the echo may be quick
	p.beat.Reset(p.interval)
	h := heartbeat{T: p.sent}
	if ack >= 0 {
		h.SeqAck = &ack
	}
	return p.gw.send(opHeartbeat, h)
}

// acknowledged takes an echo and gives the time it took, or 0 if the echo is of
// another heartbeat. Any echo is a sign of life.
func (p *pulse) acknowledged(m message) time.Duration {
	if p.doubting {
		p.beat.Reset(0) // the next heartbeat is overdue
	}
	p.awaiting, p.doubting = false, false
	a, err := decode[heartbeatACK](m)
	if err != nil || a.T != p.sent {
		return 0
	}
	return time.Since(p.at)
}
