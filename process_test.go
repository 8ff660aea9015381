package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// built is the program as a newcomer builds it: without a C compiler.
func built(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "segue")
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return path
}

var readyAfter = regexp.MustCompile(`msg=ready after=(\S+)`)

// The whole program in a process of its own, told about another Discord by two
// environment variables and nothing else.
func TestAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	file, _ := loop(t, 3000, 1)
	s.put("one.opus", file)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := s.d.WriteCA(ca); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(built(t))
	cmd.Env = []string{
		"DISCORD_TOKEN=" + s.d.Token(), "SEGUE_DISCORD_API_URL=" + s.d.APIURL(), "SSL_CERT_FILE=" + ca,
		"SEGUE_DATA=" + s.cfg.Data, "SEGUE_MUSIC_DIR=" + s.cfg.MusicDir,
	}
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	s.until("the program is ready", func() bool { return readyAfter.MatchString(s.log.String()) })
	t.Logf("ready after %s", readyAfter.FindStringSubmatch(s.log.String())[1])
	if runtime.GOOS == "linux" {
		if mib := residentMiB(t, cmd.Process.Pid); mib > 60 {
			t.Errorf("idle it takes %.1f MiB", mib)
		} else {
			t.Logf("idle it takes %.1f MiB", mib)
		}
	}
	ears := s.listens()
	s.asks("/play", "query", "one")
	s.hears(ears, 50)
	start := time.Now()
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("it ended with %v", err)
		}
		t.Logf("it left within %s", time.Since(start))
	case <-time.After(10 * time.Second): // what a container is given
		t.Fatal("it goes on after SIGTERM")
	}
	if s.d.Bot().Voice(s.den) != nil || s.d.Bot().Online() {
		t.Error("the bot is still there")
	}
}

// residentMiB is how much memory a process takes now.
func residentMiB(t testing.TB, pid int) float64 {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(b), "\n") {
		var kib float64
		if _, err := fmt.Sscanf(line, "VmRSS: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	t.Fatal("no VmRSS")
	return 0
}

// BenchmarkPlayToFirstPacket is from a person typing /play of a local file to the
// first packet of it on the wire; the bot is in no channel before. The floor is
// one round trip of a command that needs nothing (/pause).
func BenchmarkPlayToFirstPacket(b *testing.B) {
	s := newStage(b)
	file, _ := loop(b, 6000, 1)
	s.put("one.opus", file)
	s.starts()
	if err := s.alice.Joins("Lounge"); err != nil {
		b.Fatal(err)
	}
	var play, floor, packets time.Duration
	for b.Loop() {
		ears, err := s.ears(s.soon())
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		ix := s.alice.Types("/play", "query", "one")
		s.hears(ears, 1)
		packets += ears.Heard(s.bot()).Packets[0].At.Sub(start)
		if _, err := ix.Reply(s.soon()); err != nil {
			b.Fatal(err)
		}
		play += time.Since(start)
		start = time.Now()
		s.asks("/pause")
		floor += time.Since(start)
		s.asks("/leave")
		if err := s.d.Bot().WaitVoice(s.soon(), s.den, nil); err != nil {
			b.Fatal(err)
		}
		_ = ears.Close()
	}
	b.ReportMetric(float64(packets.Microseconds())/1000/float64(b.N), "ms/first-packet")
	b.ReportMetric(float64(floor.Microseconds())/1000/float64(b.N), "ms/pause")
}
