package pipeline

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// tick is what a sender's is.
const tick = 20 * time.Millisecond

// paced is a station that sends as fast as it is heard, but for the first second.
func paced(name string) *sender {
	d := sending(name, 960, -1)
	d.pace = tick
	return d
}

// hear lets so many ticks pass, at each of which all take what there is.
func hear(t testing.TB, ticks int, all ...*ear) {
	t.Helper()
	for range ticks {
		time.Sleep(tick)
		synctest.Wait()
		for _, e := range all {
			if f, ok := e.Take(); ok {
				e.hears(t, f)
			}
		}
	}
}

// drain takes what has been made.
func (e *ear) drain(t testing.TB) {
	t.Helper()
	synctest.Wait()
	for range e.Stats().Frames {
		e.takes(t)
	}
}

func TestWhoWasSilentForLongHearsWhatIsLive(t *testing.T) {
	for _, name := range []string{"opus", "pcm"} {
		synctest.Test(t, func(t *testing.T) {
			d := paced(name)
			make := func() *sender { return d }
			h, _ := sharing(t.Context(), make)
			a := joins(t, h, asking("x", true, make, volumes[1]))
			b := joins(t, h, asking("x", true, make, volumes[2]))
			defer a.Close()
			defer b.Close()
			hear(t, 100, a, b)
			for _, silence := range []int{150, 4000} {
				hear(t, silence, a)
				b.drain(t)
				b.next = 0
				hear(t, 10, a, b)
				if lag := a.next - b.next; lag > 8*960 || lag < -8*960 {
					t.Fatalf("%s: after %d ticks of silence b is %v frames behind", name, silence, lag/960)
				}
				// Nobody listens: the station goes on nevertheless.
				was := d.sent.Load()
				time.Sleep(time.Duration(silence) * tick)
				synctest.Wait()
				if now := d.sent.Load(); silence > 1000 && now-was < int64(silence-800)*960 {
					t.Fatalf("%s: %d frames were read in %d ticks", name, (now-was)/960, silence)
				}
				a.drain(t)
				b.drain(t)
				a.next, b.next = 0, 0
				hear(t, 3, a, b)
				if lag := (float32(d.sent.Load()) - a.next) / 960; silence > 1000 && lag > 400 {
					t.Fatalf("%s: %v frames behind what was sent", name, lag)
				}
				a.next, b.next = 0, 0
				hear(t, 200, a, b)
			}
		})
	}
}

func TestAFeedThatFailsFailsAllWithItsError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sending("pcm", 960, 50)
		d.end = audio.ErrTruncated
		make := func() *sender { return d }
		h, _ := sharing(t.Context(), make)
		var ears []*ear
		for i := range 6 {
			ears = append(ears, joins(t, h, asking("x", false, make, volumes[i%3])))
		}
		hear(t, 60, ears...)
		for i, e := range ears {
			if !e.Ended() || !errors.Is(e.Err(), audio.ErrTruncated) || e.heard != 50 {
				t.Errorf("%d: ended %v with %v after %d frames", i, e.Ended(), e.Err(), e.heard)
			}
			e.Close()
		}
	})
}

// panics is an encoder that does.
type panics struct{ *encoder }

func (panics) Encode([]byte, []float32) ([]byte, error) { panic("an encoder's") }

func TestAPanicIsOnlyTheirsWhoWantedThat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sending("pcm", 960, -1)
		make := func() *sender { return d }
		h, _ := sharing(t.Context(), make)
		var made atomic.Int32
		open := h.open
		h.open = func(m *audio.Media, o Options) (*Stream, error) {
			s, err := open(m, o)
			s.o.Encoder = func() (audio.Encoder, error) {
				if made.Add(1) == 2 {
					return panics{&encoder{look: lookahead}}, nil
				}
				return &encoder{look: lookahead}, nil
			}
			return s, err
		}
		var ears []*ear
		for range 4 {
			ears = append(ears, joins(t, h, asking("x", true, make, volumes[1])))
		}
		hear(t, 20, ears...)
		ears[3].Want(volumes[2])
		hear(t, 20, ears...)
		if e := ears[3]; !e.Ended() || e.Err() == nil {
			t.Fatalf("ended %v with %v", e.Ended(), e.Err())
		}
		for _, e := range ears[:3] {
			if e.Err() != nil || e.heard != 40 {
				t.Fatalf("%d frames, %v", e.heard, e.Err())
			}
		}
		for _, e := range ears {
			e.Close()
		}
	})
}

func TestATrackIsSharedByThoseWhoBeginTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		make := func() *sender { opens++; return sending("pcm", 1152, -1) }
		h, _ := sharing(t.Context(), make)
		var ears []*ear
		begin := func(e effect.Settings) {
			ears = append(ears, joins(t, h, asking("x", false, make, e)))
			ears[len(ears)-1].next = 1
		}
		begin(volumes[1])
		hear(t, 60, ears...)
		begin(volumes[1])
		begin(volumes[2])
		hear(t, 40, ears...)
		if opens != 1 || ears[0].share().count() != 2 {
			t.Fatalf("%d opened, %d lines", opens, ears[0].share().count())
		}
		hear(t, 60, ears...)
		begin(volumes[1])
		hear(t, 20, ears...)
		begin(volumes[1])
		hear(t, 20, ears...)
		if opens != 2 || ears[3].share() == ears[0].share() || ears[3].share() != ears[4].share() {
			t.Fatalf("%d opened", opens)
		}
		for _, e := range ears {
			e.Close()
		}
		if h.Len() != 0 {
			t.Fatalf("%d shares left", h.Len())
		}
	})
}

func TestWhoLeavesWhileItIsOpenedLeavesItToTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sending("pcm", 1152, -1)
		make := func() *sender { return d }
		h, _ := sharing(t.Context(), make)
		a := asking("x", true, make, volumes[1])
		opens, open := 0, a.Open
		a.Open = func(ctx context.Context) (*audio.Media, error) {
			if opens++; opens == 1 {
				<-ctx.Done()
				return nil, context.Cause(ctx)
			}
			return open(ctx)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var tasks sync.WaitGroup
		tasks.Go(func() {
			if _, err := h.Join(ctx, t.Context(), a); !errors.Is(err, context.Canceled) {
				t.Errorf("the first: %v", err)
			}
		})
		synctest.Wait()
		for range 3 {
			tasks.Go(func() {
				m, err := h.Join(t.Context(), t.Context(), a)
				if err != nil {
					t.Error(err)
					return
				}
				<-m.Ready()
				m.Close()
			})
		}
		impatient, stop := context.WithCancel(t.Context())
		tasks.Go(func() {
			if _, err := h.Join(impatient, t.Context(), a); !errors.Is(err, context.Canceled) {
				t.Errorf("the impatient: %v", err)
			}
		})
		synctest.Wait()
		stop()
		synctest.Wait()
		cancel()
		tasks.Wait()
		if h.Len() != 0 {
			t.Fatalf("%d opened, %d left", opens, h.Len())
		}
	})
}

func TestWhatCannotBeOpenedFailsForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := NewHub(t.Context())
		broken := errors.New("broken")
		a := Ask{Key: "x", Open: func(context.Context) (*audio.Media, error) {
			time.Sleep(time.Second)
			return nil, broken
		}}
		var tasks sync.WaitGroup
		for range 3 {
			tasks.Go(func() {
				if _, err := h.Join(t.Context(), t.Context(), a); !errors.Is(err, broken) {
					t.Error(err)
				}
			})
		}
		tasks.Wait()
		a.Open = func(context.Context) (*audio.Media, error) { panic("a file") }
		if _, err := h.Join(t.Context(), t.Context(), a); err == nil {
			t.Error("no error of a panic")
		}
		if h.Len() != 0 {
			t.Errorf("%d left", h.Len())
		}
	})
}

func TestTheHubsEndEndsAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := paced("pcm")
		make := func() *sender { return d }
		ctx, cancel := context.WithCancel(t.Context())
		h, _ := sharing(ctx, make)
		a, b := joins(t, h, asking("x", true, make, volumes[1])), joins(t, h, asking("x", true, make, volumes[2]))
		hear(t, 20, a, b)
		cancel()
		synctest.Wait()
		if d.closes.Load() == 0 {
			t.Fatal("the media are open")
		}
		a.Close()
		b.Close()
	})
}

func TestBitratesOfListenersAreTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := sending("pcm", 960, -1)
		make := func() *sender { return d }
		h, _ := sharing(t.Context(), make)
		var rate atomic.Int64
		rate.Store(96_000)
		a := asking("x", true, make, volumes[1])
		a.Options.Bitrate = func() int { return 96_000 }
		first := joins(t, h, a)
		a.Options.Bitrate = func() int { return int(rate.Load()) }
		second := joins(t, h, a)
		hear(t, 20, first, second)
		if n := first.share().count(); n != 1 {
			t.Fatalf("%d lines at one bit rate", n)
		}
		rate.Store(64_000)
		hear(t, 20, first, second)
		sh := first.share()
		if n := sh.count(); n != 2 {
			t.Fatalf("%d lines at two", n)
		}
		for i, want := range []int{96_000, 64_000} {
			if got := sh.lines[i].bitrate(); got != want {
				t.Errorf("line %d encodes with %d", i, got)
			}
		}
		first.Close()
		second.Close()
	})
}

func TestASharedFrameAllocatesNothing(t *testing.T) {
	p := audio.Packet{Data: make([]byte, 320), Duration: 960}
	p.Data[0] = 31<<3 | 4
	h := NewHub(t.Context())
	h.open = func(*audio.Media, Options) (*Stream, error) { return New(endless{p}, nothing{}, Options{}), nil }
	ask := Ask{Key: "x", Open: func(context.Context) (*audio.Media, error) {
		return &audio.Media{ReadCloser: looped(nil), Live: true}, nil
	}}
	a, err := h.Join(t.Context(), t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	b, err := h.Join(t.Context(), t.Context(), ask)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	take := func() {
		for _, m := range []*Member{a, b} {
			for {
				if _, ok := m.Take(); ok {
					break
				}
				runtime.Gosched() // there is one processor while allocations are counted
			}
		}
	}
	for range 500 {
		take()
	}
	// The feed copies packets to pieces of 4 KB, one for twelve of these.
	if n := testing.AllocsPerRun(2000, take); n > 1 {
		t.Fatalf("%v allocations for a frame that two hear", n)
	}
}

// TestWhoSkipsFadesFromTheShareToWhatFollows is told by the samples: those of what is
// left are larger.
func TestWhoSkipsFadesFromTheShareToWhatFollows(t *testing.T) {
	for _, cushion := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			d := paced("pcm")
			make := func() *sender { return d }
			h, _ := sharing(t.Context(), make)
			a, b := joins(t, h, asking("x", true, make, volumes[1])), joins(t, h, asking("x", true, make, volumes[1]))
			defer a.Close()
			if cushion {
				time.Sleep(3 * time.Second)
			}
			hear(t, 100, a, b)
			next := Park(t.Context(), standIn(evenly(100)))
			defer next.Close()
			synctest.Wait()
			b.Follow(next, 0)
			b.Cut(60 * time.Millisecond)
			frames := 0
			for ; !b.Ended(); frames++ {
				hear(t, 1, a)
				b.Take()
			}
			if frames > 20 || b.Err() != nil || b.Close() != nil {
				t.Fatalf("%d frames were heard of what was left; %v", frames, b.Err())
			}
			mixed := 0
			for i := range 20 {
				f, ok := next.Take()
				if !ok {
					t.Fatalf("frame %d is missing", i)
				}
				for k, v := range unpack(f.Opus) {
					if own := float32(f.Pos + int64(k/2) + 1); k%2 == 0 && v > 2*own+100 {
						mixed++
					}
				}
				hear(t, 1, a)
			}
			if cushion != (mixed > 2000) || mixed > 4*960 { // what waited in limiter and encoder is heard, too
				t.Fatalf("%v: %d samples of what was left are heard, of %d", cushion, mixed, 3*960)
			}
		})
	}
}
