package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"modernc.org/sqlite"

	"segue/store"
)

// Primary result codes of SQLite (sqlite.org/rescode.html); the low byte of
// what the driver reports.
const (
	codePerm     = 3
	codeBusy     = 5
	codeLocked   = 6
	codeReadOnly = 8
	codeIO       = 10
	codeCorrupt  = 11
	codeFull     = 13
	codeCantOpen = 14
	codeNotADB   = 26
)

const magic = "SQLite format 3\x00" // how every database file begins

// prepare makes the folder and the file, and finds out whether both can be
// written. A file that exists is opened and closed, nothing more.
func prepare(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return unusable(dir, "The folder "+dir+" for the data cannot be made.", err)
	}
	probe, err := os.CreateTemp(dir, ".segue-write-*")
	if err != nil {
		return unusable(dir, "The folder "+dir+" for the data cannot be written.", err)
	}
	_ = probe.Close()
	if err := os.Remove(probe.Name()); err != nil {
		return unusable(dir, "The folder "+dir+" for the data cannot be written.", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return unusable(path, "The database "+path+" cannot be opened for writing.", err)
	}
	return f.Close()
}

// found is what was there before this start.
type found struct {
	tables  bool  // anything worth a backup
	version int64 // of the schema; 0 if there is none
}

// inspect reads the file at path, through a connection that cannot write, and
// refuses what must not be touched.
func inspect(ctx context.Context, path string, latest int64) (found, error) {
	empty, err := emptyFile(path)
	if err != nil || empty {
		return found{}, err
	}
	db, err := sql.Open("sqlite", inspectDSN(path))
	if err != nil {
		return found{}, fmt.Errorf("sqlite: %w", err)
	}
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)

	var verdict string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&verdict); err != nil {
		return found{}, explain(path, err)
	}
	if verdict != "ok" {
		return found{}, corrupt(path, errors.New(verdict))
	}
	var tables, ours int
	if err := db.QueryRowContext(ctx, `SELECT COUNT(*), COUNT(CASE WHEN name = 'goose_db_version' THEN 1 END)
		FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`).Scan(&tables, &ours); err != nil {
		return found{}, explain(path, err)
	}
	if tables == 0 {
		return found{}, nil
	}
	if ours == 0 {
		return found{}, &store.Error{
			Problem: store.Foreign, Where: path,
			What: "The file " + path + " is a database of another program; it was left untouched.",
			Do:   "Choose another data folder.",
		}
	}
	var version int64
	if err := db.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`).Scan(&version); err != nil {
		return found{}, explain(path, err)
	}
	if version > latest {
		return found{}, &store.Error{
			Problem: store.Newer, Where: path,
			What: fmt.Sprintf("The database %s was written by a newer version of this program (schema %d, this one knows %d); it was left untouched.", path, version, latest),
			Do:   "Run the newer version again, or put back a copy from the folder " + backupDir(path) + ".",
		}
	}
	return found{tables: true, version: version}, nil
}

// emptyFile reports whether nothing was ever written to path, and refuses a
// file that SQLite cannot have written, before SQLite sees it.
func emptyFile(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, unusable(path, "The database "+path+" cannot be read.", err)
	}
	defer func() { _ = f.Close() }()
	head := make([]byte, len(magic))
	n, err := io.ReadFull(f, head)
	switch {
	case n == 0 && errors.Is(err, io.EOF):
		return true, nil
	case err != nil && !errors.Is(err, io.ErrUnexpectedEOF):
		return false, unusable(path, "The database "+path+" cannot be read.", err)
	case !bytes.Equal(head[:n], []byte(magic)):
		return false, corrupt(path, errors.New("file is not a database"))
	}
	return false, nil
}

// inspectDSN opens path so that nothing can be written to it. The journal mode
// is left as it is: setting it would write.
func inspectDSN(path string) string {
	base, _, _ := strings.Cut(dsn(path), "?")
	return base + "?mode=ro&_pragma=busy_timeout(5000)&_pragma=query_only(1)"
}

// explain turns an error of SQLite or of the file system into a sentence, where
// an operator can mend it; any other error it gives back.
func explain(path string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return full(path, err)
	}
	if errors.Is(err, fs.ErrPermission) {
		return unusable(path, "The database "+path+" cannot be used.", err)
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff {
	case codeFull:
		return full(path, err)
	case codeCorrupt, codeNotADB:
		return corrupt(path, err)
	case codeBusy, codeLocked:
		return &store.Error{
			Problem: store.Unusable, Where: path,
			What: "The database " + path + " is held by another program.",
			Do:   "Stop the other program; only one may use a data folder at a time.", Err: err,
		}
	case codePerm, codeReadOnly, codeIO, codeCantOpen:
		return unusable(path, "The database "+path+" cannot be read or written.", err)
	}
	return err
}

func unusable(where, what string, err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return full(where, err)
	}
	return &store.Error{
		Problem: store.Unusable, Where: where, What: what,
		Do: "Give the program's user (id " + strconv.Itoa(os.Getuid()) + ") the right to read and write there, or choose another data folder.", Err: err,
	}
}

func corrupt(path string, err error) error {
	return &store.Error{
		Problem: store.Corrupt, Where: path,
		What: "The file " + path + " is damaged or not a database; it was left untouched.",
		Do:   "Put back a copy from the folder " + backupDir(path) + ", or move the file away to start afresh.", Err: err,
	}
}

func full(path string, err error) error {
	return &store.Error{
		Problem: store.Full, Where: path,
		What: "There is no space left for the database " + path + ".",
		Do:   "Free some space on that disk; what was stored before is safe.", Err: err,
	}
}
