// Package migrations is the schema, in order: one numbered SQL file per step,
// embedded in the program, in the dialect that SQLite and PostgreSQL share
// (ids and times as BIGINT, times in Unix milliseconds, upserts by ON CONFLICT).
package migrations

import "embed"

// Files are the migrations, named NNNNN_what.sql, in goose's format. A file
// that was ever released never changes; a mistake is mended by the next one.
//
//go:embed *.sql
var Files embed.FS
