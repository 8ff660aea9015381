//go:build !race

package discordtest

// disgo 0.19.6 has data races of its own, in its heartbeat, in Close and in
// reconnecting. These tests run without the race detector; where that is on,
// disgo_race_test.go runs them in a process of their own.

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/disgoorg/disgo"
	"github.com/disgoorg/disgo/bot"
	"github.com/disgoorg/disgo/cache"
	"github.com/disgoorg/disgo/discord"
	"github.com/disgoorg/disgo/events"
	"github.com/disgoorg/disgo/gateway"
	drest "github.com/disgoorg/disgo/rest"
	"github.com/disgoorg/snowflake/v2"
)

// disgoBot logs a real disgo client in, with its default zstd compression.
func disgoBot(t *testing.T, d *Discord, opts ...bot.ConfigOpt) *bot.Client {
	t.Helper()
	opts = append([]bot.ConfigOpt{
		bot.WithLogger(slog.New(slog.DiscardHandler)),
		bot.WithRestClientConfigOpts(drest.WithURL(d.APIURL())),
		bot.WithGatewayConfigOpts(gateway.WithIntents(gateway.IntentGuilds, gateway.IntentGuildVoiceStates)),
		bot.WithCacheConfigOpts(cache.WithCaches(cache.FlagsAll)),
	}, opts...)
	c, err := disgo.New(d.Token(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Second)
		defer cancel()
		c.Close(ctx)
	})
	if err := c.OpenGateway(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := d.Bot().WaitOnline(soon(t)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestDisgoPlaysATurn(t *testing.T) {
	d := start(t)
	den := d.Guild("den")
	den.Voice("Lounge")
	alice := den.Member("alice")
	failed := make(chan error, 10)
	c := disgoBot(t, d, bot.WithEventListenerFunc(func(e *events.ApplicationCommandInteractionCreate) {
		data := e.SlashCommandInteractionData()
		if err := e.DeferCreateMessage(false); err != nil {
			failed <- err
		}
		if err := e.Client().UpdateVoiceState(context.Background(), *e.GuildID(), snowflakeOf(den.Voice("Lounge").ID()), false, true); err != nil {
			failed <- err
		}
		upd := discord.NewMessageUpdate().WithContent("Queued " + data.String("query")).
			WithComponents(discord.NewActionRow(discord.NewPrimaryButton("Skip", "skip")))
		if _, err := e.Client().Rest.UpdateInteractionResponse(e.ApplicationID(), e.Token(), upd); err != nil {
			failed <- err
		}
		if _, err := e.Client().Rest.CreateFollowupMessage(e.ApplicationID(), e.Token(), discord.NewMessageCreate().WithContent("And more").WithEphemeral(true)); err != nil {
			failed <- err
		}
	}), bot.WithEventListenerFunc(func(e *events.ComponentInteractionCreate) {
		if err := e.UpdateMessage(discord.NewMessageUpdate().WithContent("Skipped").ClearComponents()); err != nil {
			failed <- err
		}
	}))
	cmds, err := c.Rest.SetGlobalCommands(c.ApplicationID, []discord.ApplicationCommandCreate{discord.SlashCommandCreate{
		Name: "play", Description: "Play", Options: []discord.ApplicationCommandOption{
			discord.ApplicationCommandOptionString{Name: "query", Description: "What", Required: true},
		},
	}})
	if err != nil || len(cmds) != 1 {
		t.Fatalf("got %v, %v", cmds, err)
	}
	ix := alice.Types("/play", "query", "a tune")
	r, err := ix.Reply(soon(t))
	if err != nil {
		t.Fatal(err)
	}
	if r.Content != "Queued a tune" || !r.Deferred || r.Ephemeral || r.Edits != 1 || r.Loading {
		t.Fatalf("got reply %+v", r)
	}
	if err := d.Bot().WaitVoice(soon(t), den, den.Voice("Lounge")); err != nil {
		t.Fatal(err)
	}
	if m, err := d.Bot().Says(soon(t), "And more"); err != nil || !m.Ephemeral {
		t.Fatalf("got follow-up %+v, %v", m, err)
	}
	if r, err := alice.Clicks(ix, "skip").Reply(soon(t)); err != nil || r.Content != "Skipped" || len(r.Components) != 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	select {
	case err := <-failed:
		t.Fatal(err)
	default:
	}
}

func snowflakeOf(id ID) *snowflake.ID {
	s := snowflake.ID(id)
	return &s
}

func TestDisgoWaitsOut429s(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	d.Guild("den")
	c := disgoBot(t, d)
	d.Breaks(RESTFault{Path: "/users/@me", Status: 429, RetryAfter: 200 * time.Millisecond, Times: 1})
	before := time.Now()
	me, err := c.Rest.GetCurrentUser("")
	if err != nil || me.Username != "Segue" {
		t.Fatalf("got %v, %v", me, err)
	}
	if took := time.Since(before); took < 200*time.Millisecond {
		t.Fatalf("asked again after %v", took)
	}
}

func TestDisgoResumes(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	joined := make(chan string, 10)
	disgoBot(t, d, bot.WithEventListenerFunc(func(e *events.GuildChannelCreate) { joined <- e.Channel.Name() }))
	for name, fault := range map[string]func(){
		"reconnect asked": d.AsksReconnect, "closed 4000": func() { d.ClosesGateway(4000) },
	} {
		conns := d.connections()
		fault()
		if err := d.await(soon(t), time.Time{}, func() (bool, error) { return d.record.conns > conns && d.bot.online(), nil }); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		den.Text(name)
		select {
		case got := <-joined:
			if got != name {
				t.Fatalf("heard of %q", got)
			}
		case <-soon(t).Done():
			t.Fatalf("%s: nothing heard after it", name)
		}
	}
	resumes := 0
	for _, p := range d.Received() {
		if p.Op == 6 {
			resumes++
		}
	}
	if resumes != 2 {
		t.Fatalf("disgo resumed %d times", resumes)
	}
}

func (d *Discord) connections() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.record.conns
}
