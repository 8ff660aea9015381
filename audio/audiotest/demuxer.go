package audiotest

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"segue/audio"
)

// TestDemuxer checks what audio.Demuxer promises, on a whole and healthy file of
// at least a second. open opens it from its beginning each time.
func TestDemuxer(t *testing.T, open func(t testing.TB) audio.Demuxer) {
	t.Helper()
	runAll(t, demuxerChecks(open))
}

func demuxerChecks(open func(t testing.TB) audio.Demuxer) []check {
	return []check{
		{"gives packets in order, to keep", func(t testing.TB) {
			d := open(t)
			codec := d.Codec()
			if codec.Name == "" || codec.SampleRate <= 0 || codec.Channels <= 0 || codec.PreSkip < 0 {
				t.Fatalf("codec is %+v", codec)
			}
			if d.Info().Container == "" {
				t.Fatal("the container has no name")
			}
			packets := readAll(t, d)
			var end, trimmed int64
			for i, p := range packets {
				if len(p.Data) == 0 || p.Duration < 0 || p.TrimEnd < 0 {
					t.Fatalf("packet %d: %d bytes, duration %d, trim %d", i, len(p.Data), p.Duration, p.TrimEnd)
				}
				begins := p.PTS
				if p.Codec != nil { // what the new decoder drops overlaps
					begins += p.Codec.PreSkip
				}
				if i > 0 && begins < end-trimmed-rounding {
					t.Fatalf("packet %d begins at %d, before its predecessor ends (%d)", i, begins, end)
				}
				trimmed = p.TrimEnd
				end = p.PTS + p.Duration
			}
			if _, err := d.ReadPacket(); !errors.Is(err, io.EOF) {
				t.Fatalf("after the end comes %v", err)
			}
			if total := d.Info().Duration; total > 0 && end > 0 {
				got := time.Duration(end) * time.Second / audio.SampleRate
				if got < total-time.Second/4 || got > total+time.Second/4 {
					t.Fatalf("packets end at %v, the container says %v", got, total)
				}
			}
			for i, p := range readAll(t, open(t)) {
				if !bytes.Equal(p.Data, packets[i].Data) {
					t.Fatalf("packet %d reads differently again", i)
				}
			}
		}},
		{"seeks at or before, or says it cannot", func(t testing.TB) { seeks(t, open) }},
	}
}

// rounding is what containers may lose of a time, in samples: a millisecond.
const rounding = audio.SampleRate / 1000

func seeks(t testing.TB, open func(t testing.TB) audio.Demuxer) {
	packets := readAll(t, open(t))
	last := packets[len(packets)-1]
	length := time.Duration(last.PTS+last.Duration) * time.Second / audio.SampleRate
	d := open(t)
	for _, to := range []time.Duration{length / 2, 0, length * 3 / 4, length / 7, 0} {
		landed, err := d.Seek(to)
		if errors.Is(err, audio.ErrNotSeekable) {
			return
		}
		if err != nil {
			t.Fatalf("seek to %v: %v", to, err)
		}
		if landed > to+time.Millisecond {
			t.Fatalf("seek to %v landed behind it, at %v", to, landed)
		}
		p, err := d.ReadPacket()
		if err != nil {
			t.Fatalf("after a seek to %v: %v", to, err)
		}
		for i, same := range packets {
			if bytes.Equal(same.Data, p.Data) && same.PTS >= p.PTS-rounding && same.PTS <= p.PTS+rounding {
				break
			}
			if i == len(packets)-1 {
				t.Fatalf("after a seek to %v, the packet at %d is none of the file's", to, p.PTS)
			}
		}
		if at := time.Duration(p.PTS) * time.Second / audio.SampleRate; at > to+time.Millisecond {
			t.Fatalf("seek to %v gave a packet at %v", to, at)
		}
	}
}

func readAll(t testing.TB, d audio.Demuxer) (packets []audio.Packet) {
	t.Helper()
	var read [][]byte
	for {
		p, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("packet %d: %v", len(packets), err)
		}
		packets, read = append(packets, p), append(read, bytes.Clone(p.Data))
	}
	for i, p := range packets {
		if !bytes.Equal(p.Data, read[i]) {
			t.Fatalf("packet %d was overwritten by those after it", i)
		}
	}
	if len(packets) == 0 {
		t.Fatal("no packets")
	}
	return packets
}
