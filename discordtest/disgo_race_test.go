//go:build race

package discordtest

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestDisgoInAProcessOfItsOwn runs the tests with a real disgo client, which
// does not bear the race detector.
func TestDisgoInAProcessOfItsOwn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "go", "test", "-count=1", "-v", "-run", "^TestDisgo", ".").CombinedOutput()
	if err != nil || strings.Count(string(out), "--- PASS: TestDisgo") != 3 {
		t.Fatalf("%v\n%s", err, out)
	}
}
