package main

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "segue"

// may lists, for each package, what it may import of ours. A trailing slash
// means the package and everything below it; "*" is everything.
var may = map[string][]string{
	"":                        {"*"},
	"music":                   {},
	"queue":                   {"music"},
	"audio/":                  {"audio/"},
	"audio/audiotest/compose": {"audio/", "testdata"},
	"source/":                 {"music", "audio", "source"},
	"voice/":                  {"music", "audio", "voice/dave/"},
	"voice/dave":              {"voice/dave/mls"},
	"voice/dave/mls":          {},
	"player/":                 {"music", "queue", "audio/", "player"},
	"premium/":                {"music"},
	"cache/":                  {"music"},
	"store/":                  {"music", "queue", "premium", "migrations", "store"},
	"migrations":              {},
	"bot/":                    {"music", "queue", "player", "premium", "audio/effect", "bot/text"},
	"bot/text":                {"music"},
	"httpapi/":                {"music", "queue", "player", "premium", "audio/effect"},
	"monitoring/":             {"player", "voice", "source", "audio/"},
	"discordtest":             {"discordtest/voiceserver", "discordtest/listener"},
	"docs":                    {}, // tests that draw, and no code
	"discordtest/openapi":     {},
	"discordtest/delivery":    {},
	"discordtest/voiceserver": {"discordtest/delivery"},
	"discordtest/listener":    {"audio", "audio/codec/opus", "voice/dave"},
	"testdata":                {},
	"witness":                 {"*"},
}

// doors lists outside packages that must stay behind a few of ours.
var doors = map[string][]string{
	"github.com/disgoorg/disgo":  {"bot/", "voice"},
	"github.com/disgoorg/godave": {"voice/", "discordtest/listener"},
	"github.com/thesyncim/gopus": {"audio/codec/opus"},
	"layeh.com/gopus":            {"audio/codec/opus"},
	"modernc.org/sqlite":         {"store/sqlite"},
	"github.com/jackc/pgx":       {"store/postgres"},
	"github.com/redis/":          {"cache/redis"},
	"github.com/stripe/":         {"premium/stripe"},
	"github.com/prometheus/":     {"monitoring/"},
	"github.com/getkin/":         {"discordtest/openapi"},
	"os/exec":                    {"source/ytdlp", "", "audio/audiotest"},
	"C":                          {"audio/codec/opus"},
	"unsafe":                     {"audio/codec/opus"},
	"os/signal":                  {""},
	"math/rand":                  {},
}

// never lists what a pure package must not touch.
var never = map[string][]string{
	"queue": {"context", "log/slog", "math/rand", "math/rand/v2", "net", "os", "sync", "time"},
	"music": {"context", "log/slog", "net", "os", "sync"},
}

// testOnly packages may be imported from test files, and from the root files named.
var testOnly = map[string][]string{
	"discordtest":     {"demo.go"},
	"audio/audiotest": nil, "player/playertest": nil, "source/sourcetest": nil, "store/storetest": nil, "voice/voicetest": nil,
	"discordtest/openapi": nil, "audio/container/containertest": nil,
}

// pkg is one package of ours as the go command lists it.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

// name is the path within the module, "" for main.
func (p pkg) name() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// under reports whether package name falls under rule.
func under(name, rule string) bool {
	if rule == "*" || name == strings.TrimSuffix(rule, "/") {
		return true
	}
	return strings.HasSuffix(rule, "/") && strings.HasPrefix(name, rule)
}

// lookup finds the most specific rule for a package.
func lookup(name string) (rule string, ok bool) {
	for r := range may {
		if under(name, r) && len(r) >= len(rule) {
			rule, ok = r, true
		}
	}
	return rule, ok
}

// breaches says in sentences which import rules a package breaks.
func breaches(p pkg) (out []string) {
	name := p.name()
	rule, known := lookup(name)
	if !known {
		return []string{name + ": no import rule; add one to may, saying what it may know"}
	}
	for _, imp := range p.Imports {
		if ours, ok := strings.CutPrefix(imp, module+"/"); ok {
			if !slices.ContainsFunc(may[rule], func(r string) bool { return under(ours, r) }) {
				out = append(out, name+" must not import "+ours)
			}
			if under(ours, "discordtest/") && name != "" && !under(name, "discordtest/") && name != "witness" {
				out = append(out, name+" must not import the stand-in "+ours)
			}
		}
		for prefix, rooms := range doors {
			if !(imp == prefix || strings.HasPrefix(imp, strings.TrimSuffix(prefix, "/")+"/")) {
				continue
			}
			if prefix == "math/rand" && imp != prefix {
				continue // math/rand/v2 is fine
			}
			if !slices.ContainsFunc(rooms, func(r string) bool { return under(name, r) }) {
				out = append(out, name+" must not import "+imp)
			}
		}
		if slices.Contains(never[name], imp) {
			out = append(out, name+" must stay pure: it imports "+imp)
		}
	}
	return out
}

// packages lists every package of the module; testdata has to be named.
func packages(t *testing.T) (ps []pkg) {
	t.Helper()
	args := []string{"list", "-json=ImportPath,Dir,GoFiles,Imports", "./...", "./testdata"}
	out, err := exec.CommandContext(t.Context(), "go", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return ps
		} else if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
}

func TestImports(t *testing.T) {
	ps := packages(t)
	if len(ps) < 10 {
		t.Fatalf("only %d packages listed", len(ps))
	}
	for _, p := range ps {
		for _, b := range breaches(p) {
			t.Error(b)
		}
	}
}

// A law that cannot be broken is not a law: each kind of planted violation is seen.
func TestImportRulesBite(t *testing.T) {
	for _, c := range []struct{ from, imp string }{
		{"segue/music", "context"},
		{"segue/queue", "time"},
		{"segue/queue", "segue/player"},
		{"segue/audio/pipeline", "segue/music"},
		{"segue/player", "segue/voice"},
		{"segue/player", "segue/discordtest"},
		{"segue/bot", "segue/store/sqlite"},
		{"segue/source/local", "os/exec"},
		{"segue/store/sqlite", "github.com/disgoorg/disgo/bot"},
		{"segue/voice/dave", "unsafe"},
		{"segue/voice/dave", "segue/music"},
		{"segue/bot", "github.com/prometheus/client_golang/prometheus"},
		{"segue/newroom", "fmt"},
	} {
		if len(breaches(pkg{ImportPath: c.from, Imports: []string{c.imp}})) == 0 {
			t.Errorf("%s importing %s is not noticed", c.from, c.imp)
		}
	}
	for _, c := range []struct{ from, imp string }{
		{"segue", "segue/voice"}, {"segue/bot", "github.com/disgoorg/disgo/bot"}, {"segue/queue", "segue/music"}, {"segue/player", "segue/audio/pipeline"},
	} {
		if b := breaches(pkg{ImportPath: c.from, Imports: []string{c.imp}}); len(b) > 0 {
			t.Errorf("%s importing %s is refused: %v", c.from, c.imp, b)
		}
	}
}

// goFiles walks every Go file of the tree.
func goFiles(t *testing.T, each func(path string, f *ast.File, fset *token.FileSet)) {
	t.Helper()
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".git") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		each(filepath.ToSlash(path), f, fset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTestPackagesStayInTests(t *testing.T) {
	goFiles(t, func(path string, f *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		dir := filepath.ToSlash(filepath.Dir(path))
		for _, s := range f.Imports {
			ours, ok := strings.CutPrefix(strings.Trim(s.Path.Value, `"`), module+"/")
			if !ok {
				continue
			}
			for testPkg, allowed := range testOnly {
				if ours == testPkg && dir != testPkg && !slices.Contains(allowed, path) {
					t.Errorf("%s imports %s, which is for tests", path, ours)
				}
			}
		}
	})
}

const (
	maxFile = 400 // lines
	maxFunc = 60  // lines
)

// longOK reports whether a comment says why a file or a function is long.
func longOK(c *ast.CommentGroup) bool {
	if c == nil {
		return false
	}
	for _, l := range c.List {
		if why, ok := strings.CutPrefix(l.Text, "//arch:long "); ok && len(strings.TrimSpace(why)) > 10 {
			return true
		}
	}
	return false
}

func TestSizes(t *testing.T) {
	goFiles(t, func(path string, f *ast.File, fset *token.FileSet) {
		lines := fset.File(f.Pos()).LineCount()
		if strings.HasSuffix(path, "_test.go") {
			if lines > 2*maxFile {
				t.Errorf("%s has %d lines; split it", path, lines)
			}
			return
		}
		if lines > maxFile {
			t.Errorf("%s has %d lines, more than %d", path, lines, maxFile)
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			n := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line + 1
			if n > maxFunc && !longOK(fn.Doc) {
				t.Errorf("%s: %s has %d lines, more than %d, and no //arch:long line saying why", path, fn.Name.Name, n, maxFunc)
			}
		}
	})
}

func TestEveryPackageAndExportedNameIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	seen := map[string]bool{}
	goFiles(t, func(path string, f *ast.File, fset *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		dir := filepath.Dir(path)
		seen[dir] = true
		if f.Doc != nil && len(strings.TrimSpace(f.Doc.Text())) > 20 {
			documented[dir] = true
		}
		for _, d := range f.Decls {
			for _, name := range undocumented(d) {
				t.Errorf("%s: exported %s has no comment", path, name)
			}
		}
	})
	for dir := range seen {
		if !documented[dir] {
			t.Errorf("package %s has no package comment", dir)
		}
	}
}

// undocumented names the exported things a declaration leaves without a comment.
func undocumented(d ast.Decl) (out []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && exportedReceiver(d) {
			out = append(out, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				if s.Name.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
					out = append(out, s.Name.Name)
				}
			case *ast.ValueSpec:
				for _, n := range s.Names {
					if n.IsExported() && d.Doc == nil && s.Doc == nil && s.Comment == nil {
						out = append(out, n.Name)
					}
				}
			}
		}
	}
	return out
}

// exportedReceiver reports whether a function is reachable by name: a method
// of an unexported type is documented by the interface it serves.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

// The process belongs to main: nobody else reads its environment, ends it, or
// keeps changing state at package level.
func TestNoGlobals(t *testing.T) {
	banned := map[string][]string{"os": {"Getenv", "LookupEnv", "Environ", "Exit", "Setenv"}, "slog": {"SetDefault", "Default"}, "signal": {"Notify", "NotifyContext"}}
	goFiles(t, func(path string, f *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") || path == "audio/audiotest/tool.go" { // which is a part of tests
			return
		}
		inMain := f.Name.Name == "main"
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "init" && n.Recv == nil {
					t.Errorf("%s: no init functions", path)
				}
			case *ast.SelectorExpr:
				if id, ok := n.X.(*ast.Ident); ok && !inMain && slices.Contains(banned[id.Name], n.Sel.Name) {
					t.Errorf("%s: %s.%s belongs to main", path, id.Name, n.Sel.Name)
				}
			}
			return true
		})
	})
}

func TestRepositoryHasItsPapers(t *testing.T) {
	for _, f := range []string{"README.md", "ARCHITECTURE.md", "CHANGELOG.md", "LICENSE", "Makefile", ".ci/run", "docs/decisions"} {
		if _, err := os.Stat(f); err != nil {
			t.Error(err)
		}
	}
}
