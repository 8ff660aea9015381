package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
)

// A reel is opened media of a ramp.
type reel struct {
	*ramp
	open *atomic.Int32 // how many are
	shut bool
}

func (*reel) Read([]byte) (int, error) { return 0, io.EOF }

func (r *reel) Close() error {
	if !r.shut {
		r.shut = true
		r.open.Add(-1)
	}
	return nil
}

// A shelf has a track that can be opened as often as is wanted.
type shelf struct {
	hub          *Hub
	name         string
	lengths      []int64
	trim         int64 // at the end
	open, opened atomic.Int32
	forward      bool
	fails        func(n int) error // opening it the n-th time
}

func newShelf(t *testing.T, name string, each int64, packets int) *shelf {
	s := &shelf{hub: NewHub(t.Context()), name: name}
	for range packets {
		s.lengths = append(s.lengths, each)
	}
	s.hub.open = func(m *audio.Media, o Options) (*Stream, error) {
		r := m.ReadCloser.(*reel)
		begins := map[float32]bool{1: true}
		o.Encoder = func() (audio.Encoder, error) { return &encoder{look: lookahead}, nil }
		o.Decoder = func(audio.CodecInfo) (audio.Decoder, error) {
			return &decoder{rate: 48000, channels: 2, early: 2, begins: begins}, nil
		}
		st := New(r, r, o)
		st.tail = func([]byte) (opus.Tail, bool) { return opus.Tail{}, false }
		st.from = r.ramp
		st.rules.pass = func(p timed) bool { return len(p.Data) == 4*frameLen }
		st.rules.limit = func() limiting { return &delaying{} }
		st.rules.length = func(_ string, p audio.Packet) (int64, bool) { return p.Duration, true }
		return st, nil
	}
	return s
}

func (s *shelf) total() (n int64) {
	for _, l := range s.lengths {
		n += l
	}
	return n - s.trim
}

func (s *shelf) ask(o Options) Ask {
	return Ask{Key: "x", Options: o, Open: func(context.Context) (*audio.Media, error) {
		if n := s.opened.Add(1); s.fails != nil {
			if err := s.fails(int(n)); err != nil {
				return nil, err
			}
		}
		s.open.Add(1)
		r := &ramp{info: audio.CodecInfo{Name: s.name, SampleRate: 48000, Channels: 2}, lengths: s.lengths, trim: s.trim, noSeek: s.forward}
		return &audio.Media{ReadCloser: &reel{ramp: r, open: &s.open}}, nil
	}}
}

// A fan listens to one member, and knows what he asked for.
type fan struct {
	*Member
	name   string
	pos    int64 // where the last frame began; negative: anywhere
	heard  int
	clear  int        // frame from which on only the music is heard
	to     []int64    // where it may go on
	landed chan error // of a seek that is under way
	held   bool
	log    []string
}

func (f *fan) note(format string, args ...any) {
	f.log = append(f.log, fmt.Sprintf("%d:", f.heard)+fmt.Sprintf(format, args...))
}

func (f *fan) fail(t *testing.T, format string, args ...any) {
	t.Helper()
	t.Fatalf("%s: %s\n%v", f.name, fmt.Sprintf(format, args...), f.log)
}

// takes what there is, and reports whether there was anything.
func (f *fan) takes(t *testing.T, total int64) bool {
	t.Helper()
	a, ok := f.Take()
	if !ok {
		return false
	}
	sought := func(to int64) bool { return to-a.Pos >= -frameSamples && to-a.Pos < 2*frameSamples }
	if f.pos >= 0 && a.Pos != f.pos+frameSamples && !slices.ContainsFunc(f.to, sought) {
		f.fail(t, "frame %d is at %d, and the one before at %d", f.heard, a.Pos, f.pos)
	}
	pcm := unpack(a.Opus)
	for i := 0; i < len(pcm) && f.heard >= f.clear; i += 2 {
		at := a.Pos + int64(i/2)
		if at < total && (pcm[i] != float32(at+1) || pcm[i+1] != -pcm[i]) {
			f.fail(t, "sample %d of frame %d at %d is %v", i/2, f.heard, a.Pos, pcm[i])
		}
	}
	f.pos = a.Pos
	f.heard++
	return true
}

// TestAnyListenersOfATrackHearEverySample has listeners of a track come, pause, seek, stop taking
// and change their minds at random: SEGUE_TEST_SEQUENCES times, or forty.
func TestAnyListenersOfATrackHearEverySample(t *testing.T) {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("SEGUE_TEST_SEQUENCES"), map[bool]string{false: "40", true: "15"}[raced]), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range n {
		synctest.Test(t, func(t *testing.T) { roam(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func roam(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 7))
	kind := []struct {
		name string
		each int64
	}{{"opus", 960}, {"opus", 480}, {"pcm", 1152}, {"pcm", 4096}, {"pcm", 960}}[rnd.IntN(5)]
	packets := int(int64(100+rnd.IntN(400)) * 960 / kind.each)
	s := newShelf(t, kind.name, kind.each, packets)
	s.trim = rnd.Int64N(kind.each)
	s.forward = rnd.IntN(4) == 0
	var fans []*fan
	for tick := range 600 {
		if len(fans) < 4 && tick < 90 && (tick == 0 || rnd.IntN(12) == 0) {
			m, err := s.hub.Join(t.Context(), t.Context(), s.ask(Options{Settings: volumes[rnd.IntN(2)]}))
			if err != nil {
				t.Fatal(err)
			}
			fans = append(fans, &fan{Member: m, name: fmt.Sprintf("seed %d, fan %d, %s of %d", seed, len(fans), kind.name, kind.each), pos: -1})
		}
		time.Sleep(tick20)
		synctest.Wait()
		for i := 0; i < len(fans); i++ {
			f := fans[i]
			if rnd.IntN(300) == 0 {
				closes(t, f.Member)
				fans = append(fans[:i], fans[i+1:]...)
				i--
				continue
			}
			f.acts(t, rnd, s.total())
			if f.held || rnd.IntN(40) == 0 { // for a tick nothing is sent
				f.Take0(t, s.total())
				continue
			}
			if !f.takes(t, s.total()) && !f.Ended() && !f.Held() && f.heard > 0 && !f.waits() {
				f.fail(t, "nothing after frame %d: %v", f.heard, f.Err())
			}
		}
	}
	for _, f := range fans {
		f.Hold(false)
		f.note("to the end")
		if f.landed != nil {
			f.clear = f.heard + 20
		}
		f.clear = max(f.clear, f.heard+20)
		for n := 0; !f.Ended(); n++ {
			time.Sleep(tick20)
			synctest.Wait()
			if n > 2000 {
				f.fail(t, "it never ends")
			}
			f.takes(t, s.total())
		}
		if err := f.Err(); err != nil || f.pos+frameSamples < s.total() {
			f.fail(t, "it ends at %d of %d with %v", f.pos, s.total(), err)
		}
		closes(t, f.Member)
	}
	if s.hub.Len() != 0 || s.open.Load() != 0 {
		t.Fatalf("seed %d: %d shares are left, %d media open", seed, s.hub.Len(), s.open.Load())
	}
}

const tick20 = 20 * time.Millisecond

func closes(t *testing.T, m *Member) {
	t.Helper()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
}

// Take0 takes nothing but what comes before a hold.
func (f *fan) Take0(t *testing.T, total int64) {
	if f.held {
		f.takes(t, total)
	}
}

// waits reports whether there need not be a frame just now: it goes on elsewhere.
func (f *fan) waits() bool { return f.heard < f.clear }

// acts does one thing, or nothing.
func (f *fan) acts(t *testing.T, rnd *rand.Rand, total int64) {
	const settles = 12 // frames
	select {
	case err := <-f.landed:
		f.note("%v", err)
		f.landed, f.clear = nil, f.heard+settles
		if err != nil && !errors.Is(err, ErrEnded) && !(f.Pump.tap.Load() == nil && errors.Is(err, audio.ErrNotSeekable)) {
			f.fail(t, "seek: %v", err)
		}
	default:
	}
	switch op := rnd.IntN(120); {
	case op < 4:
		n := rnd.IntN(3)
		f.note("want %d", n)
		f.Want(volumes[n])
	case op == 4 || f.held && op < 12:
		f.held = !f.held
		f.note("hold %v", f.held)
		f.Hold(f.held)
		f.clear = max(f.clear, f.heard+settles)
	case op == 12:
		if f.landed != nil { // one at a time, as the player does
			return
		}
		to := rnd.Int64N(total)
		f.note("seek %d", to)
		f.to, f.clear = append(f.to, to), math.MaxInt
		landed := make(chan error, 1)
		f.landed = landed
		go func() { landed <- f.Seek(t.Context(), toTime(to)) }()
		synctest.Wait()
	case op == 13 && !f.held:
		d := time.Duration(rnd.IntN(20)) * time.Second
		f.note("nothing is taken for %v", d)
		time.Sleep(d)
		synctest.Wait()
		f.clear = max(f.clear, f.heard) // but it goes on where it was
	}
}
