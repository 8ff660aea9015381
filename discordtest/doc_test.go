package discordtest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The table of what the stand-in holds a client to names tests that exist.
func TestTheTableNamesTestsThatExist(t *testing.T) {
	table, err := os.ReadFile(filepath.Join("..", "docs", "discordtest.md"))
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, pattern := range []string{"*_test.go", "*/*_test.go", "../witness/*_test.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			b, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(b)
		}
	}
	names := regexp.MustCompile(`\bTest[A-Z]\w*`).FindAllString(string(table), -1)
	if len(names) < 80 {
		t.Errorf("only %d tests are named", len(names))
	}
	for _, n := range names {
		if !strings.Contains(tests.String(), "func "+n+"(t *testing.T)") {
			t.Errorf("%s is nowhere", n)
		}
	}
}
