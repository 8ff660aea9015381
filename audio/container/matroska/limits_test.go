package matroska

import (
	"bytes"
	"errors"
	"testing"

	"segue/audio"
	"segue/audio/container/containertest"
)

func TestLimits(t *testing.T) {
	many := bytes.Repeat(el(idVoid), maxOpening+1)
	for name, c := range map[string]struct {
		b    []byte
		want error
	}{
		"no segment":       {el(idEBML, str(idDocType, "webm")), audio.ErrTruncated},
		"not EBML":         {el(idSegment), audio.ErrMalformed},
		"other document":   {el(idEBML, str(idDocType, "mkvx")), audio.ErrUnsupported},
		"endless header":   {endless(idEBML), audio.ErrMalformed},
		"many elements":    {append(el(idEBML, str(idDocType, "webm")), many...), audio.ErrLimit},
		"scale of zero":    {append(el(idEBML), el(idSegment, el(idInfo, uint(idScale, 0)))...), audio.ErrMalformed},
		"integer too long": {append(el(idEBML), el(idSegment, el(idInfo, el(idScale, make([]byte, 9))))...), audio.ErrMalformed},
		"odd float":        {append(el(idEBML), el(idSegment, el(idInfo, el(idDuration, make([]byte, 5))))...), audio.ErrMalformed},
		"child too long":   {append(el(idEBML), el(idSegment, el(idInfo, []byte{0xEC, 0x40, 0xff}))...), audio.ErrMalformed},
		"endless tracks":   {append(el(idEBML), endless(idSegment, endless(idVoid))...), audio.ErrMalformed},
		"huge block":       {webm(audioTrack(), simple(0, 0), endless(idCluster, append(idBytes(idSimple), append([]byte{0x10, 0x50, 0, 0}, block(1, 0, 0, make([]byte, 20))...)...))), audio.ErrLimit},
	} {
		d, err := open(containertest.Media(c.b))
		if err == nil {
			_, err = containertest.Drain(d)
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
}

func FuzzMatroska(f *testing.F) {
	containertest.Fuzz(f, open, containertest.File(f, "sweep.webm"), containertest.File(f, "sweep-vorbis.mka"),
		webm(audioTrack(), simple(0, 0), laced(1, 1, packetOf(1), packetOf(2)), laced(2, 1, packetOf(1), packetOf(101)), laced(3, 1, packetOf(3), packetOf(5))))
}

func BenchmarkReadPacket(b *testing.B) {
	const n = 15_000
	parts := [][]byte{el(idInfo, uint(idScale, 1e6)), el(idTracks, audioTrack())}
	payload := append([]byte{31<<3 | 4}, make([]byte, 319)...)
	for c := 0; c < n; c += 500 {
		cluster := [][]byte{uint(idTimestamp, uint64(c*20))}
		for i := range 500 {
			cluster = append(cluster, append([]byte{idSimple, 0x41, 0x44}, block(1, i*20, 0x80, payload)...))
		}
		parts = append(parts, el(idCluster, cluster...))
	}
	file := append(el(idEBML, str(idDocType, "webm")), el(idSegment, parts...)...)
	containertest.BenchmarkRead(b, open, file)
}
