package mp4_test

import (
	"errors"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

// pieces is a file in fragments of two samples each, as header writes the header
// of a track's fragment.
func pieces(n int, traf func(at, i int) []byte) []byte {
	b := join(box("ftyp", "dash\x00\x00\x00\x00"), box("moov",
		box("mvhd", zeros(12), 1000, 0, zeros(80)),
		box("mvex", box("mehd", 0, 500), box("trex", 0, 1, 1, 1024, 4, 0)),
		box("trak", box("tkhd", zeros(12), 1, zeros(60)), box("mdia", box("mdhd", zeros(12), 44100, 0, 0), box("hdlr", 0, 0, "soun", zeros(12)),
			box("minf", box("stbl", box("stsd", 0, 1, aacEntry()), box("stts", 0, 0), box("stsc", 0, 0), box("stsz", 0, 0, 0), box("stco", 0, 0)))))))
	for i := range n {
		size := len(box("moof", traf(0, i)))
		b = join(b, box("moof", traf(len(b)+size+8, i)), box("mdat", "aaaabbbb"))
	}
	return b
}

func TestFragmentsInEveryHand(t *testing.T) {
	for name, traf := range map[string]func(at, i int) []byte{
		"by defaults": func(_, i int) []byte {
			size := 8 + 8 + 16 + 16 + 20
			return box("traf", box("tfhd", 0x20000, 1), box("tfdt", 0, i*2048), box("trun", 0x1, 2, size+8))
		},
		"by its own": func(_, i int) []byte {
			size := 8 + 8 + 28 + 20 + 40
			return box("traf", box("tfhd", 0x2003a, 1, 1, 1024, 0), box("tfdt", "\x01\x00\x00\x00", uint64(i*2048)), box("trun", 0x305, 2, size+8, 0, 1024, 4, 1024, 4))
		},
		"by place, without time": func(at, _ int) []byte {
			return box("traf", box("tfhd", 0x1, 1, uint64(at)), box("trun", 0x4, 1, 0), box("trun", 0x200, 1, 4), box("trun", 0, 0))
		},
		"from a later time on": func(at, i int) []byte {
			return join(box("traf", box("tfhd", 0, 2), box("tfdt", 0, 1), box("trun", 0, 9)), box("traf", box("tfhd", 0x1, 1, uint64(at)), box("tfdt", 0, 1<<20+i*2048), box("trun", 0, 2)))
		},
	} {
		b := pieces(20, traf)
		packets := containertest.Packets(t, open, b)
		if len(packets) != 40 {
			t.Errorf("%s: %d packets", name, len(packets))
			continue
		}
		for i, p := range packets {
			if string(p.Data) != []string{"aaaa", "bbbb"}[i%2] || p.PTS != input.Scale(int64(i)*1024, 44100) {
				t.Fatalf("%s: packet %d is %q at %d", name, i, p.Data, p.PTS)
			}
		}
		containertest.TestStream(t, open, b)
		d := containertest.Open(t, open, containertest.Media(b))
		if d.Info().Duration != 500*time.Millisecond {
			t.Errorf("%s: it lasts %v", name, d.Info().Duration)
		}
		for _, to := range []time.Duration{800 * time.Millisecond, 100 * time.Millisecond, 400 * time.Millisecond, time.Hour, 0} {
			landed, err := d.Seek(to)
			if err != nil || landed > to {
				t.Fatalf("%s: seek to %v: %v, %v", name, to, landed, err)
			}
			p, err := d.ReadPacket()
			if to < time.Hour && (err != nil || input.Duration(p.PTS) != landed || to-landed > 200*time.Millisecond) {
				t.Errorf("%s: seek to %v: %v, then %d, %v", name, to, landed, p.PTS, err)
			}
		}
	}
}

func TestTooLargeAFragmentIsRefused(t *testing.T) {
	b := pieces(1, func(_, _ int) []byte { return box("traf", box("tfhd", 0, 1), box("trun", 0, 1<<30)) })
	if _, err := containertest.Drain(containertest.Open(t, open, containertest.Media(b))); !errors.Is(err, audio.ErrLimit) {
		t.Error(err)
	}
	b = pieces(1, func(_, _ int) []byte { return box("traf", box("tfhd", 0x3b, 1)) })
	if _, err := containertest.Drain(containertest.Open(t, open, containertest.Media(b))); !errors.Is(err, audio.ErrMalformed) {
		t.Error(err)
	}
}
