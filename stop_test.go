package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"segue/testdata"
)

func TestAStatusThatCannotBeWrittenStopsNoMusic(t *testing.T) {
	ctx, stop := context.WithCancel(t.Context())
	var log safeBuffer
	poke, ended, asked := make(chan struct{}), make(chan struct{}), make(chan struct{}, 10)
	well := func() bool { asked <- struct{}{}; return true }
	go func() {
		defer close(ended)
		keepStatus(ctx, filepath.Join(t.TempDir(), "none"), well, poke, slog.New(slog.NewTextHandler(&log, nil)))
	}()
	<-asked
	close(poke)
	select {
	case <-asked: // it goes on
	case <-ended:
		t.Fatal("it gave up")
	}
	stop()
	<-ended
	if n := strings.Count(log.String(), "status cannot be written"); n != 1 {
		t.Errorf("said %d times, want once:\n%s", n, log.String())
	}
}

func TestACommandThatIsStoppedSaysSo(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var out safeBuffer
	w := world{
		args: []string{"demo", "--out", filepath.Join(t.TempDir(), "x.wav"), piece(t, testdata.Clockwork)},
		env:  map[string]string{}, stdin: strings.NewReader(""), stdout: &out, stderr: &out,
	}
	ended := make(chan int, 1)
	go func() { ended <- run(ctx, w) }()
	s := &stage{TB: t}
	s.until("the music plays", func() bool { return strings.Contains(out.String(), "first packet") })
	stop()
	if code := <-ended; code != exitFailed || !strings.Contains(out.String(), "stopped before it was done") || strings.Contains(out.String(), "canceled") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}
