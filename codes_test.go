package main

import (
	"go/ast"
	"go/token"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"segue/bot/text"
)

var codeShape = regexp.MustCompile(`^[a-z]\w*\.\w+$`)

// Every error code that the program can give has a sentence in every language:
// codes are written as the Code of an error, or as what a helper makes one of.
func TestEveryErrorCodeHasASentence(t *testing.T) {
	found := 0
	check := func(path string, e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return
		}
		code, err := strconv.Unquote(lit.Value)
		if err != nil || !codeShape.MatchString(code) {
			return
		}
		found++
		for _, locale := range text.Locales() {
			if !text.Has(locale, code) {
				t.Errorf("%s: %s has no sentence in %s", path, code, locale)
			}
		}
	}
	goFiles(t, func(path string, f *ast.File, _ *token.FileSet) {
		if strings.HasSuffix(path, "_test.go") || strings.Contains(path, "test/") || strings.HasPrefix(path, "bot/text/") {
			return
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				if k, ok := n.Key.(*ast.Ident); ok && k.Name == "Code" {
					check(path, n.Value)
				}
			case *ast.AssignStmt: // kind, code := music.Unplayable, "track.limit"
				for i, l := range n.Lhs {
					if id, ok := l.(*ast.Ident); ok && id.Name == "code" && len(n.Rhs) == len(n.Lhs) {
						check(path, n.Rhs[i])
					}
				}
			case *ast.CallExpr: // invalid("player.no_voice")
				if id, ok := n.Fun.(*ast.Ident); ok {
					switch id.Name {
					case "invalid", "refuse", "failure", "fault", "unplayable", "unavailable", "forbidden":
						for _, a := range n.Args {
							check(path, a)
						}
					}
				}
			}
			return true
		})
	})
	if found < 40 {
		t.Errorf("only %d codes found: the search has gone blind", found)
	}
}
