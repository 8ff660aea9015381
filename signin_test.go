package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/discordtest"
)

// person is somebody at a terminal who types these lines.
func person(env map[string]string, out *safeBuffer, lines ...string) world {
	return world{
		env: env, stdin: strings.NewReader(""), stdout: out, stderr: out, terminal: true,
		secret: func() (string, error) {
			next := lines[0]
			lines = lines[1:]
			return next, nil
		},
	}
}

func TestAStopWhileDiscordIsSilentIsNoFailure(t *testing.T) {
	t.Parallel()
	asked, over := make(chan struct{}), make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(asked)
		<-over
	}))
	defer silent.Close()
	defer close(over)
	var out safeBuffer
	w := person(map[string]string{
		"DISCORD_TOKEN": newStage(t).d.Token(), "SEGUE_DISCORD_API_URL": silent.URL, "SEGUE_DATA": t.TempDir(),
	}, &out)
	ctx, stop := context.WithCancel(t.Context())
	go func() { <-asked; stop() }()
	start := time.Now()
	if code := run(ctx, w); code != exitOK || time.Since(start) > patience/2 {
		t.Errorf("exit code %d after %s", code, time.Since(start))
	}
	if got := out.String(); strings.Contains(got, "invite") || strings.Contains(got, "canceled") {
		t.Errorf("it goes on as if it knew the token:\n%s", got)
	}
}

func TestAStopAtTheQuestionIsNoFailure(t *testing.T) {
	t.Parallel()
	var out safeBuffer
	ctx, stop := context.WithCancel(t.Context())
	w := person(map[string]string{"SEGUE_DATA": t.TempDir()}, &out)
	w.secret = func() (string, error) {
		stop()
		return "", ctx.Err()
	}
	if code := run(ctx, w); code != exitOK || strings.Contains(out.String(), "canceled") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}

func TestAKeptTokenThatWentBadIsAskedForAnew(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	data := t.TempDir()
	env := map[string]string{"SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": data}
	bad := s.d.Token()[:len(s.d.Token())-4] + "XXXX"
	if err := os.WriteFile(filepath.Join(data, "token"), []byte(bad), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := runs(t, env); got.code != exitNotConfigured || !strings.Contains(got.errors, tokenFile(data)) {
		t.Errorf("without a terminal: exit code %d:\n%s", got.code, got.errors)
	}
	var out safeBuffer
	ctx, stop := context.WithCancel(s.soon())
	defer stop()
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, person(env, &out, s.d.Token())) }()
	if err := s.d.Bot().WaitCommands(ctx, "play"); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	stop()
	if code := <-ended; code != exitOK {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
	kept, err := os.ReadFile(tokenFile(data))
	if err != nil || strings.TrimSpace(string(kept)) != s.d.Token() {
		t.Errorf("kept is %q, %v", kept, err)
	}
	if st, err := os.Stat(tokenFile(data)); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("the token file is %v, %v", st.Mode(), err)
	}
}

func TestAStartBeforeTheNetworkIsOutlasted(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.d.Breaks(discordtest.RESTFault{Path: "/users/@me", Status: 503, Times: 1})
	var out safeBuffer
	ctx, stop := context.WithCancel(s.soon())
	defer stop()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, person(map[string]string{
			"DISCORD_TOKEN": s.d.Token(), "SEGUE_DISCORD_API_URL": s.d.APIURL(), "SEGUE_DATA": t.TempDir(),
		}, &out))
	}()
	if err := s.d.Bot().WaitCommands(ctx, "play"); err != nil {
		t.Fatalf("%v:\n%s", err, out.String())
	}
	stop()
	if code := <-ended; code != exitOK || !strings.Contains(out.String(), "Trying again in 1s") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}
