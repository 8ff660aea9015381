package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/container/ogg"
	"segue/audio/container/wav"
	"segue/discordtest"
	"segue/discordtest/listener"
	"segue/discordtest/openapi"
)

// patience bounds every wait of a test; nothing here takes half of it, however busy the machine.
const patience = time.Minute

// description is Discord's own of its REST API, loaded once.
var description = sync.OnceValues(func() (*openapi.Checker, error) {
	return openapi.Load(filepath.Join(testData(), "discord-openapi.json"))
})

func testData() string {
	if dir := os.Getenv("SEGUE_TEST_DATA"); dir != "" {
		return dir
	}
	return filepath.Join("..", "shared", "data")
}

// A stage is a Discord on loopback with a guild, a person in its voice channel,
// and the real program, once it starts.
type stage struct {
	testing.TB
	d     *discordtest.Discord
	den   *discordtest.Guild
	alice *discordtest.Member
	cfg   Config
	log   *safeBuffer
	app   *app
	stop  context.CancelFunc
	ended chan error
}

// newStage sets the scene. All REST traffic is held against Discord's own
// description where that is at hand.
func newStage(t testing.TB, opts ...discordtest.Options) *stage {
	t.Helper()
	o := discordtest.Options{}
	if len(opts) > 0 {
		o = opts[0]
	}
	check, err := description()
	switch {
	case err == nil:
		o.Middleware = check.Middleware
		check.Watch(t)
	case os.Getenv("CI") == "true":
		t.Fatalf("Discord's API description is missing: %v", err)
	default:
		t.Logf("SKIPPED: REST traffic is not held against Discord's description: %v", err)
	}
	s := &stage{TB: t, d: discordtest.New(t, o), log: &safeBuffer{}}
	s.den = s.d.Guild("den")
	s.den.Voice("Lounge")
	s.alice = s.den.Member("alice")
	cfg, err := loadConfig(settings{Data: filepath.Join(t.TempDir(), "data"), MusicDir: t.TempDir(), LogLevel: "debug"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Token, cfg.APIURL = s.d.Token(), s.d.APIURL()
	s.cfg = cfg
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

func (s *stage) tls() *tls.Config {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.d.CAPEM())
	return &tls.Config{RootCAs: roots}
}

func (s *stage) world() world {
	return world{env: map[string]string{}, stdin: strings.NewReader(""), stdout: s.log, stderr: s.log}
}

// starts runs the real program until the test ends and waits until it is ready.
func (s *stage) starts() {
	s.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(s.Context()))
	ready := make(chan *app, 1)
	ended := make(chan error, 1)
	go func() {
		ended <- runBot(ctx, s.world(), s.cfg, hooks{tls: s.tls(), ready: func(a *app) { ready <- a }})
	}()
	s.stop, s.ended = stop, ended
	s.Cleanup(s.ends)
	select {
	case s.app = <-ready:
	case err := <-ended:
		ended <- err
		s.Fatalf("the program ended before it was ready: %v", err)
	case <-time.After(patience):
		s.Fatal("the program did not get ready")
	}
}

// ends stops the program and waits for it; once is enough.
func (s *stage) ends() {
	s.Helper()
	if s.stop == nil {
		return
	}
	s.stop()
	s.stop = nil
	select {
	case err := <-s.ended:
		if err != nil {
			s.Errorf("the program ended with: %v", err)
		}
	case <-time.After(patience):
		s.Error("the program did not end")
	}
}

func (s *stage) soon() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.Cleanup(cancel)
	return ctx
}

// listens has alice join Lounge with ears.
func (s *stage) listens() *listener.Listener {
	s.Helper()
	if err := s.alice.Joins("Lounge"); err != nil {
		s.Fatal(err)
	}
	ears, err := s.ears(s.soon())
	if err != nil {
		s.Fatal(err)
	}
	return ears
}

// ears listens in the call alice is in. She keeps packets and decodes none: a test
// decodes what it wants to know more of, so that many can listen side by side.
func (s *stage) ears(ctx context.Context) (*listener.Listener, error) {
	return s.alice.Listener(ctx, listener.Options{PacketsOnly: true})
}

// asks has alice type a command and gives what she can read in the end: a
// refusal comes as a message to her alone, in place of the answer.
func (s *stage) asks(command string, options ...any) *discordtest.Reply {
	s.Helper()
	ix := s.alice.Types(command, options...)
	r, err := ix.Reply(s.soon())
	if err != nil {
		s.Fatalf("%s: %v", command, err)
	}
	if r.Deleted {
		s.until("the message in place of the answer", func() bool { return len(ix.Followups()) > 0 })
		r.Message = ix.Followups()[0]
	}
	return r
}

func (s *stage) bot() uint64 { return uint64(s.d.Bot().ID()) }

// hears waits until alice has heard n packets of music of the bot in all, silence
// not counted: on a busy machine there may be some of it in between.
func (s *stage) hears(ears *listener.Listener, n int) {
	s.Helper()
	for ctx := s.soon(); ; {
		c := ears.Counts(s.bot())
		missing := n - c.E2EE - c.Plain
		if missing <= 0 {
			return
		}
		if err := ears.AwaitPackets(ctx, s.bot(), c.Packets+missing); err != nil {
			s.Fatalf("alice heard %d packets of music, not %d: %v", n-missing, n, err)
		}
	}
}

// put writes a file into the music folder.
func (s *stage) put(name string, content []byte) {
	s.Helper()
	if err := os.WriteFile(filepath.Join(s.cfg.MusicDir, name), content, 0o600); err != nil {
		s.Fatal(err)
	}
}

// melody is n frames of two tones and their beat, different for each seed.
func melody(n int, seed float64) []float32 {
	pcm := make([]float32, n*audio.FrameSamples*audio.Channels)
	for i := range len(pcm) / 2 {
		at := float64(i) / audio.SampleRate
		swell := 0.6 + 0.4*math.Sin(2*math.Pi*(0.7+seed/10)*at)
		pcm[2*i] = float32(0.3 * swell * math.Sin(2*math.Pi*(220+40*seed)*at))
		pcm[2*i+1] = float32(0.3 * swell * math.Sin(2*math.Pi*(331+30*seed)*at))
	}
	return pcm
}

// song is Ogg Opus of n frames, and its packets.
func song(t testing.TB, n int, seed float64) (file []byte, packets [][]byte) {
	t.Helper()
	enc, err := opus.NewEncoder(opus.EncoderOptions{Complexity: 3})
	if err != nil {
		t.Fatal(err)
	}
	pcm := melody(n, seed)
	for i := range n {
		p, err := enc.Encode(nil, pcm[i*1920:(i+1)*1920])
		if err != nil {
			t.Fatal(err)
		}
		packets = append(packets, p)
	}
	return inOgg(t, packets, enc.Lookahead(), seed), packets
}

// loop is Ogg Opus of n frames for tests that ask no more than which music is
// playing: after two seconds its packets come again. A minute of song is dear to encode.
func loop(t testing.TB, n int, seed float64) (file []byte, packets [][]byte) {
	t.Helper()
	_, packets = song(t, 100, seed)
	return inOgg(t, slices.Repeat(packets, (n+99)/100)[:n], 312, seed), packets
}

// inOgg writes packets of 20 ms to a file.
func inOgg(t testing.TB, packets [][]byte, preSkip int, seed float64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := ogg.NewWriter(&out, ogg.Head{Channels: 2, InputRate: audio.SampleRate, PreSkip: preSkip}, []string{fmt.Sprintf("TITLE=Song %g", seed)})
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range packets {
		if err := w.WritePacket(p, int64(i+1)*audio.FrameSamples); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(int64(len(packets)) * audio.FrameSamples); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// wave is a WAV file of pcm.
func wave(t testing.TB, pcm []float32) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := wav.NewWriter(&out, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// safeBuffer may be written and read at once.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

var _ io.Writer = (*safeBuffer)(nil)
