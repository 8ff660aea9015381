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
	"time"

	"github.com/disgoorg/disgo/gateway"
	disgovoice "github.com/disgoorg/disgo/voice"
	"github.com/disgoorg/snowflake/v2"

	"segue/audio"
	"segue/music"
	"segue/player"
)

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
