// Package store says what must survive a restart.
package store
