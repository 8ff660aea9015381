//go:build unix

package source

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"segue/audio"
)

func TestAFolderOpensWhatIsInItAndNothingElse(t *testing.T) {
	out := t.TempDir()
	dir := filepath.Join(out, "music")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(dir, "sub"), 0o700),
		os.WriteFile(filepath.Join(dir, "a.aac"), []byte("0123456789"), 0o600),
		os.WriteFile(filepath.Join(dir, "list"), []byte("list"), 0o600),
		os.WriteFile(filepath.Join(out, "secret"), []byte("secret"), 0o600),
		os.Symlink(filepath.Join(out, "secret"), filepath.Join(dir, "link")),
		syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	life, end := context.WithCancelCause(t.Context())
	r := Folder{Root: root, File: "list", Life: life}
	for _, ref := range []string{
		"../secret", "/etc/passwd", "/a.aac", filepath.Join(out, "secret"), "file:///etc/passwd", "x/../../secret", "%2e%2e/secret",
		"pipe", ".", "sub", "http://127.0.0.1:1/", "gopher://x", "link", "missing",
	} {
		m, err := r.OpenRef(ref, 0, 0)
		if err == nil {
			t.Errorf("%s was opened: %+v", ref, m)
		}
		if never := ref != "link" && ref != "missing"; errors.Is(err, audio.ErrUnsupported) != never {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, p := range [][2]int64{{-1, 0}, {0, -1}} {
		if _, err := r.OpenRef("a.aac", p[0], p[1]); !errors.Is(err, audio.ErrUnsupported) {
			t.Errorf("%v: %v", p, err)
		}
	}
	for want, part := range map[string][2]int64{"0123456789": {0, 0}, "345": {3, 3}, "6789": {6, 0}, "9": {9, 5}, "": {11, 0}} {
		m, err := r.OpenRef("a.aac", part[0], part[1])
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(m); err != nil || string(b) != want || m.Size != int64(len(want)) {
			t.Errorf("%v: %q, %v, of %d", part, b, err, m.Size)
		}
		if itself, err := m.Refs.OpenRef("", 0, 3); err != nil {
			t.Error(err)
		} else if b, _ := io.ReadAll(itself); string(b) != "012" || itself.Close() != nil {
			t.Errorf("itself: %q", b)
		}
		_ = m.Close()
	}
	if err := r.Wait(time.Nanosecond); err != nil {
		t.Error(err)
	}
	why := errors.New("enough")
	end(why)
	if _, err := r.OpenRef("a.aac", 0, 0); !errors.Is(err, why) {
		t.Errorf("after its life: %v", err)
	}
	if err := r.Wait(time.Hour); !errors.Is(err, why) {
		t.Errorf("waiting after its life: %v", err)
	}
}
