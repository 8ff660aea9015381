package httpfile

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/audio"
)

// open opens an address, to be closed with the test.
func open(t *testing.T, s *Source, address string) *audio.Media {
	t.Helper()
	tr, err := resolve(t, s, address)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func TestRefsCountFromWhereTheMediaWereFound(t *testing.T) {
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if to, ok := strings.CutPrefix(r.URL.Path, "/old"); ok {
			http.Redirect(w, r, "/new/place"+to, http.StatusFound)
			return
		}
		_, _ = io.WriteString(w, r.URL.String())
	})
	m := open(t, s, base+"/old/list.m3u8")
	for ref, want := range map[string]string{
		"": "/new/place/list.m3u8", "a.ts": "/new/place/a.ts", "../b.ts?y#z": "/new/b.ts?y", "/c": "/c", base + "/d e": "/d%20e", "/old/f": "/new/place/f",
		strings.TrimPrefix(base, "http:") + "/g": "/g",
	} {
		r, err := m.Refs.OpenRef(ref, 0, 0)
		if err != nil {
			t.Fatalf("%s: %v", ref, err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Errorf("%q leads to %s, %v, want %s", ref, got, err, want)
		}
		_ = r.Close()
		again, err := r.Refs.OpenRef("x", 0, 0) // although what refers to it is closed
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := io.ReadAll(again); string(got) != want[:strings.LastIndexByte(want, '/')+1]+"x" {
			t.Errorf("from %s, x leads to %s", want, got)
		}
	}
}

func TestPartsOfAFile(t *testing.T) {
	type serve = func(w http.ResponseWriter, r *http.Request)
	c := &cutter{cuts: []int{-1, 40_000, 10_000, -1, 30_000}}
	for name, h := range map[string]serve{
		"with ranges": file,
		"without":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(content) },
		"cut":         c.serve,
	} {
		s, base := host(t, Options{}, h)
		m := open(t, s, base+"/list")
		for _, p := range [][2]int64{{100_000, 100_000}, {0, 10}, {299_990, 10}, {150_000, 0}, {0, 0}} {
			r, err := m.Refs.OpenRef("all.mp4", p[0], p[1])
			if err != nil {
				t.Fatalf("%s %v: %v", name, p, err)
			}
			want := content[p[0]:]
			if p[1] > 0 {
				want = want[:p[1]]
			}
			if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) || r.Size >= 0 && r.Size != int64(len(want)) {
				t.Errorf("%s %v: %d bytes, %v, said %d, want %d", name, p, len(got), err, r.Size, len(want))
			}
			_ = r.Close()
		}
	}
	if want := []string{"", "bytes=100000-199999", "bytes=140000-199999", "bytes=150000-199999"}; strings.Join(c.ranges[:4], " ") != strings.Join(want, " ") {
		t.Errorf("asked for %q", c.ranges)
	}
}

// A server that does not know ranges sends all there is before the part, and one
// that lies does so for ever.
func TestAPartFarBehindIsNotWaitedFor(t *testing.T) {
	var sent atomic.Int64
	s, base := host(t, Options{MaxSize: 1 << 20}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			return
		}
		for range 64 {
			n, err := w.Write(make([]byte, 1<<20))
			if sent.Add(int64(n)); err != nil {
				return
			}
		}
	})
	m := open(t, s, base+"/list")
	r, err := m.Refs.OpenRef("x", 60<<20, 100)
	if err == nil {
		_, err = io.ReadAll(r)
		_ = r.Close()
	}
	if code(err) != "url.too_large" || sent.Load() > 16<<20 {
		t.Errorf("%v, after %d bytes", err, sent.Load())
	}
}

func TestPartsThatAreNotThere(t *testing.T) {
	s, base := host(t, Options{MaxSize: 400_000}, file)
	m := open(t, s, base+"/list")
	for p, want := range map[[2]int64]string{
		{299_990, 20}: "url.cut", {400_000, 1}: "url.status", {0, 500_000}: "url.too_large", {0, 300_001}: "url.cut",
	} {
		r, err := m.Refs.OpenRef("x", p[0], p[1])
		if err == nil {
			_, err = io.ReadAll(r)
		}
		if code(err) != want {
			t.Errorf("%v: %v, want %s", p, err, want)
		}
	}
	if _, err := m.Refs.OpenRef("x", -1, 0); !errors.Is(err, audio.ErrMalformed) {
		t.Errorf("got %v", err)
	}
	s, base = host(t, Options{}, func(w http.ResponseWriter, r *http.Request) { // lies
		if r.Header.Get("Range") != "" {
			w.Header().Set("Content-Range", "bytes 0-9/300000")
			w.WriteHeader(http.StatusPartialContent)
		}
	})
	if _, err := open(t, s, base).Refs.OpenRef("x", 100, 10); code(err) != "url.cut" {
		t.Errorf("another part than asked for: %v", err)
	}
}

func TestRefsDoNotReachInside(t *testing.T) {
	port, hits := inner(t)
	s, base := host(t, Options{Resolver: resolver(t, new(atomic.Int32))}, func(w http.ResponseWriter, r *http.Request) {
		if to := r.URL.Query().Get("to"); to != "" {
			http.Redirect(w, r, to, http.StatusFound)
		}
	})
	m := open(t, s, base+"/list.m3u8")
	for ref, want := range map[string]string{
		"http://127.0.0.1:" + port:                    "url.private",
		"//localhost:" + port + "/x":                  "url.private",
		"http://rebind.example.com:" + port:           "url.private",
		"?to=http://127.0.0.1:" + port:                "url.private",
		"file:///etc/passwd":                          "url.scheme",
		"data:text/plain,x":                           "url.scheme",
		"http://example.org:25/":                      "url.port",
		"http://u:p@example.org/":                     "url.credentials",
		"http://[::1":                                 "url.invalid",
		"http://exa mple.org/":                        "url.invalid",
		"?to=" + base + "/%3fto=http://[::1]:" + port: "url.private",
	} {
		if r, err := m.Refs.OpenRef(ref, 0, 0); code(err) != want || !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%s: %v, %v, want %s", ref, r, err, want)
		}
	}
	if hits.Load() != 0 {
		t.Errorf("reached inside %d times", hits.Load())
	}
}

func TestClosingTheMediaEndsWhatTheyReferTo(t *testing.T) {
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/list" {
			return
		}
		if r.URL.Path == "/body" {
			_, _ = io.WriteString(w, "some")
		}
		if r.URL.Path != "/header" {
			_ = http.NewResponseController(w).Flush()
		}
		<-r.Context().Done()
	})
	for _, what := range []string{"header", "body", "nested", "wait"} {
		m := open(t, s, base+"/list")
		begun := make(chan struct{})
		done := make(chan error)
		go func() {
			var err error
			switch what {
			case "header":
				close(begun)
				_, err = m.Refs.OpenRef("header", 0, 0)
			case "wait":
				close(begun)
				err = m.Refs.Wait(time.Hour)
			default:
				var r *audio.Media
				if r, err = m.Refs.OpenRef("body", 0, 0); err == nil && what == "nested" {
					_ = r.Close()
					r, err = r.Refs.OpenRef("silent", 0, 0)
				}
				close(begun)
				if err == nil {
					_, err = io.ReadAll(r)
				}
			}
			done <- err
		}()
		<-begun
		_ = m.Close()
		if err := <-done; !errors.Is(err, errClosed) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := m.Refs.OpenRef("body", 0, 0); !errors.Is(err, errClosed) {
			t.Errorf("%s, afterwards: %v", what, err)
		}
	}
}

func TestRefsOfOtherMedia(t *testing.T) {
	s, base := host(t, Options{}, file)
	life, end := context.WithCancel(t.Context())
	r := s.Refs(life)
	if _, err := r.OpenRef("x.ts", 0, 0); code(err) != "url.scheme" {
		t.Errorf("a relative address: %v", err)
	}
	m, err := r.OpenRef(base+"/x", 10, 5)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(m); string(got) != string(content[10:15]) {
		t.Errorf("%q, %v", got, err)
	}
	if err := r.Wait(time.Nanosecond); err != nil {
		t.Error(err)
	}
	end()
	if err := r.Wait(time.Hour); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}
