package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"

	"segue/source"
)

const (
	// maxFiles bounds what is kept in memory, some 200 bytes each.
	maxFiles = 200_000
	// maxDepth of folders below the music folder.
	maxDepth = 32
	// coarse is how coarse a file system's clock may be (FAT: 2 s): a folder read
	// sooner after it changed may change again without its time showing it.
	coarse = 3 * time.Second
)

// An index knows the names below the music folder. Folders are read again when
// their time of change says so, which costs one stat each.
type index struct {
	folders map[string]*folder
	files   []file // of all folders, in order of path
}

// A folder is one directory as it was read.
type folder struct {
	changed time.Time
	read    time.Time
	files   []file
	below   []string
}

// A file is a playable name, and the words in it.
type file struct {
	path   string
	title  string   // folded: words with one space between
	whole  string   // artist and title, folded
	words  []string // of title and artist
	around []string // of the folders and the ending
}

// refresh brings the index up to date. What it cannot read it leaves out, except
// the music folder itself.
func (ix *index) refresh(ctx context.Context, root *os.Root) error {
	seen := make(map[string]bool)
	var files []file
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, err := ix.read(root, dir)
		if err != nil {
			if dir == "." {
				return fmt.Errorf("music folder: %w", err)
			}
			return nil
		}
		seen[dir] = true
		files = append(files, f.files...)
		for _, b := range f.below {
			if depth < maxDepth && len(files) < maxFiles {
				if err := walk(b, depth+1); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(".", 0); err != nil {
		return err
	}
	for dir := range ix.folders {
		if !seen[dir] {
			delete(ix.folders, dir)
		}
	}
	ix.files = files[:min(len(files), maxFiles)]
	return nil
}

// read gives one folder, from memory if it has not changed.
func (ix *index) read(root *os.Root, dir string) (*folder, error) {
	fi, err := root.Stat(dir)
	if err != nil {
		return nil, err
	}
	old := ix.folders[dir]
	if old != nil && old.changed.Equal(fi.ModTime()) && old.read.Sub(old.changed) > coarse {
		return old, nil
	}
	f := &folder{changed: fi.ModTime(), read: time.Now()}
	d, err := root.Open(dir)
	if err != nil {
		return nil, err
	}
	entries, err := d.ReadDir(maxFiles)
	_ = d.Close()
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), "."):
		case e.IsDir():
			f.below = append(f.below, p)
		case visible(p) && regular(root, p, e):
			f.files = append(f.files, newFile(p))
		}
	}
	ix.folders[dir] = f
	return f, nil
}

// regular reports whether e is a file, or a link to one within the root. Linked
// folders are not followed: they could lead in circles.
func regular(root *os.Root, p string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.Type().IsRegular()
	}
	fi, err := root.Stat(p)
	return err == nil && fi.Mode().IsRegular()
}

func newFile(p string) file {
	artist, title := source.Title(p)
	f := file{path: p, title: strings.Join(words(title), " ")}
	f.words = words(artist + " " + title)
	f.whole = strings.Join(f.words, " ")
	f.around = append(words(path.Dir(p)), words(path.Base(p))...)
	return f
}

// words takes text apart into what a person would call words, in lower case.
// Apostrophes are dropped: "dont" finds "Don't".
func words(s string) []string {
	s = strings.NewReplacer("'", "", "’", "").Replace(strings.ToLower(s))
	return strings.FieldsFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
}

// search gives the paths that have all the words of text, best first. What a
// word counts: 8 as a word of title or artist, 5 as the beginning of one, 3
// within one, 2 in a folder's name or the ending. The whole title, with or
// without its artist, comes first. Ties go to the shorter path, then by name.
func (ix *index) search(text string) []string {
	asked := words(text)
	if len(asked) == 0 {
		return nil
	}
	type hit struct {
		path  string
		score int
	}
	var hits []hit
	whole := strings.Join(asked, " ")
	for _, f := range ix.files {
		score := f.score(asked)
		if score == 0 {
			continue
		}
		if whole == f.whole || whole == f.title {
			score += 1000
		}
		hits = append(hits, hit{f.path, score})
	}
	slices.SortFunc(hits, func(a, b hit) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(len(a.path), len(b.path)), cmp.Compare(a.path, b.path))
	})
	var paths []string
	for _, h := range hits[:min(len(hits), candidates)] {
		paths = append(paths, h.path)
	}
	return paths
}

// score is 0 unless every word is found somewhere.
func (f *file) score(asked []string) int {
	total := 0
	for _, w := range asked {
		best := 0
		for _, have := range f.words {
			switch {
			case have == w:
				best = 8
			case strings.HasPrefix(have, w):
				best = max(best, 5)
			case strings.Contains(have, w):
				best = max(best, 3)
			}
		}
		for _, have := range f.around {
			if strings.HasPrefix(have, w) {
				best = max(best, 2)
			}
		}
		if best == 0 {
			return 0
		}
		total += best
	}
	return total
}
