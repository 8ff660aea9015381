package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"segue/audio/codec/opus"
)

// version of the program; releases are tagged with it.
const version = "0.1.0"

type versionCommand struct{}

// Run prints version, commit, platform, and which Opus is built in.
func (versionCommand) Run(w world) error {
	fmt.Fprintln(w.stdout, "segue", versionLine())
	fmt.Fprintln(w.stdout, "opus:", opus.Build())
	return nil
}

// versionLine is the version with what the build knows about itself.
func versionLine() string {
	commit := ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 8 {
				commit = " " + s.Value[:8]
			}
		}
	}
	return fmt.Sprintf("%s%s (%s, %s/%s)", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
