package governor

import (
	"math"
	"runtime/debug"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestWhatAStrainLeavesForEach(t *testing.T) {
	const mib = 1 << 20
	for name, c := range map[string]struct {
		strains []Strain
		want    []int
	}{
		"alone":                  {[]Strain{{1, 0, 0}}, []int{32 * mib}},
		"nobody":                 {[]Strain{{}}, []int{32 * mib}},
		"a hundred":              {[]Strain{{100, 0, 0}}, []int{32 * mib / 100}},
		"two thousand":           {[]Strain{{2000, 900 * mib, 0}}, []int{32 * mib / 2000}},
		"a limit far away":       {[]Strain{{100, 200 * mib, 8192 * mib}}, []int{32 * mib / 100}},
		"a small limit":          {[]Strain{{100, 50 * mib, 128 * mib}}, []int{16 * mib / 100}},
		"not yet tight":          {[]Strain{{10, 899, 1000}}, []int{12}},
		"tight":                  {[]Strain{{10, 900, 1000}}, []int{3}},
		"beyond the limit":       {[]Strain{{10, 2000, 1000}}, []int{3}},
		"tight until loose":      {[]Strain{{10, 900, 1000}, {10, 899, 1000}, {10, 750, 1000}, {10, 749, 1000}, {10, 899, 1000}}, []int{3, 3, 3, 12, 12}},
		"a limit that is lifted": {[]Strain{{1, 900, 1000}, {1, 900, 0}, {1, 899, 1000}}, []int{31, 32 * mib, 125}},
		"more and fewer":         {[]Strain{{1, 0, 800}, {2, 0, 800}, {50, 0, 800}, {4, 0, 800}}, []int{100, 50, 2, 25}},
	} {
		var r Ration
		var got []int
		for _, s := range c.strains {
			got = append(got, r.Next(s))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// At any time: who comes later shares with those who are there, and what leaves
// makes room.
func TestShareFollowsStreamsAtOnceAndMemoryWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := New()
		used, looked := int64(10), 0
		g.memory = func() (int64, int64) { looked++; return used, 800 }
		is := func(want int) {
			t.Helper()
			if got := g.Share(); got != want {
				t.Errorf("%v: a share of %d, want %d", time.Since(g.start), got, want)
			}
		}
		is(100)
		for n := range 10 {
			g.Opened()
			is(100 / (n + 1))
		}
		used = 799
		time.Sleep(review - 1)
		is(10)
		time.Sleep(time.Nanosecond)
		is(2)
		for range 5 {
			g.Closed()
		}
		is(5)
		used = 10
		time.Sleep(review)
		is(20)
		if looked != 3 {
			t.Errorf("looked at memory %d times", looked)
		}
		if st := g.Stats(); st.Streams != 5 || st.Share != 20 {
			t.Errorf("%+v", st)
		}
	})
}

func TestTheRuntimesLimitIsTheLimit(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 40)
	defer debug.SetMemoryLimit(before)
	look := memory()
	used, limit := look()
	if limit != 1<<40 || used < 1<<20 || used > 1<<36 {
		t.Errorf("%d of %d are used", used, limit)
	}
	debug.SetMemoryLimit(math.MaxInt64)
	if _, limit = look(); limit != 0 {
		t.Errorf("without a limit it is %d", limit)
	}
}

func TestManyMayShareAtOnce(t *testing.T) {
	g := New()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 1000 {
				g.Opened()
				if s := g.Share(); s < most/8 || s > most {
					t.Errorf("a share of %d", s)
				}
				g.Closed()
			}
		})
	}
	all.Wait()
	g.glance.Store(0)
	if s := g.Share(); s != most {
		t.Errorf("in the end a share of %d", s)
	}
}

func TestSharingAllocatesNothing(t *testing.T) {
	g := New()
	g.Share()
	if n := testing.AllocsPerRun(100, func() {
		g.glance.Store(0)
		g.Opened()
		g.Share()
		g.Closed()
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
