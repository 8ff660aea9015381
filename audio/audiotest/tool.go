package audiotest

import (
	"os"
	"os/exec"
	"testing"
)

// Tool is where the program name is, one of Debian's that sound is held against.
// Without it the test is skipped, loudly; where CI is "true" it fails.
func Tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err == nil {
		return path
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s missing", name)
	}
	t.Skipf("SKIPPED: %s missing", name)
	return ""
}
