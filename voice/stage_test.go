package voice

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/audio"
	"segue/discordtest/voiceserver"
	"segue/music"
)

const (
	den    = music.GuildID(100)
	lounge = music.ChannelID(500000000000000001)
	attic  = music.ChannelID(500000000000000002)
	bot    = music.UserID(11)
	alice  = music.UserID(22)
)

// TestMain fails the whole if anything is left of what the tests started.
func TestMain(m *testing.M) {
	if os.Getenv(sinkEnv) != "" {
		sink()
		return
	}
	_ = flag.Set("test.parallel", "8") // tests wait for frames most of the time; -parallel overrides
	if c, err := net.Listen("tcp", "127.0.0.1:0"); err == nil {
		_ = c.Close() // the runtime's poller has its descriptors now
	}
	goroutines, files := runtime.NumGoroutine(), descriptors()
	code := m.Run()
	if flag.Lookup("test.fuzz").Value.String() != "" {
		os.Exit(code) // the fuzzing engine keeps a goroutine for signals
	}
	if left := leftovers(goroutines, files); code == 0 && left != "" {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

// stage is a voice server, and a client's options that trust it.
type stage struct {
	*testing.T
	srv  *voiceserver.Server
	opts Options
}

func newStage(t *testing.T, opt voiceserver.Options, forgiven ...string) *stage {
	t.Helper()
	s := &stage{T: t, srv: newServer(t, opt, forgiven...)}
	s.opts.TLS = s.srv.ClientTLS()
	if os.Getenv("VOICE_TEST_LOG") != "" {
		s.opts.Log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	return s
}

// newServer starts a voice server and holds its client to the protocol: only
// violations that contain one of forgiven are.
func newServer(t *testing.T, opt voiceserver.Options, forgiven ...string) *voiceserver.Server {
	t.Helper()
	srv, err := voiceserver.New(opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := srv.Close(); err != nil {
			t.Error(err)
		}
		for _, v := range srv.Violations() {
			if !slices.ContainsFunc(forgiven, func(f string) bool { return strings.Contains(v, f) }) {
				t.Errorf("violation: %s", v)
			}
		}
	})
	return srv
}

// nothingLeft fails a test that does not run beside others if goroutines or
// descriptors are left after it. TestMain does so for all.
func nothingLeft(t *testing.T) {
	t.Helper()
	goroutines, files := runtime.NumGoroutine(), descriptors()
	t.Cleanup(func() {
		if left := leftovers(goroutines, files); left != "" {
			t.Error(left)
		}
	})
}

// leftovers says what there is more of than before, if it does not go away.
func leftovers(goroutines, files int) string {
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); {
		if runtime.NumGoroutine() <= goroutines && descriptors() <= files {
			return ""
		}
		time.Sleep(5 * time.Millisecond) // closing sockets is the kernel's
	}
	buf := make([]byte, 1<<18)
	return fmt.Sprintf("%d goroutines before, %d after; %d descriptors before, %d after\n%s",
		goroutines, runtime.NumGoroutine(), files, descriptors(), buf[:runtime.Stack(buf, true)])
}

// descriptors is how many files are open, or 0 where the system does not tell.
func descriptors() int {
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(list)
}

func (s *stage) limit() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	s.Cleanup(cancel)
	return ctx
}

func (s *stage) room() *voiceserver.Channel {
	return s.srv.Channel(uint64(den), uint64(lounge))
}

func (s *stage) call(u music.UserID) Call {
	session := "session-" + u.String()
	token := s.srv.Admit(voiceserver.Ticket{Guild: uint64(den), Channel: uint64(lounge), User: uint64(u), Session: session})
	return Call{Endpoint: s.srv.Endpoint(), Token: token, SessionID: session, Guild: den, Channel: lounge, User: u}
}

func (s *stage) dial(u music.UserID) *Conn {
	s.Helper()
	c, err := Dial(s.limit(), s.call(u), s.opts)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			s.Error(err)
		}
	})
	return c
}

// until waits for the channel to be as wanted.
func (s *stage) until(what string, want func(voiceserver.State) bool) voiceserver.State {
	s.Helper()
	if err := s.room().Await(s.limit(), want); err != nil {
		s.Fatalf("%s: %v", what, err)
	}
	return s.room().State()
}

// heard waits until n more frames of u have come through, end-to-end encrypted.
func (s *stage) heard(u music.UserID, n int) {
	s.Helper()
	was := s.room().State().Member(uint64(u)).E2EE
	s.until("frames", func(st voiceserver.State) bool { return st.Member(uint64(u)).E2EE >= was+n })
}

// A tape hands out numbered frames, as many as it has; below 0 it never ends.
type tape struct {
	mu    sync.Mutex
	left  int
	size  int
	taken uint32
	empty chan struct{} // closed when the last frame has been taken
}

func newTape(frames, size int) *tape {
	return &tape{left: frames, size: size, empty: make(chan struct{})}
}

func (t *tape) Take() (audio.Frame, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.left == 0 {
		return audio.Frame{}, false
	}
	t.taken++
	b := make([]byte, t.size)
	b[0] = 0xfc
	binary.BigEndian.PutUint32(b[1:], t.taken)
	if t.left--; t.left == 0 {
		close(t.empty)
	}
	return audio.Frame{Opus: b}, true
}

func (t *tape) more(frames int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left, t.empty = t.left+frames, make(chan struct{})
}

func (t *tape) count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int(t.taken)
}

// media records what one user sends, as the server opened it.
type media struct {
	mu   sync.Mutex
	list []voiceserver.Media
}

func (s *stage) record() *media {
	m := &media{}
	s.room().OnMedia(func(x voiceserver.Media) {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.list = append(m.list, x)
	})
	return m
}

func (m *media) of(u music.UserID) []voiceserver.Media {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []voiceserver.Media
	for _, x := range m.list {
		if x.User == uint64(u) {
			out = append(out, x)
		}
	}
	return out
}
