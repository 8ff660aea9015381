//go:build linux || darwin || freebsd

package framecache

import "syscall"

// freeSpace is how many bytes of the disk with dir on it this user may still take.
func freeSpace(dir string) (free int64, known bool) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return 0, false
	}
	return int64(st.Bavail) * int64(st.Bsize), true
}
