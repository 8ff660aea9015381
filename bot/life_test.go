package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"segue/discordtest"
	"segue/music"
)

const everyCommand = "crossfade effects equalizer fade leave levelling nowplaying pause pitch play queue resume seek skip sound speed stop trim volume"

func TestCommandsAreRegisteredOnlyWhenChanged(t *testing.T) {
	h := live(t)
	if n := h.calls.count("PUT", "/commands"); n != 1 {
		t.Fatalf("%d PUTs at the first start, want 1", n)
	}
	var names []string
	for _, c := range h.d.Bot().Commands() {
		names = append(names, c.Name)
	}
	if got := strings.Join(names, " "); got != everyCommand {
		t.Errorf("registered %s", got)
	}
	h.stop()
	if err, ok := h.wait(); err != nil || !ok {
		t.Fatal(err)
	}
	h.d.Passes(10 * time.Second) // between identifies
	again, err := New(h.bot.o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- again.Run(ctx) }()
	select {
	case <-again.Ready():
	case err := <-ended:
		t.Fatal(err)
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if n := h.calls.count("PUT", "/commands"); n != 1 {
		t.Errorf("%d PUTs after the second start, want still 1", n)
	}
}

func TestGoingDownLeavesVoiceAndGoesOffline(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "One")
	release := h.shelf.hold()
	defer release()
	ix := alice.Types("/play", "query", "in work")
	h.until("it is being resolved", func() bool { _, ok := ix.Acked(); return ok })
	start := time.Now()
	h.stop()
	if err, ok := h.wait(); err != nil || !ok {
		t.Fatalf("Run ended with %v", err)
	}
	if took := time.Since(start); took > closeGrace {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := h.d.Bot().WaitOffline(ctx); err != nil {
		t.Error(err)
	}
	if h.d.Bot().Voice(h.guild) != nil {
		t.Error("still in voice")
	}
	h.until("the command in work is answered", func() bool { return len(ix.Followups()) > 0 })
	if got := ix.Followups()[0].Text(); !strings.Contains(got, "being restarted") {
		t.Errorf("the command in work got %q", got)
	}
}

func TestCloseCodesSayWhatToChange(t *testing.T) {
	for code, want := range map[int]string{
		4004: "Reset Token", 4013: "intents", 4014: "intents", 4011: "Sharding", 4012: "close code 4012",
	} {
		h := live(t)
		h.d.ClosesGateway(code)
		err, ok := h.wait()
		setup, is := errors.AsType[*SetupError](err)
		if !ok || !is || setup.Temporary || !strings.Contains(err.Error(), want) {
			t.Errorf("%d: got %v", code, err)
		}
	}
}

func TestARevokedTokenEndsRun(t *testing.T) {
	h := build(t, func(h *house, o *Options) { o.Token = o.Token[:len(o.Token)-4] + "XXXX" })
	h.start()
	err, _ := h.wait()
	if setup, ok := errors.AsType[*SetupError](err); !ok || setup.Code != "token.revoked" {
		t.Errorf("got %v", err)
	}
}

func TestTroubleAtTheStartIsOutlasted(t *testing.T) {
	h := build(t)
	h.d.Breaks(discordtest.RESTFault{Method: http.MethodGet, Path: "/gateway/bot", Status: 503, Times: 1})
	h.start()
	select {
	case <-h.bot.Ready():
	case <-time.After(10 * time.Second):
		t.Fatalf("never ready:\n%s", h.log.text())
	}
	h.until("the guild is known", func() bool { return h.bot.Guilds() == 1 })
	if !h.bot.Connected() || h.bot.Application() != h.d.Application().String() || h.bot.Self() != music.UserID(h.d.Application()) {
		t.Errorf("connected %v, %d guilds, application %s", h.bot.Connected(), h.bot.Guilds(), h.bot.Application())
	}
}

func TestCommandsThatCannotBeRegisteredDoNotKeepTheMusicFromPlaying(t *testing.T) {
	for _, status := range []int{403, 429, 500} {
		h := build(t, func(h *house, _ *Options) { h.hurry = true })
		h.d.Breaks(discordtest.RESTFault{Method: http.MethodPut, Path: "/commands", Status: status, RetryAfter: time.Minute, Times: 1})
		h.start()
		select {
		case <-h.bot.Ready():
		case err := <-h.ended:
			t.Fatalf("%d: Run ended: %v", status, err)
		case <-time.After(10 * time.Second):
			t.Fatalf("%d: never ready:\n%s", status, h.log.text())
		}
		if status == 403 {
			h.until("the person who runs it reads why", func() bool { return strings.Contains(h.log.text(), "commands refused") })
		} else if status == 500 {
			h.until("registered later", func() bool { return len(h.d.Bot().Commands()) == len(strings.Fields(everyCommand)) })
			h.says(h.alice("Lounge"), "Now playing", "/play", "query", "One")
		}
		h.stop()
		if err, ok := h.wait(); err != nil || !ok {
			t.Errorf("%d: Run ended with %v", status, err)
		}
	}
}

func TestWithoutALoginLeftForTodayTheBotWaits(t *testing.T) {
	asked := 0
	d := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"url":"wss://there","shards":1,"session_start_limit":{"total":1000,"remaining":%d,"reset_after":7200000,"max_concurrency":1}}`, asked-1)
	}))
	defer d.Close()
	h := build(t, func(_ *house, o *Options) { o.APIURL = d.URL })
	notes := &diary{}
	h.bot.session.o.pause = notes.pause
	url, err := h.bot.gatewayURL(t.Context())
	if err != nil || url != "wss://there" {
		t.Fatalf("got %q, %v", url, err)
	}
	if w := notes.waited(); len(w) != 1 || w[0] != 2*time.Hour {
		t.Errorf("waited %v: one login more, and Discord resets the token", w)
	}
	if !strings.Contains(h.log.text(), "logins") {
		t.Errorf("waiting for two hours without a word:\n%s", h.log.text())
	}
}

func TestANewSessionForgetsWhoWasInVoice(t *testing.T) {
	h := live(t, func(h *house, _ *Options) { h.hurry = true })
	alice := h.alice("Lounge")
	h.d.Passes(10 * time.Second) // between identifies
	h.d.Invalidates(false)
	alice.Leaves()
	h.until("a new session", func() bool { return strings.Contains(h.log.text(), "gateway connection lost") && h.bot.Connected() })
	h.settle()
	h.refuses(alice, "Join a voice channel first", "/play", "query", "x")
}

func TestAResumedSessionMissesNothing(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.d.DropsGateway()
	h.guild.Voice("Lounge").Limit(1)
	h.until("the session resumes", func() bool { return strings.Contains(h.log.text(), "gateway connection lost") && h.bot.Connected() })
	h.settle()
	h.refuses(alice, "is full", "/play", "query", "x")
}
