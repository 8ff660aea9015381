//go:build !unix

package render

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }

// peakRSS is not known here.
func peakRSS() int64 { return 0 }
