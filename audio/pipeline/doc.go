// Package pipeline plays one track: packets in, 20 ms Opus frames out.
package pipeline
