// Package playertest has a library and a voice for the player's tests: fakes with behaviour.
package playertest
