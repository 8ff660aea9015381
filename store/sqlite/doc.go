// Package sqlite keeps what must survive in one SQLite file.
package sqlite
