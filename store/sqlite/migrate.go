package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

const (
	keepBackups = 5
	stampLayout = "20060102T150405.000Z" // sorts as text
)

// latestStep is the number of the newest migration in steps.
func latestStep(steps fs.FS) (int64, error) {
	names, err := fs.Glob(steps, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("sqlite: %w", err)
	}
	var latest int64
	for _, name := range names {
		n, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("sqlite: migration %s: %w", name, err)
		}
		latest = max(latest, n)
	}
	return latest, nil
}

// migrate brings the schema from what was found to the latest step. Each step
// is one transaction; a step that fails leaves the database at the one before.
func (s *Store) migrate(ctx context.Context, steps fs.FS, before found, latest int64) error {
	if before.tables && before.version == latest {
		return nil
	}
	if err := s.writer.PingContext(ctx); err != nil {
		return explain(s.path, err)
	}
	saved := ""
	if before.tables {
		var err error
		if saved, err = s.backup(ctx, before.version); err != nil {
			return err
		}
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, s.writer, steps,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		err = explain(s.path, err)
		if saved != "" {
			return fmt.Errorf("sqlite: schema %d to %d, a copy from before is %s: %w", before.version, latest, saved, err)
		}
		return fmt.Errorf("sqlite: schema %d to %d: %w", before.version, latest, err)
	}
	s.log.Info("database migrated", "path", s.path, "from", before.version, "to", latest, "backup", saved)
	return nil
}

func backupDir(path string) string { return filepath.Join(filepath.Dir(path), "backups") }

// backup copies the database into the folder backups, whole and consistent,
// and removes the oldest copies beyond keepBackups. It gives the copy's name.
func (s *Store) backup(ctx context.Context, version int64) (string, error) {
	dir := backupDir(s.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", unusable(dir, "The folder "+dir+" for copies of the database cannot be made.", err)
	}
	stem := strings.TrimSuffix(filepath.Base(s.path), filepath.Ext(s.path))
	name := filepath.Join(dir, fmt.Sprintf("%s-%s-v%05d.db", stem, time.Now().UTC().Format(stampLayout), version))
	// Written under another name first: a copy cut short must never look like one.
	part := name + ".part"
	if _, err := s.writer.ExecContext(ctx, `VACUUM INTO $1`, part); err != nil {
		return "", fmt.Errorf("sqlite: copy before migrating: %w", errors.Join(explain(part, err), remove(part)))
	}
	if err := os.Rename(part, name); err != nil {
		return "", errors.Join(unusable(dir, "A copy of the database cannot be kept in "+dir+".", err), remove(part))
	}
	return name, prune(dir, stem)
}

// prune removes all but the newest copies of the database called stem.
func prune(dir, stem string) error {
	copies, err := filepath.Glob(filepath.Join(dir, "*.db"))
	if err != nil {
		return fmt.Errorf("sqlite: %w", err)
	}
	copies = slices.DeleteFunc(copies, func(name string) bool {
		return !strings.HasPrefix(filepath.Base(name), stem+"-2")
	})
	slices.Sort(copies)
	for len(copies) > keepBackups {
		if err := os.Remove(copies[0]); err != nil {
			return unusable(dir, "An old copy of the database cannot be removed.", err)
		}
		copies = copies[1:]
	}
	return nil
}

// remove removes name; that it is not there is fine.
func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
