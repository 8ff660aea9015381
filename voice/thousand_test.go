//go:build unix

package voice

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// startSink gives the sink's port, and what ends it and tells its count.
func startSink(b *testing.B) (port int, stop func() int) {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sinkEnv+"=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	r := bufio.NewReader(out)
	if _, err := fmt.Fscanln(r, &port); err != nil {
		b.Fatal(err)
	}
	return port, func() int {
		_ = in.Close()
		n := 0
		_, _ = fmt.Fscanln(r, &n)
		_ = cmd.Wait()
		return n
	}
}

// timed is a sender that notes how far from 20 ms its ticks are apart.
type timed struct {
	*sender
	last time.Time
	off  []time.Duration
}

func (t *timed) tick(b beat) {
	now := time.Now()
	if !t.last.IsZero() && len(t.off) < cap(t.off) {
		t.off = append(t.off, (now.Sub(t.last) - tickEvery).Abs())
	}
	t.last = now
	t.sender.tick(b)
}

// each is the way not taken: a goroutine and a ticker for every call.
func each(calls []*timed) (stop func()) {
	end := make(chan struct{})
	var wg sync.WaitGroup
	for _, c := range calls {
		wg.Go(func() {
			beats := time.NewTicker(tickEvery)
			defer beats.Stop()
			for {
				select {
				case <-end:
					return
				case <-beats.C:
					c.tick(beat{steps: 1})
				}
			}
		})
		time.Sleep(tickEvery / time.Duration(len(calls))) // as calls begin: not all at once
	}
	return func() { close(end); wg.Wait() }
}

func shared(calls []*timed) (stop func()) {
	p := NewPacer()
	for _, c := range calls {
		p.join(c)
	}
	return p.Close
}

// BenchmarkThousandCalls sends from 1,000 calls, each with its socket, its DAVE
// session and its transport key, to a sink on loopback, for ten seconds or
// -benchtime.
func BenchmarkThousandCalls(b *testing.B) {
	for name, pace := range map[string]func([]*timed) func(){"shared": shared, "each": each} {
		b.Run(name, func(b *testing.B) { thousand(b, pace) })
	}
}

func thousand(b *testing.B, pace func([]*timed) func()) {
	const n, lasts = 1000, 10 * time.Second
	port, stopSink := startSink(b)
	var st counters
	calls := make([]*timed, n)
	for i := range calls {
		sock, err := dialUDP(b.Context(), "127.0.0.1", port, &st)
		if err != nil {
			b.Fatal(err)
		}
		defer sock.close()
		seal, err := newSealer(modeAES, [32]byte{byte(i), byte(i >> 8)}, uint32(i))
		if err != nil {
			b.Fatal(err)
		}
		s := newSender(&st)
		p := &path{seal: seal, sock: sock, e2ee: sealing{alone(b)}}
		s.attach(p)
		s.told(p, true)
		s.play(same{make([]byte, benchFrame)})
		calls[i] = &timed{sender: s, off: make([]time.Duration, 0, 2*lasts/tickEvery)}
	}
	for b.Loop() {
		st.sent.Store(0)
		runtime.GC()
		before, mem := usage(b), allocated()
		began := time.Now()
		stop := pace(calls)
		time.Sleep(lasts)
		routines := runtime.NumGoroutine()
		stop()
		took, cpu, allocs := time.Since(began), usage(b)-before, allocated()-mem
		sent := float64(st.sent.Load())
		var off []time.Duration
		for _, c := range calls {
			off = append(off, c.off...)
		}
		slices.Sort(off)
		b.ReportMetric(100*cpu.Seconds()/took.Seconds(), "%cpu")
		b.ReportMetric(float64(cpu.Microseconds())/sent, "µs/packet")
		b.ReportMetric(float64(allocs)/sent, "allocs/packet")
		b.ReportMetric(float64(routines), "goroutines")
		b.ReportMetric(float64(off[len(off)/2].Microseconds()), "µs-off-p50")
		b.ReportMetric(float64(off[len(off)*99/100].Microseconds()), "µs-off-p99")
		b.ReportMetric(100*sent/(n*took.Seconds()*50), "%sent")
	}
	b.ReportMetric(0, "ns/op")
	if got := stopSink(); got == 0 {
		b.Error("nothing arrived")
	}
}

func usage(b *testing.B) time.Duration {
	b.Helper()
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Mallocs
}
