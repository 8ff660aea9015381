package httpfile

import (
	"bytes"
	"net/http"
	"testing"
	"time"
)

// Media have the same version only as long as the server promises that they are the
// same.
func TestAVersionNamesBytesTheServerVouchesFor(t *testing.T) {
	answer := map[string]http.HandlerFunc{
		"/tag": file,
		"/other-tag": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v2"`)
			http.ServeContent(w, &http.Request{}, "", time.Time{}, bytes.NewReader(content))
		},
		"/date": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Unix(1e9, 0), bytes.NewReader(content))
		},
		"/weak": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("ETag", `W/"v1"`)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		},
		"/nothing": func(w http.ResponseWriter, r *http.Request) {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		},
		"/no-length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			w.(http.Flusher).Flush()
			_, _ = w.Write(content)
		},
		"/station": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", `"v1"`)
			w.Header().Set("icy-name", "Radio")
			w.Header().Set("icy-br", "128")
			_, _ = w.Write(content)
		},
	}
	now := ""
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.Path
		if now != "" {
			path = now
		}
		answer[path](w, r)
	})
	version := func(path string) string {
		t.Helper()
		tr, err := resolve(t, s, base+path)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Open(t.Context(), tr)
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return m.Version
	}
	for path, known := range map[string]bool{"/tag": true, "/date": true, "/weak": false, "/nothing": false, "/no-length": false, "/station": false} {
		if v := version(path); (v != "") != known || v != version(path) {
			t.Errorf("%s is %q, then %q", path, v, version(path))
		}
	}
	was, other := version("/tag"), version("/date")
	if was == other {
		t.Errorf("two files are both %q", was)
	}
	now = "/other-tag"
	if v := version("/tag"); v == was {
		t.Errorf("a file that has changed is still %q", v)
	}
}
