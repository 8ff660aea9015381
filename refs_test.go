package main

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"segue/audio/container"
	"segue/audio/container/containertest"
)

// beside writes files into a folder, and returns the path of one of them.
func beside(t *testing.T, files map[string][]byte, which string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "music")
	for name, b := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, which)
}

func TestAPlaylistOnDiskPlays(t *testing.T) {
	sound, err := os.ReadFile("audio/container/testdata/sweep.aac")
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(sound[5000:]) }))
	defer srv.Close()
	list := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\npart one.aac\n#EXTINF:0.5,\n#EXT-X-BYTERANGE:4000@10\nlast%20part.aac?x=1\n#EXTINF:0.5,\n" + srv.URL + "/end.aac\n#EXT-X-ENDLIST\n"
	in := beside(t, map[string][]byte{
		"list.m3u8":         []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsub/media.m3u8\n"),
		"sub/media.m3u8":    []byte(list),
		"sub/part one.aac":  sound[:1000],
		"sub/last part.aac": append([]byte("0123456789"), sound[1000:]...),
	}, "list.m3u8")
	m, err := openInput(t.Context(), world{}, Config{HTTPAllow: []string{strings.TrimPrefix(srv.URL, "http://")}}, in)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := containertest.Drain(d)
	want := containertest.Packets(t, container.Open, sound)
	if !errors.Is(err, io.EOF) || len(got) != len(want) {
		t.Fatalf("%d packets of %d, %v", len(got), len(want), err)
	}
}

func TestAClosedPlaylistOnDiskOpensNothing(t *testing.T) {
	in := beside(t, map[string][]byte{"list.m3u8": []byte("#EXTM3U\n"), "a.aac": []byte("0123456789")}, "list.m3u8")
	m, err := openInput(t.Context(), world{}, Config{}, in)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := m.Refs.OpenRef("a.aac", 0, 0); err != nil || r.Close() != nil {
		t.Errorf("%v", err)
	}
	if r, err := m.Refs.OpenRef("http://127.0.0.1:1/", 0, 0); err == nil {
		t.Errorf("an address of ours was opened: %+v", r)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Refs.Wait(1 << 40); !errors.Is(err, errInputClosed) {
		t.Errorf("waiting after it was closed: %v", err)
	}
	if _, err := m.Refs.OpenRef("a.aac", 0, 0); err == nil {
		t.Error("opened something after it was closed")
	}
}
