package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// An output is where a command writes a file. A regular one is written beside its
// name and gets that only when it is whole; a pipe or device is written directly.
type output struct {
	io.Writer
	file  *os.File      // nil for standard output
	named string        // what the file is to be called; "" if it is that already
	flush *bufio.Writer // before standard output
	err   error         // of writing
}

// A seeking output can go back to put sizes in.
type seeking struct{ *output }

func (o seeking) Seek(offset int64, whence int) (int64, error) {
	return o.file.Seek(offset, whence)
}

// openOutput opens path, which is to end up as a new file with the permissions it
// had, or stdout if path is "-".
func openOutput(path string, stdout io.Writer) (*output, error) {
	if path == "-" {
		b := bufio.NewWriterSize(stdout, 64<<10)
		return &output{Writer: b, flush: b}, nil
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	mode := os.FileMode(0o666)
	switch st, err := os.Stat(path); {
	case err == nil && !st.Mode().IsRegular():
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		return &output{Writer: f, file: f}, err
	case err == nil:
		mode = st.Mode().Perm()
	case !errors.Is(err, os.ErrNotExist):
		return nil, err
	}
	for n := range 100 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf(".%s.%d-%d", filepath.Base(path), os.Getpid(), n))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, os.ErrExist) {
			return &output{Writer: f, file: f, named: path}, err
		}
	}
	return nil, fmt.Errorf("%s: beside it are the remains of too many that were never whole", path)
}

// writer is what to write to: it can seek if the output can.
func (o *output) writer() io.Writer {
	if o.file != nil {
		return seeking{o}
	}
	return o
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.Writer.Write(b)
	if err != nil && o.err == nil {
		o.err = err
	}
	return n, err
}

// close gives what was written its name if keep and all could be written; else
// nothing of it stays, and what had the name before still has it.
func (o *output) close(keep bool) error {
	if o.flush != nil {
		return o.flush.Flush()
	}
	err := o.file.Close()
	switch {
	case o.named == "":
		return err
	case !keep || o.err != nil || err != nil:
		return errors.Join(err, os.Remove(o.file.Name()))
	}
	return os.Rename(o.file.Name(), o.named)
}
