package httpfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/music"
)

// inner is what must not be reached: it listens on every loopback address, and
// counts who comes.
func inner(t *testing.T) (port string, hits *atomic.Int32) {
	t.Helper()
	hits = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		hits.Add(1)
		_, _ = io.WriteString(w, "SECRET")
	}))
	t.Cleanup(srv.Close)
	_, port, err := net.SplitHostPort(strings.TrimPrefix(srv.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return port, hits
}

func TestNoAddressReachesInside(t *testing.T) {
	port, hits := inner(t)
	// Every name leads to 127.0.0.1, except numbers that are no address to Go and
	// would be 127.0.0.1 to a resolver in C.
	s, pub := host(t, Options{Resolver: resolver(t, new(atomic.Int32))}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.Query().Get("to"), http.StatusFound)
	})
	for address, want := range map[string]string{
		"http://127.0.0.1:" + port:                              "url.private",
		"http://localhost:" + port:                              "url.private",
		"http://LOCALHOST.:" + port:                             "url.private",
		"http://[::1]:" + port:                                  "url.private",
		"http://0.0.0.0:" + port:                                "url.private",
		"http://[::]:" + port:                                   "url.private",
		"http://[::ffff:127.0.0.1]:" + port:                     "url.private",
		"http://[::ffff:7f00:1]:" + port:                        "url.private",
		"http://[fe80::1%25lo]:" + port:                         "url.private",
		"http://user:pw@127.0.0.1:" + port:                      "url.credentials",
		"http://169.254.169.254/latest/meta-data":               "url.private",
		"http://2130706433:" + port:                             "url.unreachable",
		"http://0x7f.1:" + port:                                 "url.private",
		"http://017700000001:" + port:                           "url.unreachable",
		"http://127.1:" + port:                                  "url.unreachable",
		"file:///etc/passwd":                                    "url.scheme",
		"gopher://127.0.0.1:" + port + "/x":                     "url.scheme",
		"http://%31%32%37.0.0.1:" + port:                        "url.invalid",
		"http://127.0.0.1:" + port + "%2f@example.org":          "url.credentials",
		"http://exa mple.org/":                                  "url.invalid",
		"http://[::1":                                           "url.invalid",
		pub + "/?to=http://127.0.0.1:" + port:                   "url.private",
		pub + "/?to=http://localhost:" + port:                   "url.private",
		pub + "/?to=http://[::ffff:127.0.0.1]:" + port:          "url.private",
		pub + "/?to=//127.0.0.1:" + port:                        "url.private",
		pub + "/?to=file:///etc/passwd":                         "url.scheme",
		pub + "/?to=gopher://127.0.0.1/x":                       "url.scheme",
		pub + "/?to=http://user:pw@example.org/":                "url.credentials",
		pub + "/?to=http://example.org:25/":                     "url.port",
		pub + "/?to=" + pub + "/%3fto=http://127.0.0.1:" + port: "url.private", // in two hops
	} {
		_, err := resolve(t, s, address)
		if code(err) != want {
			t.Errorf("%s: got %v, want %s", address, err, want)
		}
		tr := music.Track{ID: music.TrackID("http:" + address), Source: "http"}
		if m, err := s.Open(t.Context(), tr); err == nil {
			_ = m.Close()
			t.Errorf("%s was opened", address)
		} else if code(err) != want {
			t.Errorf("open %s: got %v, want %s", address, err, want)
		}
	}
	if n := hits.Load(); n != 0 {
		t.Errorf("reached inside %d times", n)
	}
}

func TestARebindingNameReachesNothing(t *testing.T) {
	port, hits := inner(t)
	var asked atomic.Int32
	s, err := New(Options{Resolver: resolver(t, &asked)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 3 { // whatever was checked before does not matter
		if _, err := resolve(t, s, "http://rebind.example.com:"+port+"/x.mp3"); code(err) != "url.private" {
			t.Errorf("got %v", err)
		} else if e, _ := errors.AsType[*music.Error](err); fmt.Sprint(e.Args) != "[rebind.example.com]" {
			t.Errorf("the person reads %v", e.Args)
		}
	}
	if hits.Load() != 0 || asked.Load() == 0 {
		t.Errorf("reached %d times, name asked for %d times", hits.Load(), asked.Load())
	}
}

// resolver answers every name with 127.0.0.1.
func resolver(t *testing.T, asked *atomic.Int32) *net.Resolver {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = pc.Close(); <-done })
	go func() {
		defer close(done)
		buf := make([]byte, 1500)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			asked.Add(1)
			end := 12
			for buf[end] != 0 {
				end += int(buf[end]) + 1
			}
			msg := bytes.Clone(buf[:n])[:end+5]
			msg[2], msg[3] = 0x81, 0x80
			copy(msg[6:12], make([]byte, 6))
			if msg[end+2] == 1 {
				msg[7] = 1
				msg = append(msg, 0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1)
			}
			_, _ = pc.WriteTo(msg, from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", pc.LocalAddr().String())
	}}
}

func TestProxySettingsOfTheMachineAreIgnored(t *testing.T) {
	port, hits := inner(t)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:"+port)
	t.Setenv("http_proxy", "http://127.0.0.1:"+port)
	s, err := New(Options{Resolver: resolver(t, new(atomic.Int32))})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := resolve(t, s, "http://example.org/x.mp3"); code(err) != "url.private" {
		t.Errorf("got %v", err)
	}
	if hits.Load() != 0 {
		t.Error("asked the proxy, which would dial what the guard cannot see")
	}
}

func TestBadServers(t *testing.T) {
	s, base := host(t, Options{HeaderLimit: 300 * time.Millisecond, StallLimit: 100 * time.Millisecond, MaxSize: 10 << 20}, badServer)
	for _, c := range []struct {
		path, code, args string
	}{
		{"/huge", "url.too_large", "[10240 10]"}, // 10 GB by its header
		{"/endless", "url.too_large", "[11 10]"}, // by counting
		{"/loop", "url.redirects", "[5]"},
		{"/slow", "url.timeout", "[127.0.0.1]"},
		{"/stall", "url.stalled", "[127.0.0.1]"},
		{"/drip", "url.stalled", "[127.0.0.1]"},
		{"/status?404", "url.status", "[404 127.0.0.1]"},
		{"/status?500", "url.status", "[500 127.0.0.1]"},
		{"/status?204", "url.status", "[204 127.0.0.1]"},
		{"/garbage", "url.unreachable", "[127.0.0.1]"},
		{"/headers", "url.unreachable", "[127.0.0.1]"},
		{"/gone", "url.unreachable", "[127.0.0.1]"},
	} {
		_, err := fetch(t, s, base+c.path)
		e, ok := errors.AsType[*music.Error](err)
		if !ok || e.Code != c.code || fmt.Sprint(e.Args) != c.args {
			t.Errorf("%s: got %v, want %s %s", c.path, err, c.code, c.args)
			continue
		}
		if e.Kind == music.Internal {
			t.Errorf("%s: counts as our fault", c.path)
		}
		if strings.Contains(err.Error(), "http://") {
			t.Errorf("%s: the log would show the address: %v", c.path, err)
		}
	}
	if got, err := fetch(t, s, base+"/loop?4"); err != nil || string(got) != "there" {
		t.Errorf("five redirects: got %q, %v", got, err)
	}
}

func badServer(w http.ResponseWriter, r *http.Request) {
	flush := func() { _ = http.NewResponseController(w).Flush() }
	switch r.URL.Path {
	case "/huge":
		w.Header().Set("Content-Length", "10737418240")
		flush()
		<-r.Context().Done()
	case "/endless":
		for b := make([]byte, 1<<16); r.Context().Err() == nil; {
			_, _ = w.Write(b)
		}
	case "/loop":
		if r.URL.RawQuery == "0" {
			_, _ = io.WriteString(w, "there")
			return
		}
		next := "/loop"
		if n := r.URL.RawQuery; n != "" {
			next += "?" + string(n[0]-1)
		}
		http.Redirect(w, r, next, http.StatusMovedPermanently)
	case "/slow":
		<-r.Context().Done()
	case "/stall":
		flush()
		<-r.Context().Done()
	case "/drip": // ranges do not make a stall a cut
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, "x")
		flush()
		<-r.Context().Done()
	case "/status":
		var n int
		_, _ = fmt.Sscan(r.URL.RawQuery, &n)
		w.WriteHeader(n)
	default:
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		switch r.URL.Path {
		case "/garbage":
			_, _ = io.WriteString(c, "\x00\x01\x02 no http\r\n\r\n")
		case "/headers":
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 1<<20)+"\r\n\r\n")
		}
	}
}

func TestStatusSaysWhoseProblemItIs(t *testing.T) {
	for status, want := range map[int]music.Kind{
		404: music.NotFound, 410: music.NotFound, 401: music.Forbidden, 403: music.Forbidden,
		429: music.Unavailable, 500: music.Unavailable, 503: music.Unavailable, 400: music.Unplayable, 206: music.Unplayable,
	} {
		if got := music.KindOf(statusError(status, "h")); got != want {
			t.Errorf("%d: got %v, want %v", status, got, want)
		}
	}
}

func TestNobodyListening(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s, err := New(Options{Allow: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := resolve(t, s, "http://"+address+"/x.mp3"); code(err) != "url.unreachable" {
		t.Errorf("got %v", err)
	}
}
