package main

import (
	"bytes"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"segue/testdata"
)

// left is what is in dir, hidden files too.
func left(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestRenderTellsHowLoudItIs(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.wav")
	got := runs(t, nil, "render", piece(t, testdata.Lantern), "-o", out, "--to", "5", "--stats", "--wav", "float")
	var stats map[string]any
	if err := json.Unmarshal([]byte(got.errors), &stats); err != nil || got.code != exitOK {
		t.Fatalf("exit code %d, %v: %s", got.code, err, got.errors)
	}
	for _, name := range []string{
		"container", "codec", "mode", "packets_in", "frames_passed", "frames_transcoded", "seconds", "wall_seconds", "speed",
		"cpu_seconds_per_audio_minute", "allocs_per_frame", "peak_rss_bytes", "integrated_lufs", "true_peak_dbtp",
	} {
		if _, ok := stats[name]; !ok {
			t.Errorf("no %s in %s", name, got.errors)
		}
	}
	if lufs, _ := stats["integrated_lufs"].(float64); lufs > -8 || lufs < -30 {
		t.Errorf("music is at %v LUFS", lufs)
	}
	if p := runs(t, nil, "probe", out); !strings.Contains(p.out, "wav, pcm_f32le, 48000 Hz, 2 channels, 5s, 3072 kbit/s\n") {
		t.Errorf("the result is %s%s", p.out, p.errors)
	}
}

// rendersTo renders and gives what --stats says.
func rendersTo(t *testing.T, args ...string) (stats struct {
	Mode    string
	Seconds float64
	Effects json.RawMessage
	Levels  []struct {
		DB float64
		By string
	}
},
) {
	t.Helper()
	got := runs(t, nil, append([]string{"render", "--stats"}, args...)...)
	if err := json.Unmarshal([]byte(got.errors), &stats); err != nil || got.code != exitOK {
		t.Fatalf("%q: exit code %d, %v: %s", args, got.code, err, got.errors)
	}
	return stats
}

func TestRenderTakesEffectsByTextFileAndName(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), file(t, "tune.wav", wave(t, melody(60, 1)))
	text := `{"timescale":{"speed":1.2,"pitch":1.2}}`
	path := file(t, "nightcore.json", []byte(text+"\n"))
	var first []byte
	for i, effects := range []string{text, "@" + path, "nightcore"} {
		out := filepath.Join(dir, "out.opus")
		stats := rendersTo(t, in, "-o", out, "--effects", effects)
		if math.Abs(stats.Seconds-1) > 1e-4 || string(stats.Effects) != `{"timescale":{"speed":1.2,"pitch":1.2,"rate":1}}` {
			t.Errorf("%s: %+v", effects, stats)
		}
		b, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			first = b
		} else if !bytes.Equal(first, b) {
			t.Errorf("%s sounds other than the same as text", effects)
		}
	}
	if stats := rendersTo(t, piece(t, testdata.Lantern), "-o", filepath.Join(dir, "same.opus"), "--effects", "{}", "--volume", "100"); stats.Mode != "passthrough" || stats.Effects != nil {
		t.Errorf("%+v", stats)
	}
}

func TestRenderLevels(t *testing.T) {
	t.Parallel()
	soft := filepath.Join(t.TempDir(), "soft.wav")
	rendersTo(t, file(t, "loud.wav", wave(t, melody(100, 1))), "-o", soft, "--volume", "20")
	stats := rendersTo(t, soft, "-o", filepath.Join(t.TempDir(), "x.opus"), "--level", "auto")
	if len(stats.Levels) != 1 || stats.Levels[0].By != "measured" || stats.Levels[0].DB < 10 || stats.Effects != nil || stats.Mode != "transcode" {
		t.Errorf("%+v", stats)
	}
	// What is near to the target passes.
	near := filepath.Join(t.TempDir(), "near.opus")
	rendersTo(t, piece(t, testdata.Lantern), "-o", near, "--from", "4", "--to", "12")
	if stats := rendersTo(t, near, "-o", filepath.Join(t.TempDir(), "x.opus"), "--level", "auto"); stats.Mode != "passthrough" || stats.Levels[0].DB != 0 {
		t.Errorf("%+v", stats)
	}
}

func TestRenderJoinsSeveral(t *testing.T) {
	t.Parallel()
	coded, samples := filepath.Join(t.TempDir(), "coded.opus"), file(t, "samples.wav", wave(t, append(melody(40, 1), make([]float32, 10*1920)...))) // with silence at its end
	rendersTo(t, piece(t, testdata.Lantern), "-o", coded, "--to", "6")
	for _, c := range []struct {
		args    []string
		seconds float64
	}{
		{[]string{samples, coded, samples}, 1 + 6 + 1},
		{[]string{samples, coded, "--crossfade", "0.6"}, 1 + 6 - 0.6},
	} {
		stats := rendersTo(t, append(c.args, "-o", filepath.Join(t.TempDir(), "all.opus"))...)
		if math.Abs(stats.Seconds-c.seconds) > 0.04 || stats.Mode != "mixed" {
			t.Errorf("%q: %+v", c.args, stats)
		}
	}
}

func TestRenderWritesTheKindAskedFor(t *testing.T) {
	t.Parallel()
	dir, in := t.TempDir(), piece(t, testdata.Lantern)
	for _, c := range []struct {
		args  []string
		code  int
		begin string
		says  string
	}{
		{[]string{"-o", "-", "--wav", "16"}, exitOK, "RIFF", ""},
		{[]string{"-o", "-"}, exitOK, "OggS", ""},
		{[]string{"-o", os.DevNull, "--wav", "16"}, exitOK, "", ""},
		{[]string{"-o", filepath.Join(dir, "x.opus"), "--wav", "16"}, exitUsage, "", "another kind of file"},
		{[]string{"-o", filepath.Join(dir, "x.wav"), "--wav", "24"}, exitUsage, "", "--wav"},
		{[]string{"-o", dir, "--wav", "16"}, exitFailed, "", "is a directory"},
	} {
		got := runs(t, nil, append([]string{"render", in, "--to", "1"}, c.args...)...)
		if got.code != c.code || !strings.HasPrefix(got.out, c.begin) || !strings.Contains(got.errors, c.says) || strings.Contains(got.errors, "\r") {
			t.Errorf("%q: exit code %d, %.10q: %s", c.args, got.code, got.out, got.errors)
		}
	}
	if names := left(t, dir); names != nil {
		t.Errorf("left: %q", names)
	}
}

// A file gets its name when it is whole, and what had the name before keeps it
// until then.
func TestAFailureLeavesNoFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	out, before := filepath.Join(dir, "out.wav"), "before"
	page := file(t, "page.html", []byte("<!doctype html><html>"))
	if got := runs(t, nil, "render", page, "-o", out); got.code != exitFailed || left(t, dir) != nil {
		t.Fatalf("exit code %d, left: %q", got.code, left(t, dir))
	}
	if err := os.WriteFile(out, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.wav")
	if err := os.Symlink("out.wav", link); err != nil {
		t.Fatal(err)
	}
	runs(t, nil, "render", page, "-o", link)
	if b, err := os.ReadFile(out); err != nil || string(b) != before || len(left(t, dir)) != 2 {
		t.Fatalf("%q, %v; left: %q", b, err, left(t, dir))
	}
	whole, _ := song(t, 100, 1)
	cut := file(t, "cut.opus", whole[:len(whole)*2/3])
	got := runs(t, nil, "render", cut, "-o", link)
	b, err := os.ReadFile(out)
	if got.code != exitFailed || err != nil || !strings.HasPrefix(string(b), "RIFF") {
		t.Errorf("what was good of a damaged file: exit code %d, %q, %v: %s", got.code, b[:min(len(b), 10)], err, got.errors)
	}
	if st, err := os.Stat(out); err != nil || st.Mode().Perm() != 0o640 {
		t.Errorf("%v, %v", st, err)
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 || len(left(t, dir)) != 2 {
		t.Errorf("%v, %v; left: %q", st, err, left(t, dir))
	}
}

func TestAnOutputThatFailsIsTakenAway(t *testing.T) {
	dir := t.TempDir()
	o, err := openOutput(filepath.Join(dir, "x"), nil)
	if err != nil {
		t.Fatal(err)
	}
	o.Writer = failing{}
	if _, err := o.writer().Write([]byte("x")); err == nil {
		t.Error("written")
	}
	if err := o.close(true); err != nil || left(t, dir) != nil {
		t.Errorf("%v, left: %q", err, left(t, dir))
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func TestTheBarFitsItsTerminal(t *testing.T) {
	for _, c := range []struct {
		done, total, taken time.Duration
		width              int
		want               string
	}{
		{30 * time.Second, 2 * time.Minute, time.Second, 60, "0:30 of 2:00  [#####---------------]  30.0x  0:03 left"},
		{2 * time.Hour, 2 * time.Hour, time.Minute, 60, "2:00:00 of 2:00:00  [########]  120.0x  0:00 left"},
		{30 * time.Second, 2 * time.Minute, time.Second, 30, "0:30 of 2:00  30.0x  0:03 left"},
		{30 * time.Second, 2 * time.Minute, time.Second, 9, "0:30 of 2"},
		{30 * time.Second, 0, time.Second, 60, "0:30  30.0x"},
		{0, time.Minute, 0, 60, ""},
	} {
		got := barLine(c.done, c.total, c.taken, c.width)
		if len(got) > c.width || c.want != "" && regexp.MustCompile(`\[[#-]+\]`).ReplaceAllString(got, "[]") != regexp.MustCompile(`\[[#-]+\]`).ReplaceAllString(c.want, "[]") {
			t.Errorf("%v of %v in %d columns: %q (%d)", c.done, c.total, c.width, got, len(got))
		}
		if filled := strings.Count(got, "#"); c.total > 0 && strings.Contains(got, "[") && filled != (filled+strings.Count(got, "-"))*int(c.done/time.Second)/int(c.total/time.Second) {
			t.Errorf("%v of %v: %q", c.done, c.total, got)
		}
	}
	var screen bytes.Buffer
	wide := 40
	b := newBar(world{stderr: &screen, columns: func() int { return wide }})
	b.update(time.Second, time.Minute)
	b.update(2*time.Second, time.Minute) // too soon
	b.clear()
	lines := strings.Split(screen.String(), "\r")
	if len(lines) != 4 || !strings.HasPrefix(lines[1], "0:01 of 1:00") || len(lines[1]) >= wide || strings.Trim(lines[2], " ") != "" || len(lines[2]) != len(lines[1]) {
		t.Errorf("%q", lines)
	}
	screen.Reset()
	for _, none := range []world{{stderr: &screen}, {stderr: &screen, columns: func() int { return 0 }}} {
		b = newBar(none)
		b.update(time.Second, time.Minute)
		b.clear()
	}
	if screen.Len() > 0 {
		t.Errorf("without a terminal: %q", screen.String())
	}
}

func TestRenderShowsABarOnATerminal(t *testing.T) {
	t.Parallel()
	var screen bytes.Buffer
	w := world{
		args: []string{"render", piece(t, testdata.Lantern), "-o", filepath.Join(t.TempDir(), "x.opus")}, env: map[string]string{"SEGUE_DATA": t.TempDir()},
		stdin: strings.NewReader(""), stdout: io.Discard, stderr: &screen, columns: func() int { return 80 },
	}
	if code := run(t.Context(), w); code != exitOK || !strings.HasPrefix(screen.String(), "\r0:0") || !strings.HasSuffix(screen.String(), " \r") {
		t.Errorf("exit code %d: %q", code, screen.String())
	}
}
