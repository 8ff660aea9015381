//go:build (libopus && gopus) || ((libopus || gopus) && !cgo)

package opus

// Two C libraries with the same names in one binary would mix without a word,
// and neither is there without a C compiler. This is what the build says then.
var _ = choose_either_tag_libopus_or_tag_gopus_and_build_it_with_CGO_ENABLED_1
