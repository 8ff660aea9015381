package voice

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	tickEvery = 20 * time.Millisecond
	slots     = 20 // one per millisecond of a tick, so that sends spread out
	slotEvery = tickEvery / slots

	// bunch is how many senders share a slot before the next is taken: waking up
	// costs as much as a few sends, and this many take a tenth of a millisecond.
	bunch = 16

	// lateAfter is the lateness from which a tick is a stall. Below, the
	// schedule holds and the next tick is early by as much as this one was late;
	// that much a jitter buffer does not notice. Above, the schedule moves.
	lateAfter = 10 * time.Millisecond
)

// A beat is one tick as a sender sees it.
type beat struct {
	steps uint32 // 20 ms steps since the last tick: 1, or more after a stall
	late  bool   // there was a stall since the last tick
}

// Lateness is how many ticks came so many whole milliseconds late; the last
// number is of all that came later still.
type Lateness [64]int64

// tick may not block nor call back into the pacer.
type ticker interface{ tick(beat) }

// A Pacer ticks many senders from one goroutine, each exactly every 20 ms on an
// absolute schedule. After a stall of more than 10 ms the schedule continues
// from now: nothing is sent in a burst or early to catch up.
type Pacer struct {
	mu    sync.Mutex
	seats [slots][]*seat // copied when changed: the loop reads without the lock
	next  [slots]int64   // number of the slot's next turn, or 0: not scheduled

	wake chan struct{}
	stop chan struct{}
	once sync.Once
	wg   sync.WaitGroup

	ticks, late, stalled atomic.Int64
	lateness             [len(Lateness{})]atomic.Int64

	// Of the loop alone.
	base    time.Time     // when turn 0 was due
	shifted time.Duration // by how much stalls have moved the schedule in all
}

type seat struct {
	t    ticker
	slot int

	// Of the loop alone.
	seen    bool
	noticed time.Duration // Pacer.shifted when it was last told of a stall
	counted time.Duration // the part of it that has been told in steps
}

// PacerStats says how well a Pacer keeps time.
type PacerStats struct {
	Seats   int           // senders it ticks
	Ticks   int64         // ticks given
	Late    int64         // ticks that came after a stall
	Stalled time.Duration // sum of all stalls

	Lateness Lateness
}

// NewPacer starts a pacer. Close it when the last call that uses it is over.
func NewPacer() *Pacer {
	p := &Pacer{wake: make(chan struct{}, 1), stop: make(chan struct{}), base: time.Now()}
	p.wg.Go(p.loop)
	return p
}

// Close stops all ticks and waits for the one under way. It may be called twice.
func (p *Pacer) Close() {
	p.once.Do(func() { close(p.stop) })
	p.wg.Wait()
}

// Stats may be called at any time.
func (p *Pacer) Stats() PacerStats {
	p.mu.Lock()
	n := 0
	for _, seats := range p.seats {
		n += len(seats)
	}
	p.mu.Unlock()
	st := PacerStats{Seats: n, Ticks: p.ticks.Load(), Late: p.late.Load(), Stalled: time.Duration(p.stalled.Load())}
	for i := range p.lateness {
		st.Lateness[i] = p.lateness[i].Load()
	}
	return st
}

// join ticks t from now on, the first time within 20 ms.
func (p *Pacer) join(t ticker) *seat {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot := 0
	for i := 1; i < slots && len(p.seats[slot]) >= bunch; i++ {
		if len(p.seats[i]) < bunch || len(p.seats[i]) < len(p.seats[slot]) {
			slot = i
		}
	}
	s := &seat{t: t, slot: slot}
	p.seats[slot] = append(append(make([]*seat, 0, len(p.seats[slot])+1), p.seats[slot]...), s)
	select {
	case p.wake <- struct{}{}:
	default:
	}
	return s
}

// leave ticks s no more. A tick under way may still be running when it returns.
func (p *Pacer) leave(s *seat) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var rest []*seat
	for _, o := range p.seats[s.slot] {
		if o != s {
			rest = append(rest, o)
		}
	}
	p.seats[s.slot] = rest
	if len(rest) == 0 {
		p.next[s.slot] = 0
	}
}

func (p *Pacer) loop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		slot, due := p.upcoming()
		if slot >= 0 {
			timer.Reset(time.Until(due))
		}
		select {
		case <-p.stop:
			return
		case <-p.wake:
			continue
		case <-timer.C:
		}
		if slot >= 0 {
			p.turn(slot, due)
		}
	}
}

// upcoming finds the slot whose turn is next, or -1 if no slot is taken.
func (p *Pacer) upcoming() (slot int, due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	slot = -1
	var now int64
	for i := range p.seats {
		if len(p.seats[i]) == 0 {
			continue
		}
		if p.next[i] == 0 {
			if now == 0 {
				now = int64(time.Since(p.base)/slotEvery) + 1
			}
			p.next[i] = now + (int64(i)-now%slots+slots)%slots
		}
		if slot < 0 || p.next[i] < p.next[slot] {
			slot = i
		}
	}
	if slot < 0 {
		return -1, time.Time{}
	}
	return slot, p.base.Add(time.Duration(p.next[slot]) * slotEvery)
}

// turn ticks all seats of a slot.
func (p *Pacer) turn(slot int, due time.Time) {
	scheduled := due
	due = due.Add(p.shift(due))
	p.mu.Lock()
	seats := p.seats[slot]
	if len(seats) > 0 {
		p.next[slot] += slots
	}
	p.mu.Unlock()
	for _, s := range seats {
		if !s.seen {
			s.seen, s.noticed, s.counted = true, p.shifted, p.shifted
		}
		b := beat{steps: 1}
		if p.shifted > s.noticed {
			s.noticed = p.shifted
			b.late = true
			p.late.Add(1)
			missed := (p.shifted - s.counted) / tickEvery
			s.counted += missed * tickEvery // the rest counts at the next stall
			b.steps += uint32(missed)
		}
		s.t.tick(b)
	}
	p.ticks.Add(int64(len(seats)))
	late := int(time.Since(scheduled) / time.Millisecond) // as the last of them was
	p.lateness[max(0, min(late, len(p.lateness)-1))].Add(int64(len(seats)))
	// A stall in the middle counts as well, or the next tick would follow on
	// the heels of these.
	p.shift(due)
}

// shift moves the schedule if now is a stall after due, and says by how much.
func (p *Pacer) shift(due time.Time) time.Duration {
	late := time.Since(due)
	if late <= lateAfter {
		return 0
	}
	p.base = p.base.Add(late)
	p.shifted += late
	p.stalled.Add(int64(late))
	return late
}
