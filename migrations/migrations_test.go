package migrations

import (
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"testing"
)

// TestStepsAreNumberedWithoutGaps holds the order: a gap or a double number
// would let two branches write the same step.
func TestStepsAreNumberedWithoutGaps(t *testing.T) {
	names, err := fs.Glob(Files, "*.sql")
	if err != nil || len(names) == 0 {
		t.Fatalf("got %v, %v; want at least one step", names, err)
	}
	shape := regexp.MustCompile(`^(\d{5})_[a-z0-9_]+\.sql$`)
	for i, name := range names {
		m := shape.FindStringSubmatch(name)
		if m == nil {
			t.Errorf("%s: want NNNNN_what.sql", name)
			continue
		}
		if want := fmt.Sprintf("%05d", i+1); m[1] != want {
			t.Errorf("%s: want number %s", name, want)
		}
	}
}

// TestStepsKeepToTheCommonDialect refuses what only one of the two engines
// understands, and steps that cannot be undone.
func TestStepsKeepToTheCommonDialect(t *testing.T) {
	names, _ := fs.Glob(Files, "*.sql")
	foreign := regexp.MustCompile(`(?i)\b(SERIAL|BIGSERIAL|AUTOINCREMENT|JSONB|DATETIME|STRICT|WITHOUT\s+ROWID|PRAGMA)\b`)
	for _, name := range names {
		b, err := fs.ReadFile(Files, name)
		if err != nil {
			t.Fatal(err)
		}
		if word := foreign.FindString(string(b)); word != "" {
			t.Errorf("%s: %s is not understood by both engines", name, word)
		}
		for _, part := range []string{"-- +goose Up", "-- +goose Down"} {
			if !strings.Contains(string(b), part) {
				t.Errorf("%s: %q is missing", name, part)
			}
		}
	}
}
