package discordtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/discordtest/listener"
	"segue/discordtest/voiceserver"
)

// joining logs a raw bot in that can join by op 4.
func joining(t *testing.T, opt ...Options) (*Discord, *Guild, *wire, func(c *Channel)) {
	t.Helper()
	d := start(t, opt...)
	den := d.Guild("den")
	den.Voice("Lounge")
	den.Voice("Other")
	w, _ := login(t, d, IntentGuilds|IntentGuildVoiceStates, "")
	w.until(0, "GUILD_CREATE")
	return d, den, w, func(c *Channel) {
		t.Helper()
		var id any
		if c != nil {
			id = c.ID()
		}
		w.send(4, obj{"guild_id": den.ID(), "channel_id": id, "self_mute": false, "self_deaf": true})
	}
}

// silence reports events that should not have come: a heartbeat is the fence.
func (w *wire) silence() {
	w.t.Helper()
	w.send(1, nil)
	for {
		p, err := w.next()
		if err != nil {
			w.t.Fatal(err)
		}
		if p.Op == 11 {
			return
		}
		w.t.Fatalf("came op %d %s %s", p.Op, p.T, p.D)
	}
}

// frames are n Opus frames of silence with a mark in them.
func frames(n int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		out[i] = []byte{0xfc, 0xff, 0xfe, byte(i)}
	}
	return out
}

func TestJoiningGivesStateAndServer(t *testing.T) {
	d, den, w, join := joining(t)
	lounge := den.Voice("Lounge")
	join(lounge)
	state := w.until(0, "VOICE_STATE_UPDATE").obj(t)
	server := w.until(0, "VOICE_SERVER_UPDATE").obj(t)
	if state["channel_id"] != lounge.ID().String() || state["user_id"] != d.Bot().ID().String() || state["self_deaf"] != true || state["session_id"] == "" || state["suppress"] != false {
		t.Fatalf("got %v", state)
	}
	if server["endpoint"] != den.VoiceServer().Endpoint() || server["token"] == "" || server["guild_id"] != den.ID().String() {
		t.Fatalf("got %v", server)
	}
	join(lounge)
	w.until(0, "VOICE_STATE_UPDATE")
	if again := w.until(0, "VOICE_SERVER_UPDATE").obj(t); again["token"] == server["token"] {
		t.Fatal("joining again gave the old token")
	}
	w.send(4, obj{"guild_id": den.ID(), "channel_id": lounge.ID(), "self_mute": true, "self_deaf": true})
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["self_mute"] != true {
		t.Fatalf("got %v", s)
	}
	w.silence()
	if p := lounge.Present(); len(p) != 1 || p[0] != d.Bot().ID() || d.Bot().Voice(den) != lounge {
		t.Fatalf("got %v", p)
	}
	join(nil)
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["channel_id"] != nil {
		t.Fatalf("got %v", s)
	}
	if err := d.Bot().WaitVoice(soon(t), den, nil); err != nil {
		t.Fatal(err)
	}
}

func TestJoinsDiscordAnswersWithSilence(t *testing.T) {
	d, den, w, join := joining(t)
	lounge := den.Voice("Lounge")
	alice := den.Member("alice")
	_ = alice.Joins("Lounge")
	w.until(0, "VOICE_STATE_UPDATE")
	lounge.Limit(1)
	w.until(0, "CHANNEL_UPDATE")
	join(lounge)
	w.silence()
	if err := den.Member("bob").TryJoin("Lounge"); !errors.Is(err, errFull) {
		t.Fatalf("got %v", err)
	}
	lounge.Allows(d.Bot(), MoveMembers)
	w.until(0, "CHANNEL_UPDATE")
	join(lounge)
	w.until(0, "VOICE_SERVER_UPDATE")
	join(nil)
	w.until(0, "VOICE_STATE_UPDATE")
	other := den.Voice("Other").Denies(d.Bot(), Connect)
	w.until(0, "CHANNEL_UPDATE")
	join(other)
	w.silence()
	other.Denies(nil, Connect)
	w.until(0, "CHANNEL_UPDATE")
	if err := alice.TryJoin("Other"); !errors.Is(err, errAccess) {
		t.Fatalf("got %v", err)
	}
	d.SwallowsJoins(true)
	join(lounge)
	w.silence()
	d.Heal()
	join(den.Text("general"))
	w.send(4, obj{"guild_id": "5", "channel_id": nil, "self_mute": false, "self_deaf": false})
	w.silence()
	taken(t, d, "no voice channel", "not one of the bot's")
}

func TestSpeakingNeedsPermission(t *testing.T) {
	d, den, w, join := joining(t)
	lounge := den.Voice("Lounge").Denies(d.Bot(), Speak)
	w.until(0, "CHANNEL_UPDATE")
	join(lounge)
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["suppress"] != true {
		t.Fatalf("got %v", s)
	}
	w.until(0, "VOICE_SERVER_UPDATE")
	lounge.Allows(d.Bot(), Speak)
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["suppress"] != false {
		t.Fatalf("got %v", s)
	}
}

func TestAStageHasAnAudience(t *testing.T) {
	d, den, w, join := joining(t)
	alice := den.Member("alice")
	join(den.Stage("Hall"))
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["suppress"] != true {
		t.Fatalf("got %v", s)
	}
	_ = alice.LetsSpeak(d.Bot())
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["suppress"] != false {
		t.Fatalf("got %v", s)
	}
}

func TestModeratorsDo(t *testing.T) {
	d, den, w, join := joining(t)
	alice := den.Member("alice")
	join(den.Voice("Lounge"))
	first := w.until(0, "VOICE_SERVER_UPDATE").obj(t)
	_ = alice.Mutes(d.Bot(), true)
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["mute"] != true {
		t.Fatalf("got %v", s)
	}
	_ = alice.Deafens(d.Bot(), true)
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["deaf"] != true || s["mute"] != true {
		t.Fatalf("got %v", s)
	}
	_ = alice.Moves(d.Bot(), "Other")
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["channel_id"] != den.Voice("Other").ID().String() || s["mute"] != true {
		t.Fatalf("got %v", s)
	}
	if s := w.until(0, "VOICE_SERVER_UPDATE").obj(t); s["token"] == first["token"] {
		t.Fatal("the move gave the old token")
	}
	_ = alice.Disconnects(d.Bot())
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["channel_id"] != nil {
		t.Fatalf("got %v", s)
	}
	w.silence()
	join(den.Voice("Other"))
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["mute"] != true || s["deaf"] != true {
		t.Fatalf("a server mute ends with the call: %v", s)
	}
	w.until(0, "VOICE_SERVER_UPDATE")
	den.Voice("Other").Deleted()
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["channel_id"] != nil {
		t.Fatalf("got %v", s)
	}
	w.until(0, "CHANNEL_DELETE")
}

// call makes the raw bot's voice client from what the gateway told it.
func call(t *testing.T, d *Discord, den *Guild, state, server obj) *listener.Listener {
	t.Helper()
	channel, _ := parseID(state["channel_id"].(string))
	l, err := listener.Dial(soon(t), listener.Call{
		Endpoint: server["endpoint"].(string), Token: server["token"].(string), SessionID: state["session_id"].(string),
		Guild: uint64(den.ID()), Channel: uint64(channel), User: uint64(d.Bot().ID()),
	}, listener.Options{TLS: den.VoiceServer().ClientTLS()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func gone(t *testing.T, l *listener.Listener) string {
	t.Helper()
	select {
	case <-l.Done():
		return l.Err().Error()
	case <-soon(t).Done():
		t.Fatal("the voice connection is still up")
		return ""
	}
}

func TestPeopleHearWhatABotSays(t *testing.T) {
	d, den, w, join := joining(t)
	alice := den.Member("alice")
	_ = alice.Joins("Lounge")
	w.until(0, "VOICE_STATE_UPDATE")
	ears, err := alice.Listener(soon(t), listener.Options{PacketsOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if again, err := alice.Listener(soon(t)); err != nil || again != ears {
		t.Fatalf("a second client was made: %v", err)
	}
	join(den.Voice("Lounge"))
	state := w.until(0, "VOICE_STATE_UPDATE").obj(t)
	mouth := call(t, d, den, state, w.until(0, "VOICE_SERVER_UPDATE").obj(t))
	if err := ears.AwaitEpoch(soon(t), 1); err != nil {
		t.Fatal(err)
	}
	said := make(chan error, 1)
	go func() { said <- mouth.Speak(soon(t), frames(10)) }()
	heard, err := alice.Hears(soon(t))
	if err != nil || len(heard.Packets) == 0 || !heard.AllE2EE() {
		t.Fatalf("got %+v, %v", heard.Counts, err)
	}
	if err := <-said; err != nil {
		t.Fatal(err)
	}
	alice.Leaves()
	if err := gone(t, ears); !strings.Contains(err, "4014") {
		t.Fatalf("got %v", err)
	}
	if s := den.Voice("Lounge").Call().State(); s.Member(uint64(d.Bot().ID())).Packets == 0 {
		t.Fatalf("the call knows of no packets: %+v", s)
	}
}

func TestVoiceFaults(t *testing.T) {
	d, den, w, join := joining(t, Options{Voice: voiceserver.Options{HeartbeatInterval: time.Second}})
	lounge := den.Voice("Lounge")
	alice := den.Member("alice")
	enter := func() (*listener.Listener, obj) {
		join(lounge)
		state := w.until(0, "VOICE_STATE_UPDATE").obj(t)
		server := w.until(0, "VOICE_SERVER_UPDATE").obj(t)
		return call(t, d, den, state, server), server
	}
	l, server := enter()
	if err := den.VoiceCloses(d.Bot(), 4006); err != nil {
		t.Fatal(err)
	}
	if err := gone(t, l); !strings.Contains(err, "4006") {
		t.Fatalf("got %v", err)
	}
	l, _ = enter()
	_ = alice.Disconnects(d.Bot())
	if err := gone(t, l); !strings.Contains(err, "4014") {
		t.Fatalf("got %v", err)
	}
	w.until(0, "VOICE_STATE_UPDATE")
	l, _ = enter()
	if err := den.LosesVoiceServer(); err != nil {
		t.Fatal(err)
	}
	if s := w.until(0, "VOICE_SERVER_UPDATE").obj(t); s["endpoint"] != nil {
		t.Fatalf("got %v", s)
	}
	if err := gone(t, l); !strings.Contains(err, "4022") {
		t.Fatalf("got %v", err)
	}
	if err := den.FindsVoiceServer(); err != nil {
		t.Fatal(err)
	}
	if s := w.until(0, "VOICE_SERVER_UPDATE").obj(t); s["endpoint"] == nil || s["endpoint"] == server["endpoint"] {
		t.Fatalf("got %v, was %v", s, server)
	}
	l, _ = enter()
	if err := den.MovesVoiceServer(false); err != nil {
		t.Fatal(err)
	}
	w.until(0, "VOICE_SERVER_UPDATE")
	if l.Err() != nil {
		t.Fatalf("the old connection is gone: %v", l.Err())
	}
	if err := den.VoiceCloses(alice, 4014); err == nil {
		t.Fatal("alice is not in voice")
	}
	l2, _ := enter()
	if err := den.MovesVoiceServer(true); err != nil {
		t.Fatal(err)
	}
	if err := gone(t, l2); !strings.Contains(err, "4022") {
		t.Fatalf("got %v", err)
	}
}

func TestAnEndedSessionLeavesVoice(t *testing.T) {
	d, den, w, join := joining(t)
	join(den.Voice("Lounge"))
	w.until(0, "VOICE_SERVER_UPDATE")
	d.DropsGateway()
	if d.Bot().Voice(den) == nil {
		t.Fatal("a dropped connection left voice at once")
	}
	d.Passes(time.Hour)
	if c := d.Bot().Voice(den); c != nil {
		t.Fatalf("still in %s", c.Name())
	}
}

func TestTheCertificateIsWritten(t *testing.T) {
	d := New(t)
	path := filepath.Join(t.TempDir(), "ca.pem")
	if err := d.WriteCA(path); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil || !strings.Contains(string(b), "BEGIN CERTIFICATE") {
		t.Fatalf("got %q, %v", b, err)
	}
}

func TestNoVoice(t *testing.T) {
	_, den, w, join := joining(t, Options{NoVoice: true})
	join(den.Voice("Lounge"))
	w.until(0, "VOICE_STATE_UPDATE")
	w.silence()
	if den.VoiceServer() != nil || den.Voice("Lounge").Call() != nil {
		t.Fatal("a voice server without voice")
	}
	for _, err := range []error{den.MovesVoiceServer(true), den.LosesVoiceServer(), den.FindsVoiceServer(), den.VoiceCloses(den.Owner(), 4014)} {
		if !errors.Is(err, errNoVoice) {
			t.Fatalf("got %v", err)
		}
	}
}

func TestTwoBotsShareAGuild(t *testing.T) {
	d, den, w, _ := joining(t)
	b := d.AddBot("Witness", 0)
	w2 := dial(t, d, d.GatewayURL(), "")
	w2.until(10, "")
	w2.send(2, with(identity(d, IntentGuilds|IntentGuildVoiceStates), "token", b.Token()))
	w2.until(0, "GUILD_CREATE")
	w2.send(4, obj{"guild_id": den.ID(), "channel_id": den.Voice("Lounge").ID(), "self_mute": false, "self_deaf": false})
	w2.until(0, "VOICE_SERVER_UPDATE")
	if s := w.until(0, "VOICE_STATE_UPDATE").obj(t); s["user_id"] != b.ID().String() {
		t.Fatalf("got %v", s)
	}
	w.silence()
	r := restOf(t, d)
	r.token = b.Token()
	r.ok("PUT", "/applications/"+b.ID().String()+"/commands", []obj{{"name": "other", "description": "d"}})
	ix := den.Member("alice").Types("/other")
	if p := w2.until(0, "INTERACTION_CREATE").obj(t); p["application_id"] != b.ID().String() {
		t.Fatalf("got %v", p)
	}
	w.silence()
	r.ok("POST", callback(ix), obj{"type": 4, "data": obj{"content": "hi"}})
}
