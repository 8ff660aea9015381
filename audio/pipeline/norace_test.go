//go:build !race

package pipeline

const (
	raced = false // is the race detector on?
	// sequences is how many of them are tried.
	sequences = 10_000
)
