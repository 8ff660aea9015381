// Package audiotest has signals, meters and contract checks for tests of the engine.
package audiotest
