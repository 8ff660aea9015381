package pipeline

import (
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"segue/audio"
	"segue/audio/effect"
)

// A stall is a demuxer that gives some packets, then waits until it is closed
// or let go.
type stall struct {
	*ramp
	after  int
	goOn   chan struct{}
	closed chan struct{}
	once   sync.Once
}

func stalling(packets, after int) *stall {
	return &stall{ramp: evenly(packets), after: after, goOn: make(chan struct{}), closed: make(chan struct{})}
}

func (s *stall) ReadPacket() (audio.Packet, error) {
	if s.n == s.after {
		select {
		case <-s.goOn:
		case <-s.closed:
			return audio.Packet{}, errors.New("closed")
		}
	}
	return s.ramp.ReadPacket()
}

func (s *stall) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}

// pumped starts a pump over s with the stand-in codec. (Leaving goroutines
// behind fails every synctest.)
func pumped(ctx context.Context, s *stall) (*Pump, *Stream) {
	stream := standIn(s)
	stream.close = sync.OnceValue(s.Close)
	return Start(ctx, stream), stream
}

func TestPumpGivesEveryFrameInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pumped(t.Context(), stalling(1000, -1))
		defer p.Close()
		<-p.Ready()
		n := 0
		for tick := time.NewTicker(20 * time.Millisecond); !p.Ended(); <-tick.C {
			f, ok := p.Take()
			if !ok {
				t.Fatalf("no frame at tick %d", n)
			}
			if f.Pos != int64(n)*frameSamples || unpack(f.Opus)[0] != float32(f.Pos+1) {
				t.Fatalf("frame %d is at %d", n, f.Pos)
			}
			n++
			synctest.Wait()
		}
		if n != 1000 || p.Err() != nil {
			t.Fatalf("%d frames, %v", n, p.Err())
		}
		if _, ok := p.Take(); ok {
			t.Fatal("a frame after the end")
		}
		if s := p.Stats(); s.Starved != 0 || s.Passed != 1000 || s.Waiting != 0 || s.Packets != 0 {
			t.Fatalf("%+v", s)
		}
	})
}

func TestPumpIsDeepInPacketsAndShallowInFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stalling(10_000, -1)
		p, stream := pumped(t.Context(), s)
		defer p.Close()
		synctest.Wait()
		p.ahead().mu.Lock()
		p.ahead().horizon.wait = time.Second // as of a slow source, for the most there can be
		p.ahead().mu.Unlock()
		got := p.Stats()
		if got.Passed != 2 || got.Frames != 2 {
			t.Fatalf("%d frames made, %d waiting, want 2", got.Passed, got.Frames)
		}
		// What is wanted is heard after the two frames already made.
		stream.Want(effect.Settings{Volume: -6})
		for i, want := range []int64{1, 2, 3} {
			f, ok := p.Take()
			if !ok {
				t.Fatal("no frame")
			}
			synctest.Wait()
			if n := p.Stats().Transcoded; n != want {
				t.Fatalf("%d frames transcoded after %d taken, want %d", n, i+1, want)
			}
			pcm := unpack(f.Opus)
			if changed := pcm[frameLen-1] != -float32(f.Pos+frameSamples); changed != (i == 2) {
				t.Fatalf("frame %d: changed: %v", i, changed)
			}
		}
		// The stand-in's packets are big: memory is the limit.
		if got = p.Stats(); got.Bytes > deepBytes+8000 || got.Bytes < deepBytes-3*8000 || got.Waiting != 0 {
			t.Fatalf("%+v", got)
		}
	})
}

func TestPumpMakesAFrameForEachThatIsTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pumped(t.Context(), stalling(100, -1))
		defer p.Close()
		synctest.Wait()
		for i := range 50 {
			if _, ok := p.Take(); !ok {
				t.Fatal("no frame")
			}
			synctest.Wait()
			if got := p.Stats(); got.Frames != 2 || got.Passed != int64(i+3) {
				t.Fatalf("%d frames made, %d wait after %d taken, want 2", got.Passed, got.Frames, i+1)
			}
		}
	})
}

func TestPumpNobodyListensToReadsTwoSecondsAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := Start(t.Context(), New(endless{audio.Packet{Data: []byte{31 << 3, 0}, Duration: 960}}, nothing{}, Options{}))
		defer p.Close()
		time.Sleep(time.Minute)
		if got := p.Stats(); got.Ahead < 1900*time.Millisecond || got.Ahead > 2*time.Second || got.Frames != 2 {
			t.Fatalf("%+v", got)
		}
	})
}

// What can be had at once need not be held; a source that has once been slow may
// be so again.
func TestPumpReadsFourSecondsAheadAndUpToTenOfWhatIsSlow(t *testing.T) {
	for _, c := range []struct {
		wait  time.Duration // for one packet
		ahead time.Duration
	}{
		{0, 4 * time.Second},
		{slow - 1, 4 * time.Second},
		{slow, 4180 * time.Millisecond},
		{time.Second / 2, 7 * time.Second},
		{time.Second, 10 * time.Second},
		{time.Minute, 10 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := &slowly{endless: endless{audio.Packet{Data: []byte{31 << 3, 0}, Duration: 960}}, at: 20, wait: c.wait}
			p := Start(t.Context(), New(d, nothing{}, Options{}))
			defer p.Close()
			time.Sleep(2 * time.Minute)
			for range 2 { // somebody listens
				synctest.Wait()
				p.Take()
			}
			synctest.Wait()
			if got := p.Stats(); got.Ahead < c.ahead-100*time.Millisecond || got.Ahead > c.ahead {
				t.Fatalf("%v: %+v", c.wait, got)
			}
			quarter := int(c.ahead / (80 * time.Millisecond))
			for range quarter + 3 {
				p.Take()
				synctest.Wait()
				if got := p.Stats(); got.Ahead < c.ahead*3/4-20*time.Millisecond {
					t.Fatalf("%v: not refilled: %+v", c.wait, got)
				}
			}
			if got := p.Stats(); got.Ahead < c.ahead-100*time.Millisecond {
				t.Fatalf("%v: not refilled after a quarter: %+v", c.wait, got)
			}
		})
	}
}

// slowly is endless, but waits before one packet.
type slowly struct {
	endless
	at   int
	wait time.Duration
}

func (d *slowly) ReadPacket() (audio.Packet, error) {
	if d.at--; d.at == 0 {
		time.Sleep(d.wait)
	}
	return d.endless.ReadPacket()
}

// endless is a demuxer that never runs dry.
type endless struct{ p audio.Packet }

func (endless) Codec() audio.CodecInfo                    { return audio.CodecInfo{Name: "opus", Channels: 2} }
func (endless) Info() audio.Info                          { return audio.Info{} }
func (endless) Seek(time.Duration) (time.Duration, error) { return 0, audio.ErrNotSeekable }
func (e endless) ReadPacket() (audio.Packet, error)       { return e.p, nil }

func TestStallIsSeenAndCloseEndsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _ := pumped(t.Context(), stalling(100, 10))
		<-p.Ready()
		for range 10 {
			synctest.Wait()
			if _, ok := p.Take(); !ok {
				t.Fatal("no frame")
			}
		}
		time.Sleep(7 * time.Second)
		if _, ok := p.Take(); ok || p.Ended() {
			t.Fatal("a stalled stream has a frame, or has ended")
		}
		if s := p.Stats(); s.Waiting != 7*time.Second || s.Starved != 1 {
			t.Fatalf("%+v", s)
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
		if !p.Ended() || p.Err() != nil {
			t.Fatalf("after Close: ended %v, %v", p.Ended(), p.Err())
		}
		if err := p.Close(); err != nil {
			t.Fatal(err)
		}
	})
}

func TestStallThatPassesLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stalling(30, 10)
		p, _ := pumped(t.Context(), s)
		defer p.Close()
		n := 0
		for i := 0; !p.Ended(); i++ {
			synctest.Wait()
			if f, ok := p.Take(); ok {
				if f.Pos != int64(n)*frameSamples {
					t.Fatalf("frame %d is at %d", n, f.Pos)
				}
				n++
			} else if i == 20 {
				close(s.goOn)
			}
		}
		if n != 30 {
			t.Fatalf("%d frames", n)
		}
	})
}

func TestEndOfContextEndsThePump(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p, _ := pumped(ctx, stalling(100, 0))
		synctest.Wait()
		select {
		case <-p.Ready():
			t.Fatal("ready without a frame")
		default:
		}
		cancel()
		<-p.Ready()
		synctest.Wait()
		if !p.Ended() || p.Err() != nil {
			t.Fatalf("ended %v, %v", p.Ended(), p.Err())
		}
		p.Close()
	})
}

func TestPumpKeepsTheErrorForTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stalling(5, -1)
		s.end = audio.ErrTruncated
		p, _ := pumped(t.Context(), s)
		defer p.Close()
		for i := range 5 {
			synctest.Wait()
			if _, ok := p.Take(); !ok {
				t.Fatalf("no frame %d", i)
			}
			if err := p.Err(); err != nil && i < 2 {
				t.Fatalf("%v before the end is made", err)
			}
		}
		synctest.Wait()
		if !p.Ended() || !errors.Is(p.Err(), audio.ErrTruncated) {
			t.Fatalf("ended %v, %v", p.Ended(), p.Err())
		}
	})
}

func TestPumpThatFailsAtOnceIsReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stalling(0, -1)
		s.end = errors.New("gone")
		p, _ := pumped(t.Context(), s)
		defer p.Close()
		<-p.Ready()
		if !p.Ended() || !errors.Is(p.Err(), s.end) || errors.Is(p.Err(), io.EOF) {
			t.Fatalf("ended %v, %v", p.Ended(), p.Err())
		}
	})
}

func TestReadAheadGrowsForSmallPackets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := endless{audio.Packet{Data: []byte{28 << 3, 0}, Duration: 120}}
		a := newAhead(t.Context(), nil)
		a.deepen()
		a.horizon.wait = time.Second
		var wg sync.WaitGroup
		ctx, cancel := context.WithCancel(t.Context())
		a.ctx = ctx
		wg.Go(func() { a.read(d, nil) })
		synctest.Wait()
		if now, _, _, _ := a.held(); now.Packets != 4000 || now.Ahead != 10*time.Second {
			t.Fatalf("%+v", now)
		}
		for range 5000 {
			if _, err := a.ReadPacket(); err != nil {
				t.Fatal(err)
			}
		}
		cancel()
		wg.Wait()
	})
}

func BenchmarkPassthrough(b *testing.B) {
	p := audio.Packet{Data: make([]byte, 320), Duration: 960}
	p.Data[0] = 31<<3 | 4
	b.Run("stream", func(b *testing.B) {
		s := New(endless{p}, nothing{}, Options{})
		b.ReportAllocs()
		for b.Loop() {
			if _, err := s.Next(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("pump", func(b *testing.B) {
		pump := Start(b.Context(), New(endless{p}, nothing{}, Options{}))
		defer pump.Close()
		b.ReportAllocs()
		for b.Loop() {
			for {
				if _, ok := pump.Take(); ok {
					break
				}
			}
		}
	})
	b.Run("take", func(b *testing.B) {
		pump := &Pump{stream: New(endless{p}, nothing{}, Options{}), frames: make(chan audio.Frame, shallow), room: make(chan struct{}, 1)}
		pump.shown.Store(pump.stream) // as launch leaves one that nobody parked
		pump.control.gone.Store(true)
		b.ReportAllocs()
		for b.Loop() {
			pump.frames <- audio.Frame{Opus: p.Data}
			pump.Take()
		}
	})
}

func TestPassedFrameAllocatesNothing(t *testing.T) {
	p := audio.Packet{Data: make([]byte, 320), Duration: 960}
	p.Data[0] = 31<<3 | 4
	s := New(endless{p}, nothing{}, Options{})
	if n := testing.AllocsPerRun(1000, func() { _, _ = s.Next() }); n != 0 {
		t.Fatalf("%v allocations a frame", n)
	}
}
