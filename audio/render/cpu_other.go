//go:build !unix

package render

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
