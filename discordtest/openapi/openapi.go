// Package openapi checks REST traffic against Discord's own OpenAPI
// description: every request and every response, and besides that request
// fields that the description does not know, which Discord ignores without a
// word. It is for tests only.
package openapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Cleanup(func())
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// A Checker checks traffic. It may serve many servers at once.
type Checker struct {
	doc *openapi3.T
	raw object // the description again, for unknown fields

	mu       sync.Mutex
	problems []string
	checked  int
}

type object = map[string]any

// Load reads the description from a file; it takes up to a second.
func Load(path string) (*Checker, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("openapi: %w", err)
	}
	c := &Checker{}
	var plain any
	if err := errors.Join(json.Unmarshal(raw, &c.raw), json.Unmarshal(raw, &plain)); err != nil {
		return nil, fmt.Errorf("openapi: %s: %w", path, err)
	}
	if raw, err = json.Marshal(downgrade(plain)); err != nil {
		return nil, fmt.Errorf("openapi: %s: %w", path, err)
	}
	if c.doc, err = openapi3.NewLoader().LoadFromData(raw); err != nil {
		return nil, fmt.Errorf("openapi: %s: %w", path, err)
	}
	c.mend()
	return c, nil
}

// downgrade says in OpenAPI 3.0 what the description says in 3.1: for 3.1 the
// library compiles schemas anew at every check, which takes up to a second.
func downgrade(v any) any {
	switch t := v.(type) {
	case []any:
		for i := range t {
			t[i] = downgrade(t[i])
		}
	case object:
		if version, ok := t["openapi"].(string); ok && version == "3.1.0" {
			t["openapi"] = "3.0.3"
		}
		for k := range t {
			t[k] = downgrade(t[k])
		}
		if c, ok := t["const"]; ok {
			t["enum"] = []any{c}
			delete(t, "const")
		}
		nullable(t)
	}
	return v
}

// nullable turns the type "null" into the keyword.
func nullable(t object) {
	switch kind := t["type"].(type) {
	case string:
		if kind == "null" {
			delete(t, "type")
			t["nullable"], t["enum"] = true, []any{nil}
		}
	case []any:
		rest := slices.DeleteFunc(kind, func(k any) bool { return k == "null" })
		if len(rest) == 1 {
			t["type"], t["nullable"] = rest[0], true
			if enum, ok := t["enum"].([]any); ok {
				t["enum"] = append(enum, nil)
			}
		}
	}
}

// mend takes back what the description has wrong: codes of single fields are
// words ("BASE_TYPE_REQUIRED"), in the documentation and in fact, not numbers.
func (c *Checker) mend() {
	inner := c.doc.Components.Schemas["InnerErrors"]
	if inner == nil || inner.Value == nil || inner.Value.Properties["_errors"] == nil {
		return
	}
	one := openapi3.NewObjectSchema().WithProperty("code", openapi3.NewStringSchema()).WithProperty("message", openapi3.NewStringSchema())
	one.Required = []string{"code", "message"}
	inner.Value.Properties["_errors"].Value.Items = one.NewRef()
}

// New loads the description for a test, which fails at its end for every
// problem that nobody took with Take.
func New(t TB, path string) *Checker {
	t.Helper()
	c, err := Load(path)
	if err != nil {
		t.Fatalf("%v", err)
	}
	c.Watch(t)
	return c
}

// Watch fails the test at its end for every problem not taken by then.
func (c *Checker) Watch(t TB) {
	t.Cleanup(func() {
		t.Helper()
		for _, p := range c.Take() {
			t.Errorf("openapi: %s", p)
		}
	})
}

// Take returns the problems found so far and forgets them.
func (c *Checker) Take() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.problems
	c.problems = nil
	return p
}

// Checked is the number of exchanges checked so far.
func (c *Checker) Checked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.checked
}

func (c *Checker) report(r *http.Request, format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := fmt.Sprintf(format, args...)
	if len(text) > 1500 {
		text = text[:1500] + "…"
	}
	c.problems = append(c.problems, fmt.Sprintf("%s %s: %s", r.Method, r.URL.Path, text))
}

// Middleware checks what passes through next, which serves /api/v10. Requests
// that next refuses need not be right; all others must, and every response.
func (c *Checker) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		c.check(r, body, answer)
		for k, v := range answer.Header() {
			w.Header()[k] = v
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes()) // the client may be gone
	})
}

// check checks one exchange.
func (c *Checker) check(r *http.Request, body []byte, answer *httptest.ResponseRecorder) {
	c.mu.Lock()
	c.checked++
	c.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, "/api/v10")
	route, params := c.route(r.Method, path)
	if route == nil {
		if answer.Code != http.StatusNotFound && answer.Code != http.StatusMethodNotAllowed {
			c.report(r, "answered %d, but Discord has no such operation", answer.Code)
		}
		return
	}
	if answer.Code >= 500 {
		return // made to fail; Discord describes none
	}
	clone := r.Clone(r.Context())
	clone.Body = http.NoBody
	if answer.Code < 400 {
		body = c.request(r, clone, route, body)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: clone, PathParams: params, Route: route, QueryParams: r.URL.Query(),
		Options: &openapi3filter.Options{MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true, IncludeResponseStatus: true},
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		in.Options.ExcludeRequestBody = true // the library cannot read lists from forms
	}
	if answer.Code < 400 {
		clone.Body = io.NopCloser(bytes.NewReader(body))
		clone.ContentLength = int64(len(body))
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			c.report(r, "request: %v; it was %s", err, body)
		}
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: answer.Code, Header: answer.Header(), Options: in.Options}
	out.SetBodyBytes(answer.Body.Bytes())
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		c.report(r, "response %d: %v; it was %s", answer.Code, err, answer.Body.Bytes())
	}
}

// route finds the operation of a path; fixed segments go before parameters.
func (c *Checker) route(method, path string) (*routers.Route, map[string]string) {
	have := strings.Split(path, "/")
	var best *routers.Route
	var params map[string]string
	for pattern, item := range c.doc.Paths.Map() {
		vars, ok := match(strings.Split(pattern, "/"), have)
		op := item.GetOperation(method)
		if ok && op != nil && (best == nil || len(vars) < len(params)) {
			best = &routers.Route{Spec: c.doc, Path: pattern, PathItem: item, Method: method, Operation: op}
			params = vars
		}
	}
	return best, params
}

func match(pattern, have []string) (map[string]string, bool) {
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
