//go:build unix

package main

import (
	"runtime"
	"syscall"
	"time"
)

// usage is what this process has taken so far: CPU time of all its threads, and
// the most memory that was resident at once, in bytes.
func usage() (cpu time.Duration, peak int64) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0, 0
	}
	peak = int64(u.Maxrss)
	if runtime.GOOS != "darwin" && runtime.GOOS != "ios" {
		peak *= 1024 // in KiB there, in bytes on Apple's systems
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), peak
}
