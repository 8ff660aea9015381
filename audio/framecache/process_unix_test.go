//go:build unix

package framecache

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain makes this program, if it is told so, a process that something happens to.
func TestMain(m *testing.M) {
	flag.Parse()
	o := Options{Dir: flag.Arg(1), Build: "test", Max: 4 << 20}
	switch flag.Arg(0) {
	case "recording":
		recordForEver(o)
	case "limited":
		recordLimited(o)
	default:
		m.Run()
	}
}

// process is this program in a process of its own.
func process(t *testing.T, what, dir string) *exec.Cmd {
	t.Helper()
	me, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return exec.CommandContext(t.Context(), me, what, dir)
}

// recordForEver says so when half of a piece is on its way to the disk, and waits.
func recordForEver(o Options) {
	r := New(o).Record("one", 0, 0, about)
	for _, f := range music(5*row, 1000) {
		r.Add(f)
	}
	for range rows { // all that hold frames have come back from the writer
		<-r.free
	}
	fmt.Println("half")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestKilledInTheMiddle(t *testing.T) {
	o := settings(t)
	cmd := process(t, "recording", o.Dir)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "half\n" {
		t.Fatalf("%q, %v", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err == nil {
		t.Fatal("it ended by itself")
	}
	left := list(t, o.Dir)
	if len(left) != 1 || !strings.HasSuffix(left[0], part) {
		t.Fatalf("left behind: %v", left)
	}
	c := New(o)
	if _, ok := c.Find("one", 0); ok {
		t.Fatal("half a piece is found")
	}
	if u, err := c.Look(); err != nil || u.Files != 0 || u.Bytes < 100_000 {
		t.Errorf("%+v, %v", u, err)
	}
	// It may be another process's that goes on: it stays for an hour.
	if s := keep(t, o, "one", music(100, 300)); s.Kept != 1 || len(list(t, o.Dir)) != 2 {
		t.Errorf("%+v, %v", s, list(t, o.Dir))
	}
	long := time.Now().Add(-forsaken - time.Minute)
	if err := os.Chtimes(filepath.Join(o.Dir, left[0]), long, long); err != nil {
		t.Fatal(err)
	}
	keep(t, o, "two", music(100, 300))
	if inside := strings.Join(list(t, o.Dir), " "); strings.Contains(inside, part) || strings.Count(inside, ending) != 2 {
		t.Errorf("%v", inside)
	}
}

// recordLimited records with no room on the disk for more than 64 KiB of it.
func recordLimited(o Options) {
	limit := syscall.Rlimit{Cur: 64 << 10, Max: 64 << 10}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		fmt.Println(err)
		return
	}
	o.Lost = func(err error) { fmt.Println(err) }
	c := New(o)
	long, short := c.Record("long", 0, 0, about), c.Record("short", 0, 0, about)
	for _, f := range music(500, 400) {
		long.Add(f) // whatever it says, the music goes on
	}
	long.Keep(500 * 960)
	for _, f := range music(100, 400) {
		short.Add(f)
	}
	short.Keep(100 * 960)
	_ = c.Close(context.Background())
	fmt.Printf("%+v\n", c.Stats())
}

func TestAFullDiskCostsTheRecordingOnly(t *testing.T) {
	o := settings(t)
	out, err := process(t, "limited", o.Dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := string(out); !strings.Contains(got, "Kept:1 GivenUp:0 Failed:1") || !strings.Contains(got, "file too large") {
		t.Errorf("it says %s", got)
	}
	if inside := list(t, o.Dir); len(inside) != 1 {
		t.Errorf("%v", inside)
	}
	c := New(o)
	if _, ok := c.Find("long", 0); ok {
		t.Error("what had no room is found")
	}
	p, ok := c.Find("short", 0)
	if !ok {
		t.Fatal("what had room is not found")
	}
	if got, _ := packets(t, p); len(got) != 100 {
		t.Errorf("%d packets", len(got))
	}
}
