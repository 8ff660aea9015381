package httpfile

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"
)

// interlaced is sound with a block of metadata after every so many bytes.
func interlaced(sound []byte, every int, block func(n int) string) []byte {
	var out bytes.Buffer
	for n := 0; len(sound) >= every; n++ {
		out.Write(sound[:every])
		sound = sound[every:]
		meta := block(n)
		size := (len(meta) + 15) / 16
		out.WriteByte(byte(size))
		out.WriteString(meta + strings.Repeat("\x00", size*16-len(meta)))
	}
	out.Write(sound)
	return out.Bytes()
}

func TestMetadataIsTakenOutToTheByte(t *testing.T) {
	for _, every := range []int{1, 7, 16, 100, 8192, 16000} {
		sound := content[:min(len(content), 300*every)]
		said := 0
		sent := interlaced(sound, every, func(n int) string {
			if n%3 == 1 {
				return ""
			}
			said++
			return fmt.Sprintf("StreamTitle='%s';", strings.Repeat("x", n*37%4000))
		})
		for name, slow := range map[string]func(io.Reader) io.Reader{"": func(r io.Reader) io.Reader { return r }, "bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "errors with data": iotest.DataErrReader} {
			blocks := 0
			s := &stripper{ReadCloser: io.NopCloser(slow(bytes.NewReader(sent))), every: int64(every), left: int64(every), say: func(meta []byte) {
				if !bytes.HasPrefix(meta, []byte("StreamTitle='")) || !bytes.Contains(meta, []byte("';")) {
					t.Fatalf("a block %q", meta)
				}
				blocks++
			}}
			if got, err := io.ReadAll(s); err != nil || !bytes.Equal(got, sound) || blocks != said {
				t.Errorf("every %d, %s: %d bytes of %d, %d blocks of %d, %v", every, name, len(got), len(sound), blocks, said, err)
			}
		}
	}
}

func TestTitles(t *testing.T) {
	for meta, want := range map[string]string{
		"StreamTitle='Artist - Title';StreamUrl='http://x/';\x00\x00": "Artist - Title",
		"StreamTitle='Guns N' Roses - Sweet Child O' Mine';":          "Guns N' Roses - Sweet Child O' Mine",
		"StreamTitle='It's 'quoted'; really';StreamUrl='';":           "It's 'quoted'; really",
		"StreamTitle='a';b';c';StreamUrl='x'":                         "a';b';c",
		"streamtitle='lower';":                                        "lower",
		"StreamUrl='u';StreamTitle='second';":                         "second",
		"StreamTitle='Beyonc\xe9 - D\xe9j\xe0 Vu';":                   "Beyoncé - Déjà Vu",
		"StreamTitle='Beyonc\xc3\xa9';":                               "Beyoncé",
		"StreamTitle='line\r\nbreak \u202ereversed';":                 "line break reversed",
		"StreamTitle='cut off":                                        "cut off",
		"StreamTitle='no semicolon'":                                  "no semicolon",
		"StreamTitle='';":                                             "",
		"StreamTitle='":                                               "",
	} {
		if got, ok := streamTitle([]byte(meta)); !ok || got != want {
			t.Errorf("%q: %q, %v, want %q", meta, got, ok, want)
		}
	}
	for _, meta := range []string{"", "StreamUrl='x';", "StreamTitle=x;"} {
		if got, ok := streamTitle([]byte(meta)); ok {
			t.Errorf("%q: %q", meta, got)
		}
	}
}

// radio is a station that hangs up after each of the parts of content it is given.
func radio(t *testing.T, parts ...[]byte) (s *Source, base string, asked *atomic.Int32) {
	t.Helper()
	asked = new(atomic.Int32)
	s, base = host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1)) - 1
		if r.Header.Get("Range") != "" || r.Header.Get("Icy-Metadata") != "1" {
			t.Errorf("asked for %q, metadata %q", r.Header.Get("Range"), r.Header.Get("Icy-Metadata"))
		}
		if n >= len(parts) {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		every := 1000 + 10*n
		w.Header().Set("Content-Type", "audio/mpeg")
		w.Header().Set("icy-metaint", fmt.Sprint(every))
		_, _ = w.Write(interlaced(parts[n], every, func(k int) string { return fmt.Sprintf("StreamTitle='Part %d.%d';", n, k) }))
		_ = http.NewResponseController(w).Flush()
		if n%2 == 0 {
			panic(http.ErrAbortHandler)
		}
	})
	return s, base, asked
}

func TestAStationIsTunedInAgainAfterACut(t *testing.T) {
	s, base, asked := radio(t, content[:50_500], content[50_500:90_000], content[90_000:150_000])
	tr, err := resolve(t, s, base+"/mount")
	if err != nil || !tr.Live {
		t.Fatalf("%+v, %v", tr, err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	if m.Seeker != nil || m.Size != -1 || !m.Live || m.Playing == nil || m.Playing() != "" {
		t.Fatalf("%+v", m)
	}
	got := make([]byte, 10_000)
	if _, err := io.ReadFull(m, got); err != nil {
		t.Fatal(err)
	}
	if on := m.Playing(); on != "Part 0.8" && on != "Part 0.9" {
		t.Errorf("after 10,000 bytes %q is on", on)
	}
	rest, err := io.ReadAll(m)
	if got = append(got, rest...); code(err) != "url.status" || !bytes.Equal(got, content[:150_000]) || asked.Load() != 4 {
		t.Errorf("%d bytes, %v, asked %d times", len(got), err, asked.Load())
	}
	if on := m.Playing(); on != "Part 2.57" {
		t.Errorf("at the end %q is on", on)
	}
}

// Servers of stations send lists of them, too, as whatever type they like.
func TestAListIsNoStation(t *testing.T) {
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "Icecast 2.4.4")
		w.Header().Set("Content-Type", strings.TrimPrefix(r.URL.Query().Get("type"), "/"))
		_, _ = io.WriteString(w, "#EXTM3U\n")
		_ = http.NewResponseController(w).Flush() // so that its length is not told
	})
	for _, address := range []string{"/x?type=application/vnd.apple.mpegurl", "/x?type=audio/x-scpls", "/x.m3u8?type=text/plain", "/x.M3U?type=text/plain", "/x.pls?type=text/plain"} {
		tr, err := resolve(t, s, base+address)
		if err != nil || tr.Live {
			t.Errorf("%s: %+v, %v", address, tr, err)
		}
	}
	if tr, err := resolve(t, s, base+"/x?type=audio/mpeg"); err != nil || !tr.Live {
		t.Errorf("%+v, %v", tr, err)
	}
}

func TestAStationThatSendsNothingIsGivenUp(t *testing.T) {
	var asked atomic.Int32
	s, base := host(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Icy-Name", "x")
		w.Header().Set("Content-Type", "audio/mpeg")
		if asked.Add(1) > 1 {
			_, _ = w.Write([]byte("a few bytes each time"))
		}
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	got, err := fetch(t, s, base)
	if code(err) != "url.cut" || asked.Load() != 1+reconnects || len(got) > 200 {
		t.Errorf("%d bytes, %v, asked %d times", len(got), err, asked.Load())
	}
	asked.Store(0)
	s, base = host(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Icy-Name", "x")
		w.Header().Set("Content-Type", []string{"audio/mpeg", "text/html"}[asked.Add(1)-1])
		_, _ = w.Write(content[:100])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if got, err := fetch(t, s, base); code(err) != "url.cut" || len(got) != 100 {
		t.Errorf("a web page instead: %d bytes, %v", len(got), err)
	}
}

func TestListsOfStationsAreNoStations(t *testing.T) {
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "Icecast 2.5")
		w.Header().Set("Content-Type", map[string]string{"/a": "application/vnd.apple.mpegurl", "/b": "audio/x-scpls"}[r.URL.Path])
		_ = http.NewResponseController(w).Flush()
		_, _ = io.WriteString(w, "#EXTM3U")
	})
	for _, path := range []string{"/a", "/b"} {
		if got, err := fetch(t, s, base+path); err != nil || string(got) != "#EXTM3U" {
			t.Errorf("%s: %d bytes, %v", path, len(got), err)
		}
	}
	r, err := open(t, s, base+"/a").Refs.OpenRef("segment", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r); err != nil || string(got) != "#EXTM3U" {
		t.Errorf("a segment: %d bytes, %v", len(got), err)
	}
}

func TestServersOfBeforeHTTPAreUnderstood(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	defer func() { _ = l.Close(); <-done }()
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err == nil && r.Header.Get("Icy-MetaData") == "1" {
				for _, part := range []string{"I", "CY 200", " OK\r\nicy-name:Old Radio\r\nicy-metaint:", "500\r\ncontent-type:audio/mpeg\r\n\r\n"} {
					_, _ = io.WriteString(c, part)
				}
				_, _ = c.Write(interlaced(content[:5250], 500, func(int) string { return "StreamTitle='Then';" }))
			}
			_ = c.Close()
		}
	}()
	s, err := New(Options{Allow: []string{l.Addr().String()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tr, err := resolve(t, s, "http://"+l.Addr().String()+"/")
	if err != nil || !tr.Live || tr.Title != "Old Radio" {
		t.Fatalf("%+v, %v", tr, err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	got := make([]byte, 5250)
	if _, err := io.ReadFull(m, got); err != nil || !bytes.Equal(got, content[:5250]) || m.MIME != "audio/mpeg" || m.Playing() != "Then" {
		t.Errorf("%v, %q, %q is on", err, m.MIME, m.Playing())
	}
}

// said is a connection on which somebody says something and hangs up.
type said struct {
	net.Conn
	r io.Reader
}

func (s said) Read(p []byte) (int, error) { return s.r.Read(p) }

func TestOnlyTheOldAnswerIsTranslated(t *testing.T) {
	for in, want := range map[string]string{
		"ICY 200 OK\r\n": "HTTP/1.0 200 OK\r\n", "HTTP/1.1 200 OK": "HTTP/1.1 200 OK", "": "", "I": "I", "IC": "IC", "ICY": "ICY", "ICE": "ICE", "ICY ": "HTTP/1.0 ", "\x16\x03": "\x16\x03",
	} {
		for _, slow := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			c, err := translated(func(context.Context, string, string) (net.Conn, error) {
				return said{r: slow(strings.NewReader(in))}, nil
			})(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(iotest.OneByteReader(c)); err != nil || string(got) != want {
				t.Errorf("%q became %q, %v", in, got, err)
			}
		}
	}
	broken := errors.New("no route")
	if _, err := translated(func(context.Context, string, string) (net.Conn, error) { return nil, broken })(t.Context(), "", ""); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func FuzzStreamTitle(f *testing.F) {
	for _, s := range []string{"StreamTitle='a';StreamUrl='b';\x00", "StreamTitle='It's';", "StreamTitle='", "StreamTitle='\xe9';x", "';';StreamTitle='';'='"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, meta []byte) {
		title, ok := streamTitle(meta)
		if strings.ContainsAny(title, "\x00\n\r") || len(title) > 1000 || !ok && title != "" {
			t.Fatalf("%q", title)
		}
	})
}

func FuzzStripper(f *testing.F) {
	f.Add([]byte("some sound and a block"), uint16(3), byte(1), byte(5))
	f.Add(bytes.Repeat([]byte{7}, 400), uint16(16), byte(255), byte(1))
	f.Fuzz(func(t *testing.T, sound []byte, every uint16, blocks, reads byte) {
		n := max(int(every), 1)
		if len(sound)/n > 2000 {
			return
		}
		sent := interlaced(sound, n, func(k int) string { return strings.Repeat("m", k*int(blocks)%4081) })
		s := &stripper{ReadCloser: io.NopCloser(bytes.NewReader(sent)), every: int64(n), left: int64(n), say: func([]byte) {}}
		got, p := []byte{}, make([]byte, max(int(reads), 1))
		for {
			k, err := s.Read(p)
			got = append(got, p[:k]...)
			if err != nil {
				break
			}
		}
		if !bytes.Equal(got, sound) {
			t.Fatalf("%d bytes of %d", len(got), len(sound))
		}
		raw := &stripper{ReadCloser: io.NopCloser(bytes.NewReader(sound)), every: int64(n), left: int64(n), say: func([]byte) {}}
		if got, _ := io.ReadAll(raw); len(got) > len(sound) {
			t.Fatal("more came out than went in")
		}
	})
}
