package governor

import (
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio/codec/opus"
)

// quarter is a load of the usual length.
func quarter(busy float64, taken, thin int64) Load {
	return Load{Over: interval, Busy: busy, Taken: taken, Thin: thin}
}

// lasting n loads, what a rule asks for after each.
func after(r *Rule, l Load, n int) (asked []int) {
	for range n {
		asked = append(asked, r.Next(l))
	}
	return asked
}

func TestItBeginsWithWhatTheEncoderWouldDoByItself(t *testing.T) {
	if c := new(Rule).Complexity(); c != opus.DefaultComplexity {
		t.Errorf("it begins with %d, the encoder with %d", c, opus.DefaultComplexity)
	}
	if c := New().Complexity(); c != opus.DefaultComplexity {
		t.Errorf("it begins with %d, the encoder with %d", c, opus.DefaultComplexity)
	}
}

func TestWhatALoadAsksFor(t *testing.T) {
	for name, c := range map[string]struct {
		load Load
		want []int
	}{
		"nothing to do":                      {quarter(0, 0, 0), []int{8, 8, 8, 8, 8}},
		"room enough":                        {quarter(0.4, 100, 0), []int{8, 8, 8, 8, 8}},
		"nearly crowded":                     {quarter(0.54, 100, 0), []int{8, 8, 8, 8, 8}},
		"crowded, and nothing is thin yet":   {quarter(0.55, 100, 0), []int{5, 2, 0, 0, 0}},
		"more than there is":                 {quarter(3, 100, 100), []int{5, 2, 0, 0, 0}},
		"thin":                               {quarter(0.3, 100, 2), []int{5, 2, 0, 0, 0}},
		"one in a thousand is luck":          {quarter(0.3, 1000, 1), []int{8, 8, 8, 8, 8}},
		"one in a hundred is not yet a want": {quarter(0.3, 100, 1), []int{8, 8, 8, 8, 8}},
		"thin for reasons that less effort does not mend": {quarter(0.1, 100, 50), []int{8, 8, 8, 8, 8}},
		"nobody takes": {quarter(0.3, 0, 0), []int{8, 8, 8, 8, 8}},
	} {
		if got := after(&Rule{}, c.load, 5); !slices.Equal(got, c.want) {
			t.Errorf("%s: asked for %v, want %v", name, got, c.want)
		}
	}
}

// until is for how long l has to last until the rule asks for something else.
func until(t *testing.T, r *Rule, l Load) time.Duration {
	t.Helper()
	was := r.Complexity()
	for n := time.Duration(1); n < time.Hour/interval; n++ {
		if r.Next(l) != was {
			return n * interval
		}
	}
	t.Fatalf("after an hour it still asks for %d", was)
	return 0
}

func TestMoreIsAskedForSlowlyAndOnlyWhereThereIsRoom(t *testing.T) {
	r := &Rule{}
	after(r, quarter(1, 100, 0), 3)
	for _, want := range []int{2, 5, 8} {
		if took := until(t, r, quarter(0.1, 100, 0)); took != patient || r.Complexity() != want {
			t.Errorf("%d was asked for after %v, want %d after %v", r.Complexity(), took, want, patient)
		}
	}
	for name, l := range map[string]Load{
		"5 at 0.3 would be 8 at 0.49": quarter(0.3, 100, 0),
		"still thin now and then":     quarter(0.1, 100, 1),
	} {
		r := &Rule{}
		r.Next(quarter(0.6, 100, 0))
		if got := after(r, l, 4000); slices.Max(got) != 5 || slices.Min(got) != 5 {
			t.Errorf("%s: asked for %d to %d", name, slices.Min(got), slices.Max(got))
		}
	}
	// Room that is there now and then is none.
	r = &Rule{}
	r.Next(quarter(0.6, 100, 0))
	for range 100 {
		if got := after(r, quarter(0.1, 100, 0), int(patient/interval)-1); slices.Max(got) != 5 {
			t.Fatal("more was asked for too early")
		}
		if r.Next(quarter(0.35, 100, 0)) != 5 {
			t.Fatal("what is no reason changed something")
		}
	}
}

func TestWhatDidNotLastIsNotTriedAgainSoSoon(t *testing.T) {
	r := &Rule{}
	r.Next(quarter(0.6, 100, 0))
	for _, want := range []time.Duration{10, 20, 40, 80, 160, 300, 300} {
		if took := until(t, r, quarter(0.1, 100, 0)); took != want*time.Second {
			t.Errorf("tried again after %v, want %v", took, want*time.Second)
		}
		r.Next(quarter(0.6, 100, 0)) // it was a mistake
	}
	// What lasted counts as new.
	until(t, r, quarter(0.1, 100, 0))
	after(r, quarter(0.1, 100, 0), int(lasting/interval))
	r.Next(quarter(0.6, 100, 0))
	if took := until(t, r, quarter(0.1, 100, 0)); took != patient {
		t.Errorf("tried again after %v, want %v", took, patient)
	}
}

// encode has n encoders that each take so long for a frame, at the complexity
// asked for, for so long, on two cores, at the hours of a bubble. It gives what
// was asked for in the end of each second.
func encode(g *Governor, n int, full time.Duration, seconds int) (asked []int) {
	for range seconds {
		for range 50 {
			for range n {
				cost := full
				for _, l := range ladder {
					if l.complexity == g.Complexity() {
						cost = time.Duration(float64(full) * l.cost)
					}
				}
				g.Encoded(time.Now().Add(-cost))
				g.Taken(false)
			}
			time.Sleep(20 * time.Millisecond)
		}
		asked = append(asked, g.Complexity())
	}
	return asked
}

func bubble(t *testing.T, f func(g *Governor)) {
	synctest.Test(t, func(*testing.T) {
		g := New()
		g.cores = func() int { return 2 }
		f(g)
	})
}

func TestALoadThatGrowsIsMetBeforeItIsTooMuch(t *testing.T) {
	// 250 µs a frame are an eightieth of a core; on two cores 88 are 55 %.
	for n, want := range map[int]int{1: 8, 50: 8, 87: 8, 90: 5, 140: 5, 180: 2, 240: 0, 400: 0} {
		bubble(t, func(g *Governor) {
			asked := encode(g, n, 250*time.Microsecond, 5)
			if got := asked[len(asked)-1]; got != want {
				t.Errorf("%d encoders: %v, want %d", n, asked, want)
			}
			if asked[0] != want { // the lowest step is three quarters of a second away
				t.Errorf("%d encoders: only after a second %v", n, asked)
			}
		})
	}
}

func TestItComesBackWhenTheLoadIsGone(t *testing.T) {
	bubble(t, func(g *Governor) {
		encode(g, 300, 250*time.Microsecond, 3)
		if asked := encode(g, 20, 250*time.Microsecond, 40); asked[len(asked)-1] != 8 || !slices.IsSorted(asked) {
			t.Errorf("asked for %v", asked)
		}
		if st := g.Stats(); st != (Stats{Complexity: 8, Lowered: 3, Raised: 3, Taken: 300*150 + 20*2000, Share: most}) {
			t.Errorf("%+v", st)
		}
		// A pause is calm too, and the first frame after it tells.
		encode(g, 300, 250*time.Microsecond, 3)
		time.Sleep(time.Hour)
		g.Encoded(time.Now())
		if c := g.Complexity(); c != 2 {
			t.Errorf("after a pause it asks for %d, want a step more", c)
		}
	})
}

func TestThinTakesLowerToo(t *testing.T) {
	bubble(t, func(g *Governor) {
		for range 50 {
			for range 40 {
				g.Encoded(time.Now().Add(-250 * time.Microsecond))
			}
			g.Taken(true)
			time.Sleep(20 * time.Millisecond)
		}
		if c := g.Complexity(); c != 0 {
			t.Errorf("asks for %d", c)
		}
	})
}

func TestManyMayTellAtOnce(t *testing.T) {
	g := New()
	var all sync.WaitGroup
	for range 4 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for range 2000 {
				g.Encoded(time.Now())
				g.Taken(false)
				if c := g.Complexity(); c != 8 {
					t.Errorf("asks for %d", c)
					return
				}
			}
		})
	}
	all.Wait()
}

func TestAskingAndTellingAllocatesNothing(t *testing.T) {
	g := New()
	if n := testing.AllocsPerRun(100, func() {
		g.Encoded(time.Now())
		g.Taken(g.Complexity() == 0)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
