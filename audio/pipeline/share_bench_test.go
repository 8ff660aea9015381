//go:build unix

package pipeline

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"syscall"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/effect"
	"segue/testdata"
)

// A station sends the same file over and over, as fast as somebody listens.
func station(t testing.TB, file []byte, mime string) (open func(context.Context) (*audio.Media, error)) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mime)
		for {
			if _, err := w.Write(file); err != nil {
				return
			}
		}
	}))
	t.Cleanup(srv.Close)
	return func(ctx context.Context) (*audio.Media, error) {
		res, err := http.Get(srv.URL)
		if err != nil {
			return nil, err
		}
		return &audio.Media{ReadCloser: res.Body, MIME: mime, Size: -1, Live: true}, nil
	}
}

// A taker is what frames are taken from.
type taker interface {
	Take() (audio.Frame, bool)
	Ready() <-chan struct{}
	Err() error
}

// spent is the CPU time of this process.
func spent() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// listening is the CPU time of one tick of all of them, each taking a frame.
func listening[T taker](t testing.TB, all []T, ticks int) time.Duration {
	for _, p := range all {
		<-p.Ready()
	}
	var began time.Duration
	for i := range ticks + 20 {
		if i == 20 {
			runtime.GC()
			began = spent()
		}
		// The pumps are given their time: a tick takes a thirtieth of its own.
		time.Sleep(600 * time.Microsecond)
		for _, p := range all {
			for {
				if _, ok := p.Take(); ok {
					break
				}
				if err := p.Err(); err != nil {
					t.Fatal(err)
				}
				time.Sleep(100 * time.Microsecond)
			}
		}
	}
	return (spent() - began) / time.Duration(ticks)
}

// BenchmarkStation is what it costs that 100 players hear one station, an MP3 over
// loopback, at 80 %: in terms of one such player and 100 of which each passes packets
// of its own. A player is a pump of which frames are taken; what sends them is alike.
func BenchmarkStation(b *testing.B) {
	listeners(b, station(b, mp3(b), "audio/mpeg"))
}

// BenchmarkTrack is the same of a track that all begin together.
func BenchmarkTrack(b *testing.B) {
	file := mp3(b)
	listeners(b, func(context.Context) (*audio.Media, error) {
		r := bytes.NewReader(file)
		return &audio.Media{ReadCloser: io.NopCloser(r), Seeker: r, MIME: "audio/mpeg", Size: r.Size()}, nil
	})
}

func mp3(b *testing.B) []byte { return made(b, 30*audio.SampleRate, "lame --quiet -b 128 IN OUT") }

func listeners(b *testing.B, open func(context.Context) (*audio.Media, error)) {
	const players, ticks = 100, 1000
	o := Options{
		Encoder:  func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{Bitrate: 128000}) },
		Settings: effect.Settings{Volume: effect.Percent(80)},
	}
	song := bundled(b, testdata.Lantern)
	var one, pass, shared time.Duration
	least := func(a *time.Duration, d time.Duration) {
		if *a == 0 || d < *a {
			*a = d
		}
	}
	for b.Loop() {
		least(&one, func() time.Duration {
			m, err := open(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			s, err := Open(m, o)
			if err != nil {
				b.Fatal(err)
			}
			p := Start(b.Context(), s)
			defer p.Close()
			return listening(b, []*Pump{p}, ticks)
		}())
		least(&pass, func() time.Duration {
			pumps := make([]*Pump, players)
			for i := range pumps {
				s, err := Open(&audio.Media{ReadCloser: looped(song), Size: -1}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				pumps[i] = Start(b.Context(), s)
				defer pumps[i].Close()
			}
			return listening(b, pumps, ticks)
		}())
		least(&shared, func() time.Duration {
			h := NewHub(b.Context())
			members := make([]*Member, players)
			for i := range members {
				m, err := h.Join(b.Context(), b.Context(), Ask{Key: "x", Open: open, Options: o})
				if err != nil {
					b.Fatal(err)
				}
				members[i] = m
				defer m.Close()
			}
			return listening(b, members, ticks)
		}())
	}
	b.ReportMetric(float64(one.Microseconds()), "µs/tick-one")
	b.ReportMetric(float64(pass.Microseconds()), "µs/tick-passing")
	b.ReportMetric(float64(shared.Microseconds()), "µs/tick-shared")
	b.ReportMetric(float64(shared)/float64(one+pass), "ratio")
}

// looped is a file that begins again at its end: an Ogg chain.
func looped(file []byte) *loop { return &loop{file: file, r: bytes.NewReader(file)} }

type loop struct {
	file []byte
	r    *bytes.Reader
}

func (l *loop) Read(p []byte) (int, error) {
	if l.r.Len() == 0 {
		l.r.Reset(l.file)
	}
	return l.r.Read(p)
}

func (*loop) Close() error { return nil }
