package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
)

// feeding is a feed that reads d.
func feeding(ctx context.Context, d audio.Demuxer, live bool) *feed {
	s := New(d, nothing{}, Options{})
	s.from = d
	return newFeed(ctx, s, live)
}

func (f *feed) reader() *cursor {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.cursor(f.first)
}

func TestAFeedReadsOnceForAllItsCursors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		d := sending("pcm", 960, 1000)
		f := feeding(ctx, d, false)
		a, b := f.reader(), f.reader()
		go f.run()
		for n := range 1001 {
			for _, c := range []*cursor{a, b} {
				p, err := c.ReadPacket()
				if n == 1000 {
					if !errors.Is(err, io.EOF) {
						t.Fatal(err)
					}
				} else if err != nil || p.PTS != int64(n)*960 || unpack(p.Data)[0] != float32(p.PTS+1) {
					t.Fatalf("packet %d is at %d, %v", n, p.PTS, err)
				}
			}
		}
		a.Close()
		if _, err := b.ReadPacket(); !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
	})
}

func TestAFeedIsBoundedHoweverSlowACursorIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		for name, p := range map[string]audio.Packet{
			"small":   {Data: make([]byte, 300), Duration: 960},
			"big":     {Data: make([]byte, 60_000), Duration: 960},
			"endless": {Data: make([]byte, 10), Duration: 0},
		} {
			f := feeding(ctx, endless{p}, false)
			fast, slow := f.reader(), f.reader()
			go f.run()
			for range 5000 {
				if _, err := fast.ReadPacket(); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			f.mu.Lock()
			held, length := f.read.bytes-f.at(f.first).before.bytes, f.taken.length-f.at(f.first).before.length
			f.mu.Unlock()
			if held > feedBytes+deepBytes || length > farBack+960 {
				t.Errorf("%s: %d bytes, %d samples are kept", name, held, length)
			}
			if _, err := slow.ReadPacket(); p.Duration > 0 && !errors.Is(err, errBehind) {
				t.Errorf("%s: the slow one reads %v", name, err)
			}
		}
	})
}

func TestAFeedGoesOnWhereTimesJump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &listed{}
		for _, pts := range []int64{5000, 5960, 6921, 7880, 48_000, 48_960, 100, 1060} {
			d.packets = append(d.packets, audio.Packet{Data: []byte{1}, PTS: pts, Duration: 960})
		}
		d.packets = append(d.packets, audio.Packet{Data: []byte{1}, PTS: 777, Duration: 960, Codec: &audio.CodecInfo{Name: "pcm"}})
		f := feeding(t.Context(), d, false)
		c := f.reader()
		f.run()
		for i, want := range []int64{5000, 5960, 6921, 7880, 8840, 9800, 10_760, 11_720, 777} {
			if p, err := c.ReadPacket(); err != nil || p.PTS != want {
				t.Errorf("packet %d is at %d, want %d; %v", i, p.PTS, want, err)
			}
		}
	})
}

// listed is a demuxer of packets.
type listed struct{ packets []audio.Packet }

func (*listed) Codec() audio.CodecInfo                    { return audio.CodecInfo{Name: "pcm", Channels: 2} }
func (*listed) Info() audio.Info                          { return audio.Info{} }
func (*listed) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }
func (l *listed) ReadPacket() (p audio.Packet, err error) {
	if len(l.packets) == 0 {
		return p, io.EOF
	}
	p, l.packets = l.packets[0], l.packets[1:]
	return p, nil
}

func TestACursorThatIsClosedReadsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := feeding(t.Context(), stalling(10, 0), false)
		c := f.reader()
		done := make(chan error)
		go func() { _, err := c.ReadPacket(); done <- err }()
		synctest.Wait()
		c.Close()
		if err := <-done; !errors.Is(err, errLeft) {
			t.Fatal(err)
		}
		if _, err := c.Seek(0); !errors.Is(err, audio.ErrNotSeekable) {
			t.Fatal(err)
		}
		c.Close()
	})
}

// TestAnyListenersHearStreamsThatFollowEachOther is TestAnyListenersHearEverySample for
// a station whose packets are coded in one way after another.
func TestAnyListenersHearStreamsThatFollowEachOther(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) { wanderAlong(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func wanderAlong(t *testing.T, seed uint64) {
	rnd := rand.New(rand.NewPCG(seed, 5))
	c := &chain{noSeek: true}
	for range 2 + rnd.IntN(3) {
		p := part{name: []string{"opus", "pcm"}[rnd.IntN(2)], packets: 20 + rnd.IntN(40), each: []int64{960, 960, 1152}[rnd.IntN(3)], skip: int64(rnd.IntN(3)) * 312}
		p.trim = int64(rnd.IntN(2)) * 100
		c.parts = append(c.parts, p)
	}
	h := NewHub(t.Context())
	h.open = func(_ *audio.Media, o Options) (*Stream, error) {
		s := c.stream()
		s.Want(o.Settings)
		return s, nil
	}
	begins := map[float32]bool{}
	for i := range c.parts {
		begins[float32(c.begin(i)+1)] = true
	}
	var ears []*follows
	live, opened := rnd.IntN(2) == 0, false
	for tick := range 120 {
		if len(ears) == 0 && !opened || len(ears) < 3 && rnd.IntN(20) == 0 {
			a := asking("x", live, nil, volumes[rnd.IntN(3)])
			a.Open = func(context.Context) (*audio.Media, error) {
				if opened {
					return nil, errors.New("once is enough")
				}
				opened = true
				return &audio.Media{ReadCloser: looped(nil), Live: live}, nil
			}
			if m, err := h.Join(t.Context(), t.Context(), a); err == nil {
				ears = append(ears, &follows{Member: m, name: fmt.Sprintf("seed %d, tick %d", seed, tick), begins: begins, live: live})
			}
		}
		synctest.Wait()
		for _, e := range ears {
			if rnd.IntN(12) == 0 {
				e.Want(volumes[rnd.IntN(3)])
			}
			if f, ok := e.Take(); ok {
				e.hears(t, f)
			} else if !e.Ended() {
				t.Fatalf("%s: nothing to be heard", e.name)
			}
		}
	}
	for _, e := range ears {
		e.Close()
		if err := e.Err(); err != nil {
			t.Fatal(e.name, err)
		}
	}
}

// follows hears a member of a share of streams that follow each other: all of their
// music in order, and between them a little of nothing.
type follows struct {
	*Member
	name   string
	begins map[float32]bool
	live   bool
	next   float32
	gap    int
	heard  int
}

func (e *follows) hears(t *testing.T, f audio.Frame) {
	pcm := unpack(f.Opus)
	for i := 0; i < len(pcm); i += 2 {
		v := pcm[i]
		switch {
		case v == e.next && v != 0, e.next == 0 && v >= 1 && (e.live || v == 1):
			e.next, e.gap = v+1, 0
		case v == 0 || v == junk:
			if e.gap++; e.gap > 2*960+624 {
				t.Fatalf("%s: silence in frame %d, after %v", e.name, e.heard, e.next)
			}
		default:
			t.Fatalf("%s: sample %d of frame %d is %v, want %v", e.name, i/2, e.heard, v, e.next)
		}
	}
	e.heard++
}

// A decoder that hears packets coded otherwise, or times of another clock, would be
// worse than a fork a little later.
func TestNoForkBeginsBeforeTheCodingThereIs(t *testing.T) {
	d := &listed{}
	for n := range int64(60) {
		p := audio.Packet{Data: []byte{1}, PTS: n * 960, Duration: 960}
		if n == 20 {
			p.Codec = &audio.CodecInfo{Name: "other"}
		}
		d.packets = append(d.packets, p)
	}
	f := feeding(t.Context(), d, false)
	f.run()
	for n := int64(1); n < 60; n++ {
		c, begin, ok := f.place(stand{end: n * 960, mode: Transcode, next: n + 2}, true)
		switch {
		case ok != (n < 19 || n > 20+2*warm):
			t.Errorf("after frame %d: %v", n, ok)
		case ok && begin != max(n-warm, 0)*960:
			t.Errorf("after frame %d it begins at %d", n, begin)
		case ok && c.next != max(n-2*warm, 0):
			t.Errorf("after frame %d it reads from packet %d on", n, c.next)
		}
	}
}
