package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
)

// hears lets so many ticks pass, at each of which all take a frame, and returns what
// each heard, left channel only.
func hears(t *testing.T, ticks int, all ...*Member) (left [][]float32) {
	t.Helper()
	left = make([][]float32, len(all))
	for range ticks {
		time.Sleep(tick20)
		synctest.Wait()
		for i, m := range all {
			if f, ok := m.Take(); ok {
				left[i] = append(left[i], half(unpack(f.Opus))...)
			}
		}
	}
	return left
}

func half(pcm []float32) (left []float32) {
	for i := 0; i < len(pcm); i += 2 {
		left = append(left, pcm[i])
	}
	return left
}

func (s *shelf) join(t *testing.T, o Options) *Member {
	t.Helper()
	m, err := s.hub.Join(t.Context(), t.Context(), s.ask(o))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestWhatFollowsASharedTrackJoinsToTheSample has it end for listeners of one line, of lines of their
// own, and of media of their own.
func TestWhatFollowsASharedTrackJoinsToTheSample(t *testing.T) {
	for _, c := range []struct {
		name    string
		each    int64
		volumes []int
		seek    bool
	}{
		{"opus", 960, []int{0, 0, 0}, false},
		{"opus", 960, []int{1, 1, 1}, false},
		{"opus", 960, []int{0, 1, 0}, false},
		{"pcm", 1152, []int{1, 1, 1}, false},
		{"pcm", 1152, []int{1, 2, 2}, false},
		{"pcm", 1152, []int{0, 0}, true},
		{"opus", 960, []int{0, 0}, true},
		{"opus", 960, []int{1, 1}, true},
		{"pcm", 4096, []int{0, 0}, false},
	} {
		for _, overlap := range []int64{0, 9600} {
			t.Run(fmt.Sprintf("%s %d %v %v %d", c.name, c.each, c.volumes, c.seek, overlap), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newShelf(t, c.name, c.each, int(300*960/c.each))
					s.trim = 500
					total := s.total()
					var all []*Member
					var nexts []*Pump
					for i, v := range c.volumes {
						m := s.join(t, Options{Settings: volumes[v]})
						defer closes(t, m)
						if all = append(all, m); i > 0 {
							continue
						}
						hears(t, 10, m)
					}
					hears(t, 60, all...)
					for _, m := range all {
						if c.seek {
							if err := m.Seek(t.Context(), toTime(96_000)); err != nil {
								t.Fatal(err)
							}
						}
						next := &track{name: "opus", base: 1_000_000}
						for range 50 {
							next.lengths = append(next.lengths, 960)
						}
						p := Park(t.Context(), next.stream(Options{}))
						defer func() { _ = p.Close() }()
						nexts = append(nexts, p)
						m.Follow(p, toTime(overlap))
					}
					hears(t, 60, all...)
					left := hears(t, 400, all...)
					for i, m := range all {
						if !m.Ended() || m.Err() != nil {
							t.Fatalf("%d: ended %v with %v", i, m.Ended(), m.Err())
						}
						for range 60 {
							time.Sleep(tick20)
							synctest.Wait()
							if f, ok := nexts[i].Take(); ok {
								left[i] = append(left[i], half(unpack(f.Opus))...)
							}
						}
						joined(t, i, left[i], total, overlap)
					}
					if n := s.hub.Len(); n != 1 {
						t.Errorf("%d shares", n)
					}
				})
			})
		}
	}
}

// joined fails unless pcm is the end of a ramp of so many samples and then one from a million on, which
// overlap.
func joined(t *testing.T, i int, pcm []float32, total, overlap int64) {
	t.Helper()
	k := 1
	for ; k < len(pcm) && pcm[k] == pcm[k-1]+1; k++ {
	}
	if last := int64(pcm[k-1]); overlap == 0 && last != total || last < total-overlap-2*frameSamples || overlap > 0 && last > total-overlap+2*frameSamples {
		t.Fatalf("%d: the first is heard to %d of %d", i, last, total)
	}
	from := k
	for ; k < len(pcm) && (pcm[k] < 1_000_000 || k == from || pcm[k] != pcm[k-1]+1 || pcm[min(k+960, len(pcm)-1)] != pcm[k]+960); k++ {
	}
	if gap := int64(k - from); gap > overlap+2*frameSamples || k == len(pcm) {
		t.Fatalf("%d: %d samples between them, and the second goes on with %v", i, gap, pcm[min(k, len(pcm)-1)])
	}
	if overlap == 0 && pcm[from] != 1_000_001 {
		t.Fatalf("%d: the second begins with %v", i, pcm[from])
	}
}

var errNoMore = errors.New("no more")

// TestWhatFailsForOneOfManyIsHisOwn has the second opening fail.
func TestWhatFailsForOneOfManyIsHisOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, "pcm", 960, 2000)
		s.fails = func(n int) error {
			switch n {
			case 2:
				return errNoMore
			case 3:
				panic("a server's answer")
			}
			return nil
		}
		a, b, c := s.join(t, Options{}), s.join(t, Options{}), s.join(t, Options{})
		hears(t, 20, a, b, c)
		if err := c.Seek(t.Context(), time.Second); !errors.Is(err, errNoMore) {
			t.Fatalf("seek: %v", err)
		}
		if left := hears(t, 20, a, b, c); len(left[2]) != 20*960 || c.Err() != nil {
			t.Fatalf("after a seek that failed: %d samples, %v", len(left[2]), c.Err())
		}
		hears(t, 1000, a, c) // b is not asked for anything
		hears(t, 20, a, b, c)
		if !b.Ended() || b.Err() == nil || a.Err() != nil || c.Err() != nil || a.Ended() || c.Ended() {
			t.Fatalf("%v, %v, %v", a.Err(), b.Err(), c.Err())
		}
		closes(t, a)
		closes(t, b)
		closes(t, c)
	})
}

func TestAParkedTrackIsSharedAndBegunWheneverEachLikes(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		synctest.Test(t, func(t *testing.T) {
			s := newShelf(t, name, 960, 2000)
			park := func() *Member {
				a := s.ask(Options{})
				a.Park = true
				m, err := s.hub.Join(t.Context(), t.Context(), a)
				if err != nil {
					t.Fatal(err)
				}
				<-m.Ready()
				return m
			}
			a, b, c := park(), park(), park()
			time.Sleep(time.Minute)
			a.Go()
			left := hears(t, 100, a)
			b.Go()
			left = append(left, hears(t, 1000, a, b)...)
			c.Go()
			left = append(left, hears(t, 20, a, b, c)...)
			want := float32(1)
			for _, pcm := range [][]float32{left[0], left[1], left[3]} {
				for _, v := range pcm {
					if v != want {
						t.Fatalf("%s: %v, want %v", name, v, want)
					}
					want++
				}
			}
			if left[2][0] != 1 || len(left[2]) != 960_000 || left[5][0] != 1 || len(left[5]) < 15*960 || want != 1120*960+1 {
				t.Fatalf("%s: the others hear %v and %v, %d and %d samples", name, left[2][0], left[5][0], len(left[2]), len(left[5]))
			}
			if n := s.opened.Load(); n != 2 {
				t.Fatalf("%s: opened %d times", name, n)
			}
			for _, m := range []*Member{a, b, c} {
				closes(t, m)
			}
		})
	}
}

func TestATrackIsNotSharedByWhoHasAskedForMore(t *testing.T) {
	for name, asks := range map[string]func(t *testing.T, m *Member){
		"a pause":   func(_ *testing.T, m *Member) { m.Hold(true) },
		"an end":    func(_ *testing.T, m *Member) { m.Cut(time.Second) },
		"a seek":    func(t *testing.T, m *Member) { _ = m.Seek(t.Context(), time.Second) },
		"a sound":   func(_ *testing.T, m *Member) { m.Overlay(standIn(evenly(10)), 6) },
		"its close": closes,
		"time":      func(t *testing.T, m *Member) { hears(t, 130, m) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newShelf(t, "pcm", 960, 2000)
				a := s.join(t, Options{})
				hears(t, 20, a)
				asks(t, a)
				b := s.join(t, Options{})
				hears(t, 20, a, b)
				if n := s.opened.Load(); n != 2 || b.Err() != nil {
					t.Errorf("opened %d times; %v", n, b.Err())
				}
				closes(t, a)
				closes(t, b)
				if s.open.Load() != 0 || s.hub.Len() != 0 {
					t.Errorf("%d media are open", s.open.Load())
				}
			})
		})
	}
}

func TestWhoWantsSilenceTrimmedPlaysByHimself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(t, "pcm", 960, 200)
		a, b := s.join(t, Options{Trim: true}), s.join(t, Options{})
		c := s.join(t, Options{})
		hears(t, 20, a, b, c)
		if n := s.opened.Load(); n != 2 || s.hub.Len() != 1 {
			t.Errorf("opened %d times, %d shares", n, s.hub.Len())
		}
		for _, m := range []*Member{a, b, c} {
			closes(t, m)
		}
	})
}

func TestWhoIsImpatientDoesNotWaitForASlowTrack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(t.Context())
		opened := 0
		h.open = func(m *audio.Media, o Options) (*Stream, error) {
			d := stalling(60, 30)
			s := standIn(d)
			s.close = d.Close
			return s, nil
		}
		a := Ask{Key: "x", Open: func(context.Context) (*audio.Media, error) {
			opened++
			return &audio.Media{ReadCloser: &reel{open: &atomic.Int32{}}}, nil
		}}
		first, err := h.Join(t.Context(), t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		hears(t, 40, first)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := h.Join(ctx, t.Context(), a); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		began := time.Now()
		second, err := h.Join(t.Context(), t.Context(), a)
		if err != nil || opened != 2 || time.Since(began) > 2*inviting {
			t.Fatalf("after %v: opened %d times, %v", time.Since(began), opened, err)
		}
		closes(t, first)
		closes(t, second)
	})
}

// TestASharedTrackThatStallsCanBeLeft has its packets end, while all wait for more.
func TestASharedTrackThatStallsCanBeLeft(t *testing.T) {
	for _, after := range []int{0, 30} {
		synctest.Test(t, func(t *testing.T) {
			h := NewHub(t.Context())
			d := stalling(60, after)
			h.open = func(*audio.Media, Options) (*Stream, error) {
				s := standIn(d)
				s.close = d.Close
				return s, nil
			}
			var all []*Member
			for range 3 {
				m, err := h.Join(t.Context(), t.Context(), Ask{Key: "x", Park: after == 0, Open: func(context.Context) (*audio.Media, error) {
					return &audio.Media{ReadCloser: &reel{open: &atomic.Int32{}}}, nil
				}})
				if err != nil {
					t.Fatal(err)
				}
				all = append(all, m)
				if after > 0 {
					hears(t, 1, all...)
				}
			}
			hears(t, 50, all...)
			for _, m := range all {
				closes(t, m)
			}
			if h.Len() != 0 {
				t.Error("a share is left")
			}
		})
	}
}
