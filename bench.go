package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"time"

	"segue/audio"
	"segue/discordtest/voiceserver"
	"segue/music"
	"segue/player"
	"segue/testdata"
	"segue/voice"
)

type benchCommand struct {
	Guilds  int    `default:"100" help:"How many players at once."`
	Mode    string `default:"passthrough" enum:"passthrough,transcode" help:"How the music gets there: ${enum}."`
	Seconds int    `default:"10" help:"How long to measure."`
	Steady  bool   `help:"Encode at full complexity whatever the load."`
	JSON    bool   `help:"Print one JSON object."`
	Sink    bool   `hidden:"" help:"Be the other process: the voice server that is played to."`
}

// benched is what bench prints. CPU and memory are this process's, which holds
// the players; the voice server is another process.
type benched struct {
	Guilds         int     `json:"guilds"`
	Mode           string  `json:"mode"`
	Seconds        float64 `json:"seconds"`
	CPUPercent     float64 `json:"cpu_percent_of_one_core"`
	CPUPerMinute   float64 `json:"cpu_seconds_per_audio_minute"`
	Sent           int64   `json:"frames_sent"`
	Nulled         uint64  `json:"frames_nulled"`
	Late           int64   `json:"ticks_late"`
	LateP99        int     `json:"tick_lateness_p99_ms"`   // whole milliseconds, rounded down
	LateWorst      int     `json:"tick_lateness_worst_ms"` // likewise; 63 is 63 or more
	Complexity     int     `json:"complexity"`             // of encoding, at the end
	AllocsPerFrame float64 `json:"allocations_per_frame"`
	HeapBefore     uint64  `json:"heap_bytes_before"`
	HeapAfter      uint64  `json:"heap_bytes_after"`
	GoroutinesFrom int     `json:"goroutines_before"`
	GoroutinesTo   int     `json:"goroutines_after"`
	HeapPerPlayer  int64   `json:"heap_bytes_per_player"`   // live at the end, packets and all; less what was live before the first
	Packets        int64   `json:"packet_bytes_per_player"` // of these: packets of the track that plays, read ahead
	Stacks         uint64  `json:"stack_bytes"`             // at the end, of all goroutines
	RSS            int64   `json:"peak_rss_bytes"`
	Arrived        int     `json:"packets_at_the_sink"`
	Sealed         int     `json:"packets_end_to_end_encrypted"`
}

// sinkHello is what the sink says first: where it is and who may come.
type sinkHello struct {
	Endpoint string   `json:"endpoint"`
	CA       []byte   `json:"ca"`
	Tokens   []string `json:"tokens"`
}

// sinkBye is what it says last: what arrived.
type sinkBye struct {
	Packets, E2EE int
	Violations    []string
}

const benchUser, benchSession = 7, "bench"

// Run measures players that play bundled music to a voice server on loopback.
func (c benchCommand) Run(ctx context.Context, w world, s settings) error {
	if c.Sink {
		return c.sink(w)
	}
	if c.Guilds < 1 {
		fmt.Fprintf(w.stderr, "segue: --guilds %d: it must be at least 1\n", c.Guilds)
		return exit{exitUsage}
	}
	cfg, err := configured(w, s)
	if err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	// The sink has a process of its own so that its work is not counted as ours.
	child := exec.CommandContext(ctx, self, "bench", "--sink", "--guilds", fmt.Sprint(c.Guilds))
	child.Stderr = w.stderr
	stdin, err := child.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		return err
	}
	if err := child.Start(); err != nil {
		return err
	}
	from := json.NewDecoder(bufio.NewReader(stdout))
	var hello sinkHello
	if err := from.Decode(&hello); err != nil {
		return errors.Join(fmt.Errorf("the sink did not start: %w", err), child.Wait())
	}
	result, err := c.measure(ctx, w, cfg, hello)
	var bye sinkBye
	err = errors.Join(err, stdin.Close(), from.Decode(&bye), child.Wait())
	if err != nil {
		return err
	}
	for _, v := range bye.Violations {
		fmt.Fprintln(w.stderr, "the voice server objects:", v)
	}
	result.Arrived, result.Sealed = bye.Packets, bye.E2EE
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(result)
	}
	result.print(w.stdout)
	return nil
}

func (b benched) print(out io.Writer) {
	fmt.Fprintf(out, "%d guilds, %s, %.1f s\n", b.Guilds, b.Mode, b.Seconds)
	fmt.Fprintf(out, "cpu         %.1f %% of one core, %.5f CPU seconds a minute of audio\n", b.CPUPercent, b.CPUPerMinute)
	if b.Mode == "transcode" {
		fmt.Fprintf(out, "complexity  %d at the end\n", b.Complexity)
	}
	fmt.Fprintf(out, "frames      %d sent, %d nulled, %d ticks late; %d arrived, %d of them end-to-end encrypted\n", b.Sent, b.Nulled, b.Late, b.Arrived, b.Sealed)
	fmt.Fprintf(out, "lateness    99 %% of the ticks less than %d ms, the worst %d ms\n", b.LateP99+1, b.LateWorst)
	fmt.Fprintf(out, "memory      heap %.1f MiB, then %.1f MiB; %.0f KiB a player, %.0f of them packets of what plays; stacks %.1f MiB; peak resident %.1f MiB; %.3f allocations a frame\n",
		float64(b.HeapBefore)/(1<<20), float64(b.HeapAfter)/(1<<20), float64(b.HeapPerPlayer)/(1<<10), float64(b.Packets)/(1<<10),
		float64(b.Stacks)/(1<<20), float64(b.RSS)/(1<<20), b.AllocsPerFrame)
	fmt.Fprintf(out, "goroutines  %d, then %d\n", b.GoroutinesFrom, b.GoroutinesTo)
}

// measure lets the players play and watches them.
func (c benchCommand) measure(ctx context.Context, w world, cfg Config, hello sinkHello) (benched, error) {
	r := benched{Guilds: c.Guilds, Mode: c.Mode}
	calls, err := newBenchCalls(hello)
	if err != nil {
		return r, err
	}
	defer calls.pacer.Close()
	lib, err := newBenchLibrary(c.Mode)
	if err != nil {
		return r, err
	}
	o := live(cfg)
	g := o.Governor
	if c.Steady {
		o.Governor = nil
	}
	players := player.NewRegistry(ctx, player.Options{Library: lib, Voice: calls, Pipeline: o})
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		_ = players.Close(stop)
	}()
	idle := liveHeap()
	tracks := make([]music.Track, 2+c.Seconds/int(lib.track.Duration.Seconds()))
	for i := range tracks {
		tracks[i] = lib.track
	}
	for g := range c.Guilds {
		for i := range tracks {
			tracks[i].ID = music.TrackID(fmt.Sprintf("bench:%d:%d", g, i)) // the same one all would share
		}
		req := player.Request{By: 1, Voice: music.ChannelID(g + 1)}
		if _, err := players.Player(music.GuildID(g+1)).Enqueue(ctx, req, tracks...); err != nil {
			return r, fmt.Errorf("guild %d: %w", g+1, sentence(err))
		}
	}
	fmt.Fprintf(w.stderr, "%d guilds are playing\n", c.Guilds)
	if err := wait(ctx, 2*time.Second); err != nil { // until every stream has read ahead
		return r, err
	}
	before := look(ctx, players, calls, c.Guilds)
	if err := wait(ctx, time.Duration(c.Seconds)*time.Second); err != nil {
		return r, err
	}
	after := look(ctx, players, calls, c.Guilds)
	r.fill(before, after)
	r.Complexity = g.Complexity()
	r.HeapPerPlayer = (int64(after.mem.HeapAlloc) - int64(idle.HeapAlloc)) / int64(max(c.Guilds, 1))
	return r, nil
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// moment is everything bench compares between two times.
type moment struct {
	at         time.Time
	cpu        time.Duration
	mem        runtime.MemStats
	rss        int64
	goroutines int
	sent, late int64
	lateness   voice.Lateness
	nulled     uint64
	packets    int64
}

func look(ctx context.Context, players *player.Registry, calls *benchCalls, guilds int) (m moment) {
	for g := range guilds {
		if st, err := players.Player(music.GuildID(g + 1)).Status(ctx); err == nil {
			m.nulled += st.Counters.Nulled
			m.packets += int64(st.Engine.Bytes)
		}
	}
	for _, conn := range calls.all() {
		st := conn.Stats()
		m.sent += st.Sent
		m.late += st.Late
	}
	m.lateness = calls.pacer.Stats().Lateness
	m.mem = liveHeap()
	m.goroutines = runtime.NumGoroutine()
	m.cpu, m.rss = usage()
	m.at = time.Now()
	return m
}

// liveHeap collects garbage first, so that HeapAlloc is what is in use.
func liveHeap() (m runtime.MemStats) {
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m
}

// lateness gives the 99th percentile and the worst of the ticks from before to
// after, in whole milliseconds rounded down.
func lateness(before, after voice.Lateness) (p99, worst int) {
	var all, seen int64
	for i := range after {
		all += after[i] - before[i]
	}
	for i := range after {
		n := after[i] - before[i]
		if n > 0 {
			worst = i
		}
		if seen*100 < all*99 {
			p99 = i
		}
		seen += n
	}
	return p99, worst
}

func (r *benched) fill(before, after moment) {
	r.Seconds = after.at.Sub(before.at).Seconds()
	cpu := (after.cpu - before.cpu).Seconds()
	r.CPUPercent = 100 * cpu / r.Seconds
	r.Sent, r.Late, r.Nulled = after.sent-before.sent, after.late-before.late, after.nulled-before.nulled
	r.LateP99, r.LateWorst = lateness(before.lateness, after.lateness)
	if r.Sent > 0 {
		r.CPUPerMinute = cpu / (float64(r.Sent) / 3000) // 3000 frames are a minute
		r.AllocsPerFrame = float64(after.mem.Mallocs-before.mem.Mallocs) / float64(r.Sent)
	}
	r.HeapBefore, r.HeapAfter = before.mem.HeapAlloc, after.mem.HeapAlloc
	r.GoroutinesFrom, r.GoroutinesTo = before.goroutines, after.goroutines
	r.RSS, r.Stacks, r.Packets = after.rss, after.mem.StackInuse, after.packets/int64(max(r.Guilds, 1))
}

// sink is the other process: it takes what is played until stdin ends.
func (c benchCommand) sink(w world) error {
	srv, err := voiceserver.New(voiceserver.Options{HeartbeatInterval: 20 * time.Second})
	if err != nil {
		return err
	}
	defer srv.Close()
	hello := sinkHello{Endpoint: srv.Endpoint(), CA: srv.CA().PEM()}
	var packets, sealed atomic.Int64
	for g := range c.Guilds {
		id := uint64(g + 1)
		srv.Channel(id, id).OnMedia(func(m voiceserver.Media) {
			packets.Add(1)
			if bytes.HasSuffix(m.Payload, []byte{0xfa, 0xfa}) { // the marker of a DAVE frame
				sealed.Add(1)
			}
		})
		hello.Tokens = append(hello.Tokens, srv.Admit(voiceserver.Ticket{Guild: id, Channel: id, User: benchUser, Session: benchSession}))
	}
	out := json.NewEncoder(w.stdout)
	if err := out.Encode(hello); err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, w.stdin); err != nil {
		return err
	}
	return out.Encode(sinkBye{Packets: int(packets.Load()), E2EE: int(sealed.Load()), Violations: srv.Violations()})
}

// benchLibrary has one track, in memory.
type benchLibrary struct {
	data  []byte
	track music.Track
}

func newBenchLibrary(mode string) (*benchLibrary, error) {
	name := testdata.Lantern
	if mode == "transcode" {
		name = testdata.Clockwork
	}
	data, err := testdata.Sounds.ReadFile(name)
	return &benchLibrary{data: data, track: music.Track{ID: "bench:1", Source: "bench", Title: name, Duration: 4 * time.Second}}, err
}

// Open opens the track.
func (l *benchLibrary) Open(context.Context, music.Track) (*audio.Media, error) {
	r := bytes.NewReader(l.data)
	return &audio.Media{ReadCloser: io.NopCloser(r), Seeker: r, Size: r.Size()}, nil
}

// benchCalls dials the sink without any gateway.
type benchCalls struct {
	hello sinkHello
	tls   *tls.Config
	pacer *voice.Pacer
	conns chan *voice.Conn
}

func newBenchCalls(hello sinkHello) (*benchCalls, error) {
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(hello.CA) {
		return nil, errors.New("the sink's certificate is no good")
	}
	return &benchCalls{hello: hello, tls: &tls.Config{RootCAs: roots}, pacer: voice.NewPacer(), conns: make(chan *voice.Conn, len(hello.Tokens))}, nil
}

// Join opens the guild's call.
func (b *benchCalls) Join(ctx context.Context, g music.GuildID, c music.ChannelID) (player.Conn, error) {
	conn, err := voice.Dial(ctx, voice.Call{
		Endpoint: b.hello.Endpoint, Token: b.hello.Tokens[g-1], SessionID: benchSession, Guild: g, Channel: c, User: benchUser,
	}, voice.Options{TLS: b.tls, Pacer: b.pacer})
	if err != nil {
		return nil, err
	}
	b.conns <- conn
	return conn, nil
}

// all is every call opened so far.
func (b *benchCalls) all() (out []*voice.Conn) {
	for range len(b.conns) {
		c := <-b.conns
		out = append(out, c)
		b.conns <- c
	}
	return out
}
