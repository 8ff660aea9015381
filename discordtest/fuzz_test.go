package discordtest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

// FuzzGatewayPayload feeds a logged-in connection with what a client may send.
func FuzzGatewayPayload(f *testing.F) {
	for _, s := range []string{
		`{"op":1,"d":null}`, `{"op":2,"d":{"token":"x","intents":1}}`, `{"op":4,"d":{"guild_id":"1","channel_id":null,"self_mute":false}}`,
		`{"op":6,"d":{"token":"x","session_id":"y","seq":1}}`, `{"op":8,"d":{"guild_id":"1","user_ids":["1",2]}}`, `{"op":43,"d":{"guild_id":1}}`,
		`{"op":3,"d":{"status":"online"}}`, `{"op":1e3,"d":[]}`, `{"op":2,"d":{"shard":[0,0]}}`, `[]`, `{`, "\x00",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	d, err := Start(Options{NoVoice: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() })
	d.Guild("den")
	f.Fuzz(func(t *testing.T, b []byte, in bool) {
		d.mu.Lock()
		defer d.mu.Unlock()
		c := &conn{d: d, wake: make(chan struct{}, 1)}
		s := &session{id: "s", bot: d.bot, shards: 1, intents: IntentGuilds | IntentGuildVoiceStates}
		if in {
			d.ready(c, s)
		}
		c.receive(websocket.TextMessage, b)
		for _, o := range c.out {
			if o.close == 0 && !json.Valid(o.payload) {
				t.Fatalf("sent %s", o.payload)
			}
		}
		if c.session != nil {
			d.endSession(c.session)
		}
		d.endSession(s)
		d.violations = nil
		d.record = recorder{}
	})
}

// FuzzMessageBody checks that no body breaks the checks, and that what they let
// through is within the limits.
func FuzzMessageBody(f *testing.F) {
	for _, s := range []string{
		`{"content":"hi"}`, `{"embeds":[{"title":"t","fields":[{"name":"n","value":"v"}]}]}`,
		`{"components":[{"type":1,"components":[{"type":2,"style":1,"custom_id":"a","label":"b","emoji":{"name":"x"}}]}]}`,
		`{"flags":32768,"components":[{"type":17,"components":[{"type":10,"content":"x"},{"type":12,"items":[{"media":{"url":"https://a.b"}}]}]}]}`,
		`{"flags":32768,"components":[{"type":9,"components":[{"type":10,"content":"x"}],"accessory":{"type":11,"media":{"url":"attachment://a"}}}]}`,
		`{"components":[{"type":1,"components":[{"type":3,"custom_id":"s","options":[{"label":"a","value":"b"}],"max_values":1}]}]}`,
		`{"attachments":[{"id":0}],"allowed_mentions":{"parse":["users"]},"message_reference":{"message_id":1},"nonce":1}`,
		`{"components":[null,5,{"type":13,"file":null}],"embeds":[null]}`,
	} {
		f.Add([]byte(s))
	}
	d, err := Start(Options{NoVoice: true})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = d.Close() })
	c := d.Guild("den").Text("general")
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := decodeObject(b)
		if !ok {
			return
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		var fm form
		dr := d.draft(&fm, o, nil, messageRules{flags: newMessageFlags})
		_, _ = json.Marshal(fm.root.json())
		fm.modal(o, "")
		if fm.bad() || dr.empty(nil) {
			return
		}
		m := &message{d: d, id: 1, channel: c, author: d.bot.user}
		dr.apply(m, m.edited)
		got := m.snapshot()
		if len([]rune(got.Content)) > contentLimit || len(got.Embeds) > 10 || !json.Valid(got.JSON) {
			t.Fatalf("let through %s", got.JSON)
		}
	})
}

// FuzzCommand checks that no body breaks the checks of commands, and that what
// they let through can be shown and typed.
func FuzzCommand(f *testing.F) {
	for _, s := range []string{
		`{"name":"play","description":"d","options":[{"type":3,"name":"q","description":"d","choices":[{"name":"a","value":"b"}]}]}`,
		`{"name":"fx","description":"d","options":[{"type":2,"name":"g","description":"d","options":[{"type":1,"name":"s","description":"d"}]}]}`,
		`{"name":"a","type":2}`, `{"name":"a","description":"d","name_localizations":{"de":"x","xx":1},"contexts":[0],"default_member_permissions":8}`,
		`{"name":"a","description":"d","options":[{"type":4,"name":"n","description":"d","min_value":"x","max_value":1e400}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		o, ok := decodeObject(b)
		if !ok {
			return
		}
		var fm form
		c := fm.command(o, "", 0)
		if fm.bad() {
			if _, err := json.Marshal(fm.root.json()); err != nil {
				t.Fatal(err)
			}
			return
		}
		c.bot = &Bot{user: &user{id: 1}}
		for _, all := range []bool{true, false} {
			if _, err := json.Marshal(c.json(all, "de")); err != nil {
				t.Fatalf("%s: %v", b, err)
			}
		}
		if c.size() > commandSize || c.kind == commandSlash && !slashName.MatchString(c.name) {
			t.Fatalf("let through %s", b)
		}
	})
}

// FuzzRequestBody reads bodies of all content types.
func FuzzRequestBody(f *testing.F) {
	f.Add([]byte(`{"content":"x"}`), "application/json")
	f.Add([]byte("payload_json=%7B%7D"), "application/x-www-form-urlencoded")
	f.Add([]byte("--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{}\r\n--b\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"), "multipart/form-data; boundary=b")
	f.Fuzz(func(t *testing.T, b []byte, kind string) {
		q := &request{r: &http.Request{Method: http.MethodPost, Header: http.Header{"Content-Type": {kind}}}, route: &route{kinds: multipart_}}
		if err := q.decode(b); err != nil {
			return
		}
		for name, up := range q.files {
			if !strings.HasPrefix(name, "files[") || strings.ContainsAny(cleanName(up.name), "/\\ ") {
				t.Fatalf("took %q named %q", name, up.name)
			}
		}
	})
}
