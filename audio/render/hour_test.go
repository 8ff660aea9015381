package render

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container"
	"segue/audio/effect"
	"segue/audio/pipeline"
)

// hours are files of an hour: how the first twenty seconds are made, which then
// repeat. Those of constant bit rate need no padding: in a repeated file it would
// begin anew with each part, which is not one constant bit rate.
var hours = []struct {
	file string
	args []string
	scan bool // there is neither an index nor anything to bisect by: the first seek reads up to its place
}{
	{"opus.webm", []string{"-c:a", "libopus", "-b:a", "32k"}, false},
	{"opus.opus", []string{"-c:a", "libopus", "-b:a", "32k"}, false},
	{"vorbis.ogg", []string{"-c:a", "libvorbis", "-ar", "22050"}, false},
	{"flac.ogg", []string{"-c:a", "flac", "-ar", "8000"}, false},
	{"flac.flac", []string{"-ar", "8000"}, false},
	{"aac.m4a", []string{"-c:a", "aac", "-b:a", "32k"}, false},
	{"fragments.m4a", []string{"-c:a", "aac", "-b:a", "32k"}, false},
	{"aac.mka", []string{"-c:a", "aac", "-b:a", "32k"}, false},
	{"aac.aac", []string{"-c:a", "aac", "-b:a", "32k"}, true},
	{"cbr.mp3", []string{"-c:a", "libmp3lame", "-b:a", "32k", "-ar", "24000"}, false},
	{"bare.mp3", []string{"-c:a", "libmp3lame", "-q:a", "9", "-ar", "22050"}, true},
	{"two.mp2", []string{"-c:a", "mp2", "-b:a", "32k", "-ar", "24000"}, false},
	{"aac.ts", []string{"-c:a", "aac", "-b:a", "32k"}, false},
	{"pcm.wav", []string{"-c:a", "pcm_mulaw", "-ar", "8000"}, false},
}

// muxing is what ffmpeg must be told besides when it repeats a file.
var muxing = map[string][]string{
	"aac.m4a":       {"-movflags", "+faststart"},
	"fragments.m4a": {"-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "2000000"},
	"bare.mp3":      {"-write_xing", "0", "-id3v2_version", "0"},
}

// hour makes the file and returns its path.
func hour(t testing.TB, i int) string {
	t.Helper()
	ffmpeg := oracle(t, "ffmpeg")
	dir := t.TempDir()
	source, short, long := filepath.Join(dir, "source.wav"), filepath.Join(dir, "short-"+hours[i].file), filepath.Join(dir, hours[i].file)
	writeWAV(t, source, audiotest.Music(20*audio.SampleRate))
	run := func(args ...string) {
		t.Helper()
		if out, err := exec.CommandContext(t.Context(), ffmpeg, append([]string{"-v", "error"}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	run(append(append([]string{"-i", source, "-ac", "1"}, hours[i].args...), short)...)
	how := []string{"-c", "copy"}
	if filepath.Ext(long) == ".flac" {
		how = nil // whose header would not tell the length
	}
	run(append(append(append([]string{"-stream_loop", "179", "-i", short}, how...), muxing[hours[i].file]...), long)...)
	return long
}

// counted counts what is read of a file.
type counted struct {
	*bytes.Reader
	read int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.read += int64(n)
	return n, err
}
func (*counted) Close() error { return nil }

func openCounted(t testing.TB, b []byte) (*pipeline.Stream, *counted) {
	t.Helper()
	f := &counted{Reader: bytes.NewReader(b)}
	o := pipeline.Options{Settings: effect.Settings{Volume: -1}, Encoder: func() (audio.Encoder, error) { return mute{}, nil }}
	s, err := pipeline.Open(&audio.Media{ReadCloser: f, Seeker: f, Size: int64(len(b))}, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, f
}

// TestAnHourIsSoughtInAndPlayedWithLittle counts the bytes that a seek to
// anywhere in an hour of music reads of it, and what reading it through leaves in
// memory.
func TestAnHourIsSoughtInAndPlayedWithLittle(t *testing.T) {
	for i, h := range hours {
		if raced && i%8 != 0 {
			continue
		}
		t.Run(h.file, func(t *testing.T) {
			b, err := os.ReadFile(hour(t, i))
			if err != nil {
				t.Fatal(err)
			}
			seekAll(t, b, h.scan)
			for _, seekable := range []bool{true, false} {
				if grown := readThrough(t, b, seekable); grown > 512<<10 {
					t.Errorf("seekable %v: the last 50 minutes left %d KiB in memory", seekable, grown>>10)
				}
			}
		})
	}
}

func seekAll(t *testing.T, b []byte, scan bool) {
	s, f := openCounted(t, b)
	opened, most := f.read, int64(0)
	for i, to := range []time.Duration{59 * time.Minute, time.Second, 30 * time.Minute, 45 * time.Minute, 12*time.Minute + 34567*time.Millisecond} {
		f.read = 0
		at, err := s.Seek(to)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Next(); err != nil {
			t.Fatalf("at %v: %v", to, err)
		}
		if d := to - at; d < 0 || d > 20*time.Millisecond {
			t.Errorf("asked for %v, got %v", to, at)
		}
		if !scan || i > 0 {
			most = max(most, f.read)
		}
	}
	t.Logf("%d KiB in all; %d KiB to open, %d KiB at most to seek", len(b)>>10, opened>>10, most>>10)
	if most > 1<<20 {
		t.Errorf("a seek read %d bytes", most)
	}
}

// readThrough reads all packets of b and reports by how many bytes the heap has
// grown after the first ten minutes.
func readThrough(t *testing.T, b []byte, seekable bool) int64 {
	m := media(b)
	if !seekable {
		m.Seeker, m.Size = nil, -1
	}
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	var early uint64
	for last := int64(0); ; {
		p, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			if last < 3590*audio.SampleRate {
				t.Errorf("it ends after %d s", last/audio.SampleRate)
			}
			return int64(heap()) - int64(early)
		}
		if err != nil {
			t.Fatal(err)
		}
		if last = p.PTS; last > 600*audio.SampleRate && early == 0 {
			early = heap()
		}
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkSeekInAnHour is the work of a seek to the first frame after it, in
// memory.
func BenchmarkSeekInAnHour(b *testing.B) {
	for i, h := range hours {
		b.Run(h.file, func(b *testing.B) {
			file, err := os.ReadFile(hour(b, i))
			if err != nil {
				b.Fatal(err)
			}
			s, _ := openCounted(b, file)
			for i := 0; b.Loop(); i++ {
				if _, err := s.Seek(time.Duration(i*7919%3590) * time.Second); err != nil {
					b.Fatal(err)
				}
				if _, err := s.Next(); err != nil && err != io.EOF {
					b.Fatal(err)
				}
			}
		})
	}
}
