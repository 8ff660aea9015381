package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"segue/migrations"
	"segue/music"
	"segue/store"
	"segue/store/storetest"
)

var quiet = slog.New(slog.DiscardHandler)

func mustOpen(t *testing.T, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestContract(t *testing.T) {
	dir := t.TempDir()
	storetest.Test(t, func(t *testing.T, name string) storetest.Store {
		return mustOpen(t, filepath.Join(dir, name, "segue.db"))
	})
}

// TestAnyFolderNameWorks: what means something in a URL must not in a path.
func TestAnyFolderNameWorks(t *testing.T) {
	for _, name := range []string{"with space", "q?mark", "ha#sh", "per%20cent", "ünï", "a&b=c", "semi;colon"} {
		path := filepath.Join(t.TempDir(), name, "segue.db")
		s := mustOpen(t, path)
		if err := s.SaveSettings(t.Context(), music.Settings{Guild: 1}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		if info, err := os.Stat(path); err != nil || info.Size() == 0 {
			t.Errorf("%q: the data is not where it was asked to be: %v", name, err)
		}
	}
}

func TestConnectionsAreSetUp(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "segue.db"))
	for name, db := range map[string]*sql.DB{"writer": s.writer, "reader": s.reader} {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "1", "foreign_keys": "1", "busy_timeout": "5000"} {
			var got string
			if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
				t.Errorf("%s: %s is %q (%v), want %q", name, pragma, got, err, want)
			}
		}
	}
	if got := s.writer.Stats().MaxOpenConnections; got != 1 {
		t.Errorf("%d writers, want 1", got)
	}
	if got := s.reader.Stats().MaxOpenConnections; got != 4 {
		t.Errorf("%d readers, want 4", got)
	}
	if _, err := s.reader.Exec("DELETE FROM guild_settings"); err == nil {
		t.Error("a reader wrote")
	}
}

func TestOnlyTheOwnerMayReadTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "segue.db")
	mustOpen(t, path)
	for p, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(p)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: mode %v (%v), want %v", p, info.Mode().Perm(), err, want)
		}
	}
}

// damaged makes a database with enough pages to damage, and damages it.
func damaged(t *testing.T, path string, harm func(b []byte) []byte) []byte {
	t.Helper()
	s := mustOpen(t, path)
	if _, err := s.writer.Exec(`WITH RECURSIVE n(g) AS (SELECT 1 UNION ALL SELECT g+1 FROM n WHERE g < 2000)
		INSERT INTO guild_settings (guild_id, last_voice_id) SELECT g, 1152921504606846976 FROM n`); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b = harm(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestADamagedFileIsNamedAndLeftUntouched(t *testing.T) {
	for name, harm := range map[string]func(b []byte) []byte{
		"text":           func([]byte) []byte { return []byte("this is not a database, but a shopping list\n") },
		"short text":     func([]byte) []byte { return []byte("hi") },
		"header cut":     func(b []byte) []byte { return b[:50] },
		"half of it":     func(b []byte) []byte { return b[:len(b)/2/4096*4096] },
		"noise in a row": func(b []byte) []byte { fill(b[3*4096 : 8*4096]); return b },
		"noise in page1": func(b []byte) []byte { fill(b[16:4096]); return b },
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "segue.db")
			before := damaged(t, path, harm)
			_, err := Open(t.Context(), path, quiet)
			if got := store.ProblemOf(err); got != store.Corrupt {
				t.Fatalf("got %q (%v), want %q", got, err, store.Corrupt)
			}
			for _, part := range []string{path, "left untouched", "move the file away"} {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%q is missing in %q", part, err)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func fill(b []byte) {
	for i := range b {
		b[i] = byte(i*7 + 13)
	}
}

func TestAnotherProgramsDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.sqlite")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE bookmarks (url TEXT)`); err != nil {
		t.Fatal(err)
	}
	_ = db.Close()
	before, _ := os.ReadFile(path)
	_, err = Open(t.Context(), path, quiet)
	if got := store.ProblemOf(err); got != store.Foreign {
		t.Fatalf("got %q (%v), want %q", got, err, store.Foreign)
	}
	if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
}

func TestAFolderThatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	asFile := filepath.Join(dir, "segue.db")
	if err := os.Mkdir(asFile, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{
		"the folder is a file": filepath.Join(file, "segue.db"),
		"the file is a folder": asFile,
		"nobody may write":     readOnlyFolder(t),
	} {
		_, err := Open(t.Context(), path, quiet)
		if got := store.ProblemOf(err); got != store.Unusable {
			t.Errorf("%s: got %q (%v), want %q", name, got, err, store.Unusable)
			continue
		}
		if !strings.Contains(err.Error(), filepath.Dir(path)) || !strings.Contains(err.Error(), "choose another data folder") {
			t.Errorf("%s: %q names no folder or no remedy", name, err)
		}
	}
}

// readOnlyFolder is a place where even root cannot write.
func readOnlyFolder(t *testing.T) string {
	t.Helper()
	if os.Getuid() == 0 {
		return "/proc/segue.db"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "segue.db")
}

func TestAFullDiskIsSaidAndHarmsNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	s := mustOpen(t, path)
	want := music.Settings{Guild: 1, LastVoice: 2}
	if err := s.SaveSettings(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	// SQLite reports a reached page limit exactly as it reports a full disk.
	if _, err := s.writer.Exec(`PRAGMA max_page_count = 1`); err != nil {
		t.Fatal(err)
	}
	var err error
	for g := music.GuildID(2); err == nil && g < 5000; g++ {
		err = s.SaveSettings(t.Context(), music.Settings{Guild: g})
	}
	if got := store.ProblemOf(err); got != store.Full {
		t.Fatalf("got %q (%v), want %q", got, err, store.Full)
	}
	if got, err := s.Settings(t.Context(), 1); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v still there", got, err, want)
	}
	if s.Stats().Failed == 0 {
		t.Error("the failure was not counted")
	}
}

// steps is the schema of today and one more step.
func steps(extra string) fstest.MapFS {
	names, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		panic(err)
	}
	m := fstest.MapFS{fmt.Sprintf("%05d_more.sql", len(names)+1): {Data: []byte("-- +goose Up\n" + extra)}}
	for _, name := range names {
		b, err := migrations.Files.ReadFile(name)
		if err != nil {
			panic(err)
		}
		m[name] = &fstest.MapFile{Data: b}
	}
	return m
}

// today is the number of the newest step.
func today(t *testing.T) int64 {
	t.Helper()
	n, err := latestStep(migrations.Files)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func backups(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(backupDir(path), "*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestAMigrationIsPrecededByACopy(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	s := mustOpen(t, path)
	want := music.Settings{Guild: 1, LastVoice: 2}
	if err := s.SaveSettings(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	_ = mustOpen(t, path).Close()
	if got := backups(t, path); len(got) != 0 {
		t.Fatalf("copies %v were made though nothing changed", got)
	}

	later := steps("ALTER TABLE guild_settings ADD COLUMN volume BIGINT NOT NULL DEFAULT 100;\n")
	s, err := open(t.Context(), path, quiet, later)
	if err != nil {
		t.Fatal(err)
	}
	var volume int
	if err := s.reader.QueryRow(`SELECT volume FROM guild_settings WHERE guild_id = 1`).Scan(&volume); err != nil || volume != 100 {
		t.Errorf("after migrating: volume %d, %v", volume, err)
	}
	_ = s.Close()

	made := backups(t, path)
	if len(made) != 1 || !strings.HasSuffix(made[0], fmt.Sprintf("-v%05d.db", today(t))) {
		t.Fatalf("got copies %v, want one of today's version", made)
	}
	if got, err := mustOpen(t, made[0]).Settings(t.Context(), 1); err != nil || got != want {
		t.Errorf("the copy holds %+v, %v; want %+v", got, err, want)
	}

	_, err = Open(t.Context(), path, quiet) // the older program, on what the newer one wrote
	if got := store.ProblemOf(err); got != store.Newer {
		t.Errorf("got %q (%v), want %q", got, err, store.Newer)
	}
}

func TestAMigrationThatFailsLeavesTheStepBefore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	_ = mustOpen(t, path).Close()
	bad := steps("CREATE TABLE half (x BIGINT);\nALTER TABLE nowhere ADD COLUMN x BIGINT;\n")
	_, err := open(t.Context(), path, quiet, bad)
	if err == nil || !strings.Contains(err.Error(), backupDir(path)) {
		t.Fatalf("got %v, want an error that says where the copy is", err)
	}
	s := mustOpen(t, path)
	var n int
	if err := s.reader.QueryRow(`SELECT COUNT(*) FROM sqlite_master WHERE name = 'half'`).Scan(&n); err != nil || n != 0 {
		t.Errorf("half of the failed step stayed (%d, %v)", n, err)
	}
}

func TestOnlyTheLastCopiesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	_ = mustOpen(t, path).Close()
	other := filepath.Join(backupDir(path), "mine.db")
	if err := os.Mkdir(backupDir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for day := range keepBackups + 2 {
		name := fmt.Sprintf("segue-200101%02dT000000.000Z-v00001.db", day+1)
		if err := os.WriteFile(filepath.Join(backupDir(path), name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := open(t.Context(), path, quiet, steps("CREATE TABLE x (x BIGINT);\n"))
	if err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	got := backups(t, path)
	if len(got) != keepBackups+1 { // and the file that is none of ours
		t.Fatalf("got %d files %v, want %d", len(got), got, keepBackups+1)
	}
	if !strings.Contains(got[0], "mine.db") && !strings.Contains(strings.Join(got, " "), "mine.db") {
		t.Error("somebody else's file was removed")
	}
	for _, name := range got {
		if strings.Contains(name, "20010101") || strings.Contains(name, "20010102") || strings.HasSuffix(name, ".part") {
			t.Errorf("%s should be gone", name)
		}
	}
}

func TestNoCopyNoMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	_ = mustOpen(t, path).Close()
	if err := os.WriteFile(backupDir(path), nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	_, err := open(t.Context(), path, quiet, steps("CREATE TABLE x (x BIGINT);\n"))
	if got := store.ProblemOf(err); got != store.Unusable {
		t.Fatalf("got %q (%v), want %q", got, err, store.Unusable)
	}
	s := mustOpen(t, path) // still the old schema
	_ = s
}

func TestASlowQueryIsLogged(t *testing.T) {
	var out bytes.Buffer
	s := mustOpen(t, filepath.Join(t.TempDir(), "segue.db"))
	s.log = slog.New(slog.NewTextHandler(&out, nil))
	if _, err := s.Settings(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if out.Len() != 0 || s.Stats() != (Stats{Queries: 1}) {
		t.Fatalf("got %+v and %q, want one quick query and no line", s.Stats(), out.String())
	}
	s.slow = 0
	if _, err := s.Settings(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "slow query") || s.Stats().Slow != 1 {
		t.Errorf("got %q, %+v; want one line and one count", out.String(), s.Stats())
	}
}

func TestOpeningObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, filepath.Join(t.TempDir(), "segue.db"), quiet); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestALockHeldElsewhereIsSaid(t *testing.T) {
	err := explain("/data/segue.db", lockedError(t))
	if store.ProblemOf(err) != store.Unusable || !strings.Contains(err.Error(), "another program") {
		t.Errorf("got %v", err)
	}
}

// lockedError provokes the driver's own error for a lock held by another.
func lockedError(t *testing.T) error {
	t.Helper()
	path := filepath.Join(t.TempDir(), "segue.db")
	s := mustOpen(t, path)
	tx, err := s.writer.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	db, err := sql.Open("sqlite", strings.Replace(dsn(path), "5000", "1", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.Exec(`INSERT INTO guild_settings (guild_id) VALUES (1)`)
	if err == nil {
		t.Fatal("two wrote at once")
	}
	return err
}

func TestWhatWasThereBeforeTheSoundStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "segue.db")
	b, err := migrations.Files.ReadFile("00001_init.sql")
	if err != nil {
		t.Fatal(err)
	}
	s, err := open(t.Context(), path, quiet, fstest.MapFS{"00001_init.sql": {Data: b}})
	if err != nil {
		t.Fatal(err)
	}
	want := music.Settings{Guild: 1, LastVoice: 2, LastText: 3}
	if err := s.SaveSettings(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	_ = s.Close()
	s = mustOpen(t, path)
	if got, err := s.Settings(t.Context(), 1); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	if got, err := s.Sound(t.Context(), 1); err != nil || got != "" {
		t.Errorf("a guild that never chose a sound has %q, %v", got, err)
	}
}

func TestAMeasurementIsForgottenAfterAYear(t *testing.T) {
	s := mustOpen(t, filepath.Join(t.TempDir(), "segue.db"))
	loud := music.Loudness{Told: true, LUFS: -9, Heard: time.Minute}
	for _, id := range []music.TrackID{"old", "young"} {
		if err := s.SaveLoudness(t.Context(), id, loud); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.writer.Exec(`UPDATE track_loudness SET updated_at = updated_at - 32000000000 WHERE track_id = 'old'`); err != nil {
		t.Fatal(err)
	}
	if err := s.SaveLoudness(t.Context(), "new", loud); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[music.TrackID]bool{"old": false, "young": true, "new": true} {
		if got, err := s.Loudness(t.Context(), id); err != nil || got.Told != want {
			t.Errorf("%s: %+v, %v", id, got, err)
		}
	}
}
