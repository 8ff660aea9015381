package framecache

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"segue/audio"
)

const (
	// writing is the part of Options.Max that is for what is being written.
	writing = 4
	// forsaken is the age from which a file that is being written belongs to nobody
	// any more. One that is wrongly thought so is a recording less.
	forsaken = time.Hour
)

// A held file is one of ours.
type held struct {
	name string
	size int64
	used time.Time
	part bool // being written, or left behind
}

// ours reports whether a name is one of ours, and whether of a file being written.
func ours(name string) (is, unfinished bool) {
	middle, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return false, false
	}
	if digits, ok := strings.CutSuffix(middle, part); ok {
		return digits != "" && strings.Trim(digits, "0123456789") == "", true
	}
	digits, ok := strings.CutSuffix(middle, ending)
	return ok && len(digits) == 40 && strings.Trim(digits, "0123456789abcdef") == "", false
}

// look lists our files, and only those.
func (c *Cache) look() (all []held, err error) {
	inside, err := os.ReadDir(c.o.Dir)
	if err != nil {
		return nil, err
	}
	for _, e := range inside {
		is, unfinished := ours(e.Name())
		if !is || !e.Type().IsRegular() {
			continue
		}
		st, err := e.Info()
		if err != nil {
			continue // another process deleted it
		}
		all = append(all, held{name: e.Name(), size: st.Size(), used: st.ModTime(), part: unfinished})
	}
	return all, nil
}

// scarce is an audio.ErrLimit if the disk has too little left.
func (c *Cache) scarce() error {
	if free, known := freeSpace(c.o.Dir); known && free < c.o.Free {
		return fmt.Errorf("%d MiB of the disk are free, and %d are to be left: %w", free>>20, c.o.Free>>20, audio.ErrLimit)
	}
	return nil
}

// makeRoom is makeRoomFor, one goroutine at a time.
func (c *Cache) makeRoom(need int64) error {
	c.tidy.Lock()
	defer c.tidy.Unlock()
	return c.makeRoomFor(need)
}

// makeRoomFor deletes what was used least recently until so many bytes more may be
// kept, and what was left behind half written. It is an audio.ErrLimit if the disk
// has too little left. The caller has c.tidy.
func (c *Cache) makeRoomFor(need int64) error {
	if err := c.scarce(); err != nil {
		return err
	}
	all, err := c.look()
	if err != nil {
		return err
	}
	total, unfinished := need, -need
	for _, h := range all {
		if h.part {
			unfinished += h.size
		} else {
			total += h.size
		}
	}
	most := c.o.Max - max(c.o.Max/writing, unfinished)
	slices.SortFunc(all, func(a, b held) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.name, b.name)) })
	for _, h := range all {
		switch {
		case h.part && time.Since(h.used) > forsaken:
		case !h.part && total > most:
			total -= h.size
		default:
			continue
		}
		if err := os.Remove(filepath.Join(c.o.Dir, h.name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if total > most {
		return fmt.Errorf("%d bytes where %d may be kept: %w", need, most, audio.ErrLimit)
	}
	return nil
}

// Use is what a folder holds.
type Use struct {
	Files int   // pieces
	Bytes int64 // of them and of what is being written
	Free  int64 // of the disk; -1 if nobody knows
}

// Look looks at the folder. The error says why nothing can be kept in it just now,
// or why it cannot be read. A folder that is not there yet is empty and fine if it
// can be made.
func (c *Cache) Look() (Use, error) {
	u := Use{Free: -1}
	if err := os.MkdirAll(c.o.Dir, 0o700); err != nil {
		return u, err
	}
	all, err := c.look()
	if err != nil {
		return u, err
	}
	for _, h := range all {
		u.Bytes += h.size
		if !h.part {
			u.Files++
		}
	}
	if free, known := freeSpace(c.o.Dir); known {
		u.Free = free
	}
	if err := c.scarce(); err != nil {
		return u, err
	}
	f, err := os.CreateTemp(c.o.Dir, prefix+"*"+part)
	if err != nil {
		return u, err
	}
	return u, errors.Join(f.Close(), os.Remove(f.Name()))
}
