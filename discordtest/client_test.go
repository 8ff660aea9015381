package discordtest

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/klauspost/compress/zstd"

	"segue/discordtest/openapi"
)

// patience is how long a test waits for what must come.
const patience = 10 * time.Second

var checker = sync.OnceValues(func() (*openapi.Checker, error) {
	data := os.Getenv("SEGUE_TEST_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "shared", "data")
	}
	return openapi.Load(filepath.Join(data, "discord-openapi.json"))
})

// start gives a Discord whose REST traffic is checked against the description, where
// that is at hand.
func start(t *testing.T, opt ...Options) *Discord {
	t.Helper()
	o := Options{}
	if len(opt) > 0 {
		o = opt[0]
	}
	c, err := checker()
	switch {
	case err != nil && os.Getenv("CI") == "true":
		t.Fatalf("the OpenAPI description: %v", err)
	case err != nil:
		t.Logf("SKIPPED: REST traffic is not held against the OpenAPI description: %v", err)
		return New(t, o)
	}
	o.Middleware = c.Middleware
	t.Cleanup(func() {
		for _, p := range c.Take() {
			t.Errorf("openapi: %s", p)
		}
	})
	return New(t, o)
}

func soon(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// rest is a raw REST client of a bot.
type rest struct {
	t     *testing.T
	d     *Discord
	token string
	agent string
}

func restOf(t *testing.T, d *Discord) *rest {
	return &rest{t, d, d.Token(), "DiscordBot (https://example.org, 1)"}
}

// answer is a response, with the body if it is an object.
type answer struct {
	status int
	header http.Header
	raw    []byte
	obj
}

// text digs a value out of the body, by keys and indexes.
func (a answer) at(path ...any) any {
	var v any = a.obj
	if a.obj == nil {
		_ = json.Unmarshal(a.raw, &v)
	}
	for _, p := range path {
		switch k := p.(type) {
		case string:
			m, _ := v.(obj)
			v = m[k]
		case int:
			l, _ := v.([]any)
			if k >= len(l) {
				return nil
			}
			v = l[k]
		}
	}
	return v
}

func (r *rest) raw(method, path, kind string, body []byte) answer {
	r.t.Helper()
	url := path
	if strings.HasPrefix(path, "/") {
		url = r.d.APIURL() + path
	}
	req, err := http.NewRequestWithContext(soon(r.t), method, url, bytes.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bot "+r.token)
	}
	req.Header.Set("User-Agent", r.agent)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		r.t.Fatal(err)
	}
	_ = json.Unmarshal(a.raw, &a.obj)
	return a
}

func (r *rest) do(method, path string, body any) answer {
	r.t.Helper()
	if body == nil {
		return r.raw(method, path, "", nil)
	}
	b, err := json.Marshal(body)
	if err != nil {
		r.t.Fatal(err)
	}
	return r.raw(method, path, "application/json", b)
}

// ok wants one of the good statuses.
func (r *rest) ok(method, path string, body any) answer {
	r.t.Helper()
	a := r.do(method, path, body)
	if a.status >= 300 {
		r.t.Fatalf("%s %s: %d %s", method, path, a.status, a.raw)
	}
	return a
}

// refused wants a status and a code.
func (r *rest) refused(method, path string, body any, status, code int) answer {
	r.t.Helper()
	a := r.do(method, path, body)
	r.expect(method+" "+path, a, status, code)
	return a
}

func (r *rest) expect(what string, a answer, status, code int) {
	r.t.Helper()
	got, _ := a.obj["code"].(float64)
	if a.status != status || int(got) != code {
		r.t.Fatalf("%s: got %d %s, want %d with code %d", what, a.status, a.raw, status, code)
	}
}

// upload sends payload_json and files.
func (r *rest) upload(method, path string, body any, files ...string) answer {
	r.t.Helper()
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	p, _ := json.Marshal(body)
	_ = w.WriteField("payload_json", string(p))
	for i, f := range files {
		part, err := w.CreateFormFile(fmt.Sprintf("files[%d]", i), f)
		if err != nil {
			r.t.Fatal(err)
		}
		_, _ = part.Write([]byte("contents of " + f))
	}
	_ = w.Close()
	return r.raw(method, path, w.FormDataContentType(), buf.Bytes())
}

// taken wants exactly these violations, each by a part of its text.
func taken(t *testing.T, d *Discord, want ...string) {
	t.Helper()
	got := d.TakeViolations()
	if len(got) != len(want) {
		t.Fatalf("got violations %q, want %q", got, want)
	}
	for i := range want {
		if !strings.Contains(got[i], want[i]) {
			t.Fatalf("got violation %q, want one about %q", got[i], want[i])
		}
	}
}

// wire is a raw gateway client.
type wire struct {
	t    *testing.T
	d    *Discord
	ws   *websocket.Conn
	mode string
	pipe *io.PipeWriter
	json *json.Decoder
}

type packet struct {
	Op int             `json:"op"`
	T  string          `json:"t"`
	S  int             `json:"s"`
	D  json.RawMessage `json:"d"`
}

func (p packet) obj(t *testing.T) obj {
	t.Helper()
	var o obj
	if err := json.Unmarshal(p.D, &o); err != nil {
		t.Fatalf("%s: %v", p.D, err)
	}
	return o
}

// dial opens a gateway connection; query is "" or "compress=…".
func dial(t *testing.T, d *Discord, base, query string) *wire {
	t.Helper()
	ws, _, err := websocket.DefaultDialer.DialContext(soon(t), base+"/?v=10&encoding=json&"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{t: t, d: d, ws: ws, mode: strings.TrimPrefix(query, "compress=")}
	t.Cleanup(func() { _ = ws.Close() })
	return w
}

// next reads a payload, or gives the error the connection ended with.
func (w *wire) next() (packet, error) {
	var p packet
	_ = w.ws.SetReadDeadline(time.Now().Add(patience))
	kind, b, err := w.ws.ReadMessage()
	if err != nil {
		return p, err
	}
	switch {
	case w.mode == "zlib-stream" || w.mode == "zstd-stream":
		if w.json == nil {
			w.stream()
		}
		if w.mode == "zlib-stream" && !bytes.HasSuffix(b, []byte{0, 0, 0xff, 0xff}) {
			return p, fmt.Errorf("message without the sync marker: % x", b)
		}
		go w.pipe.Write(b)
		return p, w.json.Decode(&p)
	case kind == websocket.BinaryMessage:
		z, err := zlib.NewReader(bytes.NewReader(b))
		if err != nil {
			return p, err
		}
		return p, json.NewDecoder(z).Decode(&p)
	}
	return p, json.Unmarshal(b, &p)
}

func (w *wire) stream() {
	r, pw := io.Pipe()
	w.pipe = pw
	w.t.Cleanup(func() { _ = pw.Close() })
	out, in := io.Pipe()
	go func() {
		var z io.Reader
		var err error
		if w.mode == "zlib-stream" {
			z, err = zlib.NewReader(r)
		} else {
			z, err = zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		}
		if err == nil {
			_, err = io.Copy(in, z)
		}
		_ = in.CloseWithError(err)
	}()
	w.json = json.NewDecoder(out)
}

// until reads until a payload of an opcode and event name.
func (w *wire) until(op int, name string) packet {
	w.t.Helper()
	for {
		p, err := w.next()
		if err != nil {
			w.t.Fatalf("waiting for op %d %s: %v", op, name, err)
		}
		if p.Op == op && p.T == name {
			return p
		}
	}
}

// closed reads until the connection ends, and wants this close code.
func (w *wire) closed(code int) {
	w.t.Helper()
	for {
		_, err := w.next()
		if err == nil {
			continue
		}
		var ce *websocket.CloseError
		if !errors.As(err, &ce) || ce.Code != code {
			w.t.Fatalf("ended with %v, want close code %d", err, code)
		}
		return
	}
}

func (w *wire) send(op int, data any) {
	w.t.Helper()
	if err := w.ws.WriteJSON(obj{"op": op, "d": data}); err != nil {
		w.t.Fatal(err)
	}
}

func identity(d *Discord, intents Intents) obj {
	return obj{"token": d.Token(), "intents": intents, "properties": obj{"os": "linux", "browser": "test", "device": "test"}}
}

// login identifies and gives READY.
func login(t *testing.T, d *Discord, intents Intents, query string) (*wire, obj) {
	t.Helper()
	w := dial(t, d, d.GatewayURL(), query)
	w.until(10, "")
	w.send(2, identity(d, intents))
	return w, w.until(0, "READY").obj(t)
}

// resumed takes a session up again.
func resumed(t *testing.T, d *Discord, session any, seq int) *wire {
	t.Helper()
	w := dial(t, d, d.ResumeURL(), "")
	w.until(10, "")
	w.send(6, obj{"token": d.Token(), "session_id": session, "seq": seq})
	return w
}

// play is a command like Segue's, registered.
func play(t *testing.T, d *Discord) *rest {
	t.Helper()
	r := restOf(t, d)
	r.ok("PUT", "/applications/"+d.Application().String()+"/commands", []obj{{
		"name": "play", "description": "Play something",
		"options": []obj{
			{"type": 3, "name": "query", "description": "What to play", "autocomplete": true, "max_length": 100},
			{"type": 11, "name": "file", "description": "A file"},
			{"type": 4, "name": "volume", "description": "How loud", "min_value": 0, "max_value": 200},
			{"type": 6, "name": "for", "description": "Whom for"},
			{"type": 5, "name": "next", "description": "At once"},
		},
	}})
	return r
}

// httpGet asks as the bot, for tests that do not care for the answer.
func httpGet(d *Discord, path string) (*http.Response, error) {
	req, err := http.NewRequest(http.MethodGet, d.APIURL()+path, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bot "+d.Token())
	req.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)")
	return http.DefaultClient.Do(req)
}
