package local

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container"
	"segue/audio/container/containertest"
	"segue/music"
)

// nowhere is a web on which all there is is one resource.
type nowhere struct {
	life context.Context
	b    []byte
}

func (n nowhere) OpenRef(string, int64, int64) (*audio.Media, error) {
	return containertest.Stream(n.b), n.life.Err()
}
func (n nowhere) Wait(time.Duration) error { return n.life.Err() }

// TestAPlaylistInTheFolderPlays is a playlist of files beside it, named in the ways
// they are, and of an address.
func TestAPlaylistInTheFolderPlays(t *testing.T) {
	sound, err := os.ReadFile("../../audio/container/testdata/sweep.aac")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, b := range map[string][]byte{
		"mix/list.m3u8":       []byte("#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsub/media.m3u8\n"),
		"mix/sub/media.m3u8":  []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\none 1.aac\n#EXTINF:0.5,\n#EXT-X-BYTERANGE:2000@10\n../two%20.aac?x=1\n#EXTINF:0.5,\nhttp://example.org/end.aac\n#EXT-X-ENDLIST\n"),
		"mix/sub/one 1.aac":   sound[:1000],
		"mix/two .aac":        append([]byte("0123456789"), sound[1000:4000]...),
		"mix/only files.m3u8": []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\nhttp://example.org/end.aac\n#EXT-X-ENDLIST\n"),
	} {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(dir, func(life context.Context) audio.Refs { return nowhere{life, sound[3000:]} })
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	r, err := s.Resolve(t.Context(), music.Query{Text: "mix/list.m3u8"})
	if err != nil || len(r.Tracks) != 1 || r.Tracks[0].Title != "list" {
		t.Fatalf("%+v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	m, err := s.Open(ctx, r.Tracks[0])
	cancel() // which bounds only the opening
	if err != nil {
		t.Fatal(err)
	}
	d, err := container.Open(m)
	if err != nil {
		t.Fatal(err)
	}
	got, err := containertest.Drain(d)
	want := containertest.Packets(t, container.Open, sound)
	if !errors.Is(err, io.EOF) || len(got) != len(want) {
		t.Errorf("%d packets of %d, %v", len(got), len(want), err)
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if err := m.Refs.Wait(time.Hour); !errors.Is(err, errClosed) {
		t.Errorf("waiting after it was closed: %v", err)
	}
	if _, err := m.Refs.OpenRef("sub/one 1.aac", 0, 0); !errors.Is(err, errClosed) {
		t.Errorf("opening after it was closed: %v", err)
	}
}
