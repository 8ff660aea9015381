package container_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio/audiotest"
	"segue/audio/container"
	"segue/audio/container/containertest"
)

// tool runs one of Debian's tools, or skips the test if there is none.
func tool(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	audiotest.Tool(t, name)
	cmd := exec.Command(name, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, stderr.String())
	}
	return out
}

// TestFilesOfOtherPrograms has Debian's encoders and muxers write the sweep in
// many ways; each must come out whole.
func TestFilesOfOtherPrograms(t *testing.T) {
	dir := t.TempDir()
	in := filepath.Join(dir, "in.wav")
	tool(t, "ffmpeg", "-v", "error", "-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300*t+400*t*t))|0.3*sin(2*PI*500*t)':s=44100:d=1.1", in)
	ff := func(args ...string) []string {
		return append(append([]string{"ffmpeg", "-v", "error", "-i", in}, args...), "OUT")
	}
	opus := func(ms string) []string {
		return []string{"opusenc", "--quiet", "--framesize", ms, "--bitrate", "96", in, "OUT"}
	}
	for i, c := range []struct {
		codec   string
		rate    int
		samples int // 0: the container does not say exactly
		command []string
	}{
		{"opus", 48000, 52800, opus("2.5")},
		{"opus", 48000, 52800, opus("5")},
		{"opus", 48000, 52800, opus("10")},
		{"opus", 48000, 52800, opus("20")},
		{"opus", 48000, 52800, opus("40")},
		{"opus", 48000, 52800, opus("60")},
		{"opus", 48000, 52800, ff("-c:a", "libopus", "-f", "ogg", "-page_duration", "20000")},
		{"opus", 48000, 52800, ff("-c:a", "libopus", "-f", "webm")},
		{"opus", 48000, 52800, ff("-c:a", "libopus", "-f", "webm", "-live", "1")},
		{"opus", 48000, 52800, ff("-c:a", "libopus", "-f", "matroska", "-cluster_time_limit", "100")},
		{"vorbis", 44100, 48510, []string{"oggenc", "-Q", "-q", "5", in, "-o", "OUT"}},
		{"vorbis", 44100, 0, ff("-c:a", "libvorbis", "-f", "webm")},
		{"mp3", 44100, 48510, []string{"lame", "--quiet", "-V", "2", in, "OUT"}},
		{"mp3", 44100, 48510, []string{"lame", "--quiet", "-b", "320", in, "OUT"}},
		{"mp3", 44100, 48510, ff("-c:a", "libmp3lame", "-b:a", "128k", "-f", "mp3")},
		{"mp3", 44100, 0, ff("-c:a", "libmp3lame", "-b:a", "128k", "-f", "matroska")},
		{"flac", 44100, 48510, []string{"flac", "-s", "-8", in, "-o", "OUT"}},
		{"flac", 44100, 48510, ff("-c:a", "flac", "-f", "ogg")},
		{"flac", 44100, 48510, ff("-c:a", "flac", "-f", "matroska")},
		{"aac", 44100, 48510, ff("-c:a", "aac", "-b:a", "256k", "-f", "ipod", "-movflags", "+faststart")},
		{"aac", 44100, 48510, ff("-c:a", "aac", "-b:a", "256k", "-f", "mov", "-movflags", "+faststart")},
		{"aac", 44100, 48510, ff("-c:a", "aac", "-b:a", "256k", "-f", "mp4", "-movflags", "+delay_moov+frag_keyframe", "-frag_duration", "200000")},
		{"aac", 44100, 0, ff("-c:a", "aac", "-f", "adts")},
		{"opus", 48000, 52800, ff("-c:a", "libopus", "-f", "mp4", "-movflags", "+faststart")},
		{"flac", 44100, 48510, ff("-c:a", "flac", "-f", "mp4", "-strict", "-2", "-movflags", "+faststart")},
		{"mp3", 44100, 48510, ff("-c:a", "libmp3lame", "-f", "mp4", "-movflags", "+faststart")},
		{"pcm_s24le", 44100, 48510, ff("-c:a", "pcm_s24le", "-f", "wav")},
		{"pcm_f32le", 44100, 48510, ff("-c:a", "pcm_f32le", "-f", "wav", "-rf64", "always")},
		{"pcm_alaw", 44100, 48510, ff("-c:a", "pcm_alaw", "-f", "wav")},
		{"pcm_s16le", 44100, 48510, ff("-c:a", "pcm_s16le", "-f", "matroska")},
		{"pcm_s24le", 44100, 48510, ff("-c:a", "pcm_s24le", "-f", "w64")},
		{"pcm_s16be", 44100, 48510, ff("-c:a", "pcm_s16be", "-f", "aiff")},
		{"pcm_f32be", 44100, 48510, ff("-c:a", "pcm_f32be", "-f", "aiff")},
		{"aac", 44100, 0, ff("-c:a", "aac", "-b:a", "256k", "-f", "matroska")},
	} {
		name := strings.Join(c.command, " ")
		out := filepath.Join(dir, fmt.Sprintf("out%d", i))
		for k, a := range c.command {
			if a == "OUT" {
				c.command[k] = out
			}
		}
		tool(t, c.command[0], c.command[1:]...)
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		d := containertest.Open(t, container.Open, containertest.Media(b))
		if d.Codec().Name != c.codec {
			t.Errorf("%s is %s", name, d.Codec().Name)
			continue
		}
		pcm := decode(t, d)
		if n := len(pcm); c.samples > 0 && (n < c.samples-2 || n > c.samples+2) {
			t.Errorf("%s: %d samples of %d", name, n, c.samples)
		}
		if e := errorDB(pcm, c.rate); c.samples > 0 && e > -20 {
			t.Errorf("%s: error %.1f dB", name, e)
		}
		containertest.TestStream(t, container.Open, b)
	}
}

// TestPayloadsAreThoseFFmpegSees compares every packet with what ffmpeg copies.
func TestPayloadsAreThoseFFmpegSees(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"sweep.webm", "sweep.opus", "sweep44.opus", "sweep-vorbis.mka", "sweep.ogg", "sweep.mp3", "sweep.flac", "sweep.m4a", "sweep-fragments.m4a", "sweep-opus.mp4"} {
		b := containertest.File(t, name)
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var ours, theirs []string
		for _, p := range containertest.Packets(t, container.Open, b) {
			ours = append(ours, fmt.Sprintf("%d %x", len(p.Data), md5.Sum(p.Data)))
		}
		for line := range strings.Lines(string(tool(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:a", "-c", "copy", "-f", "framemd5", "-"))) {
			if f := strings.Split(strings.TrimSpace(line), ","); len(f) >= 6 && !strings.HasPrefix(line, "#") {
				theirs = append(theirs, strings.TrimSpace(f[4])+" "+strings.TrimSpace(f[5]))
			}
		}
		if strings.Join(ours, "\n") != strings.Join(theirs, "\n") {
			t.Errorf("%s: %d packets, ffmpeg sees %d; the first are %q and %q", name, len(ours), len(theirs), ours[0], theirs[0])
		}
	}
}
