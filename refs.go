package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"segue/audio"
	"segue/source"
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
	m.Refs = source.Folder{Root: root, File: filepath.Base(input), Life: life, Web: web.Refs(life)}
	return m, nil
}

// ending is a file with something to be done when it is closed.
type ending struct {
	*os.File
	also func() error
}

func (e *ending) Close() error { return errors.Join(e.File.Close(), e.also()) }
