//go:build race

package pipeline

// What only costs more under the race detector, and finds nothing more, is done less
// there: the same tests run without it, and in the other builds.
const (
	raced = true
	// sequences is how many of them are tried.
	sequences = 600
)
