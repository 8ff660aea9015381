package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func TestProbeChecksAllOfAFile(t *testing.T) {
	t.Parallel()
	flac, err := os.ReadFile("audio/container/testdata/sweep.flac")
	if err != nil {
		t.Fatal(err)
	}
	mp3, err := os.ReadFile("audio/container/testdata/sweep.mp3")
	if err != nil {
		t.Fatal(err)
	}
	wrong, unsaid, broken := bytes.Clone(flac), bytes.Clone(flac), bytes.Clone(flac)
	wrong[30] ^= 1        // of the MD5, which is in bytes 26 to 41
	clear(unsaid[26:42])  //
	broken[len(flac)/2]++ // a frame
	cut := flac[:len(flac)-100]
	for _, c := range []struct {
		name string
		b    []byte
		code int
		says string
	}{
		{"right.flac", flac, exitOK, ", 1.500 s, 0 damaged, MD5 right\n"},
		{"wrong.flac", wrong, exitFailed, ", 1.500 s, 0 damaged, MD5 wrong\n"},
		{"unsaid.flac", unsaid, exitOK, "0 damaged, MD5 not given\n"},
		{"broken.flac", broken, exitFailed, "MD5 wrong"},
		{"cut.flac", cut, exitFailed, "ended with: "},
		{"right.mp3", mp3, exitOK, " 0 damaged\n"},
	} {
		got := runs(t, nil, "probe", "--check", file(t, c.name, c.b))
		if got.code != c.code || !strings.Contains(got.out, c.says) || !strings.Contains(got.out, "checked: ") {
			t.Errorf("%s: exit code %d, want %d and %q: %s%s", c.name, got.code, c.code, c.says, got.out, got.errors)
		}
	}
	if got := runs(t, nil, "probe", "--check", "--json", file(t, "x.flac", flac)); !strings.Contains(got.out, `"md5":"right"`) || !strings.Contains(got.out, `"seekable":true`) {
		t.Errorf("as JSON: %s", got.out)
	}
}
