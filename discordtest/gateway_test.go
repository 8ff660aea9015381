package discordtest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

func TestLoginOverEveryCompression(t *testing.T) {
	for _, query := range []string{"", "compress=zlib-stream", "compress=zstd-stream"} {
		t.Run(query, func(t *testing.T) {
			d := New(t)
			den := d.Guild("den")
			w, ready := login(t, d, IntentGuilds|IntentGuildVoiceStates, query)
			if ready["session_id"] == "" || ready["resume_gateway_url"] != d.ResumeURL() {
				t.Fatalf("got READY %v", ready)
			}
			if app, _ := ready["application"].(obj); app["id"] != d.Application().String() || app["flags_new"] != fmt.Sprint(app["flags"]) {
				t.Errorf("got application %v", app)
			}
			g := w.until(0, "GUILD_CREATE").obj(t)
			if _, there := g["hub_type"]; !there {
				t.Error("GUILD_CREATE has no hub_type")
			}
			if g["id"] != den.ID().String() || g["unavailable"] != false || len(g["channels"].([]any)) != 1 {
				t.Fatalf("got GUILD_CREATE %v", g)
			}
			for i := range 20 {
				den.Voice(fmt.Sprintf("Lounge %d", i))
				if c := w.until(0, "CHANNEL_CREATE").obj(t); c["name"] != fmt.Sprintf("Lounge %d", i) {
					t.Fatalf("got %v", c)
				}
			}
			w.send(1, nil)
			w.until(11, "")
		})
	}
}

func TestPayloadCompression(t *testing.T) {
	d := New(t)
	d.Guild("den")
	w := dial(t, d, d.GatewayURL(), "")
	w.until(10, "")
	id := identity(d, IntentGuilds)
	id["compress"] = true
	w.send(2, id)
	_ = w.ws.SetReadDeadline(time.Now().Add(patience))
	kind, _, err := w.ws.ReadMessage()
	if err != nil || kind != websocket.BinaryMessage {
		t.Fatalf("READY came as kind %d, %v; want a compressed binary message", kind, err)
	}
	if g := w.until(0, "GUILD_CREATE"); g.S != 2 {
		t.Fatalf("got %+v", g)
	}
	d.Passes(identifyWindow)
	both := dial(t, d, d.GatewayURL(), "compress=zlib-stream")
	both.until(10, "")
	both.send(2, id)
	both.closed(4002)
	taken(t, d, "transport compression")
}

func TestGatewayRefusesWhatDiscordRefuses(t *testing.T) {
	big := strings.Repeat("x", 4100)
	with := func(o obj, k string, v any) obj { o[k] = v; return o }
	tests := []struct {
		name   string
		login  bool
		send   func(d *Discord) any
		raw    string
		code   int
		remark string
	}{
		{name: "bad token", send: func(d *Discord) any { return with(identity(d, 1), "token", "x.y.z") }, code: 4004, remark: "4004"},
		{name: "token with Bot before it", send: func(d *Discord) any { return with(identity(d, 1), "token", "Bot "+d.Token()) }, code: 4004, remark: "4004"},
		{name: "privileged intent not granted", send: func(d *Discord) any { return identity(d, IntentGuilds|IntentMessageContent) }, code: 4014, remark: "4014"},
		{name: "intent that does not exist", send: func(d *Discord) any { return identity(d, 1<<40) }, code: 4013, remark: "4013"},
		{name: "no intents", send: func(d *Discord) any { return with(identity(d, 1), "intents", nil) }, code: 4013, remark: "4013"},
		{name: "no properties", send: func(d *Discord) any { return with(identity(d, 1), "properties", nil) }, code: 4002, remark: "properties"},
		{name: "shard out of range", send: func(d *Discord) any { return with(identity(d, 1), "shard", []int{2, 2}) }, code: 4010, remark: "4010"},
		{name: "shard of wrong shape", send: func(d *Discord) any { return with(identity(d, 1), "shard", []int{2}) }, code: 4010, remark: "4010"},
		{name: "large_threshold", send: func(d *Discord) any { return with(identity(d, 1), "large_threshold", 20) }, code: 4002, remark: "large_threshold"},
		{name: "second identify", login: true, send: func(d *Discord) any { return identity(d, 1) }, code: 4005, remark: "4005"},
		{name: "no JSON", raw: "{", code: 4002, remark: "decoding"},
		{name: "no opcode", raw: `{"d":1}`, code: 4002, remark: "decoding"},
		{name: "an array", raw: `[1]`, code: 4002, remark: "decoding"},
		{name: "unknown opcode", login: true, raw: `{"op":99,"d":{}}`, code: 4001, remark: "Unknown opcode"},
		{name: "opcode before identify", raw: `{"op":4,"d":{"guild_id":"1","channel_id":null}}`, code: 4003, remark: "4003"},
		{name: "too large", login: true, raw: `{"op":1,"d":null,"x":"` + big + `"}`, code: 4002, remark: "4096"},
		{name: "heartbeat of the wrong type", raw: `{"op":1,"d":"x"}`, code: 4002, remark: "heartbeat"},
		{name: "heartbeat from the future", login: true, raw: `{"op":1,"d":99}`, code: 4007, remark: "seq"},
		{name: "voice state without guild", login: true, raw: `{"op":4,"d":{"channel_id":null}}`, code: 4002, remark: "decoding"},
		{name: "presence of no kind", login: true, raw: `{"op":3,"d":{"status":"dancing"}}`, code: 4002, remark: "status"},
		{name: "data of the wrong type", login: true, raw: `{"op":4,"d":[]}`, code: 4002, remark: "decoding"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := New(t, Options{NoVoice: true})
			w := dial(t, d, d.GatewayURL(), "")
			w.until(10, "")
			if tt.login {
				w.send(2, identity(d, IntentGuilds))
				w.until(0, "READY")
			}
			if tt.send != nil {
				w.send(2, tt.send(d))
			} else if err := w.ws.WriteMessage(websocket.TextMessage, []byte(tt.raw)); err != nil {
				t.Fatal(err)
			}
			w.closed(tt.code)
			taken(t, d, tt.remark)
		})
	}
}

func TestGatewayURLQuery(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	for query, code := range map[string]int{"v=9": 4012, "v=10&encoding=etf": 4002, "v=10&compress=lzma": 4002} {
		ws, _, err := websocket.DefaultDialer.DialContext(soon(t), d.GatewayURL()+"/?"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		(&wire{t: t, ws: ws}).closed(code)
		_ = ws.Close()
	}
}

func TestGatewayAllows120PayloadsAMinute(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	w, _ := login(t, d, IntentGuilds, "")
	for range sendLimit - 1 { // Identify was the first
		w.send(1, nil)
	}
	d.Passes(sendWindow)
	for range sendLimit + 1 {
		w.send(1, nil)
	}
	w.closed(4008)
	taken(t, d, "rate limited")
}

func TestIdentifyConcurrency(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	login(t, d, IntentGuilds, "")
	w := dial(t, d, d.GatewayURL(), "")
	w.until(10, "")
	w.send(2, identity(d, IntentGuilds))
	if p := w.until(9, ""); string(p.D) != "false" {
		t.Fatalf("got %s", p.D)
	}
	taken(t, d, "within 5 s")
	d.Passes(5 * time.Second)
	w.send(2, identity(d, IntentGuilds))
	w.until(0, "READY")
}

func TestUnknownGatewayFieldsAreViolations(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	w, _ := login(t, d, IntentGuilds, "")
	w.send(4, obj{"guild_id": den.ID(), "channel_id": nil, "self_mut": true})
	w.send(1, nil)
	w.until(11, "")
	taken(t, d, `unknown field "self_mut"`)
}

func TestEventsNeedTheirIntents(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	den := d.Guild("den")
	lounge := den.Voice("Lounge")
	alice := den.Member("alice")
	w, _ := login(t, d, 0, "")
	_ = alice.Joins("Lounge")
	den.Text("more")
	lounge.Limit(3)
	alice.Says("hello")
	w.send(1, nil)
	for {
		p, err := w.next()
		if err != nil {
			t.Fatal(err)
		}
		if p.Op == 11 {
			break
		}
		if p.Op == 0 {
			t.Fatalf("without intents came %s", p.T)
		}
	}
}

func TestMessageContentNeedsItsIntent(t *testing.T) {
	d := New(t, Options{NoVoice: true})
	alice := d.Guild("den").Member("alice")
	w, _ := login(t, d, IntentGuildMessages, "")
	alice.Says("secret")
	if m := w.until(0, "MESSAGE_CREATE").obj(t); m["content"] != "" {
		t.Fatalf("got content %q", m["content"])
	}
	alice.Says("hey <@" + d.Bot().ID().String() + ">")
	if m := w.until(0, "MESSAGE_CREATE").obj(t); !strings.HasPrefix(m["content"].(string), "hey") {
		t.Fatalf("a mention came without content: %v", m)
	}
	d.Bot().Grants(IntentMessageContent)
	d.Passes(10 * time.Second)
	w2, _ := login(t, d, IntentGuildMessages|IntentMessageContent, "")
	alice.Says("secret")
	if m := w2.until(0, "MESSAGE_CREATE").obj(t); m["content"] != "secret" {
		t.Fatalf("got content %q", m["content"])
	}
}

func TestShardsGetTheirGuildsOnly(t *testing.T) {
	d := New(t, Options{NoVoice: true, MaxConcurrency: 2, Shards: 2})
	var guilds []*Guild
	for i := range 6 {
		guilds = append(guilds, d.Guild(fmt.Sprint("guild ", i)))
		d.Passes(time.Millisecond) // the shard is taken from the id's time
	}
	seen := map[string]int{}
	for shard := range 2 {
		w := dial(t, d, d.GatewayURL(), "")
		w.until(10, "")
		id := identity(d, IntentGuilds)
		id["shard"] = []int{shard, 2}
		w.send(2, id)
		n := len(w.until(0, "READY").obj(t)["guilds"].([]any))
		for range n {
			g := w.until(0, "GUILD_CREATE").obj(t)
			seen[g["id"].(string)] = shard
		}
	}
	for _, g := range guilds {
		if shard, ok := seen[g.ID().String()]; !ok || uint64(shard) != uint64(g.ID())>>22%2 {
			t.Fatalf("guild %v on shard %d, %v", g.ID(), shard, ok)
		}
	}
}
