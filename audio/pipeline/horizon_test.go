package pipeline

import (
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/governor"
)

func TestHowFarAheadIsRead(t *testing.T) {
	const second, all = audio.SampleRate, deepBytes
	for name, c := range map[string]struct {
		horizon
		length int64 // from which it is enough, of packets of so many bytes a second
		rate   int
	}{
		"nobody listens":                      {horizon{share: all}, 2 * second, 1000},
		"nobody listens to a slow source":     {horizon{share: all, wait: time.Minute}, 2 * second, 1000},
		"what can be had at once":             {horizon{wanted: true, share: all}, 4 * second, 1000},
		"what nearly can":                     {horizon{wanted: true, share: all, wait: slow - 1}, 4 * second, 1000},
		"a distant server":                    {horizon{wanted: true, share: all, wait: 100 * time.Millisecond}, 4.6 * second, 1000},
		"half a second":                       {horizon{wanted: true, share: all, wait: time.Second / 2}, 7 * second, 1000},
		"a second":                            {horizon{wanted: true, share: all, wait: time.Second}, 10 * second, 1000},
		"an hour":                             {horizon{wanted: true, share: all, wait: time.Hour}, 10 * second, 1000},
		"a long overlap to come":              {horizon{wanted: true, share: all, far: 14 * second}, 14 * second, 1000},
		"a short one":                         {horizon{wanted: true, share: all, far: 3 * second}, 4 * second, 1000},
		"a share of two seconds":              {horizon{wanted: true, share: 2000}, 2 * second, 1000},
		"the same, and nobody listens":        {horizon{share: 2000}, 1 * second, 1000},
		"of more than is wanted":              {horizon{wanted: true, share: 9000}, 4 * second, 1000},
		"of next to nothing":                  {horizon{wanted: true, share: 1}, 1 * second, 1000},
		"of nothing, and the source is slow":  {horizon{wanted: true, wait: time.Second}, 2.5 * second, 1000},
		"of nothing, and nobody listens":      {horizon{}, second / 2, 1000},
		"of nothing, but an overlap is to be": {horizon{wanted: true, far: 14 * second}, 14 * second, 1000},
		"packets that are large":              {horizon{wanted: true, share: all}, 2 * second, all / 2},
		"and an overlap":                      {horizon{wanted: true, share: all, far: 14 * second}, 2 * second, all / 2},
	} {
		bytes := func(length int64) int { return int(length * int64(c.rate) / second) }
		if c.full(c.length-960, bytes(c.length-960)) || !c.full(c.length, bytes(c.length)) {
			t.Errorf("%s: %v are not what is enough, with %d bytes a second", name, toTime(c.length), c.rate)
		}
		three := c.length*3/4 - 960
		if !c.low(three, bytes(three)) || c.low(three+2*960, bytes(three+2*960)) {
			t.Errorf("%s: reading does not go on at three quarters", name)
		}
	}
}

// One stream is listened to, while many come and go that share memory with it.
func TestManyPlayersHoldLessEach(t *testing.T) {
	for name, c := range map[string]struct {
		wait              time.Duration
		alone, many, most time.Duration // what is ahead: alone, among five hundred, among thousands
	}{
		"what can be had at once": {0, 4 * time.Second, 2880 * time.Millisecond, time.Second},
		"a slow source":           {time.Second, 10 * time.Second, 2880 * time.Millisecond, 2500 * time.Millisecond},
	} {
		synctest.Test(t, func(t *testing.T) {
			g := governor.New()
			data := make([]byte, 400)
			data[0] = 31 << 3
			d := &slowly{endless: endless{audio.Packet{Data: data, Duration: 960}}, at: 20, wait: c.wait}
			p := Start(t.Context(), New(d, nothing{}, Options{Governor: g}))
			time.Sleep(2 * time.Second)
			others := 0
			for _, step := range []struct {
				others int
				ahead  time.Duration
			}{{0, c.alone}, {499, c.many}, {4999, c.most}, {499, c.many}, {0, c.alone}} {
				for ; others < step.others; others++ {
					g.Opened()
				}
				for ; others > step.others; others-- {
					g.Closed()
				}
				if nulled := asked(p, 500); nulled > 0 {
					t.Errorf("%s, %d others: %d nulled", name, others, nulled)
				}
				if got := p.Stats().Ahead; got < step.ahead*3/4-40*time.Millisecond || got > step.ahead+20*time.Millisecond {
					t.Errorf("%s, %d others: %v ahead, want %v", name, others, got, step.ahead)
				}
			}
			p.Close()
			synctest.Wait()
			if n := g.Stats().Streams; n != 0 {
				t.Errorf("%s: afterwards there are %d streams", name, n)
			}
		})
	}
}
