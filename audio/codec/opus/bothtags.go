//go:build libopus && gopus

package opus

// Two C libraries that define the same names would mix in one binary without a
// word. So the C compiler says one:

// #error the tags libopus and gopus exclude each other: choose one
import "C"
