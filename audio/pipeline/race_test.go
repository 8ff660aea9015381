//go:build race

package pipeline

// sequences is how many of them are tried.
const sequences = 600
