package listener_test

import (
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"testing"
	"time"

	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

const (
	guild, channel = 100, 500000000000000001
	alice, bob     = 11, 22
	carol          = 33
)

type stage struct {
	*testing.T
	srv *voiceserver.Server
}

func newStage(t *testing.T, opt voiceserver.Options) *stage {
	t.Helper()
	noGoroutineLeft(t)
	srv, err := voiceserver.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return &stage{t, srv}
}

// noGoroutineLeft fails the test if more goroutines run after it than before.
func noGoroutineLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		for range 100 {
			if runtime.NumGoroutine() <= before {
				return
			}
			runtime.Gosched()
			time.Sleep(10 * time.Millisecond) // closing sockets is not ours to wait for
		}
		buf := make([]byte, 1<<16)
		t.Errorf("%d goroutines before, %d after:\n%s", before, runtime.NumGoroutine(), buf[:runtime.Stack(buf, true)])
	})
}

func (s *stage) limit() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
	s.Cleanup(cancel)
	return ctx
}

func (s *stage) call(user uint64) listener.Call {
	token := s.srv.Admit(voiceserver.Ticket{Guild: guild, Channel: channel, User: user, Session: "s"})
	return listener.Call{Endpoint: s.srv.Endpoint(), Token: token, SessionID: "s", Guild: guild, Channel: channel, User: user}
}

func (s *stage) joins(user uint64, opt listener.Options) *listener.Listener {
	s.Helper()
	opt.TLS = s.srv.ClientTLS()
	l, err := listener.Dial(s.limit(), s.call(user), opt)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = l.Close() })
	return l
}

// numbered makes n different packets that are easy to tell apart. They are not
// music.
func numbered(n int) [][]byte {
	frames := make([][]byte, n)
	for i := range frames {
		frames[i] = binary.BigEndian.AppendUint32([]byte{0xfc}, uint32(i))
		frames[i] = append(frames[i], strings.Repeat("x", i%200)...)
	}
	return frames
}

func (s *stage) heardAll(h listener.Heard, frames [][]byte) {
	s.Helper()
	if len(h.Packets) < len(frames) {
		s.Fatalf("heard %d packets of %d: %+v", len(h.Packets), len(frames), h.Counts)
	}
	for i, f := range frames {
		if string(h.Packets[i].Opus) != string(f) {
			s.Fatalf("packet %d differs: %x, said %x", i, h.Packets[i].Opus, f)
		}
	}
}

func (s *stage) noViolation() {
	s.Helper()
	for _, v := range s.srv.Violations() {
		s.Error(v)
	}
}

func TestTwoHearEachOtherByteForByte(t *testing.T) {
	for _, mode := range []string{listener.ModeAES256GCM, listener.ModeXChaCha20} {
		t.Run(mode, func(t *testing.T) {
			s := newStage(t, voiceserver.Options{})
			a := s.joins(alice, listener.Options{Mode: mode, PacketsOnly: true})
			b := s.joins(bob, listener.Options{PacketsOnly: true})
			for _, l := range []*listener.Listener{a, b} {
				if err := l.AwaitEpoch(s.limit(), 1); err != nil {
					t.Fatal(err)
				}
			}
			frames := numbered(40)
			spoken := make(chan error, 2)
			go func() { spoken <- a.Speak(s.limit(), frames) }()
			go func() { spoken <- b.Speak(s.limit(), frames) }()
			for range 2 {
				if err := <-spoken; err != nil {
					t.Fatal(err)
				}
			}
			for from, l := range map[uint64]*listener.Listener{bob: a, alice: b} {
				if err := l.AwaitPackets(s.limit(), from, len(frames)+5); err != nil {
					t.Fatal(err)
				}
				h := l.Heard(from)
				s.heardAll(h, frames)
				if !h.AllE2EE() || h.Undecryptable+h.Lost+h.Late != 0 || len(h.Gaps) != 0 {
					t.Errorf("heard %+v", h.Counts)
				}
			}
			s.noViolation()
		})
	}
}
