//go:build !race

package render

// raced is whether the race detector is on: what only costs more with it is done less.
const raced = false
