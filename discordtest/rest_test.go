package discordtest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestWhatClientsAskForAtLogin(t *testing.T) {
	d := start(t, Options{NoVoice: true, Shards: 3, MaxConcurrency: 2})
	d.Guild("den")
	r := restOf(t, d)
	if a := r.ok("GET", "/gateway", nil); a.at("url") != d.GatewayURL() {
		t.Fatalf("got %s", a.raw)
	}
	a := r.ok("GET", "/gateway/bot", nil)
	if a.at("shards") != 3.0 || a.at("session_start_limit", "max_concurrency") != 2.0 || a.at("session_start_limit", "remaining") != 1000.0 {
		t.Fatalf("got %s", a.raw)
	}
	app := d.Application().String()
	if a := r.ok("GET", "/users/@me", nil); a.at("id") != app || a.at("bot") != true {
		t.Fatalf("got %s", a.raw)
	}
	for _, path := range []string{"/applications/@me", "/oauth2/applications/@me", "/applications/" + app} {
		if a := r.ok("GET", path, nil); a.at("id") != app || a.at("bot", "id") != app {
			t.Fatalf("%s: got %s", path, a.raw)
		}
	}
	if a := r.ok("GET", "/users/@me/guilds?with_counts=true", nil); a.at(0, "name") != "den" || a.at(0, "approximate_member_count") != 2.0 {
		t.Fatalf("got %s", a.raw)
	}
	r.ok("GET", "/users/"+app, nil)
	r.ok("GET", "/voice/regions", nil)
	if a := r.ok("GET", "/applications/"+app+"/entitlements", nil); string(a.raw) != "[]" {
		t.Fatalf("got %s", a.raw)
	}
	r.refused("GET", "/users/@me/guilds?limit=500", nil, 400, 50035)
	taken(t, d, "limit")
	r.refused("GET", "/users/5", nil, 404, 10013)
	r.token = ""
	r.ok("GET", "/gateway", nil)
}

func TestRequestsThatAreNotDiscords(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	bad := restOf(t, d)
	bad.token = "wrong"
	bad.refused("GET", "/users/@me", nil, 401, 0)
	bad.refused("GET", "/gateway", nil, 401, 0)
	bad.token = ""
	bad.refused("GET", "/users/@me", nil, 401, 0)
	taken(t, d)
	anon := restOf(t, d)
	anon.agent = "Go-http-client/1.1"
	anon.refused("GET", "/users/@me", nil, 403, 40333)
	taken(t, d, "40333")
	r.refused("GET", "/nothing/here", nil, 404, 0)
	r.refused("DELETE", "/users/@me", nil, 405, 0)
	taken(t, d, "404", "405")
	base := "http://" + d.addr
	r.refused("GET", base+"/api/v9/users/@me", nil, 400, 50041)
	r.refused("GET", base+"/elsewhere", nil, 404, 0)
	r.refused("GET", "/applications/5/commands", nil, 403, 20012)
	a := r.refused("GET", "/channels/abc", nil, 400, 50035)
	if a.at("errors", "channel_id", "_errors", 0, "code") != "NUMBER_TYPE_COERCE" {
		t.Fatalf("got %s", a.raw)
	}
	taken(t, d, "snowflake")
	path := "/channels/" + d.Guild("den").Text("general").ID().String() + "/messages"
	for _, tt := range []struct {
		kind, body string
		code       int
	}{
		{"", "{}", 50035},
		{"text/plain", "{}", 50035},
		{"application/json", "{", 50109},
		{"application/json", "{} {}", 50109},
		{"application/json", "[]", 50035},
		{"application/json", "7", 50035},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nabc", 50035},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"song\"; filename=\"a\"\r\n\r\nx\r\n--x--\r\n", 50035},
		{"multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\r\n--x--\r\n", 50109},
		{"application/x-www-form-urlencoded", "payload_json={", 50109},
		{"application/x-www-form-urlencoded", "%zz", 50109},
	} {
		d.Passes(time.Minute)
		r.expect(tt.kind+" "+tt.body, r.raw("POST", path, tt.kind, []byte(tt.body)), 400, tt.code)
		if v := d.TakeViolations(); len(v) != 1 {
			t.Fatalf("%s %s: got violations %q", tt.kind, tt.body, v)
		}
	}
	a = r.raw("POST", path, "application/x-www-form-urlencoded", []byte("content=by+form"))
	if a.status != 200 || a.at("content") != "by form" {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	big := r.raw("POST", path, "application/json", make([]byte, bodyLimit+1))
	r.expect("a huge body", big, 413, 40005)
}

func TestBucketsLimitAndSaySo(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	r := restOf(t, d)
	path := "/channels/" + den.Text("general").ID().String() + "/messages"
	for i := range 5 {
		a := r.ok("POST", path, obj{"content": "hi"})
		h := a.header
		if h.Get("X-RateLimit-Limit") != "5" || h.Get("X-RateLimit-Remaining") != itoa(4-i) || h.Get("X-RateLimit-Bucket") == "" || h.Get("X-RateLimit-Reset-After") == "" {
			t.Fatalf("got headers %v", h)
		}
	}
	a := r.refused("POST", path, obj{"content": "hi"}, 429, 0)
	after, _ := a.at("retry_after").(float64)
	if a.header.Get("X-RateLimit-Scope") != "user" || a.header.Get("Retry-After") == "" || a.at("global") != false || after <= 0 || after > 5 {
		t.Fatalf("got %v %s", a.header, a.raw)
	}
	taken(t, d, "over its limit")
	r.ok("POST", "/channels/"+den.Text("other").ID().String()+"/messages", obj{"content": "another major parameter"})
	d.Passes(5 * time.Second)
	r.ok("POST", path, obj{"content": "hi"})
}

func TestGlobalLimit(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	var w window
	for range globalLimit {
		if !w.take(time.Unix(0, 0), globalLimit, globalWindow) {
			t.Fatal("fewer than 50 requests a second")
		}
	}
	d.mu.Lock()
	w.start = d.now().Add(time.Minute) // a window that does not end by itself, however slow the machine
	d.bot.global = w
	d.mu.Unlock()
	a := r.refused("GET", "/users/@me", nil, 429, 0)
	if a.header.Get("X-RateLimit-Global") != "true" || a.header.Get("X-RateLimit-Scope") != "global" || a.at("global") != true {
		t.Fatalf("got %v %s", a.header, a.raw)
	}
	taken(t, d, "50 requests")
	d.Passes(2 * time.Minute)
	r.ok("GET", "/users/@me", nil)
}

func TestCloudflareBarsWhoIsRefusedTooOften(t *testing.T) {
	d := New(t, Options{NoVoice: true, InvalidRequests: 3})
	r, bad := restOf(t, d), restOf(t, d)
	bad.token = "wrong"
	d.Breaks(RESTFault{Status: 429, Scope: "shared", Times: 1})
	r.refused("GET", "/gateway", nil, 429, 40062) // a shared one does not count
	for range 3 {
		r.ok("GET", "/gateway", nil)
		bad.refused("GET", "/users/@me", nil, 401, 0)
	}
	a := r.do("GET", "/gateway", nil)
	if a.status != 429 || a.header.Get("Via") != "" || a.header.Get("Retry-After") == "" || strings.HasPrefix(string(a.raw), "{") {
		t.Errorf("got %d %v %s", a.status, a.header, a.raw)
	}
	d.Passes(10 * time.Minute)
	r.ok("GET", "/gateway", nil)
	taken(t, d, "Cloudflare")
}

func TestRESTFaults(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	r := restOf(t, d)
	d.Breaks(RESTFault{Method: "GET", Path: "/users", Status: 429, Scope: "shared", RetryAfter: 2500 * time.Millisecond, Times: 1})
	a := r.refused("GET", "/users/@me", nil, 429, 40062)
	if a.header.Get("Retry-After") != "3" || a.at("retry_after") != 2.5 || a.header.Get("X-RateLimit-Scope") != "shared" {
		t.Fatalf("got %v %s", a.header, a.raw)
	}
	r.ok("GET", "/users/@me", nil)
	d.Breaks(RESTFault{Status: 503, Times: 2})
	r.refused("GET", "/users/@me", nil, 503, 0)
	r.refused("GET", "/gateway", nil, 503, 0)
	r.ok("GET", "/gateway", nil)
	d.Breaks(RESTFault{Status: 429})
	if a := r.refused("GET", "/gateway", nil, 429, 0); a.header.Get("X-RateLimit-Scope") != "user" {
		t.Fatalf("got %v", a.header)
	}
	d.Heal()
	d.Breaks(RESTFault{Delay: 30 * time.Millisecond, Times: 1})
	before := time.Now()
	r.ok("GET", "/gateway", nil)
	if took := time.Since(before); took < 30*time.Millisecond {
		t.Fatalf("answered after %v", took)
	}
	d.Breaks(RESTFault{Status: 403, Times: 1})
	r.refused("GET", "/gateway", nil, 403, 0)
}

func TestChannelPermissions(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	c := den.Text("general")
	r := restOf(t, d)
	path := "/channels/" + c.ID().String() + "/messages"
	id, _ := r.ok("POST", path, obj{"content": "first"}).at("id").(string)
	embed := obj{"embeds": []obj{{"title": "x"}}}
	c.Denies(d.Bot(), EmbedLinks)
	r.refused("POST", path, embed, 403, 50013)
	r.refused("PATCH", path+"/"+id, embed, 403, 50013)
	c.Denies(d.Bot(), AttachFiles)
	r.expect("upload", r.upload("POST", path, obj{}, "a.txt"), 403, 50013)
	c.Denies(d.Bot(), ReadMessageHistory)
	r.refused("GET", path+"/"+id, nil, 403, 50013)
	if a := r.ok("GET", path, nil); string(a.raw) != "[]" {
		t.Fatalf("got %s", a.raw)
	}
	c.Denies(d.Bot(), SendMessages)
	r.refused("POST", path, obj{"content": "x"}, 403, 50013)
	r.refused("POST", "/channels/"+c.ID().String()+"/typing", nil, 403, 50013)
	d.Passes(time.Minute)
	c.Allows(d.Bot(), SendMessages|EmbedLinks)
	r.ok("POST", path, embed)
	alice := den.Member("alice").At(c)
	m := alice.Says("mine")
	r.refused("PATCH", path+"/"+m.ID.String(), obj{"content": "x"}, 403, 50005)
	r.refused("DELETE", path+"/"+m.ID.String(), nil, 403, 50013)
	c.Allows(d.Bot(), ManageMessages)
	r.ok("DELETE", path+"/"+m.ID.String(), nil)
	c.Denies(nil, ViewChannel)
	r.refused("GET", "/channels/"+c.ID().String(), nil, 403, 50001)
	r.refused("POST", path, obj{"content": "x"}, 403, 50001)
	r.refused("GET", "/channels/5", nil, 404, 10003)
	if a := r.ok("GET", "/guilds/"+den.ID().String()+"/channels", nil); string(a.raw) != "[]" {
		t.Fatalf("a hidden channel is listed: %s", a.raw)
	}
	stranger := restOf(t, d)
	b := d.AddBot("Stranger", 0)
	den.Goes(b)
	stranger.token = b.Token()
	stranger.refused("GET", "/channels/"+c.ID().String(), nil, 403, 50001)
	stranger.refused("GET", "/guilds/"+den.ID().String(), nil, 403, 50001)
	taken(t, d)
}

func TestMessagesAreKept(t *testing.T) {
	d := start(t, Options{NoVoice: true})
	den := d.Guild("den")
	c := den.Text("general")
	r := restOf(t, d)
	path := "/channels/" + c.ID().String() + "/messages"
	w, _ := login(t, d, IntentGuilds|IntentGuildMessages|IntentGuildTyping, "")
	r.ok("POST", "/channels/"+c.ID().String()+"/typing", nil)
	first := r.ok("POST", path, obj{"content": "one", "nonce": "n1", "tts": true, "embeds": []obj{{"title": "T", "color": 255, "fields": []obj{{"name": "a", "value": "b"}}}}})
	if m := w.until(0, "MESSAGE_CREATE").obj(t); m["content"] != "one" || m["nonce"] != "n1" || m["guild_id"] != den.ID().String() {
		t.Fatalf("got %v", m)
	}
	id := first.at("id").(string)
	if a := r.ok("PATCH", path+"/"+id, obj{"content": "two"}); a.at("content") != "two" || a.at("edited_timestamp") == nil || a.at("embeds", 0, "title") != "T" {
		t.Fatalf("got %s", a.raw)
	}
	if m := w.until(0, "MESSAGE_UPDATE").obj(t); m["content"] != "two" {
		t.Fatalf("got %v", m)
	}
	reply := r.ok("POST", path, obj{"content": "re", "message_reference": obj{"message_id": id}})
	if reply.at("type") != 19.0 || reply.at("referenced_message", "content") != "two" {
		t.Fatalf("got %s", reply.raw)
	}
	r.refused("POST", path, obj{"content": "re", "message_reference": obj{"message_id": "5"}}, 400, 50035)
	r.ok("POST", path, obj{"content": "re", "message_reference": obj{"message_id": "5", "fail_if_not_exists": false}})
	taken(t, d, "Unknown message")
	list := r.ok("GET", path+"?limit=2", nil)
	if list.at(0, "content") != "re" || list.at(2) != nil {
		t.Fatalf("got %s", list.raw)
	}
	if a := r.ok("GET", path+"?before="+reply.at("id").(string), nil); a.at(0, "id") != id || a.at(1) != nil {
		t.Fatalf("got %s", a.raw)
	}
	r.refused("GET", path+"?limit=0", nil, 400, 50035)
	taken(t, d, "limit")
	r.ok("GET", path+"/"+id, nil)
	r.ok("DELETE", path+"/"+id, nil)
	w.until(0, "MESSAGE_DELETE")
	r.refused("GET", path+"/"+id, nil, 404, 10008)
	if got := c.Messages(); len(got) != 2 || got[0].Content != "re" {
		t.Fatalf("got %+v", got)
	}
	r.ok("GET", "/channels/"+c.ID().String(), nil)
}

func TestUploadsAreServed(t *testing.T) {
	d := start(t, Options{NoVoice: true, AttachmentLimit: 100})
	r := restOf(t, d)
	path := "/channels/" + d.Guild("den").Text("general").ID().String() + "/messages"
	a := r.upload("POST", path, obj{"attachments": []obj{{"id": 0, "description": "words", "filename": "re named.txt"}}}, "a.txt", "b.txt")
	if a.status != 200 || a.at("attachments", 0, "filename") != "re_named.txt" || a.at("attachments", 0, "description") != "words" {
		t.Fatalf("got %d %s", a.status, a.raw)
	}
	resp, err := http.Get(a.at("attachments", 1, "url").(string))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got := make([]byte, 100)
	n, _ := resp.Body.Read(got)
	if string(got[:n]) != "contents of b.txt" {
		t.Fatalf("got %q", got[:n])
	}
	keep := a.at("attachments", 1, "id").(string)
	one := path + "/" + a.at("id").(string)
	if e := r.ok("PATCH", one, obj{"attachments": []obj{{"id": keep}}}); e.at("attachments", 0, "id") != keep || e.at("attachments", 1) != nil {
		t.Fatalf("got %s", e.raw)
	}
	r.expect("a file that is not there", r.do("PATCH", one, obj{"attachments": []obj{{"id": "99"}}}), 400, 50035)
	r.expect("an empty message", r.do("PATCH", one, obj{"attachments": []obj{}}), 400, 50006)
	r.expect("too large", r.upload("POST", path, obj{}, strings.Repeat("x", 100)), 400, 50035)
	taken(t, d, "ATTACHMENT_NOT_FOUND", "50006", "ATTACHMENT_TOO_LARGE")
	if resp, err := http.Get("http://" + d.addr + "/attachments/1/2/x"); err != nil || resp.StatusCode != 404 {
		t.Fatalf("got %v, %v", resp, err)
	}
	if f := d.Attach("../we ird/..", []byte("x")); f.Filename != "unknown" {
		t.Fatalf("got name %q", f.Filename)
	}
}
