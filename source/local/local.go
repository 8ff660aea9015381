// Package local plays files below one folder. Nothing outside it can be named:
// every access goes through an os.Root.
package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"segue/audio"
	"segue/music"
	"segue/source"
)

// name is our word in track ids.
const name = "local"

// candidates is how many search hits an answer holds at most: what Discord shows
// in one list.
const candidates = 25

// A Source plays the files below one folder. Its methods may be called from any
// goroutine.
type Source struct {
	root  *os.Root
	web   func(life context.Context) audio.Refs
	index chan *index // the index, or empty while somebody works on it
}

// New makes a source of the files below dir, which must be a folder that can be
// read. Nothing is read below it until somebody asks. Playlists in it may name
// addresses, which are opened by what web gives for as long as life; with a nil web
// they may not.
func New(dir string, web func(life context.Context) audio.Refs) (*Source, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("music folder: %w", err)
	}
	s := &Source{root: root, web: web, index: make(chan *index, 1)}
	s.index <- &index{folders: make(map[string]*folder)}
	return s, nil
}

// Close lets go of the folder. Media that are open stay open.
func (s *Source) Close() error { return s.root.Close() }

// Name is "local".
func (s *Source) Name() string { return name }

// Match takes all words that are not an address.
func (s *Source) Match(q music.Query) bool {
	return q.Attachment == nil && strings.TrimSpace(q.Text) != "" && !strings.Contains(q.Text, "://")
}

// Resolve takes the path of a file below the folder, or words: then the files
// whose path has all of them, best first, at most 25.
func (s *Source) Resolve(ctx context.Context, q music.Query) (music.Result, error) {
	if ctx.Err() != nil {
		return music.Result{}, context.Cause(ctx)
	}
	text := strings.TrimSpace(q.Text)
	if visible(text) {
		if fi, err := s.root.Stat(text); err == nil && fi.Mode().IsRegular() {
			return music.Result{Tracks: []music.Track{track(text)}}, nil
		}
	}
	var found []string
	select {
	case ix := <-s.index:
		err := ix.refresh(ctx, s.root)
		if err == nil {
			found = ix.search(text)
		}
		s.index <- ix
		if err != nil {
			return music.Result{}, err
		}
	case <-ctx.Done():
		return music.Result{}, context.Cause(ctx)
	}
	var r music.Result
	for _, p := range found {
		r.Tracks = append(r.Tracks, track(p))
	}
	return r, nil
}

// visible reports whether p is the kind of path we show: below the folder, with
// the ending of a sound file, nothing hidden on the way.
func visible(p string) bool {
	if !fs.ValidPath(p) || !source.Playable(path.Ext(p)) || strings.ContainsRune(p, 0) {
		return false
	}
	for part := range strings.SplitSeq(p, "/") {
		if strings.HasPrefix(part, ".") {
			return false
		}
	}
	return true
}

func track(p string) music.Track {
	artist, title := source.Title(p)
	if title == "" {
		title = name
	}
	return music.Track{ID: music.TrackID(name + ":" + p), Source: name, Artist: artist, Title: title}
}

// Open opens the file of t. Errors: local.missing (title) if it is no longer
// there, local.refused (title) if it is not a file we may play.
func (s *Source) Open(ctx context.Context, t music.Track) (*audio.Media, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	p, ours := strings.CutPrefix(string(t.ID), name+":")
	if !ours || !visible(p) {
		return nil, refused(t, errors.New("not a path of ours"))
	}
	f, st, err := source.OpenFile(s.root, p)
	if err != nil {
		return nil, openError(t, err)
	}
	life, end := context.WithCancelCause(context.WithoutCancel(ctx))
	refs := source.Folder{Root: s.root, File: p, Life: life}
	if s.web != nil {
		refs.Web = s.web(life)
	}
	return &audio.Media{
		ReadCloser: &opened{f, end}, Seeker: f, Ext: path.Ext(p), Size: st.Size(), Refs: refs,
		Version: fmt.Sprintf("%s %d %d", t.ID, st.Size(), st.ModTime().UnixNano()),
	}, nil
}

// errClosed is what opening something says after the media that refer to it.
var errClosed = errors.New("local media closed")

// opened is a file whose Close ends what it refers to.
type opened struct {
	*os.File
	end context.CancelCauseFunc
}

func (o *opened) Close() error {
	o.end(errClosed)
	return o.File.Close()
}

func openError(t music.Track, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &music.Error{Kind: music.NotFound, Code: "local.missing", Args: []any{t.Title}, Err: err}
	}
	return refused(t, err)
}

func refused(t music.Track, err error) error {
	return &music.Error{Kind: music.Forbidden, Code: "local.refused", Args: []any{t.Title}, Err: err}
}
