package local

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/music"
	"segue/source/sourcetest"
)

var content = bytes.Repeat([]byte("la la la "), 1000)

// shelf makes a folder with these files.
func shelf(t *testing.T, names ...string) (dir string, s *Source) {
	t.Helper()
	dir = t.TempDir()
	for _, n := range names {
		put(t, dir, n)
	}
	s, err := New(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return dir, s
}

func put(t *testing.T, dir, name string) {
	t.Helper()
	p := filepath.Join(dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// found is what words find, as paths.
func found(t *testing.T, s *Source, text string) []string {
	t.Helper()
	r, err := s.Resolve(t.Context(), music.Query{Text: text})
	if err != nil {
		t.Fatal(err)
	}
	paths := []string{}
	for _, tr := range r.Tracks {
		paths = append(paths, strings.TrimPrefix(string(tr.ID), "local:"))
	}
	return paths
}

func TestContract(t *testing.T) {
	sourcetest.Test(t, func(t *testing.T) sourcetest.Case {
		_, s := shelf(t, "one/01 - Anna - Song.flac", "two/Bert - Song.mp3")
		return sourcetest.Case{
			Source: s, Hit: music.Query{Text: "song"}, Content: content, Seeks: true,
			Miss:    music.Query{Text: "no such tune"},
			Foreign: music.Query{Text: "https://example.org/song.mp3"},
			Gone:    music.Track{ID: "local:one/gone.flac", Source: "local", Title: "gone"},
		}
	})
}

func TestSearchRanksTheSameWayEveryTime(t *testing.T) {
	_, s := shelf(t,
		"Queen/A Night/11 - Bohemian Rhapsody.flac",
		"covers/Panda Cover - Bohemian Rhapsody (live).mp3",
		"Rhapsody/Bohemian Grove.ogg",
		"Bohemian/notes about rhapsody.opus",
		"misc/Bohemians - Rhapsodys.wav",
		"misc/Don't Stop.mp3",
		"Queen/readme.txt", "Queen/cover.jpg", ".hidden/Bohemian Rhapsody.mp3", "Queen/.Bohemian Rhapsody.mp3",
	)
	for query, want := range map[string][]string{
		"bohemian rhapsody": {
			"Queen/A Night/11 - Bohemian Rhapsody.flac",         // the whole title
			"covers/Panda Cover - Bohemian Rhapsody (live).mp3", // both words in the title
			"Rhapsody/Bohemian Grove.ogg",                       // one in the folder; the shorter path first
			"misc/Bohemians - Rhapsodys.wav",
			"Bohemian/notes about rhapsody.opus",
		},
		"  BOHEMIAN   rhapsody queen ":         {"Queen/A Night/11 - Bohemian Rhapsody.flac"},
		"queen rhapsody flac":                  {"Queen/A Night/11 - Bohemian Rhapsody.flac"},
		"panda cover bohemian rhapsody (live)": {"covers/Panda Cover - Bohemian Rhapsody (live).mp3"},
		"dont stop":                            {"misc/Don't Stop.mp3"},
		"don't stop":                           {"misc/Don't Stop.mp3"},
		"readme":                               {},
		"bohemian nowhere":                     {},
		"!!!":                                  {},
		"Queen/A Night/11 - Bohemian Rhapsody.flac": {"Queen/A Night/11 - Bohemian Rhapsody.flac"},
		"queen/a night/11 - bohemian rhapsody.flac": {"Queen/A Night/11 - Bohemian Rhapsody.flac"}, // as words
		"Queen/readme.txt":                          {},
		".hidden/Bohemian Rhapsody.mp3":             {},
		"../Queen/A Night/Bohemian Rhapsody.flac":   {"Queen/A Night/11 - Bohemian Rhapsody.flac"},

		"/etc/passwd":  {},
		"ohemian grov": {"Rhapsody/Bohemian Grove.ogg"},
	} {
		for range 3 {
			if got := found(t, s, query); strings.Join(got, "|") != strings.Join(want, "|") {
				t.Errorf("%q:\n got %q\nwant %q", query, got, want)
			}
		}
	}
}

func TestSearchAnswersWithAtMost25(t *testing.T) {
	var names []string
	for i := range 60 {
		names = append(names, "folder/song "+strings.Repeat("x", i)+".mp3")
	}
	_, s := shelf(t, names...)
	if got := found(t, s, "song"); len(got) != 25 || got[0] != "folder/song .mp3" {
		t.Errorf("got %d, the first %q", len(got), got[0])
	}
}

func TestTitlesComeFromNames(t *testing.T) {
	_, s := shelf(t, "one/01 - Anna - Song.flac")
	r, err := s.Resolve(t.Context(), music.Query{Text: "one/01 - Anna - Song.flac"})
	if err != nil || len(r.Tracks) != 1 {
		t.Fatalf("got %v, %v", r, err)
	}
	if tr := r.Tracks[0]; tr.Artist != "Anna" || tr.Title != "Song" || tr.URL != "" {
		t.Errorf("got %+v", tr)
	}
}

func TestIndexSeesWhatChanges(t *testing.T) {
	dir, s := shelf(t, "one/first.mp3")
	if got := found(t, s, "second"); len(got) != 0 {
		t.Fatalf("got %q", got)
	}
	put(t, dir, "one/second.mp3")
	put(t, dir, "two/deep/second.ogg")
	if got := found(t, s, "second"); len(got) != 2 {
		t.Fatalf("new files: got %q", got)
	}
	if err := os.RemoveAll(filepath.Join(dir, "two")); err != nil {
		t.Fatal(err)
	}
	if got := found(t, s, "second"); len(got) != 1 {
		t.Fatalf("a folder less: got %q", got)
	}
	// A folder that has long been as it is comes from memory.
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(filepath.Join(dir, "one"), old, old); err != nil {
		t.Fatal(err)
	}
	found(t, s, "second")
	ix := <-s.index
	was := ix.folders["one"]
	s.index <- ix
	found(t, s, "second")
	if ix := <-s.index; ix.folders["one"] != was {
		t.Error("an unchanged folder was read again")
	} else if len(ix.folders) != 2 {
		t.Errorf("%d folders remembered, want 2", len(ix.folders))
	}
}

func TestFolderThatIsNoneIsSaidAtOnce(t *testing.T) {
	if _, err := New(filepath.Join(t.TempDir(), "none"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	dir, s := shelf(t, "a.mp3")
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resolve(t.Context(), music.Query{Text: "a"}); err == nil {
		t.Error("a folder that went away finds nothing, silently")
	}
}

func TestWaitingForTheIndexEndsWithTheContext(t *testing.T) {
	_, s := shelf(t, "a.mp3")
	ix := <-s.index // somebody works on it
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	done := make(chan error)
	go func() {
		_, err := s.Resolve(ctx, music.Query{Text: "b"})
		done <- err
	}()
	cancel(why)
	if err := <-done; !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	s.index <- ix
	if err := ix.refresh(ctx, s.root); !errors.Is(err, why) {
		t.Errorf("a walk that nobody waits for: %v", err)
	}
}

func FuzzNoTextReachesOutside(f *testing.F) {
	base := f.TempDir()
	dir := filepath.Join(base, "music")
	if err := os.MkdirAll(filepath.Join(dir, "a"), 0o755); err != nil {
		f.Fatal(err)
	}
	for _, p := range []string{filepath.Join(base, "secret.mp3"), filepath.Join(dir, "a", "ok.mp3")} {
		if err := os.WriteFile(p, []byte(filepath.Base(p)), 0o644); err != nil {
			f.Fatal(err)
		}
	}
	s, err := New(dir, nil)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"../secret.mp3", "a/../../secret.mp3", "/secret.mp3", "a/ok.mp3", "ok", "a//ok.mp3", "\x00", "..\\secret.mp3"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := s.Resolve(t.Context(), music.Query{Text: text})
		if err != nil {
			t.Fatal(err)
		}
		ids := []music.Track{{ID: music.TrackID("local:" + text), Source: "local"}}
		for _, tr := range append(ids, r.Tracks...) {
			m, err := s.Open(t.Context(), tr)
			if err != nil {
				continue
			}
			b := make([]byte, 32)
			n, _ := m.Read(b)
			_ = m.Close()
			if string(b[:n]) != "ok.mp3" {
				t.Fatalf("%q opened %q", tr.ID, b[:n])
			}
		}
	})
}

func BenchmarkSearch(b *testing.B) {
	dir := b.TempDir()
	for i := range 100 {
		d := filepath.Join(dir, "artist "+string(rune('a'+i%26))+strings.Repeat("x", i/26))
		if err := os.MkdirAll(d, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(d, "0"+string(rune('0'+j/10))+string(rune('0'+j%10))+" - song "+strings.Repeat("y", j)+".mp3"), nil, 0o644); err != nil {
				b.Fatal(err)
			}
		}
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(d, old, old); err != nil {
			b.Fatal(err)
		}
	}
	s, err := New(dir, nil)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := s.Resolve(b.Context(), music.Query{Text: "song artist"}); err != nil {
			b.Fatal(err)
		}
	}
}

func TestAVersionNamesAFileUntilItChanges(t *testing.T) {
	dir, s := shelf(t, "one.mp3", "two.mp3")
	version := func(name string) string {
		t.Helper()
		m, err := s.Open(t.Context(), track(name))
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		return m.Version
	}
	was := version("one.mp3")
	if was == "" || was != version("one.mp3") || was == version("two.mp3") {
		t.Fatalf("%q, then %q; another file is %q", was, version("one.mp3"), version("two.mp3"))
	}
	later := time.Now().Add(time.Minute)
	if err := os.Chtimes(filepath.Join(dir, "one.mp3"), later, later); err != nil {
		t.Fatal(err)
	}
	if version("one.mp3") == was {
		t.Error("a file that was written to has the same version")
	}
	st, err := os.Stat(filepath.Join(dir, "two.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	was = version("two.mp3")
	if err := os.WriteFile(filepath.Join(dir, "two.mp3"), content[1:], 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(dir, "two.mp3"), st.ModTime(), st.ModTime()); err != nil {
		t.Fatal(err)
	}
	if version("two.mp3") == was {
		t.Error("a file of another size has the same version")
	}
}
