package httpfile

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cutter serves content, but hangs up after each of cuts bytes; what follows is
// served whole.
type cutter struct {
	mu     sync.Mutex
	cuts   []int
	ranges []string
	change bool // the file is another one from the second request on
	lie    bool // answer with another part than asked for
	whole  bool // ignore ranges from the second request on
}

func (c *cutter) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	again := len(c.ranges) > 0
	c.ranges = append(c.ranges, r.Header.Get("Range"))
	cut := -1
	if len(c.cuts) > 0 {
		cut, c.cuts = c.cuts[0], c.cuts[1:]
	}
	c.mu.Unlock()
	if again && c.change {
		w.Header().Set("ETag", `"v2"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
		return
	}
	if again && c.lie {
		w.Header().Set("Content-Range", "bytes 0-9/300000")
		w.WriteHeader(http.StatusPartialContent)
		return
	}
	if again && c.whole {
		r.Header.Del("Range")
	}
	file(&cutWriter{ResponseWriter: w, left: cut}, r)
}

// cutWriter hangs up after left bytes; negative: never.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(p []byte) (int, error) {
	if w.left < 0 {
		return w.ResponseWriter.Write(p)
	}
	n := min(len(p), w.left)
	_, _ = w.ResponseWriter.Write(p[:n])
	if w.left -= n; w.left == 0 {
		_ = http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return n, nil
}

func TestACutIsMendedWhereItHappened(t *testing.T) {
	c := &cutter{cuts: []int{100_000, 50_000, 1}}
	s, base := host(t, Options{}, c.serve)
	got, err := fetch(t, s, base+"/x.mp3")
	if err != nil || !bytes.Equal(got, content) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	if len(c.ranges) != 4 || c.ranges[1] != "bytes=100000-" || c.ranges[3] != "bytes=150001-" {
		t.Errorf("asked for %q", c.ranges)
	}
}

func TestACutThatCannotBeMendedIsSaid(t *testing.T) {
	for name, c := range map[string]*cutter{
		"changed": {cuts: []int{100_000}, change: true},
		"lies":    {cuts: []int{100_000}, lie: true},
		"whole":   {cuts: []int{100_000}, whole: true},
	} {
		s, base := host(t, Options{}, c.serve)
		got, err := fetch(t, s, base+"/x.mp3")
		if code(err) != "url.cut" || !bytes.Equal(got, content[:100_000]) {
			t.Errorf("%s: got %d bytes, %v", name, len(got), err)
		}
	}
	s, base := host(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { // no ranges
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(content[:10])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})
	if got, err := fetch(t, s, base); code(err) != "url.cut" || len(got) != 10 {
		t.Errorf("no ranges: got %d bytes, %v", len(got), err)
	}
}

func TestACutWithNobodyBehindIsGivenUp(t *testing.T) {
	var asked atomic.Int32
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			file(&cutWriter{ResponseWriter: w, left: 1000}, r)
			return
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	if got, err := fetch(t, s, base); code(err) != "url.status" || len(got) != 1000 || asked.Load() != 1+reconnects {
		t.Errorf("got %d bytes, %v, asked %d times", len(got), err, asked.Load())
	}
}

func TestSeekingAsksForWhatIsMissingOnly(t *testing.T) {
	c := &cutter{}
	s, base := host(t, Options{}, c.serve)
	tr, err := resolve(t, s, base+"/x.mp3")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Open(t.Context(), tr)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, to := range []int64{0, 5000, 100_000, 20, 299_000, 290_000} {
		for _, detour := range []int64{0, -1} { // sizing a file up costs nothing
			_, _ = m.Seeker.Seek(detour, io.SeekEnd)
		}
		if _, err := m.Seeker.Seek(to, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, 1000)
		if _, err := io.ReadFull(m, got); err != nil || !bytes.Equal(got, content[to:to+1000]) {
			t.Fatalf("at %d: %v", to, err)
		}
	}
	if want := []string{"", "bytes=20-", "bytes=299000-", "bytes=290000-"}; strings.Join(c.ranges, " ") != strings.Join(want, " ") {
		t.Errorf("asked for %q, want %q", c.ranges, want)
	}
}
