package voice

import (
	"maps"
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
			if d := next.at[i].Sub(want); d != 0 && d != 9*time.Millisecond {
				t.Errorf("tick %d is %v late", i, d)
			}
		}
		if st := p.Stats(); st.Late != 0 || st.Lateness[9] != 2 || st.Lateness[0] != st.Ticks-2 {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestPacerTicksNobodyWhoHasLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := NewPacer()
		defer p.Close()
		total := int64(0)
		for range 3 {
			clocks := make([]*clock, bunch+1) // the last has a slot of its own
			seats := make([]*seat, len(clocks))
			for i := range clocks {
				clocks[i] = &clock{}
				seats[i] = p.join(clocks[i])
			}
			time.Sleep(100*time.Millisecond - 1)
			p.leave(seats[bunch])
			time.Sleep(time.Second) // nobody in that slot
			if n := len(clocks[bunch].at); n != 5 {
				t.Errorf("%d ticks in 100 ms", n)
			}
			for _, s := range seats {
				p.leave(s)
			}
			time.Sleep(time.Hour) // nobody at all: no stall either
			for i, c := range clocks {
				if n := len(c.at); i < bunch && (n < 54 || n > 55) { // the last may fall on the very end
					t.Errorf("clock %d: %d ticks in 1.1 s", i, n)
				}
				total += int64(len(c.at))
			}
		}
		if st := p.Stats(); st.Seats != 0 || st.Late != 0 || st.Ticks != total {
			t.Errorf("stats are %+v", st)
		}
	})
}

func TestPacerIsWokenOnceForABunchAndSpreadsManySeats(t *testing.T) {
	for n, want := range map[int]map[int]int{ // senders: number of them at once: how often
		1:                  {1: 1},
		bunch:              {bunch: 1},
		bunch + 1:          {bunch: 1, 1: 1},
		slots * bunch:      {bunch: slots},
		slots*bunch + 1:    {bunch: slots - 1, bunch + 1: 1},
		slots*bunch + 4000: {bunch + 200: slots},
	} {
		synctest.Test(t, func(t *testing.T) {
			p := NewPacer()
			clocks := make([]*clock, n)
			for i := range clocks {
				clocks[i] = &clock{}
				p.join(clocks[i])
			}
			time.Sleep(tickEvery)
			p.Close()
			at := map[time.Time]int{}
			for _, c := range clocks {
				at[c.at[0]]++
			}
			got := map[int]int{}
			for _, n := range at {
				got[n]++
			}
			if !maps.Equal(got, want) {
				t.Errorf("%d senders: %v, want %v", n, got, want)
			}
			p.Close() // again
		})
	}
}
