package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What a person has on disk is theirs: no command writes over what it reads.
func TestNoCommandWritesOverWhatItReads(t *testing.T) {
	t.Parallel()
	whole, _ := song(t, 10, 1)
	mine := file(t, "mine.opus", whole)
	alias := filepath.Join(t.TempDir(), "alias.opus")
	if err := os.Link(mine, alias); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"render", mine, "-o", mine},
		{"render", mine, "-o", alias},
		{"demo", "--out", mine, mine},
		{"demo", "--out", alias, mine},
	} {
		got := runs(t, nil, args...)
		if got.code != exitFailed || !strings.Contains(got.errors, "choose another name") {
			t.Errorf("%v: exit code %d: %s", args, got.code, got.errors)
		}
		if b, err := os.ReadFile(mine); err != nil || string(b) != string(whole) {
			t.Fatalf("%v: the file is gone (%d bytes left, %v)", args, len(b), err)
		}
	}
}

func TestWhereNothingCanBeWrittenIsSaidBeforeTheMusic(t *testing.T) {
	t.Parallel()
	whole, _ := song(t, 10, 1)
	mine := file(t, "mine.opus", whole)
	for _, args := range [][]string{
		{"demo", "--out", "/nowhere/x.wav", mine}, {"render", mine, "-o", "/nowhere/x.wav"},
	} {
		got := runs(t, nil, args...)
		if got.code != exitFailed || strings.Contains(got.out, "alice") || got.errors == "" {
			t.Errorf("%v: exit code %d:\n%s%s", args, got.code, got.out, got.errors)
		}
	}
	out := filepath.Join(t.TempDir(), "x.wav")
	got := runs(t, nil, "demo", "--out", out, "--listen", "127.0.0.1:nowhere", mine)
	if got.code != exitFailed || strings.Contains(got.out, "alice") || !strings.Contains(got.errors, "nowhere") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
	if _, err := os.Stat(out); err == nil {
		t.Error("a file is left of what was never heard")
	}
}

func TestTheDemoPlaysLinkedAndHiddenFilesAndSaysAtOnceWhatItCannot(t *testing.T) {
	t.Parallel()
	whole, _ := song(t, 10, 1)
	dir := t.TempDir()
	for name, content := range map[string][]byte{"real/song.opus": whole, ".hidden.opus": whole, "notes.txt": []byte("la la la")} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("real/song.opus", filepath.Join(dir, "link.opus")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"link.opus", ".hidden.opus"} {
		got := runs(t, nil, "demo", "--out", filepath.Join(dir, "heard.wav"), filepath.Join(dir, name))
		if got.code != exitOK || !strings.Contains(got.out, "10 of 10 packets") {
			t.Errorf("%s: exit code %d:\n%s%s", name, got.code, got.out, got.errors)
		}
	}
	got := runs(t, nil, "demo", "--out", filepath.Join(dir, "heard.wav"), filepath.Join(dir, "notes.txt"))
	if got.code != exitFailed || !strings.Contains(got.out, "I found nothing") || !strings.Contains(got.errors, "does not play that") {
		t.Errorf("exit code %d:\n%s%s", got.code, got.out, got.errors)
	}
}
