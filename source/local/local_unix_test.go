//go:build unix

package local

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"segue/music"
)

func TestNothingOutsideTheFolderIsReached(t *testing.T) {
	dir, s := shelf(t, "ok.mp3", "real/inner.mp3")
	outside := t.TempDir()
	put(t, outside, "secret.mp3")
	for link, to := range map[string]string{
		"out.mp3": filepath.Join(outside, "secret.mp3"), "outdir": outside, "in.mp3": "real/inner.mp3",
		"up.mp3": "../" + filepath.Base(outside) + "/secret.mp3", "loop.mp3": "loop.mp3", "circle": ".",
	} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo.mp3"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder.mp3"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Close(l) }()
	if err := syscall.Bind(l, &syscall.SockaddrUnix{Name: filepath.Join(dir, "socket.mp3")}); err != nil {
		t.Fatal(err)
	}

	for p, want := range map[string]string{
		"ok.mp3": "", "in.mp3": "", "real/inner.mp3": "",
		"out.mp3": "local.refused", "outdir/secret.mp3": "local.refused", "up.mp3": "local.refused", "loop.mp3": "local.refused",
		"fifo.mp3": "local.refused", "folder.mp3": "local.refused", "socket.mp3": "local.refused",
		"../" + filepath.Base(outside) + "/secret.mp3": "local.refused",
		filepath.Join(outside, "secret.mp3"):           "local.refused",
		"real/../ok.mp3":                               "local.refused",
		"ok.mp3\x00.mp3":                               "local.refused",
		"gone.mp3":                                     "local.missing",
	} {
		m, err := s.Open(t.Context(), music.Track{ID: music.TrackID("local:" + p), Source: "local", Title: "T"})
		got := ""
		if e, ok := errors.AsType[*music.Error](err); ok {
			got = e.Code
		} else if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q (%v)", p, got, want, err)
		}
		if err == nil {
			_ = m.Close()
		}
		// Asking for the path by name gives no more away.
		if r := found(t, s, p); want == "local.refused" && len(r) > 0 && r[0] == p {
			t.Errorf("%q can be found", p)
		}
	}
	if got := found(t, s, "mp3"); strings.Join(got, " ") != "in.mp3 ok.mp3 real/inner.mp3" {
		t.Errorf("shown: %q", got)
	}
}
