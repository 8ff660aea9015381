package openapi

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var loaded = sync.OnceValues(func() (*Checker, error) { return Load(spec()) })

func spec() string {
	data := os.Getenv("SEGUE_TEST_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "shared", "data")
	}
	return filepath.Join(data, "discord-openapi.json")
}

// described skips what cannot be tested without Discord's description.
func described(t *testing.T) *Checker {
	t.Helper()
	c, err := loaded()
	if err == nil {
		return c
	}
	if os.Getenv("CI") == "true" {
		t.Fatal(err)
	}
	t.Skipf("SKIPPED: %v", err)
	return nil
}

// exchange sends one request through the checker to a server that gives this
// answer, and returns the problems found.
func exchange(t *testing.T, method, path, kind, body string, status int, answer string) []string {
	t.Helper()
	c := described(t)
	c.Take()
	srv := httptest.NewServer(c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, err := io.ReadAll(r.Body)
		if err != nil || string(got) != body {
			t.Errorf("the server got %q, %v", got, err)
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Test", "kept")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	})))
	defer srv.Close()
	req, err := http.NewRequest(method, srv.URL+"/api/v10"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil || string(got) != answer || resp.StatusCode != status || resp.Header.Get("X-Test") != "kept" {
		t.Fatalf("the client got %d %q, %v", resp.StatusCode, got, err)
	}
	return c.Take()
}

func TestProblemsAreFound(t *testing.T) {
	const (
		callback = "/interactions/1/x/callback"
		commands = "/applications/1/commands"
		js       = "application/json"
		role     = `[{"type":3,"name":"a","description":"d"%s}]`
		command  = `{"id":"1","application_id":"1","version":"1","default_member_permissions":null,"type":1,"name":"a","description":"d"}`
	)
	tests := []struct {
		name, method, path, kind, body string
		status                         int
		answer                         string
		want                           []string
	}{
		{"fine", "GET", "/gateway", "", "", 200, `{"url":"wss://a.b"}`, nil},
		{"a field missing", "GET", "/gateway", "", "", 200, `{}`, []string{`"url" is missing`}},
		{"a field of the wrong type", "GET", "/gateway", "", "", 200, `{"url":5}`, []string{"must be a string"}},
		{"a status Discord does not give", "GET", "/gateway", "", "", 201, `{}`, []string{"status"}},
		{"an error", "GET", "/gateway", "", "", 401, `{"message":"401: Unauthorized","code":0}`, nil},
		{"an error with details", "GET", "/gateway", "", "", 400, `{"message":"m","code":50035,"errors":{"a":{"0":{"_errors":[{"code":"X","message":"m"}]}}}}`, nil},
		{"an error without code", "GET", "/gateway", "", "", 404, `{"message":"m"}`, []string{`"code" is missing`}},
		{"a limit", "GET", "/gateway", "", "", 429, `{"message":"m","code":0,"retry_after":1.5,"global":false}`, nil},
		{"a limit without time", "GET", "/gateway", "", "", 429, `{"message":"m","code":0,"global":false}`, []string{`"retry_after" is missing`}},
		{"broken on purpose", "GET", "/gateway", "", "", 500, `oops`, nil},
		{"an unknown route refused", "GET", "/nothing", "", "", 404, `{"message":"404: Not Found","code":0}`, nil},
		{"an unknown route answered", "GET", "/nothing", "", "", 200, `{}`, []string{"no such operation"}},
		{"a callback", "POST", callback, js, `{"type":4,"data":{"content":"x","embeds":[{"title":"t"}]}}`, 204, "", nil},
		{"content too long", "POST", callback, js, `{"type":4,"data":{"content":"` + strings.Repeat("x", 2001) + `"}}`, 204, "", []string{"request"}},
		{"refused, so its body may be wrong", "POST", callback, js, `{"type":4,"data":{"content":5,"x":1}}`, 400, `{"message":"m","code":50035}`, nil},
		{"a misspelt field", "POST", callback, js, `{"type":4,"data":{"contnet":"x"}}`, 204, "", []string{".data.contnet"}},
		{"a misspelt field in an embed", "POST", callback, js, `{"type":4,"data":{"embeds":[{"titel":"x"}]}}`, 204, "", []string{".data.embeds[0].titel"}},
		{"a field of another component", "POST", callback, js, `{"type":4,"data":{"components":[{"type":1,"components":[{"type":2,"style":1,"custom_id":"a","label":"b","placeholder":"x"}]}]}}`, 204, "", []string{"components[0].placeholder"}},
		{"a free dictionary", "POST", commands, js, `{"name":"a","description":"d","name_localizations":{"de":"x"},"default_member_permissions":"8"}`, 201, command, nil},
		{"a misspelt field of an option", "POST", commands, js, `{"name":"a","description":"d","options":` + fmt.Sprintf(role, `,"requierd":true`) + `}`, 201, command, []string{"requierd"}},
		{"multipart is read", "POST", "/channels/1/messages", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n\r\n{\"contnet\":\"x\"}\r\n--b--\r\n", 400, `{"message":"m","code":0}`, nil},
		{"no JSON", "POST", callback, js, `{`, 204, "", []string{"no JSON", "request"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := exchange(t, tt.method, tt.path, tt.kind, tt.body, tt.status, tt.answer)
			if len(got) != len(tt.want) {
				t.Fatalf("got %q, want %q", got, tt.want)
			}
			for i, w := range tt.want {
				if !strings.Contains(got[i], w) {
					t.Fatalf("got %q, want %q", got[i], w)
				}
			}
		})
	}
}

func TestMultipartIsCheckedByItsJSON(t *testing.T) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_ = w.WriteField("payload_json", `{"type":4,"data":{"contnet":"x","attachments":[{"id":0}]}}`)
	f, err := w.CreateFormFile("files[0]", "a.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("x"))
	_ = w.Close()
	got := exchange(t, "POST", "/interactions/1/x/callback", w.FormDataContentType(), b.String(), 204, "")
	if len(got) != 1 || !strings.Contains(got[0], ".data.contnet") {
		t.Fatalf("got %q", got)
	}
	if p := payload([]byte("junk"), "b"); string(p) != "{}" {
		t.Fatalf("got %s", p)
	}
}

// tb remembers failures.
type tb struct {
	*testing.T
	errs    []string
	cleanup func()
}

func (f *tb) Cleanup(g func())          { f.cleanup = g }
func (f *tb) Errorf(s string, a ...any) { f.errs = append(f.errs, fmt.Sprintf(s, a...)) }
func (f *tb) Fatalf(s string, a ...any) { panic(fmt.Sprintf(s, a...)) }

func TestUntakenProblemsFailTheTest(t *testing.T) {
	described(t)
	f := &tb{T: t}
	c := New(f, spec())
	srv := httptest.NewServer(c.Middleware(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	})))
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/api/v10/gateway")
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	f.cleanup()
	if len(f.errs) != 1 || c.Checked() != 1 {
		t.Fatalf("got %q after %d exchanges", f.errs, c.Checked())
	}
	if _, err := Load(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Fatal("a description that is not there was loaded")
	}
	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("no JSON"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(bad); err == nil {
		t.Fatal("a description that is none was loaded")
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("New went on without a description")
			}
		}()
		New(f, bad)
	}()
}
