//go:build unix

package voice

import "golang.org/x/sys/unix"

// writeOnce tries once and says "done" even if the kernel had no room: a packet
// that waits is a packet too late.
func (s *socket) writeOnce(fd uintptr) bool {
	_, s.err = unix.Write(int(fd), s.out)
	return true
}
