package bot

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"segue/discordtest"
	"segue/music"
)

func TestPlayIsAnsweredAndHeard(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	r := h.says(alice, "Now playing **Blue \\*Monday\\***", "/play", "query", "Blue *Monday*")
	if !r.Deferred {
		t.Error("/play waits for the network: it must defer")
	}
	if got := h.d.Bot().Voice(h.guild); got == nil || got.Name() != "Lounge" {
		t.Errorf("the bot is in %v, want Lounge", got)
	}
	h.says(alice, "position 1", "/play", "query", "Next")
	h.says(alice, "position 2", "/play", "query", "After that")
	h.says(alice, "Queued 12 tracks from **Best of** (12:00)", "/play", "query", "list of 12")
	h.until("the settings are saved", func() bool {
		s, err := h.store.Settings(t.Context(), h.id())
		return err == nil && s.LastVoice == music.ChannelID(h.guild.Voice("Lounge").ID()) && s.LastText == music.ChannelID(h.guild.Text("general").ID())
	})
	h.shelf.mu.Lock()
	defer h.shelf.mu.Unlock()
	q := h.shelf.asked[0]
	if q.Text != "Blue *Monday*" || q.User != music.UserID(alice.ID()) || q.Guild != h.id() || q.Attachment != nil {
		t.Errorf("asked for %+v", q)
	}
}

func TestAnUploadedFileIsPlayed(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing **song.wav**", "/play", "file", h.d.Attach("song.wav", []byte("RIFF")))
	h.shelf.mu.Lock()
	defer h.shelf.mu.Unlock()
	a := h.shelf.asked[0].Attachment
	if a == nil || a.Filename != "song.wav" || a.ContentType == "" || a.Size != 4 || !strings.HasPrefix(a.URL, "http") {
		t.Errorf("asked for %+v", a)
	}
}

func TestPlayIsRefusedAtOnce(t *testing.T) {
	h := live(t)
	alice := h.alice()
	h.refuses(alice, "Join a voice channel first", "/play", "query", "x")
	h.person("alice", "Lounge")
	h.refuses(alice, "Tell me what to play", "/play")
	h.refuses(alice, "not both", "/play", "query", "x", "file", h.d.Attach("a.wav", []byte("x")))
	if h.d.Bot().Voice(h.guild) != nil {
		t.Error("the bot joined all the same")
	}
	if got := h.bot.Stats(); got.Commands != 3 || got.Errors["invalid"] != 3 {
		t.Errorf("counted %+v", got)
	}
}

func TestWhatTheBotLacksIsNamed(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	room := h.guild.Voice("Lounge")
	room.Denies(h.d.Bot(), discordtest.Speak)
	h.settle()
	h.refuses(alice, "**Speak**", "/play", "query", "x")
	room.Denies(h.d.Bot(), discordtest.Connect)
	h.settle()
	h.refuses(alice, "**Connect, Speak**", "/play", "query", "x")
}

func TestAFullChannelIsSaid(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.guild.Voice("Lounge").Limit(1)
	h.settle()
	h.refuses(alice, "is full: it takes 1 person", "/play", "query", "x")
	h.guild.Voice("Lounge").Allows(h.d.Bot(), discordtest.MoveMembers)
	h.settle()
	h.says(alice, "Now playing", "/play", "query", "x")
}

func TestFailuresAfterThinkingAreForThePersonAlone(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.regrets(alice, "I found nothing for **nothing**", "/play", "query", "nothing")
	h.regrets(alice, "**10.0.0.1** is an address inside a private network", "/play", "query", "private")
	h.regrets(alice, "took too long", "/play", "query", "late")
	h.regrets(alice, "show the person who runs me this id: `", "/play", "query", "bug")
	h.regrets(alice, "show the person who runs me this id: `", "/play", "query", "panic")
	h.voice.mu.Lock()
	h.voice.refuse = &music.Error{Kind: music.Unavailable, Code: "voice.no_answer"}
	h.voice.mu.Unlock()
	h.regrets(alice, "did not let me into the voice channel", "/play", "query", "x")
	log := h.log.text()
	for _, want := range []string{"a bug nobody foresaw", "panic: a worse bug", "props_test.go", "id=", "level=ERROR", "level=WARN"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	got := h.bot.Stats().Errors
	if got["not_found"] != 1 || got["forbidden"] != 1 || got["unavailable"] != 2 || got["internal"] != 2 {
		t.Errorf("counted %v", got)
	}
}

func TestOnlyListenersControlTheMusic(t *testing.T) {
	h := live(t)
	alice, bob := h.alice("Lounge"), h.person("bob")
	h.refuses(alice, "Nothing is playing", "/pause")
	h.refuses(alice, "in no voice channel", "/leave")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.says(alice, "position 1", "/play", "query", "Two")
	for _, c := range []string{"/pause", "/resume", "/skip", "/stop", "/leave"} {
		h.refuses(bob, "only people who hear the music", c)
	}
	h.person("bob", "Attic")
	for _, c := range []string{"/pause", "/resume", "/skip", "/stop", "/leave"} {
		h.refuses(bob, "for 1 person", c)
	}
	h.refuses(bob, "for 1 person", "/play", "query", "x")

	h.says(alice, "Paused **One**", "/pause")
	h.says(alice, "paused already", "/pause")
	h.says(alice, "Going on with **One**", "/resume")
	h.says(alice, "not paused", "/resume")
	h.says(alice, "Skipped 1 track. Now playing **Two**", "/skip")
	h.says(alice, "Skipped 1 track. Nothing is left", "/skip", "count", 5)
	h.refuses(alice, "Nothing is playing", "/skip")
	h.refuses(alice, "Nothing is playing", "/stop")
	h.says(alice, "Now playing", "/play", "query", "Three")
	h.says(alice, "Queued 2 tracks", "/play", "query", "list of 2")
	h.says(alice, "took 2 tracks out of the queue", "/stop")
	if r := h.says(alice, "Left <#", "/leave"); !r.Deferred {
		t.Error("/leave waits for voice: it must defer")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := h.d.Bot().WaitVoice(ctx, h.guild, nil); err != nil {
		t.Error(err)
	}
}

func TestAnEmptyChannelIsLeftForAFullOne(t *testing.T) {
	h := live(t)
	alice, bob := h.alice("Lounge"), h.person("bob", "Attic")
	h.says(alice, "Now playing", "/play", "query", "One")
	alice.Leaves()
	h.settle()
	h.says(bob, "position 1", "/play", "query", "Two")
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := h.d.Bot().WaitVoice(ctx, h.guild, h.guild.Voice("Attic")); err != nil {
		t.Error(err)
	}
	h.settle()
	h.says(bob, "Skipped", "/skip")
}

func TestTheQueueIsShownInPages(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.refuses(alice, "The queue is empty", "/queue")
	h.refuses(alice, "Nothing is playing", "/nowplaying")
	h.says(alice, "Now playing", "/play", "query", "First")
	h.says(alice, "Nothing comes after it", "/queue")
	h.says(alice, "Queued 23 tracks", "/play", "query", "list of 23")
	one := h.says(alice, "Now playing: **First**", "/queue").Text()
	for _, want := range []string{"`1.` Tune 1 (1:00) for <@" + alice.ID().String() + ">", "`10.` Tune 10", "23 tracks to come, 23:00 in all.", "Page 1 of 3."} {
		if !strings.Contains(one, want) {
			t.Errorf("page 1 lacks %q:\n%s", want, one)
		}
	}
	if strings.Contains(one, "Tune 11") {
		t.Error("page 1 has more than ten rows")
	}
	three := h.says(alice, "Page 3 of 3.", "/queue", "page", 3).Text()
	if !strings.Contains(three, "`23.` Tune 23") || strings.Contains(three, "Tune 20 ") {
		t.Errorf("page 3:\n%s", three)
	}
	h.refuses(alice, "no page 4: the queue has 3 pages", "/queue", "page", 4)
	h.says(alice, "position 24", "/play", "query", "live")
	h.says(alice, "24 tracks to come, at least 23:00 in all (1 of unknown length)", "/queue")
	h.regrets(alice, "it holds 50 tracks, and 26 more fit", "/play", "query", "list of 40")
}

func TestWhatIsPlayingIsShown(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "First")
	h.until("it is heard", func() bool {
		p, _ := h.reg.Find(h.id())
		s, err := p.Status(t.Context())
		return err == nil && s.Playing()
	})
	now := h.says(alice, "**First**", "/nowplaying").Text()
	for _, want := range []string{"●", "/ 1:00", "Asked for by <@" + alice.ID().String() + ">, from shelf."} {
		if !strings.Contains(now, want) {
			t.Errorf("/nowplaying lacks %q:\n%s", want, now)
		}
	}
	h.says(alice, "Paused", "/pause")
	h.says(alice, "Paused. Asked for", "/nowplaying")
	h.says(alice, "Paused: **First**", "/queue")
}

func TestNewsReachesTheTextChannel(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.says(alice, "Queued", "/play", "query", "broken [tune](http://x)")
	h.says(alice, "Skipped", "/skip")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	m, err := h.d.Bot().Says(ctx, "I could not play")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(m.Text(), `**broken \[tune\]\(http\://x\)**`) || !strings.Contains(m.Text(), "This file is damaged") {
		t.Errorf("got %q", m.Text())
	}
	h.says(alice, "Now playing", "/play", "query", "One")
	_ = h.guild.Owner().Disconnects(h.d.Bot())
	if m, err = h.d.Bot().Says(ctx, "I lost <#"); err != nil || !strings.Contains(m.Text(), "Somebody disconnected me") {
		t.Errorf("got %q, %v", m.Text(), err)
	}
}

func TestATrackThatCannotStartIsTheAnswer(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.regrets(alice, "This file is damaged", "/play", "query", "broken")
	if n := h.calls.count("POST", "/messages"); n != 0 {
		t.Errorf("%d messages were posted as well", n)
	}
}

func TestNewsIsNotSentWhereTheBotMayNotWrite(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.guild.Text("general").Denies(h.d.Bot(), discordtest.SendMessages)
	h.settle()
	h.says(alice, "Now playing", "/play", "query", "One")
	h.says(alice, "Queued", "/play", "query", "broken")
	h.says(alice, "Skipped", "/skip")
	h.until("the news is withheld", func() bool { return strings.Contains(h.log.text(), "news withheld: no permission") })
	if n := h.calls.count("POST", "/messages"); n != 0 {
		t.Errorf("%d messages were tried", n)
	}
}

func TestOnAStageSomebodyHasToInviteTheBot(t *testing.T) {
	h := live(t)
	h.guild.Stage("Show")
	alice := h.guild.Member("alice")
	h.settle()
	_ = alice.Joins("Show")
	h.settle()
	h.says(alice, "I asked to speak", "/play", "query", "One")
	if n := h.calls.count("PATCH", "/voice-states/@me"); n != 1 {
		t.Errorf("%d requests to speak, want 1", n)
	}
	h.guild.Stage("Show").Denies(h.d.Bot(), discordtest.RequestToSpeak)
	h.settle()
	h.says(alice, "Ask a moderator to invite me", "/play", "query", "Two")
	h.guild.Stage("Show").Allows(h.d.Bot(), discordtest.MuteMembers)
	h.settle()
	if r := h.says(alice, "position", "/play", "query", "Three"); strings.Contains(r.Text(), "stage") {
		t.Errorf("a bot that may make itself a speaker says %q", r.Text())
	}
}

func TestAMutedBotSaysSo(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "One")
	_ = h.guild.Owner().Mutes(h.d.Bot(), true)
	h.settle()
	h.says(alice, "A moderator has muted me", "/play", "query", "Two")
}

func TestALateAnswerGoesNowhere(t *testing.T) {
	h := live(t)
	alice := h.alice("Lounge")
	release := h.shelf.hold()
	ix := alice.Types("/play", "query", "One")
	h.until("it is deferred", func() bool { _, ok := ix.Acked(); return ok })
	h.d.Passes(16 * time.Minute)
	release()
	h.until("it is counted", func() bool { return h.bot.Stats().Late == 1 })
	h.d.TakeViolations()
}

func TestABrokenStoreDoesNotStopTheMusic(t *testing.T) {
	h := live(t)
	h.store.Break(errors.New("disk on fire"))
	alice := h.alice("Lounge")
	h.says(alice, "Now playing", "/play", "query", "One")
	h.until("it is logged", func() bool { return strings.Contains(h.log.text(), "disk on fire") })
}
