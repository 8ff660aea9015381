//go:build !unix

package voice

// send puts one datagram on the wire.
func (s *socket) writeOnce(uintptr) bool {
	_, s.err = s.conn.Write(s.out)
	return true
}
