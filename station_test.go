package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"segue/audio/audiotest"
)

// serves puts h on loopback where the program may fetch from.
func (s *stage) serves(h http.Handler) (base string) {
	srv := httptest.NewServer(h)
	s.Cleanup(srv.Close)
	s.cfg.HTTPAllow = append(s.cfg.HTTPAllow, strings.TrimPrefix(srv.URL, "http://"))
	return srv.URL
}

// interlaced is sound with a title of a station after every so many bytes.
func interlaced(sound []byte, every int, title string) (b []byte) {
	block := []byte("StreamTitle='" + title + "';")
	block = append(block, make([]byte, -len(block)&15)...)
	for c := range slices.Chunk(sound, every) {
		b = append(b, c...)
		if len(c) == every {
			b = append(append(b, byte(len(block)/16)), block...)
		}
	}
	return b
}

func TestAStationIsHeardAndSaysWhatIsOn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const every = 500
	file, packets := song(t, 120, 7)
	cut := len(file) / 2 / every * every
	next, over := make(chan struct{}), make(chan struct{})
	url := s.serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Icy-Metadata") != "1" {
			t.Errorf("asked without metadata: %v", r.Header)
		}
		w.Header().Set("Content-Type", "application/ogg")
		w.Header().Set("icy-name", "Radio *Ours*")
		w.Header().Set("icy-metaint", fmt.Sprint(every))
		_, _ = w.Write(interlaced(file[:cut], every, "Some Band - It's one"))
		_ = http.NewResponseController(w).Flush()
		<-next
		_, _ = w.Write(interlaced(file[cut:], every, "@everyone - **Two**"))
		_ = http.NewResponseController(w).Flush()
		<-over
	}))
	t.Cleanup(func() { close(over) })
	s.starts()
	ears := s.listens()
	if r := s.asks("/play", "query", url+"/mount"); !strings.Contains(r.Text(), `Radio \*Ours\*`) || !strings.Contains(r.Text(), "live") {
		t.Errorf("the answer is %q", r.Text())
	}
	s.hears(ears, 5)
	if r := s.asks("/nowplaying"); !strings.Contains(r.Text(), "\nLive, playing for ") || !strings.Contains(r.Text(), "\nOn air: **Some Band - It's one**\n") {
		t.Errorf("/nowplaying says %q", r.Text())
	}
	close(next)
	s.until("another title", func() bool { return strings.Contains(s.asks("/nowplaying").Text(), `\*\*Two\*\*`) })
	if r := s.asks("/nowplaying"); strings.Contains(r.Text(), "Some Band") || strings.Contains(r.Text(), "**@everyone") {
		t.Errorf("/nowplaying says %q", r.Text())
	}
	s.until("all of it", func() bool { return len(withoutSilence(ears.Heard(s.bot()).Packets)) >= len(packets) })
	if got := payloads(withoutSilence(ears.Heard(s.bot()).Packets)); !slices.EqualFunc(got, packets, bytes.Equal) {
		t.Errorf("%d packets were heard of %d, or they differ", len(got), len(packets))
	}
	s.asks("/stop")
}

// segmented makes an HLS playlist of an Ogg Opus file, without encoding it anew.
func segmented(t *testing.T, file []byte, args ...string) (dir string) {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "song.opus"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	args = append(append([]string{"-v", "error", "-nostdin", "-i", "song.opus", "-c", "copy", "-strict", "-2", "-f", "hls", "-hls_time", "0.5", "-hls_playlist_type", "vod"}, args...), "list.m3u8")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
	return dir
}

func TestAnHLSStreamIsHeardBitForBit(t *testing.T) {
	t.Parallel()
	for name, args := range map[string][]string{
		"fMP4":        {"-hls_segment_type", "fmp4"},
		"byte ranges": {"-hls_segment_type", "fmp4", "-hls_flags", "single_file"},
		"TS":          {"-hls_segment_type", "mpegts"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, packets := song(t, 80, 8)
			dir := segmented(t, file, args...)
			if list, err := os.ReadFile(filepath.Join(dir, "list.m3u8")); err != nil || bytes.Count(list, []byte("#EXTINF")) < 3 {
				t.Fatalf("%s, %v", list, err)
			}
			s := newStage(t)
			var asked atomic.Int64
			files := http.FileServer(http.Dir(dir))
			url := s.serves(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked.Add(1)
				files.ServeHTTP(w, r)
			}))
			s.starts()
			ears := s.listens()
			if r := s.asks("/play", "query", url+"/list.m3u8"); !strings.Contains(r.Text(), "list") {
				t.Errorf("the answer is %q", r.Text())
			}
			s.hears(ears, 25)
			if r := s.asks("/nowplaying"); !strings.Contains(r.Text(), " / 0:01") {
				t.Errorf("/nowplaying says %q", r.Text())
			}
			s.hears(ears, 80)
			s.quiet(ears)
			h := ears.Heard(s.bot())
			if got := payloads(withoutSilence(h.Packets)); !slices.EqualFunc(got, packets, bytes.Equal) {
				t.Errorf("%d packets were heard of %d, or they differ", len(got), len(packets))
			}
			if n := asked.Load(); n > 7 {
				t.Errorf("asked %d times", n)
			}
		})
	}
}
