package bot

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/disgoorg/disgo/gateway"
	disgovoice "github.com/disgoorg/disgo/voice"
	"github.com/disgoorg/snowflake/v2"

	"segue/audio"
	"segue/audio/codec/opus"
	"segue/audio/pipeline"
	"segue/discordtest"
	"segue/music"
	"segue/player"
	"segue/store/storetest"
)

// A house is a whole bot in a guild of a Discord on loopback: real commands,
// real players, and voice connections that hear frames and send none.
type house struct {
	t     *testing.T
	d     *discordtest.Discord
	guild *discordtest.Guild
	bot   *Bot
	reg   *player.Registry
	voice *phones
	shelf *shelf
	store *storetest.Memory
	log   *logbook
	calls *switchboard
	stop  context.CancelFunc
	ended chan error
	hurry bool // the session waits for nothing
}

// build makes a house; change may alter its options before anybody moves in.
func build(t *testing.T, change ...func(h *house, o *Options)) *house {
	t.Helper()
	noLeak(t)
	h := &house{t: t, log: &logbook{}, calls: &switchboard{}, shelf: &shelf{}, store: &storetest.Memory{}, ended: make(chan error, 1)}
	h.d = discordtest.New(t, discordtest.Options{NoVoice: true, Middleware: h.calls.around})
	h.guild = h.d.Guild("den")
	h.voice = &phones{h: h, conns: map[music.GuildID]*phone{}}
	h.reg = player.NewRegistry(context.Background(), player.Options{
		Library: h.shelf, Voice: h.voice, Limit: 50,
		Pipeline: pipeline.Options{Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) }},
	})
	o := Options{
		Token: h.d.Token(), APIURL: h.d.APIURL(), Version: "test", Log: slog.New(h.log.handler()),
		Voice: h.voice, Players: h.reg, Resolver: h.shelf, Settings: h.store,
	}
	for _, f := range change {
		f(h, &o)
	}
	var err error
	if h.bot, err = New(o); err != nil {
		t.Fatal(err)
	}
	if h.hurry {
		h.bot.session.o.pause = (&diary{}).pause
	}
	return h
}

// live builds a house and waits until the bot is at home.
func live(t *testing.T, change ...func(h *house, o *Options)) *house {
	t.Helper()
	h := build(t, change...)
	h.start()
	select {
	case <-h.bot.Ready():
	case err := <-h.ended:
		t.Fatalf("Run ended: %v", err)
	case <-time.After(20 * time.Second):
		t.Fatal("never ready")
	}
	return h
}

func (h *house) start() {
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() { h.ended <- h.bot.Run(ctx) }()
	h.t.Cleanup(func() {
		stop()
		if _, ok := h.wait(); !ok {
			h.t.Error("Run did not end")
		}
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := h.reg.Close(end); err != nil {
			h.t.Errorf("players did not end: %v", err)
		}
	})
}

// wait gives what Run ended with; asking again gives the same.
func (h *house) wait() (error, bool) {
	select {
	case err := <-h.ended:
		h.ended <- err
		return err, true
	case <-time.After(15 * time.Second):
		return nil, false
	}
}

// alice is a person, in the voice channel if one is named.
func (h *house) alice(channel ...string) *discordtest.Member { return h.person("alice", channel...) }

func (h *house) person(name string, channel ...string) *discordtest.Member {
	h.t.Helper()
	m := h.guild.Member(name)
	for _, c := range channel {
		h.guild.Voice(c)
		h.settle()
		_ = m.Joins(c)
		h.settle()
	}
	return m
}

// settle waits until the bot has seen everything that happened so far.
func (h *house) settle() {
	h.t.Helper()
	h.guild.Text("general") // exists: no event
	mark := h.guild.Text(fmt.Sprintf("mark-%d", time.Now().UnixNano()))
	h.until("the bot sees what happened", func() bool {
		_, ok := h.bot.client.Caches.Channel(snowflake.ID(mark.ID()))
		return ok
	})
	mark.Deleted()
}

// until waits for something that another goroutine brings about.
func (h *house) until(what string, f func() bool) {
	h.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !f() {
		select {
		case <-tick.C:
		case <-deadline:
			h.t.Fatalf("waited in vain: %s\n%s", what, h.log.text())
		}
	}
}

// asks types a command and gives the reply.
func (h *house) asks(m *discordtest.Member, command string, options ...any) *discordtest.Reply {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	r, err := m.Types(command, options...).Reply(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if r.Ack > time.Second {
		h.t.Errorf("%s: first sign of life after %v", command, r.Ack)
	}
	return r
}

// says types a command and wants a public answer with these words.
func (h *house) says(m *discordtest.Member, want string, command string, options ...any) *discordtest.Reply {
	h.t.Helper()
	r := h.asks(m, command, options...)
	if r.Ephemeral || r.Deleted {
		h.t.Errorf("%s %v: want a public answer, got %q (deleted %v)", command, options, r.Text(), r.Deleted)
	}
	if !strings.Contains(r.Text(), want) {
		h.t.Errorf("%s %v: got %q, want %q in it", command, options, r.Text(), want)
	}
	return r
}

// refuses types a command and wants an answer for the person alone, at once.
func (h *house) refuses(m *discordtest.Member, want string, command string, options ...any) {
	h.t.Helper()
	r := h.asks(m, command, options...)
	if !r.Ephemeral || r.Deferred {
		h.t.Errorf("%s %v: want an ephemeral answer at once, got %+v", command, options, r)
	}
	if !strings.Contains(r.Text(), want) {
		h.t.Errorf("%s %v: got %q, want %q in it", command, options, r.Text(), want)
	}
}

// regrets types a command that is deferred and fails: nothing public stays, and
// the person alone reads why.
func (h *house) regrets(m *discordtest.Member, want string, command string, options ...any) {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 10*time.Second)
	defer cancel()
	ix := m.Types(command, options...)
	r, err := ix.Reply(ctx)
	if err != nil {
		h.t.Fatal(err)
	}
	if !r.Deferred || !r.Deleted {
		h.t.Errorf("%s %v: the deferred reply stayed: %q", command, options, r.Text())
	}
	h.until("a follow-up", func() bool { return len(ix.Followups()) > 0 })
	f := ix.Followups()[0]
	if !f.Ephemeral || !strings.Contains(f.Text(), want) {
		h.t.Errorf("%s %v: got %q (ephemeral %v), want %q", command, options, f.Text(), f.Ephemeral, want)
	}
}

func (h *house) id() music.GuildID { return music.GuildID(h.guild.ID()) }

// A shelf resolves and opens tracks: what was asked for is its title.
type shelf struct {
	mu    sync.Mutex
	gate  chan struct{} // resolving waits for it, if set
	asked []music.Query
}

func (s *shelf) hold() (release func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate = make(chan struct{})
	return sync.OnceFunc(func() { close(s.gate) })
}

func tune(title string) music.Track {
	return music.Track{ID: music.TrackID("shelf:" + title), Source: "shelf", Title: title, Duration: time.Minute}
}

// Resolve knows some words that mean trouble.
func (s *shelf) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	s.mu.Lock()
	gate := s.gate
	s.asked = append(s.asked, q)
	s.mu.Unlock()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return music.Result{}, ctx.Err()
		}
	}
	if q.Attachment != nil {
		return music.Result{Tracks: []music.Track{tune(q.Attachment.Filename)}}, nil
	}
	var n int
	switch {
	case q.Text == "nothing":
		return music.Result{}, nil
	case q.Text == "private":
		return music.Result{}, &music.Error{Kind: music.Forbidden, Code: "url.private", Args: []any{"10.0.0.1"}}
	case q.Text == "bug":
		return music.Result{}, errors.New("a bug nobody foresaw")
	case q.Text == "panic":
		panic("a worse bug")
	case q.Text == "late":
		return music.Result{}, context.DeadlineExceeded
	case q.Text == "live":
		return music.Result{Tracks: []music.Track{{ID: "shelf:live", Source: "shelf", Title: "Radio", Live: true}}}, nil
	}
	if _, err := fmt.Sscanf(q.Text, "list of %d", &n); err == nil {
		r := music.Result{Playlist: "Best of"}
		for i := range n {
			r.Tracks = append(r.Tracks, tune(fmt.Sprintf("Tune %d", i+1)))
		}
		return r, nil
	}
	return music.Result{Tracks: []music.Track{tune(q.Text), tune("second best")}}, nil
}

// Open gives a minute of silence, or not.
func (s *shelf) Open(_ context.Context, t music.Track) (*audio.Media, error) {
	if strings.HasPrefix(t.Title, "broken") {
		return nil, &music.Error{Kind: music.Unplayable, Code: "track.malformed"}
	}
	const seconds = 60
	size := uint32(seconds * audio.SampleRate * 4)
	var b bytes.Buffer
	b.WriteString("RIFF")
	_ = binary.Write(&b, binary.LittleEndian, 36+size)
	b.WriteString("WAVEfmt ")
	_ = binary.Write(&b, binary.LittleEndian, []uint32{16, 2<<16 | 1, audio.SampleRate, audio.SampleRate * 4, 16<<16 | 4})
	b.WriteString("data")
	_ = binary.Write(&b, binary.LittleEndian, size)
	r := bytes.NewReader(append(b.Bytes(), make([]byte, size)...))
	return &audio.Media{ReadCloser: io.NopCloser(r), Seeker: r, Ext: "wav"}, nil
}

// phones joins voice channels as Discord sees them, and takes frames.
type phones struct {
	h      *house
	mu     sync.Mutex
	conns  map[music.GuildID]*phone
	refuse error // joining ends with this
	closed bool  // by the bot
}

type phone struct {
	of      *phones
	guild   music.GuildID
	done    chan struct{}
	there   chan struct{} // closed when Discord says we are in
	once    sync.Once
	mu      sync.Mutex
	channel music.ChannelID
	frames  audio.Frames
	err     error
	over    bool
	work    sync.WaitGroup
}

// Join puts the bot into the channel and hears what it plays.
func (v *phones) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (player.Conn, error) {
	v.mu.Lock()
	refuse := v.refuse
	v.mu.Unlock()
	if refuse != nil {
		return nil, refuse
	}
	p := &phone{of: v, guild: g, channel: c, done: make(chan struct{}), there: make(chan struct{})}
	v.mu.Lock()
	v.conns[g] = p
	v.mu.Unlock()
	if err := v.h.bot.UpdateVoiceState(ctx, g, c); err != nil {
		return nil, err
	}
	select {
	case <-p.there:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	p.work.Go(p.listen)
	return p, nil
}

// listen takes a frame every 20 ms.
func (p *phone) listen() {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.done:
			return
		case <-tick.C:
		}
		p.mu.Lock()
		f := p.frames
		p.mu.Unlock()
		if f != nil {
			f.Take()
		}
	}
}

func (p *phone) Play(f audio.Frames)   { p.mu.Lock(); defer p.mu.Unlock(); p.frames = f }
func (p *phone) Done() <-chan struct{} { return p.done }
func (p *phone) Err() error            { p.mu.Lock(); defer p.mu.Unlock(); return p.err }

func (p *phone) Channel() music.ChannelID { p.mu.Lock(); defer p.mu.Unlock(); return p.channel }

func (p *phone) end(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.over, p.err = true, err
		close(p.done)
	}
}

func (p *phone) Close(ctx context.Context) error {
	p.end(nil)
	p.work.Wait()
	return p.of.h.bot.UpdateVoiceState(ctx, p.guild, 0)
}

// HandleVoiceStateUpdate follows where Discord says the bot is.
func (v *phones) HandleVoiceStateUpdate(e gateway.EventVoiceStateUpdate) {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.conns[music.GuildID(e.GuildID)]
	if p == nil {
		return
	}
	if e.ChannelID == nil {
		delete(v.conns, p.guild)
		p.end(&music.Error{Kind: music.Forbidden, Code: "voice.kicked"})
		return
	}
	p.once.Do(func() { close(p.there) })
	p.mu.Lock()
	defer p.mu.Unlock()
	p.channel = music.ChannelID(*e.ChannelID)
}

func (v *phones) HandleVoiceServerUpdate(gateway.EventVoiceServerUpdate) {}
func (v *phones) CreateConn(snowflake.ID) disgovoice.Conn                { return nil }
func (v *phones) GetConn(snowflake.ID) disgovoice.Conn                   { return nil }
func (v *phones) Conns() iter.Seq[disgovoice.Conn]                       { return func(func(disgovoice.Conn) bool) {} }
func (v *phones) RemoveConn(snowflake.ID)                                {}

// Close leaves every channel.
func (v *phones) Close(ctx context.Context) {
	v.mu.Lock()
	v.closed = true
	var all []*phone
	for _, p := range v.conns {
		all = append(all, p)
	}
	v.mu.Unlock()
	for _, p := range all {
		_ = p.Close(ctx)
	}
}

// A switchboard counts REST calls.
type switchboard struct {
	mu   sync.Mutex
	seen []string
}

func (s *switchboard) around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		s.mu.Unlock()
		next.ServeHTTP(w, r)
	})
}

// count is how many calls had this method and a path with part in it.
func (s *switchboard) count(method, part string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.seen {
		if strings.HasPrefix(c, method+" ") && strings.Contains(c, part) {
			n++
		}
	}
	return n
}

// A logbook keeps what was logged.
type logbook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logbook) handler() slog.Handler {
	return slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logbook) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
