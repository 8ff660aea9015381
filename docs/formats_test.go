package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestFormatsNameTheirProof: every row of formats.md names a test, and every
// test it names is there.
func TestFormatsNameTheirProof(t *testing.T) {
	b, err := os.ReadFile("formats.md")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile("`([a-z0-9/]*)\\.(Test\\w+)`")
	rows, source := 0, map[string]string{}
	for line := range strings.Lines(string(b)) {
		row := strings.HasPrefix(line, "| ") && !strings.Contains(line, "proved by")
		if row {
			rows++
		}
		found := name.FindAllStringSubmatch(line, -1)
		if row && found == nil || strings.Count(line, ".Test") != len(found) {
			t.Errorf("without its proof: %s", line)
		}
		for _, f := range found {
			if source[f[1]] == "" {
				source[f[1]] = testsIn(t, f[1])
			}
			if !strings.Contains(source[f[1]], "\nfunc "+f[2]+"(t *testing.T) {") {
				t.Errorf("%s has no %s", f[1], f[2])
			}
		}
	}
	if rows < 50 {
		t.Errorf("%d rows", rows)
	}
}

// testsIn is the source of a package's tests.
func testsIn(t *testing.T, name string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", name, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	return all.String()
}
