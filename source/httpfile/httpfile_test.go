package httpfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"segue/music"
	"segue/source/sourcetest"
)

// content is 300,000 bytes that differ everywhere.
var content = func() []byte {
	var b bytes.Buffer
	for i := 0; b.Len() < 300_000; i++ {
		fmt.Fprintf(&b, "%d,", i)
	}
	return b.Bytes()[:300_000]
}()

// host serves h on loopback and returns a source that may reach it, and its URL.
func host(t *testing.T, o Options, h http.HandlerFunc) (s *Source, base string) {
	t.Helper()
	srv := httptest.NewServer(h)
	o.Allow = append(o.Allow, strings.TrimPrefix(srv.URL, "http://"))
	o.Backoff = time.Millisecond
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Close()
		srv.CloseClientConnections()
		srv.Close()
	})
	return s, srv.URL
}

// file serves content with ranges.
func file(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("ETag", `"v1"`)
	w.Header().Set("Content-Type", "audio/mpeg; x=y")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func resolve(t *testing.T, s *Source, address string) (music.Track, error) {
	t.Helper()
	r, err := s.Resolve(t.Context(), music.Query{Text: address})
	if err != nil {
		return music.Track{}, err
	}
	if len(r.Tracks) != 1 {
		t.Fatalf("got %d tracks", len(r.Tracks))
	}
	return r.Tracks[0], nil
}

// fetch resolves, opens and reads, as far as it gets.
func fetch(t *testing.T, s *Source, address string) ([]byte, error) {
	t.Helper()
	tr, err := resolve(t, s, address)
	if err != nil {
		return nil, err
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	return io.ReadAll(m)
}

func code(err error) string {
	if e, ok := errors.AsType[*music.Error](err); ok {
		return e.Code
	}
	if err != nil {
		return "not a music.Error: " + err.Error()
	}
	return ""
}

func TestContract(t *testing.T) {
	sourcetest.Test(t, func(t *testing.T) sourcetest.Case {
		s, base := host(t, Options{}, file)
		return sourcetest.Case{
			Source: s, Hit: music.Query{Text: base + "/Anna%20-%20Song.mp3#at"}, Content: content, Seeks: true,
			Foreign: music.Query{Text: "some words"},
			Gone:    music.Track{ID: "http:http://127.0.0.1:1/x", Source: "http"},
		}
	})
}

func TestContractWithoutLengthOrRanges(t *testing.T) {
	sourcetest.Test(t, func(t *testing.T) sourcetest.Case {
		s, base := host(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(content[:1000])
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write(content[1000:])
		})
		return sourcetest.Case{
			Source: s, Hit: music.Query{Text: base + "/stream"}, Content: content,
			Foreign: music.Query{Text: "AC/DC: T.N.T"},
			Gone:    music.Track{ID: "http:http://user:pw@example.org/", Source: "http"},
		}
	})
}

func TestContractOfAttachments(t *testing.T) {
	sourcetest.Test(t, func(t *testing.T) sourcetest.Case {
		s, base := host(t, Options{}, file)
		return sourcetest.Case{
			Source: s, Content: content, Seeks: true,
			Hit: music.Query{Attachment: &music.Attachment{
				URL: base + "/attachments/1/2/x.mp3?ex=1&hm=2", Filename: "Anna - Song.mp3", Size: int64(len(content)),
			}},
			Foreign: music.Query{Text: "://"},
			Gone:    music.Track{ID: "http:file:///etc/passwd", Source: "http"},
		}
	})
}

func TestMatchTakesEveryScheme(t *testing.T) {
	s, _ := host(t, Options{}, file)
	for text, want := range map[string]bool{
		"http://x": true, " HTTPS://x ": true, "file:///etc/passwd": true, "gopher://x": true, "x-y+z.1://h": true,
		"song": false, "a song: b://c": false, "1://x": false, "://x": false, "": false, "mailto:x": false,
	} {
		if got := s.Match(music.Query{Text: text}); got != want {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestTracksAreNamedByTheirAddress(t *testing.T) {
	s, base := host(t, Options{}, file)
	u, _ := url.Parse(base)
	for path, want := range map[string]string{
		"/a/Anna%20-%20Song.mp3?sig=1": "Anna|Song", "/a/b/": "|b", "/": "|" + u.Hostname(), "": "|" + u.Hostname(), "/%00%1b.mp3": "|" + u.Hostname(),
	} {
		tr, err := resolve(t, s, base+path+"#t=10")
		if err != nil || tr.Artist+"|"+tr.Title != want || tr.URL != base+path || tr.Live {
			t.Errorf("%q: got %+v, %v, want %q", path, tr, err, want)
		}
	}
}

func TestMediaSaysWhatTheHeaderSaid(t *testing.T) {
	s, base := host(t, Options{}, file)
	tr, err := resolve(t, s, base+"/x.ogg")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Ext != ".ogg" || m.MIME != "audio/mpeg" || m.Size != int64(len(content)) {
		t.Errorf("got %q, %q, %d", m.Ext, m.MIME, m.Size)
	}
}

func TestResolveAndOpenAskOnce(t *testing.T) {
	var asked atomic.Int32
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) { asked.Add(1); file(w, r) })
	if got, err := fetch(t, s, base+"/x.mp3"); err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if asked.Load() != 1 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestFewAnswersAreKept(t *testing.T) {
	var open atomic.Int32
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		open.Add(1)
		defer open.Add(-1)
		w.Header().Set("Content-Length", "1000000")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	for i := range heldMost + 10 {
		if _, err := resolve(t, s, fmt.Sprintf("%s/%d", base, i)); err != nil {
			t.Fatal(err)
		}
	}
	s.held.mu.Lock()
	if len(s.held.bodies) != heldMost || len(s.held.order) != heldMost || s.held.bodies[music.TrackID("http:"+base+"/0")] != nil {
		t.Errorf("%d kept, or the oldest among them", len(s.held.bodies))
	}
	last := s.held.order[heldMost-1]
	b := s.held.bodies[last]
	s.held.mu.Unlock()
	s.held.drop(last, nil) // another one's time is over
	s.held.drop(last, b)
	if b.life.Err() == nil || len(s.held.bodies) != heldMost-1 {
		t.Error("an answer whose time is over is still kept")
	}
}

func TestAttachmentsComeFromDiscordOnly(t *testing.T) {
	s, _ := host(t, Options{MaxSize: 100 << 20}, file)
	for _, c := range []struct {
		url  string
		size int64
		want string
	}{
		{"https://cdn.discordapp.com/attachments/1/2/a.mp3?ex=1", 1, ""},
		{"https://media.discordapp.net/attachments/1/2/a.mp3", 100 << 20, ""},
		{"http://cdn.discordapp.com/a.mp3", 1, "attachment.host"},
		{"https://cdn.discordapp.com:8443/a.mp3", 1, "attachment.host"},
		{"https://cdn.discordapp.com.evil.org/a.mp3", 1, "attachment.host"},
		{"https://evil.org/cdn.discordapp.com/a.mp3", 1, "attachment.host"},
		{"https://cdn.discordapp.com@evil.org/a.mp3", 1, "url.credentials"},
		{"file:///etc/passwd", 1, "url.scheme"},
		{"https://cdn.discordapp.com/a.mp3", 100<<20 + 1, "url.too_large"},
	} {
		r, err := s.Resolve(t.Context(), music.Query{Attachment: &music.Attachment{URL: c.url, Filename: "a.mp3", Size: c.size}})
		if code(err) != c.want {
			t.Errorf("%s, %d bytes: got %v, want %q", c.url, c.size, err, c.want)
		}
		if err == nil && (len(r.Tracks) != 1 || r.Tracks[0].Title != "a") {
			t.Errorf("got %v", r)
		}
	}
}

func TestStationsAreLive(t *testing.T) {
	var over atomic.Bool
	s, base := host(t, Options{MaxSize: 1000}, func(w http.ResponseWriter, _ *http.Request) {
		if over.Swap(true) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.Header().Set("icy-name", "  Radio \t One")
		w.Header()["Content-Length"] = nil
		_ = http.NewResponseController(w).Flush()
		_, _ = w.Write(content) // more than a file may have
	})
	tr, err := resolve(t, s, base+"/stream")
	if err != nil || !tr.Live || tr.Title != "Radio One" {
		t.Fatalf("got %+v, %v", tr, err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if got, err := io.ReadAll(m); code(err) != "url.status" || !bytes.Equal(got, content) || m.Seeker != nil || m.Size != -1 || m.Playing != nil {
		t.Errorf("got %d bytes, %v, size %d", len(got), err, m.Size)
	}
}

func TestNewRefusesBadExceptions(t *testing.T) {
	if _, err := New(Options{Allow: []string{"example.org"}}); err == nil {
		t.Error("accepted")
	}
}

func TestCloseUnblocksARead(t *testing.T) {
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	tr, err := resolve(t, s, base)
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	reading := make(chan struct{})
	done := make(chan error)
	go func() {
		close(reading)
		_, err := m.Read(make([]byte, 10))
		done <- err
	}()
	<-reading
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

func TestOpenEndsWithTheContext(t *testing.T) {
	asked := make(chan struct{}, 1)
	s, base := host(t, Options{}, func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	go func() { <-asked; cancel(why) }()
	if _, err := s.Open(ctx, music.Track{ID: music.TrackID("http:" + base), Source: "http"}); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
}

func FuzzContentRange(f *testing.F) {
	for _, s := range []string{"bytes 0-9/10", "bytes 5-9/10", "bytes */10", "bytes 5-9/*", "", "bytes 9-/5", "bytes -1-2/3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if from, total, ok := contentRange(s); ok && (from < 0 || from >= total) {
			t.Fatalf("%q: %d of %d", s, from, total)
		}
	})
}
