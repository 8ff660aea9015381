package witness_test

import (
	"strconv"
	"strings"
	"sync"
	"testing"

	"segue/audio"
	"segue/discordtest"
	"segue/discordtest/voiceserver"
	"segue/music"
	"segue/voice"
)

// reel is a few frames to be played, once.
type reel struct {
	mu     sync.Mutex
	frames [][]byte
	next   int
}

func (r *reel) Take() (audio.Frame, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == len(r.frames) {
		return audio.Frame{}, false
	}
	f := audio.Frame{Opus: r.frames[r.next], Pos: int64(r.next) * audio.FrameSamples}
	r.next++
	return f, true
}

// TestDiscordJSInACallWithSegue logs a discord.js bot in over REST and gateway,
// brings it into a call with Segue's own voice connection and a person, and has
// everybody hear everybody.
func TestDiscordJSInACallWithSegue(t *testing.T) {
	node(t)
	d := discordtest.New(t)
	other := d.AddBot("Witness", 0)
	den := d.Guild("den")
	lounge := den.Voice("Lounge")
	alice := den.Member("alice")
	if err := alice.Joins("Lounge"); err != nil {
		t.Fatal(err)
	}
	person, err := alice.Listener(limit(t))
	if err != nil {
		t.Fatal(err)
	}
	srv := den.VoiceServer()
	token := srv.Admit(voiceserver.Ticket{
		Guild: uint64(den.ID()), Channel: uint64(lounge.ID()), User: uint64(d.Bot().ID()), Session: "segue",
	})
	segue, err := voice.Dial(limit(t), voice.Call{
		Endpoint: srv.Endpoint(), Token: token, SessionID: "segue",
		Guild: music.GuildID(den.ID()), Channel: music.ChannelID(lounge.ID()), User: music.UserID(d.Bot().ID()),
	}, voice.Options{TLS: srv.ClientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = segue.Close(limit(t)) })

	text := func(id discordtest.ID) string { return strconv.FormatUint(uint64(id), 10) }
	b := start(t, d.CAPEM(), map[string]any{
		"api": strings.TrimSuffix(d.APIURL(), "/v10"), "token": other.Token(),
		"guild": text(den.ID()), "channel": text(lounge.ID()), "listen": text(d.Bot().ID()),
	})
	if got := b.await("ready", 1)[0]; got.User != text(other.ID()) || got.Name != "Witness" || got.Guild != "den" {
		t.Errorf("logged in as %+v", got)
	}
	b.await("dave", 1)
	if err := lounge.Call().Await(limit(t), func(s voiceserver.State) bool {
		return s.Epoch >= 2 && s.Transitions == 0 && s.Proposals == 0
	}); err != nil {
		t.Fatal(err)
	}

	frames := chord(t)
	segue.Play(&reel{frames: frames})
	botHears(t, b, frames)
	personHears(t, person, uint64(d.Bot().ID()), frames)
	b.says(frames)
	personHears(t, person, uint64(other.ID()), frames)
}
