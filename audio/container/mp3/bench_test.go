package mp3

import (
	"bytes"
	"testing"

	"segue/audio/container/containertest"
)

// long is the test sound's frames again and again, without what tells their number.
func long(t testing.TB, times int) []byte {
	t.Helper()
	var frames []byte
	for _, p := range containertest.Packets(t, open, containertest.File(t, "sweep.mp3")) {
		frames = append(frames, p.Data...)
	}
	return bytes.Repeat(frames, times)
}

func BenchmarkReadPacket(b *testing.B) { containertest.BenchmarkRead(b, open, long(b, 200)) }
