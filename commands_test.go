package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/testdata"
)

// TestMain lets the test binary be the program itself, for bench, which starts
// its own executable as the voice server. The tests wait for music in real time
// far more than they work, so more of them run side by side than there are processors.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "bench" {
		os.Exit(run(context.Background(), world{args: os.Args[1:], env: map[string]string{}, stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr}))
	}
	if err := flag.Set("test.parallel", "6"); err != nil { // what the command line says comes later and counts
		panic(err)
	}
	os.Exit(m.Run())
}

// ran is what one command came to.
type ran struct {
	code        int
	out, errors string
}

// runs runs one command line in a world of its own.
func runs(t *testing.T, env map[string]string, args ...string) ran {
	t.Helper()
	var out, errs safeBuffer
	if env == nil {
		env = map[string]string{}
	}
	w := world{args: args, env: env, stdin: strings.NewReader(""), stdout: &out, stderr: &errs}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return ran{run(ctx, w), out.String(), errs.String()}
}

// piece writes a bundled piece to a file.
func piece(t *testing.T, name string) string {
	t.Helper()
	b, err := testdata.Sounds.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTheCommandLineIsAContract(t *testing.T) {
	t.Parallel()
	wav := piece(t, testdata.Clockwork)
	html := write(t, "page.mp3", "<!doctype html><html><title>x</title></html>")
	for _, c := range []struct {
		args        []string
		code        int
		out, errors string
	}{
		{[]string{"version"}, exitOK, "segue " + version, ""},
		{[]string{"--help"}, exitOK, "self-hosted Discord music bot", ""},
		{[]string{"frobnicate"}, exitUsage, "", "unexpected argument frobnicate"},
		{[]string{"render", wav}, exitUsage, "", "--out"},
		{[]string{"render", wav, "-o", "x.mp3"}, exitUsage, "", "must end in .opus or .wav"},
		{[]string{"render", wav, "-o", "x.wav", "--volume", "300"}, exitUsage, "", "--volume 300"},
		{[]string{"render", wav, "-o", "x.wav", "--from", "later"}, exitUsage, "", "not a time"},
		{[]string{"render", wav, "-o", "x.wav", "--from", "2", "--to", "1"}, exitUsage, "", "after --from"},
		{[]string{"render", wav, "-o", "x.wav", "--effects", `{"echo":1}`}, exitUsage, "", "--effects"},
		{[]string{"render", wav, "-o", "x.wav", "--effects", `{"equalizer":[{"band":3,"gain":7}]}`}, exitUsage, "", "equalizer[0].gain is 7"},
		{[]string{"render", wav, "-o", "x.wav", "--effects", `{"timescale":{"rate":99},"tremolo":{"depth":7}}`}, exitUsage, "", "timescale.rate is 99, want 0.1 to 10; tremolo.depth is 7, want 0 to 1"},
		{[]string{"render", wav, "-o", "x.wav", "--effects", "nightcor"}, exitUsage, "", `"nightcor" is neither JSON, @FILE nor one of`},
		{[]string{"render", wav, "-o", "x.wav", "--effects", "@/no/such.json"}, exitUsage, "", "/no/such.json: no such file"},
		{[]string{"render", wav, "-o", "x.wav", "--level", "loud"}, exitUsage, "", "--level"},
		{[]string{"render", wav, wav, "-o", "x.wav", "--crossfade", "13"}, exitUsage, "", "from 0 to 12 s"},
		{[]string{"render", wav, wav, "-o", "x.wav", "--crossfade", "soon"}, exitUsage, "", "not a time"},
		{[]string{"render", wav, wav, "-o", "x.wav", "--to", "1"}, exitUsage, "", "for a single input"},
		{[]string{"render", wav, "/no/such/file", "-o", "x.wav"}, exitFailed, "", "/no/such/file: no such file"},
		{[]string{"render", wav, wav, "-o", wav}, exitFailed, "", "the file to be read"},
		{[]string{"render", "/no/such/file", "-o", "x.wav"}, exitFailed, "", "/no/such/file"},
		{[]string{"probe", wav}, exitOK, "wav, pcm_s16le, 44100 Hz, 2 channels, 4.4s", ""},
		{[]string{"probe", wav, "--json"}, exitOK, `"container":"wav"`, ""},
		{[]string{"probe", html}, exitFailed, "", "web page"},
		{[]string{"probe", t.TempDir()}, exitFailed, "", "is a folder"},
		{[]string{"probe", "http://127.0.0.1:8/x"}, exitFailed, "", "port 8"},
		{[]string{"resolve", "clockwork", "--music-dir", filepath.Dir(wav)}, exitOK, "clockwork", ""},
		{[]string{"resolve", "--json", "clockwork", "--music-dir", filepath.Dir(wav)}, exitOK, `"local:clockwork.wav"`, ""},
		{[]string{"resolve", "nothing like it", "--music-dir", filepath.Dir(wav)}, exitFailed, "", "nothing was found"},
		{[]string{"demo", "no such piece"}, exitFailed, "", "neither a file"},
		{[]string{"demo", "--out", "x.mp3"}, exitUsage, "", ".wav or .opus"},
		{[]string{"run", "--queue-limit", "many"}, exitNotConfigured, "", "--queue-limit is \"many\""},
		{[]string{"healthcheck", "--data", t.TempDir()}, exitFailed, "", "no bot is running"},
	} {
		got := runs(t, nil, c.args...)
		if got.code != c.code || !strings.Contains(got.out, c.out) || !strings.Contains(got.errors, c.errors) {
			t.Errorf("%q: exit code %d (want %d)\nstdout: %s\nstderr: %s", c.args, got.code, c.code, got.out, got.errors)
		}
	}
}

func TestRenderWritesWhatIsHeard(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out.opus")
	got := runs(t, nil, "render", piece(t, testdata.Lantern), "-o", out, "--stats")
	var stats struct {
		Mode    string
		Passed  int     `json:"frames_passed"`
		Seconds float64 `json:"seconds"`
	}
	if err := json.Unmarshal([]byte(got.errors), &stats); err != nil || got.code != exitOK {
		t.Fatalf("exit code %d, %v: %s", got.code, err, got.errors)
	}
	if stats.Mode != "passthrough" || stats.Passed < 1200 || stats.Seconds != 24 {
		t.Errorf("stats %+v", stats)
	}
	if p := runs(t, nil, "probe", out); !strings.Contains(p.out, "ogg, opus, 48000 Hz, 2 channels, 24s") {
		t.Errorf("the result is %s%s", p.out, p.errors)
	}
	piped := runs(t, nil, "render", piece(t, testdata.Clockwork), "-o", "-", "--from", "1", "--to", "0:02", "--volume", "50", "--effects", `{"volume":0.5}`)
	if piped.code != exitOK || !strings.HasPrefix(piped.out, "OggS") {
		t.Errorf("exit code %d, %d bytes: %s", piped.code, len(piped.out), piped.errors)
	}
	fast := filepath.Join(t.TempDir(), "fast.opus")
	if got := runs(t, nil, "render", piece(t, testdata.Clockwork), "-o", fast, "--effects", `{"timescale":{"rate":1.1}}`); got.code != exitOK {
		t.Errorf("exit code %d: %s", got.code, got.errors)
	}
	if p := runs(t, nil, "probe", fast); !strings.Contains(p.out, "channels, 4s") && !strings.Contains(p.out, "channels, 3.99") {
		t.Errorf("a tenth faster, 4.4 s become %s%s", p.out, p.errors)
	}
}

func TestTimes(t *testing.T) {
	for in, want := range map[string]time.Duration{"": 0, "90": 90 * time.Second, "90s": 90 * time.Second, "1:30": 90 * time.Second, "1:02:03.5": 3723500 * time.Millisecond} {
		if got, err := parseTime(in); err != nil || got != want {
			t.Errorf("%q is %s, %v", in, got, err)
		}
	}
	for _, in := range []string{"x", "-1", "1:60", "1:2:3:4", "1:-2", "1e9"} {
		if got, err := parseTime(in); err == nil {
			t.Errorf("%q passes as %s", in, got)
		}
	}
}

func TestHealthcheckBelievesOnlyFreshNews(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		s    status
		code int
	}{
		{status{Ready: true, At: time.Now()}, exitOK},
		{status{Ready: false, At: time.Now()}, exitFailed},
		{status{Ready: true, At: time.Now().Add(-time.Minute)}, exitFailed},
	} {
		if err := c.s.write(dir); err != nil {
			t.Fatal(err)
		}
		if got := runs(t, nil, "healthcheck", "--data", dir); got.code != c.code {
			t.Errorf("%+v: exit code %d: %s", c.s, got.code, got.errors)
		}
	}
	if err := os.WriteFile(statusFile(dir), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runs(t, nil, "healthcheck", "--data", dir); got.code != exitFailed {
		t.Error("half a status is believed")
	}
}

func TestARunningBotIsHealthy(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.starts()
	s.until("health", func() bool { return runs(t, nil, "healthcheck", "--data", s.cfg.Data).code == exitOK })
	s.ends()
	if got := runs(t, nil, "healthcheck", "--data", s.cfg.Data); got.code != exitFailed {
		t.Error("a bot that has ended is called healthy")
	}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	env := map[string]string{"DISCORD_TOKEN": s.d.Token(), "SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": t.TempDir(), "SEGUE_MUSIC_DIR": s.cfg.MusicDir}
	if got := runs(t, env, "doctor"); got.code != exitOK || strings.Count(got.out, "ok  ") != 6 || !strings.Contains(got.out, "client_id=") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
	delete(env, "DISCORD_TOKEN")
	if got := runs(t, env, "doctor", "--json"); got.code != exitFailed || !strings.Contains(got.out, `"check":"token","ok":false`) {
		t.Errorf("exit code %d:\n%s", got.code, got.out)
	}
	env["SEGUE_QUEUE_LIMIT"] = "x"
	if got := runs(t, env, "doctor"); got.code != exitFailed || !strings.Contains(got.out, "SEGUE_QUEUE_LIMIT") {
		t.Errorf("exit code %d:\n%s", got.code, got.out)
	}
}

func TestNobodyToAskForAToken(t *testing.T) {
	t.Parallel()
	got := runs(t, map[string]string{"SEGUE_DATA": t.TempDir()})
	if got.code != exitNotConfigured || strings.Count(strings.TrimSpace(got.errors), "\n") != 2 || !strings.Contains(got.errors, "DISCORD_TOKEN") {
		t.Errorf("exit code %d:\n%s", got.code, got.errors)
	}
}

func TestATokenIsAskedForCheckedAndKept(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	data := t.TempDir()
	typed := []string{"not a token", s.d.Token() + "\n"}
	var out safeBuffer
	ctx, stop := context.WithCancel(s.soon())
	defer stop()
	w := world{
		env: map[string]string{"SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": data}, stdin: strings.NewReader(""), stdout: &out, stderr: &out,
		terminal: true, secret: func() (string, error) {
			next := typed[0]
			typed = typed[1:]
			return next, nil
		},
	}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, w) }()
	if err := s.d.Bot().WaitCommands(ctx, "play"); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	kept, err := os.ReadFile(tokenFile(data))
	if err != nil || strings.TrimSpace(string(kept)) != s.d.Token() {
		t.Errorf("kept is %q, %v", kept, err)
	}
	if st, err := os.Stat(tokenFile(data)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the token file is %v, %v", st.Mode(), err)
	}
	for _, want := range []string{"That did not work", `belongs to "Segue"`, "https://discord.com/oauth2/authorize?client_id=" + s.d.Application().String(), version} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the person is not told %q:\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), s.d.Token()) {
		t.Error("the token is shown")
	}
	w.terminal, typed = false, nil
	cfg := Config{Data: data}
	if token, err := storedToken(cfg); err != nil || token != s.d.Token() {
		t.Errorf("the next start finds %q, %v", token, err)
	}
}

func TestThreeWrongTokensAreEnough(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	asked := 0
	out := &safeBuffer{}
	w := world{
		env: map[string]string{"SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": t.TempDir()}, stdin: strings.NewReader(""), stdout: out, stderr: out,
		terminal: true, secret: func() (string, error) { asked++; return "nonsense", nil },
	}
	if code := run(s.soon(), w); code != exitNotConfigured || asked != 3 {
		t.Errorf("exit code %d after %d questions", code, asked)
	}
	w.secret = func() (string, error) { return "", errors.New("end of input") }
	if code := run(s.soon(), w); code != exitFailed {
		t.Errorf("exit code %d when nothing can be typed", code)
	}
}

func TestStateThatCannotBeUsedIsNamed(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	env := map[string]string{"DISCORD_TOKEN": s.d.Token(), "SEGUE_DISCORD_API_URL": s.d.APIURL()}
	file := write(t, "file", "in the way")
	env["SEGUE_DATA"] = filepath.Join(file, "data")
	if got := runs(t, env); got.code != exitFailed || !strings.Contains(got.errors, "data folder") {
		t.Errorf("a file in the way: exit code %d:\n%s", got.code, got.errors)
	}
	dir := t.TempDir()
	broken := bytes.Repeat([]byte("this is no database "), 500)
	if err := os.WriteFile(filepath.Join(dir, "segue.db"), broken, 0o600); err != nil {
		t.Fatal(err)
	}
	env["SEGUE_DATA"] = dir
	if got := runs(t, env); got.code != exitFailed || !strings.Contains(got.errors, "segue.db") {
		t.Errorf("a broken database: exit code %d:\n%s", got.code, got.errors)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "segue.db")); err != nil || !bytes.Equal(b, broken) {
		t.Error("the broken database was not left as it was")
	}
}

func TestBenchCountsWhatArrives(t *testing.T) {
	got := runs(t, nil, "bench", "--guilds", "3", "--seconds", "1", "--json")
	var b benched
	if err := json.Unmarshal([]byte(got.out), &b); err != nil || got.code != exitOK {
		t.Fatalf("exit code %d, %v:\n%s%s", got.code, err, got.out, got.errors)
	}
	if b.Sent < 30 || b.Arrived < int(b.Sent) || b.Sealed < int(b.Sent) || b.CPUPerMinute <= 0 || strings.Contains(got.errors, "objects") {
		t.Errorf("%+v\n%s", b, got.errors)
	}
	if got := runs(t, nil, "bench", "--guilds", "1", "--seconds", "1", "--mode", "transcode"); got.code != exitOK || !strings.Contains(got.out, "1 guilds, transcode") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
}
