package bot

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

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
		Library: h.shelf, Voice: h.voice, Store: h.store, Limit: 50,
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
