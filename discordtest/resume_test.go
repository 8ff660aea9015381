package discordtest

import (
	"encoding/json"
	"fmt"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestResumeReplaysWhatWasMissed(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	w, ready := login(t, d, IntentGuilds, "")
	seq := w.until(0, "GUILD_CREATE").S
	d.DropsGateway()
	for i := range 3 {
		den.Text(fmt.Sprint("missed-", i))
	}
	w = resumed(t, d, ready["session_id"], seq)
	for i := range 3 {
		p := w.until(0, "CHANNEL_CREATE")
		if p.S != seq+1+i || p.obj(t)["name"] != fmt.Sprint("missed-", i) {
			t.Fatalf("replayed %d %s", p.S, p.D)
		}
	}
	w.until(0, "RESUMED")
	den.Text("after")
	w.until(0, "CHANNEL_CREATE")
}

func TestResumeIsRefused(t *testing.T) {
	t.Run("unknown session", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		w := resumed(t, d, "nope", 1)
		w.until(9, "")
	})
	t.Run("after a clean close", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		w, ready := login(t, d, IntentGuilds, "")
		_ = w.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(1000, ""), time.Now().Add(time.Second))
		if err := d.Bot().WaitOffline(soon(t)); err != nil {
			t.Fatal(err)
		}
		resumed(t, d, ready["session_id"], 1).until(9, "")
	})
	t.Run("too late", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		_, ready := login(t, d, IntentGuilds, "")
		d.DropsGateway()
		d.Passes(time.Hour)
		resumed(t, d, ready["session_id"], 1).until(9, "")
	})
	t.Run("on demand", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		_, ready := login(t, d, IntentGuilds, "")
		d.DropsGateway()
		d.RefusesResumes(1)
		resumed(t, d, ready["session_id"], 1).until(9, "")
	})
	t.Run("seq from the future", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		_, ready := login(t, d, IntentGuilds, "")
		d.DropsGateway()
		resumed(t, d, ready["session_id"], 1000).closed(4007)
		taken(t, d, "Invalid seq")
	})
	t.Run("wrong token", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		w := dial(t, d, d.ResumeURL(), "")
		w.send(6, obj{"token": "x", "session_id": "x", "seq": 1})
		w.closed(4004)
		taken(t, d, "4004")
	})
	t.Run("at the wrong address it is a violation", func(t *testing.T) {
		d := New(t, Options{NoVoice: true})
		_, ready := login(t, d, IntentGuilds, "")
		d.DropsGateway()
		w := dial(t, d, d.GatewayURL(), "")
		w.send(6, obj{"token": d.Token(), "session_id": ready["session_id"], "seq": 1})
		w.until(0, "RESUMED")
		taken(t, d, "resume_gateway_url")
	})
}

func TestGatewayFaults(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	w, ready := login(t, d, IntentGuilds, "")
	d.AsksHeartbeat()
	w.until(1, "")
	d.AsksReconnect()
	w.until(7, "")
	d.Invalidates(true)
	if p := w.until(9, ""); string(p.D) != "true" {
		t.Fatalf("got %s", p.D)
	}
	d.IgnoresHeartbeats(true)
	w.send(1, nil)
	d.AsksHeartbeat()
	if p := w.until(1, ""); p.Op != 1 {
		t.Fatal("no op 1")
	}
	d.Heal()
	d.ClosesGateway(4000)
	w.closed(4000)
	w = resumed(t, d, ready["session_id"], 1)
	w.until(0, "RESUMED")
	d.Invalidates(false)
	if p := w.until(9, ""); string(p.D) != "false" {
		t.Fatalf("got %s", p.D)
	}
	resumed(t, d, ready["session_id"], 1).until(9, "")
}

func TestASessionClosedWith4009IsGone(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	w, ready := login(t, d, IntentGuilds, "")
	d.ClosesGateway(4009)
	w.closed(4009)
	resumed(t, d, ready["session_id"], 1).until(9, "")
}

func TestAClientThatStopsItsHeartbeatIsClosed(t *testing.T) {
	d := New(t, Options{NoVoice: true, Heartbeat: 20 * time.Millisecond})
	w, _ := login(t, d, IntentGuilds, "")
	w.closed(4009)
	taken(t, d, "no heartbeat")
}

func TestGuildOutage(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	w, _ := login(t, d, IntentGuilds, "")
	w.until(0, "GUILD_CREATE")
	den.Unavailable(true)
	if g := w.until(0, "GUILD_DELETE").obj(t); g["unavailable"] != true {
		t.Fatalf("got %v", g)
	}
	den.Unavailable(false)
	w.until(0, "GUILD_CREATE")
	den.Goes(d.Bot())
	if g := w.until(0, "GUILD_DELETE").obj(t); g["unavailable"] != nil {
		t.Fatalf("got %v", g)
	}
}

func TestMembersAndChannelInfoOnRequest(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	alice := den.Member("alice")
	w, _ := login(t, d, IntentGuilds, "")
	w.send(8, obj{"guild_id": den.ID(), "user_ids": []any{alice.ID(), "5"}, "nonce": "n"})
	c := w.until(0, "GUILD_MEMBERS_CHUNK").obj(t)
	if len(c["members"].([]any)) != 1 || len(c["not_found"].([]any)) != 1 || c["nonce"] != "n" {
		t.Fatalf("got %v", c)
	}
	w.send(8, obj{"guild_id": den.ID(), "query": "al", "limit": 5})
	if c := w.until(0, "GUILD_MEMBERS_CHUNK").obj(t); len(c["members"].([]any)) != 1 {
		t.Fatalf("got %v", c)
	}
	w.send(43, obj{"guild_id": den.ID(), "fields": []string{"status"}})
	w.until(0, "CHANNEL_INFO")
	w.send(43, obj{"guild_id": den.ID()})
	w.send(3, obj{"since": nil, "activities": []any{}, "status": "online", "afk": false})
	w.send(31, obj{"guild_ids": []any{den.ID()}})
	w.send(8, obj{"guild_id": den.ID(), "query": "", "limit": 0})
	w.closed(4014)
	taken(t, d, "op 43", "Disallowed")
}

func TestTrafficIsRecorded(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	w, _ := login(t, d, IntentGuilds, "")
	w.send(1, 1)
	w.until(11, "")
	in, out := d.Received(), d.Sent()
	if len(in) != 2 || in[0].Op != 2 || in[1].Op != 1 || string(in[1].Data) != "1" {
		t.Fatalf("received %+v", in)
	}
	if len(out) != 3 || out[0].Op != 10 || out[1].Type != "READY" || out[1].Seq != 1 || out[2].Op != 11 {
		t.Fatalf("sent %+v", out)
	}
	if in[0].Conn != 1 || in[0].Shard != -1 || in[1].Shard != 0 {
		t.Fatalf("received %+v", in)
	}
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	d, err := Start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	den := d.Guild("den")
	den.Voice("Lounge")
	alice := den.Member("alice")
	w, _ := login(t, d, IntentGuilds|IntentGuildVoiceStates, "compress=zstd-stream")
	if err := alice.Joins("Lounge"); err != nil {
		t.Fatal(err)
	}
	w.send(4, obj{"guild_id": den.ID(), "channel_id": den.Voice("Lounge").ID(), "self_mute": false, "self_deaf": true})
	w.until(0, "VOICE_SERVER_UPDATE")
	if _, err := alice.Listener(soon(t)); err != nil {
		t.Fatal(err)
	}
	d.Breaks(RESTFault{Path: "/users/@me", Delay: time.Hour})
	waiting := make(chan struct{})
	go func() {
		defer close(waiting)
		resp, err := httpGet(d, "/users/@me")
		if err == nil {
			_ = resp.Body.Close()
		}
	}()
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatalf("second Close: %v", err)
	}
	<-waiting
	var b strings.Builder
	if err := pprof.Lookup("goroutine").WriteTo(&b, 2); err != nil {
		t.Fatal(err)
	}
	for _, g := range strings.Split(b.String(), "\n\n") {
		for _, own := range []string{"discordtest.(*", "voiceserver.(*", "listener.(*"} {
			if strings.Contains(g, "segue/"+own) || strings.Contains(g, "discordtest/"+own) {
				if !strings.Contains(g, "discordtest.Test") && !strings.Contains(g, "(*wire)") {
					t.Errorf("still running:\n%s", g)
				}
			}
		}
	}
}

func TestIDsAreSnowflakes(t *testing.T) {
	var s snowflakes
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	a, b := s.next(now), s.next(now)
	if b <= a || !a.when().Equal(now) {
		t.Fatalf("got %v at %v, then %v", a, a.when(), b)
	}
	var back struct{ A, B, C ID }
	if err := json.Unmarshal([]byte(fmt.Sprintf(`{"A":"%v","B":%v,"C":null}`, a, a)), &back); err != nil || back.A != a || back.B != a || back.C != 0 {
		t.Fatalf("got %+v, %v", back, err)
	}
}
