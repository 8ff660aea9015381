package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// A sender is a demuxer of a ramp that goes on until it is closed, or for so many
// packets, as fast as it is read or, live, as fast as it is heard.
type sender struct {
	*ramp
	each   int64
	left   int           // packets; negative: no end
	pace   time.Duration // between packets; 0: at once
	closed chan struct{}
	once   sync.Once
	closes atomic.Int32
	sent   atomic.Int64 // samples
}

func sending(name string, each int64, packets int) *sender {
	r := &ramp{info: audio.CodecInfo{Name: name, SampleRate: 48000, Channels: 2}, noSeek: true}
	return &sender{ramp: r, each: each, left: packets, closed: make(chan struct{})}
}

func (s *sender) ReadPacket() (audio.Packet, error) {
	if s.left == 0 {
		if s.end != nil {
			return audio.Packet{}, s.end
		}
		return audio.Packet{}, io.EOF
	}
	if s.pace > 0 {
		select {
		case <-time.After(s.pace):
		case <-s.closed:
			return audio.Packet{}, errors.New("closed")
		}
	}
	select {
	case <-s.closed:
		return audio.Packet{}, errors.New("closed")
	default:
	}
	s.left--
	s.sent.Add(s.each)
	s.lengths = append(s.lengths[:0], s.each)
	s.n = 0
	return s.ramp.ReadPacket()
}

func (s *sender) Close() error {
	s.closes.Add(1)
	s.once.Do(func() { close(s.closed) })
	return nil
}

// sharing is a hub that opens senders made by make.
func sharing(ctx context.Context, make func() *sender) (h *Hub, opened *atomic.Int32) {
	opened = &atomic.Int32{}
	h = NewHub(ctx)
	h.open = func(m *audio.Media, o Options) (*Stream, error) {
		s := standIn(m.ReadCloser.(opening).sender)
		s.o.Bitrate = o.Bitrate
		s.close = sync.OnceValue(m.Close)
		s.Want(o.Settings)
		return s, nil
	}
	return h, opened
}

type opening struct {
	io.Reader
	*sender
}

func (o opening) Close() error { return o.sender.Close() }

func asking(key string, live bool, make func() *sender, e effect.Settings) Ask {
	return Ask{Key: key, Options: Options{Settings: e}, Open: func(context.Context) (*audio.Media, error) {
		return &audio.Media{ReadCloser: opening{nil, make()}, Live: live}, nil
	}}
}

// volumes are wishes that differ, but change no float32.

var volumes = []effect.Settings{{}, {Volume: 1e-9}, {Volume: 2e-9}, {Volume: 3e-9}}

// An ear hears one member and checks that no sample is lost, repeated or changed.
type ear struct {
	*Member
	name  string
	next  float32 // the sample that follows; 0: any
	heard int
}

// takes a frame, which there must be.
func (e *ear) takes(t testing.TB) {
	t.Helper()
	f, ok := e.Take()
	if !ok {
		t.Fatalf("%s: no frame after %d: %v", e.name, e.heard, e.Err())
	}
	e.hears(t, f)
}

func (e *ear) hears(t testing.TB, f audio.Frame) {
	t.Helper()
	pcm := unpack(f.Opus)
	if e.next == 0 {
		e.next = pcm[0]
	}
	for i := 0; i < len(pcm); i += 2 {
		if pcm[i] != e.next || pcm[i+1] != -e.next {
			t.Fatalf("%s: sample %d of frame %d is %v, %v, want %v", e.name, i/2, e.heard, pcm[i], pcm[i+1], e.next)
		}
		e.next++
	}
	e.heard++
}

func joins(t testing.TB, h *Hub, a Ask) *ear {
	t.Helper()
	m, err := h.Join(t.Context(), t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return &ear{Member: m, name: fmt.Sprint(a.Options.Settings.Volume)}
}

func (e *ear) share() *Share { return e.tap.share }

// lines is how many lines the share has.
func (sh *Share) count() int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return len(sh.lines)
}

// encoded is how many frames all lines there are have made.
func (sh *Share) encoded() (n int64) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for _, l := range sh.lines {
		n += l.made
	}
	return n
}

func TestListenersOfAStationShareOneStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		opens := 0
		d := sending("pcm", 1152, -1)
		make := func() *sender { opens++; return d }
		h, _ := sharing(t.Context(), make)
		var ears []*ear
		for range 10 {
			ears = append(ears, joins(t, h, asking("station", true, make, volumes[1])))
			synctest.Wait()
			for _, e := range ears {
				e.takes(t)
			}
			synctest.Wait()
		}
		for range 100 {
			for _, e := range ears {
				e.takes(t)
			}
			synctest.Wait()
		}
		sh := ears[0].share()
		if n := sh.count(); n != 1 || opens != 1 || h.Len() != 1 {
			t.Fatalf("%d lines, %d opened, %d shares", n, opens, h.Len())
		}
		if n := sh.encoded(); n > 125 {
			t.Fatalf("%d frames were made for 110 ticks", n)
		}
		for i, e := range ears {
			if err := e.Close(); err != nil || d.closes.Load() != 0 && i < 9 {
				t.Fatalf("closing %d: %v, closed %d times", i, err, d.closes.Load())
			}
		}
		if d.closes.Load() != 1 || h.Len() != 0 {
			t.Fatalf("closed %d times, %d shares left", d.closes.Load(), h.Len())
		}
	})
}

func TestWhoWantsOtherwisePartsAndComesBack(t *testing.T) {
	for _, c := range []struct {
		name string
		each int64
	}{{"opus", 960}, {"opus", 480}, {"pcm", 1152}, {"pcm", 4096}} {
		for from := range volumes {
			synctest.Test(t, func(t *testing.T) {
				d := sending(c.name, c.each, -1)
				make := func() *sender { return d }
				h, _ := sharing(t.Context(), make)
				a := joins(t, h, asking("x", true, make, volumes[from]))
				defer a.Close()
				b := joins(t, h, asking("x", true, make, volumes[from]))
				defer b.Close()
				hear := func(n int) {
					for range n {
						synctest.Wait()
						a.takes(t)
						b.takes(t)
					}
				}
				hear(30)
				if n := a.share().count(); n != 1 {
					t.Fatalf("%d lines", n)
				}
				for to := range volumes {
					if to == from {
						continue
					}
					b.Want(volumes[to])
					hear(20)
					if n := a.share().count(); n != 2 {
						t.Fatalf("%s: %d lines while they differ", c.name, n)
					}
					b.Want(volumes[from])
					hear(120)
					if n := a.share().count(); n != 1 {
						t.Fatalf("%s: %d lines 120 frames after they agreed again", c.name, n)
					}
				}
			})
		}
	}
}

// TestAnyListenersHearEverySample lets listeners come, go, stop for a while and change
// their minds at random: SEGUE_TEST_SEQUENCES times, or sixty. 10,000 take a
// minute and a half of CPU time.
func TestAnyListenersHearEverySample(t *testing.T) {
	n, err := strconv.ParseUint(cmp.Or(os.Getenv("SEGUE_TEST_SEQUENCES"), "60"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	for seed := range n {
		synctest.Test(t, func(t *testing.T) { wander(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func wander(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 4))
	live := rnd.IntN(2) == 0
	kinds := []func() *sender{
		func() *sender { return sending("opus", 960, 40) },
		func() *sender { return sending("opus", 480, 80) },
		func() *sender { return sending("pcm", 1152, 40) },
		func() *sender { return sending("pcm", 4096, 12) },
	}
	make := kinds[rnd.IntN(len(kinds))]
	h, _ := sharing(t.Context(), make)
	var ears []*ear
	for tick := range 35 {
		if len(ears) == 0 || len(ears) < 4 && rnd.IntN(6) == 0 {
			e := joins(t, h, asking("x", live, make, volumes[rnd.IntN(4)]))
			e.name = fmt.Sprintf("seed %d, tick %d, %s", seed, tick, e.name)
			if !live {
				e.next = 1
			}
			ears = append(ears, e)
		}
		synctest.Wait()
		for i := 0; i < len(ears); i++ {
			e := ears[i]
			switch rnd.IntN(20) {
			case 0:
				e.Close()
				ears = append(ears[:i], ears[i+1:]...)
				i--
				continue
			case 1, 2:
				e.Want(volumes[rnd.IntN(4)])
			case 3: // nothing is sent for a tick
				continue
			}
			if e.Ended() {
				continue
			}
			if f, ok := e.Take(); ok {
				e.hears(t, f)
			} else if !e.Ended() {
				t.Fatalf("%s: nothing to be heard after %d frames", e.name, e.heard)
			}
		}
	}
	for _, e := range ears {
		e.Close()
		if err := e.Err(); err != nil {
			t.Fatal(err)
		}
	}
	if h.Len() != 0 {
		t.Fatal("shares are left")
	}
}
