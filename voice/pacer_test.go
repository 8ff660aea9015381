package voice

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// clock notes when it was ticked; if it is told to, a tick takes its time.
type clock struct {
	mu    sync.Mutex
	at    []time.Time
	beats []beat
	stall map[int]time.Duration // by number of the tick
}

func (c *clock) tick(b beat) {
	c.mu.Lock()
	c.at, c.beats = append(c.at, time.Now()), append(c.beats, b)
	d := c.stall[len(c.at)-1]
	c.mu.Unlock()
	if d > 0 {
		time.Sleep(d)
	}
}

func (c *clock) steps() (n int) {
	for _, b := range c.beats {
		n += int(b.steps)
	}
	return n
}

func TestPacerTicksEveryTwentyMillisecondsForMinutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		time.Sleep(1234567 * time.Microsecond)
		clocks := make([]*clock, 45)
		joined := time.Now()
		for i := range clocks {
			clocks[i] = &clock{}
			p.join(clocks[i])
			time.Sleep(time.Duration(i) * 3137 * time.Microsecond)
		}
		time.Sleep(5 * time.Minute)
		st := p.Stats()
		p.Close()
		if st.Seats != len(clocks) || st.Late != 0 || st.Stalled != 0 {
			t.Errorf("stats are %+v", st)
		}
		start := joined
		for i, c := range clocks {
			if first := c.at[0].Sub(start); first <= 0 || first > tickEvery {
				t.Errorf("clock %d ticked first after %v", i, first)
			}
			start = start.Add(time.Duration(i) * 3137 * time.Microsecond)
			for j := 1; j < len(c.at); j++ {
				if d := c.at[j].Sub(c.at[j-1]); d != tickEvery {
					t.Fatalf("clock %d, tick %d came after %v", i, j, d)
				}
			}
			if n := len(c.at); n < 5*60*50 || c.steps() != n {
				t.Errorf("clock %d: %d ticks, %d steps", i, n, c.steps())
			}
		}
	})
}

func TestPacerAfterAStallGoesOnFromThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		const stall = 153 * time.Millisecond
		cause := &clock{stall: map[int]time.Duration{100: stall, 200: stall}}
		other := &clock{}
		p.join(cause)
		p.join(other)
		time.Sleep(10 * time.Second)
		p.Close()
		st := p.Stats()
		for name, c := range map[string]*clock{"cause": cause, "other": other} {
			long, late := 0, 0
			for i := 1; i < len(c.at); i++ {
				d := c.at[i].Sub(c.at[i-1])
				if d < tickEvery {
					t.Errorf("%s: tick %d came early, after %v", name, i, d)
				}
				if d > tickEvery {
					long++
				}
				if c.beats[i].late {
					late++
				}
			}
			if long != 2 || late != 2 {
				t.Errorf("%s: %d long gaps, %d late ticks, want 2 of each", name, long, late)
			}
			ran, real := time.Duration(c.steps()-1)*tickEvery, c.at[len(c.at)-1].Sub(c.at[0])
			if (ran - real).Abs() >= tickEvery {
				t.Errorf("%s: %v by steps, %v by the clock", name, ran, real)
			}
		}
		if st.Late != 4 || st.Stalled < 2*(stall-tickEvery) || st.Stalled > 2*stall {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestPacerKeepsItsScheduleWhenATickIsALittleLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		first := &clock{stall: map[int]time.Duration{10: 9 * time.Millisecond}}
		next := &clock{}
		p.join(first)
		p.join(next)
		time.Sleep(time.Second)
		p.Close()
		for i := 1; i < len(next.at); i++ {
			want := next.at[0].Add(time.Duration(i) * tickEvery)
			if d := next.at[i].Sub(want); d != 0 && d != 8*time.Millisecond {
				t.Errorf("tick %d is %v late", i, d)
			}
		}
		if p.Stats().Late != 0 {
			t.Errorf("stats are %+v", p.Stats())
		}
	})
}

func TestPacerTicksNobodyWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		total := int64(0)
		for range 3 {
			stay, quits := &clock{}, &clock{}
			a, b := p.join(stay), p.join(quits)
			time.Sleep(100 * time.Millisecond)
			p.leave(b)
			time.Sleep(time.Second) // nobody in that slot
			if n := len(quits.at); n != 5 {
				t.Errorf("%d ticks in 100 ms", n)
			}
			p.leave(a)
			time.Sleep(time.Hour)                    // nobody at all: no stall either
			if n := len(stay.at); n < 54 || n > 55 { // the last may fall on the very end
				t.Errorf("%d ticks in 1.1 s", n)
			}
			total += int64(len(stay.at) + len(quits.at))
		}
		if st := p.Stats(); st.Seats != 0 || st.Late != 0 || st.Ticks != total {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestPacerSpreadsItsSeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		var clocks []*clock
		for range 100 {
			c := &clock{}
			clocks = append(clocks, c)
			p.join(c)
		}
		time.Sleep(tickEvery)
		p.Close()
		at := map[time.Time]int{}
		for _, c := range clocks {
			at[c.at[0]]++
		}
		for when, n := range at {
			if n != 5 {
				t.Errorf("%d senders at %v", n, when)
			}
		}
		p.Close()
	})
}
