package httpfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/container"
	"segue/audio/container/containertest"
	"segue/music"
)

// ffmpeg runs it in dir, or skips the test if there is none.
func ffmpeg(t *testing.T, dir string, args ...string) {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	cmd := exec.CommandContext(t.Context(), "ffmpeg", append([]string{"-v", "error", "-nostdin"}, args...)...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
}

// sweep makes 10 s of sound in dir, as bare AAC.
func sweep(t *testing.T, dir string) {
	t.Helper()
	ffmpeg(t, dir, "-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300*t+40*t*t))|0.3*sin(2*PI*500*t)':s=44100:d=10", "-c:a", "aac", "-b:a", "128k", "whole.aac")
}

// demux opens an address and what is there.
func demux(t *testing.T, s *Source, address string) (audio.Demuxer, *audio.Media) {
	t.Helper()
	m := open(t, s, address)
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	return d, m
}

// decoded decodes packets with one decoder.
func decoded(t *testing.T, c audio.CodecInfo, packets []audio.Packet) (pcm []float32) {
	t.Helper()
	dec, err := codec.NewDecoder(c)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range packets {
		if p.Codec != nil {
			t.Fatalf("at %d it is another stream", p.PTS)
		}
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
	}
	return pcm
}

// TestStreamsOfFFmpegComeOutAsTheWhole has ffmpeg cut sound into segments in every
// way it knows, and compares what is decoded with the sound.
func TestStreamsOfFFmpegComeOutAsTheWhole(t *testing.T) {
	dir := t.TempDir()
	sweep(t, dir)
	b, err := os.ReadFile(filepath.Join(dir, "whole.aac"))
	if err != nil {
		t.Fatal(err)
	}
	whole := containertest.Open(t, container.Open, containertest.Media(b))
	packets, err := containertest.Drain(whole)
	if !errors.Is(err, io.EOF) {
		t.Fatal(err)
	}
	pcm := decoded(t, whole.Codec(), packets)
	if err := os.WriteFile(filepath.Join(dir, "key"), []byte("0123456789abcdef"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "keyinfo"), []byte("key\nkey\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, base := host(t, Options{}, http.FileServer(http.Dir(dir)).ServeHTTP)
	for i, args := range []string{
		"-hls_time 3",
		"-hls_time 1 -hls_segment_type fmp4",
		"-hls_time 2 -hls_flags single_file",
		"-hls_time 2 -hls_segment_type fmp4 -hls_flags single_file",
		"-hls_time 2 -hls_key_info_file keyinfo",
		"-hls_time 4 -hls_flags round_durations",
		"-hls_time 2 -mpegts_flags +latm",
	} {
		t.Run(args, func(t *testing.T) {
			ff := append([]string{"-i", "whole.aac", "-c", "copy", "-f", "hls", "-hls_list_size", "0", "-hls_playlist_type", "vod"}, strings.Fields(args)...)
			if slices.Contains(ff, "fmp4") {
				ff = append(ff, "-hls_fmp4_init_filename", fmt.Sprintf("init%d.mp4", i), "-bsf:a", "aac_adtstoasc")
			}
			ffmpeg(t, dir, append(ff, fmt.Sprintf("list%d.m3u8", i))...)
			d, _ := demux(t, s, fmt.Sprintf("%s/list%d.m3u8", base, i))
			got, err := containertest.Drain(d)
			if !errors.Is(err, io.EOF) {
				t.Fatalf("after %d packets: %v", len(got), err)
			}
			if in := d.Info(); in.Container != "hls" || in.Live || in.Duration < 9500*time.Millisecond || in.Duration > 10500*time.Millisecond {
				t.Errorf("%+v", in)
			}
			out := decoded(t, d.Codec(), got)
			if !slices.Equal(pcm, out) {
				t.Fatalf("%d samples from %d packets, want %d from %d, or they differ", len(out), len(got), len(pcm), len(packets))
			}
			for i, p := range got {
				if p.PTS != packets[i].PTS || p.Duration != packets[i].Duration {
					t.Fatalf("packet %d is %d+%d, want %d+%d", i, p.PTS, p.Duration, packets[i].PTS, packets[i].Duration)
				}
			}
			rng := rand.New(rand.NewPCG(1, uint64(i)))
			for range 5 {
				to := time.Duration(rng.Int64N(int64(9 * time.Second)))
				landed, err := d.Seek(to)
				if err != nil || landed > to || landed < to-9*time.Second {
					t.Fatalf("to %v: %v, %v", to, landed, err)
				}
				p, err := d.ReadPacket()
				i := slices.IndexFunc(packets, func(w audio.Packet) bool { return bytes.Equal(w.Data, p.Data) })
				if err != nil || i < 0 || p.PTS != packets[i].PTS {
					t.Fatalf("to %v: at %d, packet %d, %v", to, p.PTS, i, err)
				}
			}
		})
	}
}

// TestALivePlaylistIsFollowed has a list of segments grow as it is asked for.
func TestALivePlaylistIsFollowed(t *testing.T) {
	sound, err := os.ReadFile("../../audio/container/testdata/sweep.aac")
	if err != nil {
		t.Fatal(err)
	}
	whole := containertest.Packets(t, container.Open, sound)
	var mu sync.Mutex
	asked, first := 0, len(sound)
	s, base := host(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		switch r.URL.Path {
		case "/live": // without a name, and where it says it is
			http.Redirect(w, r, "/cdn/x/list", http.StatusFound)
		case "/cdn/x/list":
			asked++
			w.Header().Set("Content-Type", "application/vnd.apple.mpegurl; charset=utf-8")
			_, _ = io.WriteString(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:0.5,\n0\n#EXTINF:0.5,\n1\n")
			if asked > 1 {
				_, _ = io.WriteString(w, "#EXTINF:0.5,\n2\n#EXT-X-ENDLIST\n")
			}
		default:
			var n int
			if _, err := fmt.Sscanf(r.URL.Path, "/cdn/x/%d", &n); err != nil {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			_, _ = w.Write(sound[first*n/3 : first*(n+1)/3])
		}
	})
	d, m := demux(t, s, base+"/live")
	if in := d.Info(); !in.Live || in.Duration != 0 {
		t.Errorf("%+v", in)
	}
	got, err := containertest.Drain(d)
	if !errors.Is(err, io.EOF) || len(got) != len(whole) {
		t.Fatalf("%d packets of %d, %v", len(got), len(whole), err)
	}
	for i, p := range got {
		if !bytes.Equal(p.Data, whole[i].Data) || p.PTS != whole[i].PTS {
			t.Fatalf("packet %d differs", i)
		}
	}
	if m.MIME != "application/vnd.apple.mpegurl" || asked != 2 {
		t.Errorf("%s, asked %d times", m.MIME, asked)
	}
}

func TestAPlaylistCannotLeadInside(t *testing.T) {
	port, hits := inner(t)
	s, base := host(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = fmt.Fprintf(w, "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:%s/admin.ts\n#EXT-X-ENDLIST\n", port)
	})
	_, err := container.Open(open(t, s, base+"/list.m3u8"))
	if code(err) != "url.private" || music.KindOf(err) != music.Forbidden || hits.Load() != 0 {
		t.Errorf("%v, reached inside %d times", err, hits.Load())
	}
}
