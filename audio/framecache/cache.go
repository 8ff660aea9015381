// Package framecache keeps the frames of whole plays on disk, so that music that
// had to be encoded once passes as it is the next time.
//
// A piece is one file in one folder: Ogg Opus that any program plays, behind it
// what else was known of the piece, and a checksum of all. The folder is the only
// truth: what is in it is found after a restart and by other processes, which may
// share it. A file has its name only once it is whole, and is checked from
// beginning to end each time it is opened. Files that are not named as ours are
// neither read nor deleted nor counted.
package framecache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"segue/audio"
)

// Options says where and how much is kept.
type Options struct {
	Dir   string      // the folder, made when there is something to keep, or Look looks
	Build string      // names what decodes and encodes: frames another build made are not found
	Max   int64       // bytes at most; a quarter of them is for what is being written
	Free  int64       // bytes of the disk left free: nothing is kept while there are fewer
	Lost  func(error) // told why a whole play could not be kept, from any goroutine; nil: nobody is
}

// A Cache is such a folder. Its methods may be called from any goroutine. On a nil
// Cache Find finds nothing and Record records nothing.
type Cache struct {
	o      Options
	end    chan struct{} // closed by Close
	tasks  sync.WaitGroup
	tidy   sync.Mutex   // one goroutine at a time makes room and renames
	growth atomic.Int64 // bytes of what is being written

	hits, misses, kept, given, failed atomic.Int64

	mu     sync.Mutex
	busy   map[string]bool // files being written, by name
	closed bool
}

// Stats counts what a Cache did since it was made.
type Stats struct {
	Hits, Misses int64
	Kept         int64 // plays
	GivenUp      int64 // recordings that turned out not to be of a whole play of the music as it is
	Failed       int64 // recordings the disk had no room for, was too slow for or refused
}

// New returns the cache in o.Dir, which it does not look at yet.
func New(o Options) *Cache {
	return &Cache{o: o, end: make(chan struct{}), busy: make(map[string]bool)}
}

// Close gives up the recordings that have not ended, and waits until those that
// have are on the disk and the others gone from it, or for ctx, whose cause it
// then returns. What was found stays open. It may be called again to wait longer.
func (c *Cache) Close(ctx context.Context) error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	if !c.closed {
		c.closed = true
		close(c.end)
	}
	c.mu.Unlock()
	done := make(chan struct{})
	go func() { // ends with the last recording
		c.tasks.Wait()
		close(done)
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Stats may be called on a nil Cache.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(),
		Kept: c.kept.Load(), GivenUp: c.given.Load(), Failed: c.failed.Load(),
	}
}

// A Piece is what was kept of a play.
type Piece struct {
	Media *audio.Media // Ogg Opus; the finder's to close
	Info  audio.Info   // what the container said of which the frames were made
	Level float64      // by how many decibels they are louder than that
}

const (
	prefix = "segue-"
	ending = ".opus"
	// part ends the names of files that are being written.
	part = ".part"
	// layout is part of every key: files written in another way are not found.
	layout = "2"
)

// A key is what a piece is found by.
type key [sha256.Size]byte

func (c *Cache) key(version string, bitrate int) key {
	return sha256.Sum256(fmt.Appendf(nil, "%s %q %q %d", layout, version, c.o.Build, bitrate))
}

// name is the file's.
func (k key) name() string { return prefix + hex.EncodeToString(k[:20]) + ending }

// Find opens what was kept of media of that audio.Media.Version, encoded for that
// many bit/s, and has read all of it when it returns. A file that is damaged is
// deleted and not found.
func (c *Cache) Find(version string, bitrate int) (Piece, bool) {
	if c == nil || version == "" {
		return Piece{}, false
	}
	k := c.key(version, bitrate)
	path := filepath.Join(c.o.Dir, k.name())
	p, err := open(path, k)
	if err != nil {
		if errors.Is(err, audio.ErrMalformed) {
			_ = os.Remove(path) // or, if that is not allowed, it stays and is not found again
		}
		c.misses.Add(1)
		return Piece{}, false
	}
	now := time.Now()
	_ = os.Chtimes(path, now, now) // who may only read does not say what was used last
	c.hits.Add(1)
	return p, true
}

// open opens a file of ours and checks it. One that is not as it should be is an
// audio.ErrMalformed.
func open(path string, k key) (Piece, error) {
	// Opening what is no file can wait for ever: look first, and again, for it may
	// have changed.
	st, err := os.Lstat(path)
	if err != nil {
		return Piece{}, err
	}
	if !st.Mode().IsRegular() {
		return Piece{}, fs.ErrInvalid
	}
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return Piece{}, err
	}
	if st, err = f.Stat(); err == nil && !st.Mode().IsRegular() {
		err = fs.ErrInvalid
	}
	if err == nil {
		var p Piece
		if p, err = read(f, st.Size(), k); err == nil {
			p.Media.ReadCloser = media{p.Media.ReadCloser, f}
			return p, nil
		}
	}
	return Piece{}, errors.Join(err, f.Close())
}
