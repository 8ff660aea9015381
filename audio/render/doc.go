// Package render turns media into a file of what a listener would hear: the
// audio engine alone, as fast as it goes, and what that cost.
package render
