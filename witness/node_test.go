package witness_test

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for a Node process that starts on a busy machine.
const patience = 60 * time.Second

// report is what the bot tells, a line of JSON each.
type report struct {
	At      string `json:"at"`
	Text    string `json:"text"`
	Status  string `json:"status"`
	Mode    string `json:"mode"`
	User    string `json:"user"`
	Name    string `json:"name"`
	Guild   string `json:"guild"`
	Code    string `json:"code"`
	Opus    []byte `json:"opus"`
	Samples int    `json:"samples"`
	Frames  int    `json:"frames"`
}

// bot is a running Node process.
type bot struct {
	t      *testing.T
	cmd    *exec.Cmd
	in     io.WriteCloser
	stderr strings.Builder
	done   chan struct{} // closed when its output ends

	mu      sync.Mutex
	reports []report
	changed chan struct{}
}

// node finds the Node that came with the packages.
func node(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("node_modules", ".bin", "node"))
	if err == nil {
		_, err = os.Stat(path)
	}
	if _, missing := os.Stat(filepath.Join("node_modules", "discord.js")); err != nil || missing != nil {
		const how = "other people's clients are not installed: run witness/install.sh"
		if os.Getenv("CI") == "true" {
			t.Fatal(how)
		}
		t.Skip("SKIPPED: " + how)
	}
	return path
}

// start runs the bot with a setting. ca holds the certificates it is to trust.
func start(t *testing.T, ca []byte, setting map[string]any) *bot {
	t.Helper()
	path := node(t)
	roots := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(roots, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	b := &bot{t: t, done: make(chan struct{})}
	b.cmd = exec.Command(path, "witness.mjs")
	b.cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+roots)
	b.cmd.Stderr = &b.stderr
	var err error
	if b.in, err = b.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := b.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go b.read(out)
	t.Cleanup(b.stop)
	b.order(setting)
	return b
}

func (b *bot) read(out io.Reader) {
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r report
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			r = report{At: "error", Text: lines.Text()}
		}
		b.mu.Lock()
		b.reports = append(b.reports, r)
		b.change()
		b.mu.Unlock()
	}
	close(b.done)
}

func (b *bot) change() {
	if b.changed != nil {
		close(b.changed)
		b.changed = nil
	}
}

func (b *bot) order(o map[string]any) {
	b.t.Helper()
	if err := json.NewEncoder(b.in).Encode(o); err != nil {
		b.t.Fatalf("%v\n%s", err, b.stderr.String())
	}
}

// stop asks the bot to leave, waits for it, and looks whether it ended well.
func (b *bot) stop() {
	_ = json.NewEncoder(b.in).Encode(map[string]any{"leave": true})
	_ = b.in.Close()
	select {
	case <-b.done:
	case <-time.After(patience):
		_ = b.cmd.Process.Kill()
		<-b.done
	}
	if err := b.cmd.Wait(); err != nil && !b.t.Failed() {
		b.t.Errorf("the bot: %v\n%s", err, b.stderr.String())
	}
}

// await waits until the nth report of a kind. An error reported ends the test.
func (b *bot) await(at string, n int) []report {
	b.t.Helper()
	limit := time.After(patience)
	for {
		b.mu.Lock()
		var found []report
		for _, r := range b.reports {
			if r.At == "error" {
				b.t.Errorf("the bot: %s", r.Text)
			}
			if r.At == at {
				found = append(found, r)
			}
		}
		if b.changed == nil {
			b.changed = make(chan struct{})
		}
		changed := b.changed
		b.mu.Unlock()
		if len(found) >= n {
			return found
		}
		if b.t.Failed() {
			b.t.FailNow()
		}
		select {
		case <-changed:
		case <-b.done:
			b.t.Fatalf("the bot ended after %d of %d reports %q\n%s", len(found), n, at, b.stderr.String())
		case <-limit:
			b.t.Fatalf("%d of %d reports %q\n%s", len(found), n, at, b.stderr.String())
		}
	}
}

func (b *bot) says(frames [][]byte) {
	b.t.Helper()
	text := make([]string, len(frames))
	for i, f := range frames {
		text[i] = base64.StdEncoding.EncodeToString(f)
	}
	b.order(map[string]any{"say": text})
	b.await("said", 1)
}
