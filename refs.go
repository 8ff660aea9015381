package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"time"

	"segue/audio"
	"segue/source/httpfile"
)

var errInputClosed = errors.New("input closed")

// openFile opens a file. If it is a playlist it reaches what is in its folder, and
// addresses as /play does.
func openFile(ctx context.Context, cfg Config, input string) (*audio.Media, error) {
	f, err := os.Open(input)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = errors.New("is a folder")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", input, err), f.Close())
	}
	m := &audio.Media{ReadCloser: f, Ext: filepath.Ext(input), Size: -1}
	if !st.Mode().IsRegular() {
		return m, nil
	}
	m.Seeker, m.Size = f, st.Size()
	web, err := httpfile.New(httpfile.Options{Allow: cfg.HTTPAllow, MaxSize: cfg.HTTPMaxSize})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	root, err := os.OpenRoot(filepath.Dir(input))
	if err != nil {
		return m, nil //nolint:nilerr // it plays without what is beside it
	}
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	m.ReadCloser = &ending{f, func() error {
		end(errInputClosed)
		return root.Close()
	}}
	m.Refs = folder{root, filepath.Base(input), web.Refs(life)}
	return m, nil
}

// ending is a file with something to be done when it is closed.
type ending struct {
	*os.File
	also func() error
}

func (e *ending) Close() error { return errors.Join(e.File.Close(), e.also()) }

// A folder is what a file on disk may refer to: files in the same folder or below,
// and addresses.
type folder struct {
	root *os.Root
	file string // within root, what refers
	web  audio.Refs
}

// OpenRef opens a file or an address.
func (r folder) OpenRef(ref string, from, n int64) (*audio.Media, error) {
	u, err := url.Parse(ref)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		return r.web.OpenRef(ref, from, n)
	}
	name, plain := r.file, r.file
	if ref != "" {
		name = path.Join(path.Dir(r.file), filepath.ToSlash(ref))
		if plain = name; err == nil && u.Scheme == "" {
			plain = path.Join(path.Dir(r.file), u.Path) // as an address: what follows ? is no part of the name
		}
	}
	if err == nil && u.Scheme != "" || !filepath.IsLocal(name) || !filepath.IsLocal(plain) {
		return nil, fmt.Errorf("%s is not in the folder: %w", printable(ref), audio.ErrUnsupported)
	}
	st, err := r.root.Stat(name)
	if errors.Is(err, os.ErrNotExist) && plain != name {
		name = plain
		st, err = r.root.Stat(name)
	}
	if err != nil {
		return nil, err
	}
	if !st.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file: %w", printable(name), audio.ErrUnsupported)
	}
	f, err := r.root.Open(name)
	if err != nil {
		return nil, err
	}
	m := &audio.Media{ReadCloser: f, Ext: path.Ext(name), Size: st.Size(), Refs: folder{r.root, name, r.web}}
	if from > 0 || n > 0 {
		if n == 0 {
			n = max(st.Size()-from, 0)
		}
		m.Size = n
		m.ReadCloser = part{io.NewSectionReader(f, from, n), f}
	}
	return m, nil
}

// part is a part of a file.
type part struct {
	io.Reader
	io.Closer
}

// Wait waits, or until the file one began with is closed.
func (r folder) Wait(d time.Duration) error { return r.web.Wait(d) }
