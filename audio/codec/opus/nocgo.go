//go:build (libopus || gopus) && !cgo

package opus

// The tags ask for a library in C; this is what a build without a C compiler says.
var _ = the_tags_libopus_and_gopus_need_CGO_ENABLED_1_and_a_C_compiler
