package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"syscall"
	"time"

	"segue/audio"
)

// Wait waits for d, or until life ends: then it returns why.
func Wait(life context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-life.Done():
		return context.Cause(life)
	}
}

// OpenFile opens a file below root, and never waits for it. Errors are those of
// root, and fs.ErrInvalid for what is no file: a folder, a device, a pipe.
func OpenFile(root *os.Root, name string) (*os.File, fs.FileInfo, error) {
	// Opening a device can do things: look first. It may change after the look,
	// into a FIFO for one, on which opening waits: do not wait, and look again.
	st, err := root.Stat(name)
	if err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %v: %w", name, st.Mode().Type(), fs.ErrInvalid)
	}
	if err != nil {
		return nil, nil, err
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	if st, err = f.Stat(); err == nil && !st.Mode().IsRegular() {
		err = fmt.Errorf("%s is a %v: %w", name, st.Mode().Type(), fs.ErrInvalid)
	}
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, st, nil
}

// A Folder opens what media that are a file refer to: files below Root, and
// addresses. It is audio.Refs.
type Folder struct {
	Root *os.Root        // stays the owner's, who keeps it open until Life ends
	File string          // below Root, what refers
	Life context.Context // of the media one began with
	Web  audio.Refs      // opens http and https addresses, until Life ends; nil: there are none
}

// OpenRef opens a file or an address. What is neither below the folder nor an
// address, and what is no file, is an ErrUnsupported.
func (r Folder) OpenRef(ref string, from, n int64) (*audio.Media, error) {
	if r.Life.Err() != nil {
		return nil, context.Cause(r.Life)
	}
	u, err := url.Parse(ref)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && r.Web != nil {
		return r.Web.OpenRef(ref, from, n)
	}
	name, plain := r.File, r.File
	if ref != "" {
		name = path.Join(path.Dir(r.File), filepath.ToSlash(ref))
		if plain = name; err == nil && u.Scheme == "" {
			plain = path.Join(path.Dir(r.File), u.Path) // as an address: what follows ? is no part of the name
		}
	}
	if err == nil && u.Scheme != "" || path.IsAbs(filepath.ToSlash(ref)) || !filepath.IsLocal(name) || !filepath.IsLocal(plain) || from < 0 || n < 0 {
		return nil, fmt.Errorf("%s is not in the folder: %w", Clean(ref), audio.ErrUnsupported)
	}
	f, st, err := OpenFile(r.Root, name)
	if errors.Is(err, fs.ErrNotExist) && plain != name {
		name = plain
		f, st, err = OpenFile(r.Root, name)
	}
	if errors.Is(err, fs.ErrInvalid) {
		err = fmt.Errorf("%w: %w", err, audio.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	r.File = name
	rest := max(st.Size()-from, 0)
	if n == 0 || n > rest {
		n = rest
	}
	return &audio.Media{ReadCloser: part{io.NewSectionReader(f, from, n), f}, Ext: path.Ext(name), Size: n, Refs: r}, nil
}

// Wait waits for d, or until Life ends: then it returns why.
func (r Folder) Wait(d time.Duration) error { return Wait(r.Life, d) }

// part is a part of a file.
type part struct {
	io.Reader
	io.Closer
}
