// Package sqlite keeps what must survive in one SQLite file: one connection
// writes, four read, and the schema is brought up to date when it opens, never
// without a copy of what was there before.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"segue/migrations"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

const (
	readers    = 4
	queryLimit = 6 * time.Second        // one second more than SQLite itself waits for a lock
	openLimit  = 2 * time.Minute        // checking, copying and migrating a large file
	slow       = 100 * time.Millisecond // a query that takes longer is worth a line in the log
)

// A Store is an open database. Its methods may be called from any goroutine;
// each waits at most a few seconds, however long its context would allow.
// Problems an operator has to mend come back as *store.Error.
type Store struct {
	path   string
	log    *slog.Logger
	writer *sql.DB // one connection: SQLite has one writer anyway
	reader *sql.DB
	slow   time.Duration

	queries, slowQueries, failed atomic.Int64
}

// Stats counts what a Store did since it was opened.
type Stats struct {
	Queries int64 // asked, well or not
	Slow    int64 // took longer than 100 ms
	Failed  int64 // ended in an error, cancelled contexts not counted
}

// Open opens the database at path, makes it (with its folder) if it is not
// there, and brings its schema up to date; whatever existed before is first
// copied to the folder "backups" beside it. A file that is damaged, not ours or
// from a later version of the program is refused with a *store.Error and not
// touched. The caller closes the Store.
func Open(ctx context.Context, path string, log *slog.Logger) (*Store, error) {
	return open(ctx, path, log, migrations.Files)
}

func open(ctx context.Context, path string, log *slog.Logger, steps fs.FS) (_ *Store, err error) {
	ctx, cancel := context.WithTimeout(ctx, openLimit)
	defer cancel()
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	latest, err := latestStep(steps)
	if err != nil {
		return nil, err
	}
	if err := prepare(path); err != nil {
		return nil, err
	}
	found, err := inspect(ctx, path, latest)
	if err != nil {
		return nil, err
	}
	s := &Store{path: path, log: log, slow: slow}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.writer, err = sql.Open("sqlite", dsn(path, "_txlock=immediate")); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	s.writer.SetMaxOpenConns(1)
	if err = s.migrate(ctx, steps, found, latest); err != nil {
		return nil, err
	}
	if s.reader, err = sql.Open("sqlite", dsn(path, "_pragma=query_only(1)")); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	s.reader.SetMaxOpenConns(readers)
	s.reader.SetMaxIdleConns(readers)
	return s, nil
}

// Stats gives the counters.
func (s *Store) Stats() Stats {
	return Stats{Queries: s.queries.Load(), Slow: s.slowQueries.Load(), Failed: s.failed.Load()}
}

// Close waits for running queries, folds the write-ahead log into the file and
// ends. Closing twice is fine.
func (s *Store) Close() error {
	var errs []error
	if s.reader != nil { // the readers first: the last to close folds the log, and only a writer may
		errs = append(errs, s.reader.Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.Close())
	}
	return errors.Join(errs...)
}

// query runs f under the time limit of every query, counts it, and words what
// went wrong. name is for the log.
func (s *Store) query(ctx context.Context, name string, f func(ctx context.Context) error) error {
	limited, cancel := context.WithTimeout(ctx, queryLimit)
	defer cancel()
	start := time.Now()
	err := f(limited)
	took := time.Since(start)
	s.queries.Add(1)
	if took >= s.slow {
		s.slowQueries.Add(1)
		s.log.Warn("slow query", "query", name, "took", took)
	}
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return fmt.Errorf("sqlite: %s: %w", name, ctx.Err())
	}
	s.failed.Add(1)
	return fmt.Errorf("sqlite: %s: %w", name, explain(s.path, err))
}

// dsn is how every connection is opened; more are further parameters.
func dsn(path string, more ...string) string {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // file:///C:/...
	}
	params := append([]string{
		"_pragma=busy_timeout(5000)",
		"_pragma=journal_mode(WAL)",
		"_pragma=synchronous(NORMAL)",
		"_pragma=foreign_keys(ON)",
		"_time_format=sqlite",
	}, more...)
	return "file://" + (&url.URL{Path: slashed}).EscapedPath() + "?" + strings.Join(params, "&")
}
