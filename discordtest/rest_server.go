package discordtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

const bodyLimit = 64 << 20 // bytes of one request

// A route is one operation of the REST API.
type route struct {
	method string
	path   string // with {name} for ids; {token} is the only one that is text
	handle func(*request) (int, any, error)
	rate   rate
	open   bool // needs no Authorization
	exempt bool // from the global limit
	kinds  kinds
}

// kinds are the content types a route takes.
type kinds uint8

const (
	jsonOnly   kinds = iota
	multipart_       // JSON, multipart, and forms
)

// A request is a REST call on its way through the checks.
type request struct {
	d     *Discord
	r     *http.Request
	bot   *Bot
	route *route
	vars  map[string]string
	query url.Values
	body  any
	files map[string]*file
}

// id is an id of the path; the router made sure that it is one.
func (q *request) id(name string) ID {
	id, _ := parseID(q.vars[name])
	return id
}

// major is the part of the path that separates buckets.
func (q *request) major() string {
	return q.vars["channel_id"] + "/" + q.vars["guild_id"] + "/" + q.vars["webhook_id"] + "/" + q.vars["token"]
}

// object is the body, which must be an object.
func (q *request) object() (obj, error) {
	o, ok := q.body.(obj)
	if !ok {
		return nil, oneError("", "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
	}
	return o, nil
}

// handler is the whole HTTP side: gateway, CDN and API.
func (d *Discord) handler() http.Handler {
	var api http.Handler = http.HandlerFunc(d.serveAPI)
	if d.opt.Middleware != nil {
		api = d.opt.Middleware(api)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !d.enter() {
			return
		}
		defer d.work.Done()
		switch {
		case websocket.IsWebSocketUpgrade(r):
			d.serveGateway(w, r)
		case strings.HasPrefix(r.URL.Path, "/attachments/"):
			d.serveFile(w, r)
		case strings.HasPrefix(r.URL.Path, "/api/") && d.barred(w):
		case strings.HasPrefix(r.URL.Path, "/api/v10/"):
			// What Discord's own answers carry; without it some clients take a 429 for Cloudflare's.
			w.Header().Set("Via", "1.1 google")
			// The decoded path is the one to route: %40original is @original.
			r.URL.RawPath = ""
			api.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, "/api"):
			writeJSON(w, 400, obj{"message": "Invalid API version", "code": 50041})
		default:
			writeJSON(w, 404, obj{"message": "404: Not Found", "code": 0})
		}
	})
}

// enter counts a request in, so that Close waits for it; false when closed.
func (d *Discord) enter() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.work.Add(1)
	}
	return !d.closed
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may be gone
}

// serveAPI answers one REST call.
func (d *Discord) serveAPI(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, "/api/v10")
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, bodyLimit))
	if err != nil {
		writeJSON(w, 413, refusal(413, 40005, "Request entity too large").json())
		return
	}
	d.mu.Lock()
	f := d.fault(r.Method, path)
	d.mu.Unlock()
	if f != nil && d.disturb(w, r, f) {
		return
	}
	d.mu.Lock()
	d.sweep()
	status, body, err := d.answer(w.Header(), r, path, raw)
	if err != nil {
		d.blame(r, path, err)
	}
	var out []byte
	if body != nil && err == nil {
		out, err = json.Marshal(body)
	}
	d.touch()
	d.mu.Unlock()
	var refused *apiError
	var limited *tooMany
	switch {
	case errors.As(err, &limited):
		d.invalidate() // none of these is a "shared" one
		limited.answer(w)
	case errors.As(err, &refused):
		if refused.status == 401 || refused.status == 403 {
			d.invalidate()
		}
		writeJSON(w, refused.status, refused.json())
	case err != nil:
		writeJSON(w, 500, obj{"message": "500: Internal Server Error", "code": 0})
	case out == nil:
		w.WriteHeader(status)
	default:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(out)
	}
}

// disturb lets a fault have its way; true when it has answered.
func (d *Discord) disturb(w http.ResponseWriter, r *http.Request, f *RESTFault) bool {
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-r.Context().Done():
			return true
		case <-d.ctx.Done():
			return true
		}
	}
	switch {
	case f.Status == 429:
		if f.Scope != "global" {
			limitHeaders(w.Header(), "fault at "+r.Method+" "+r.URL.Path, 5, 0, time.Now(), f.RetryAfter)
		}
		(&tooMany{f.Scope, f.RetryAfter}).answer(w)
	case f.Status >= 500:
		writeJSON(w, f.Status, obj{"message": fmt.Sprintf("%d: %s", f.Status, http.StatusText(f.Status)), "code": 0})
	case f.Status != 0:
		writeJSON(w, f.Status, obj{"message": http.StatusText(f.Status), "code": 0})
	default:
		return false
	}
	return true
}

// blame remembers refusals that are the client's mistake, not its user's.
func (d *Discord) blame(r *http.Request, path string, err error) {
	e, ok := errors.AsType[*apiError](err)
	if !ok {
		return
	}
	d.opt.Logf("%s %s: %v", r.Method, path, err)
	detail := ""
	if e.errors != nil {
		detail = " " + jsonText(e.errors.json())
	}
	switch {
	case e.quiet:
	case e.status == 400, e.status == 405, e.status == 413, e.status == 404 && e.code == 0, e.code == 10062, e.code == 40333:
		d.violate("REST: %s %s: %v%s", r.Method, path, err, detail)
	}
}

// answer finds the route, checks who asks, how often and with what, and lets
// the route answer. d.mu is held.
func (d *Discord) answer(h http.Header, r *http.Request, path string, raw []byte) (int, any, error) {
	q := &request{d: d, r: r, query: r.URL.Query()}
	if !strings.HasPrefix(r.UserAgent(), "DiscordBot (") {
		return 0, nil, refusal(403, 40333, "internal network error")
	}
	if err := q.match(path); err != nil {
		return 0, nil, err
	}
	if auth := r.Header.Get("Authorization"); auth != "" || !q.route.open {
		token, ok := strings.CutPrefix(auth, "Bot ")
		if q.bot = d.botByToken(token); !ok || q.bot == nil {
			return 0, nil, errUnauthorized()
		}
	}
	if err := d.limit(q, h); err != nil {
		return 0, nil, err
	}
	for name, v := range q.vars {
		if _, ok := parseID(v); !ok && name != "token" {
			return 0, nil, oneError(name, "NUMBER_TYPE_COERCE", "Value %q is not snowflake.", v)
		}
	}
	if a, ok := q.vars["application_id"]; ok && q.bot != nil && a != q.bot.user.id.String() {
		return 0, nil, refusal(403, 20012, "You are not authorized to perform this action on this application")
	}
	if err := q.decode(raw); err != nil {
		return 0, nil, err
	}
	return q.route.handle(q)
}

// match finds the route of a path.
func (q *request) match(path string) error {
	have := strings.Split(strings.Trim(path, "/"), "/")
	known := false
	var best *route
	for i := range q.d.routes {
		rt := &q.d.routes[i]
		vars, ok := fits(strings.Split(strings.Trim(rt.path, "/"), "/"), have)
		if !ok {
			continue
		}
		known = true
		if rt.method == q.r.Method && (best == nil || len(vars) < len(q.vars)) {
			best, q.vars = rt, vars
		}
	}
	q.route = best
	switch {
	case best != nil:
		return nil
	case known:
		return errMethod()
	}
	return errNotFound()
}

func fits(pattern, have []string) (map[string]string, bool) {
	if len(pattern) != len(have) {
		return nil, false
	}
	vars := map[string]string{}
	for i, p := range pattern {
		if strings.HasPrefix(p, "{") {
			vars[strings.Trim(p, "{}")] = have[i]
		} else if p != have[i] {
			return nil, false
		}
	}
	return vars, true
}

// decode reads the body by its content type.
func (q *request) decode(raw []byte) error {
	if q.r.Method == http.MethodGet || q.r.Method == http.MethodDelete || len(raw) == 0 && q.r.Header.Get("Content-Type") == "" {
		return nil
	}
	kind, params, _ := mime.ParseMediaType(q.r.Header.Get("Content-Type")) // an unreadable one is none
	switch {
	case kind == "application/json":
		return q.decodeJSON(raw)
	case kind == "multipart/form-data" && q.route.kinds == multipart_:
		return q.decodeMultipart(raw, params["boundary"])
	case kind == "application/x-www-form-urlencoded" && q.route.kinds == multipart_:
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			return refusal(400, 50109, "The request body contains invalid JSON.")
		}
		if p := form.Get("payload_json"); p != "" {
			return q.decodeJSON([]byte(p))
		}
		o := obj{}
		for k := range maps.Keys(form) {
			o[k] = form.Get(k)
		}
		q.body = o
		return nil
	}
	return oneError("", "CONTENT_TYPE_INVALID", "Expected \"Content-Type\" header to be one of {'application/json'}.")
}

func (q *request) decodeJSON(raw []byte) error {
	if len(raw) == 0 {
		return nil
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&q.body); err != nil || dec.More() {
		return refusal(400, 50109, "The request body contains invalid JSON.")
	}
	return nil
}

// decodeMultipart reads payload_json and files[n].
func (q *request) decodeMultipart(raw []byte, boundary string) error {
	q.files = map[string]*file{}
	q.body = obj{}
	parts := multipart.NewReader(bytes.NewReader(raw), boundary)
	for {
		p, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return oneError("", "CONTENT_TYPE_INVALID", "Malformed multipart body.")
		}
		data, err := io.ReadAll(p)
		if err != nil {
			return oneError("", "CONTENT_TYPE_INVALID", "Malformed multipart body.")
		}
		switch name := p.FormName(); {
		case name == "payload_json":
			if err := q.decodeJSON(data); err != nil {
				return err
			}
		case strings.HasPrefix(name, "files[") && p.FileName() != "":
			q.files[name] = &file{name: p.FileName(), kind: p.Header.Get("Content-Type"), data: data}
		case p.FileName() != "":
			return oneError(name, "MULTIPART_FIELD_UNKNOWN", "Files are named files[n].")
		default:
			if o, ok := q.body.(obj); ok {
				o[name] = string(data)
			}
		}
	}
}
