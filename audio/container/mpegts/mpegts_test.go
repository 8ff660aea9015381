package mpegts_test

import (
	"bytes"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/adts"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/mpegts"
	"segue/audio/container/ogg"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := mpegts.NewDemuxer(input.New(m))
	if err != nil {
		return nil, err
	}
	return d, nil
}

func openADTS(m *audio.Media) (audio.Demuxer, error) {
	return adts.NewDemuxer(input.New(m), audio.Info{})
}
func openOgg(m *audio.Media) (audio.Demuxer, error) { return ogg.NewDemuxer(input.New(m)) }

// alike checks that got has the packets of want.
func alike(t testing.TB, name string, got, want []audio.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d packets of %d", name, len(got), len(want))
		return
	}
	for i, p := range got {
		if !bytes.Equal(p.Data, want[i].Data) || p.PTS != want[i].PTS || p.Duration != want[i].Duration || p.TrimEnd != want[i].TrimEnd {
			t.Errorf("%s: packet %d is %d bytes at %d+%d-%d, want %d bytes at %d+%d-%d", name, i,
				len(p.Data), p.PTS, p.Duration, p.TrimEnd, len(want[i].Data), want[i].PTS, want[i].Duration, want[i].TrimEnd)
			return
		}
	}
}

func TestAACIsThatOfADTS(t *testing.T) {
	b := containertest.File(t, "sweep.ts")
	d := containertest.Open(t, open, containertest.Media(b))
	in, c := d.Info(), d.Codec()
	if in.Container != "mpegts" || c.Name != "aac" || c.SampleRate != 22050 || c.Channels != 1 || !bytes.Equal(c.Private, []byte{0x13, 0x88}) || c.PreSkip != 0 {
		t.Fatalf("%+v, %+v", in, c)
	}
	want := containertest.Packets(t, openADTS, containertest.File(t, "sweep.aac"))
	alike(t, "the file", containertest.Packets(t, open, b), want)
	if length := time.Duration(len(want)) * 1024 * time.Second / 22050; in.Duration.Round(time.Millisecond) != length.Round(time.Millisecond) {
		t.Errorf("it lasts %v, is said to last %v", length, in.Duration)
	}
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
}

func TestOpusIsThatOfOgg(t *testing.T) {
	b := containertest.File(t, "sweep-opus.ts")
	d, ref := containertest.Open(t, open, containertest.Media(b)), containertest.Open(t, openOgg, containertest.Media(containertest.File(t, "sweep.opus")))
	if c, want := d.Codec(), ref.Codec(); c.Name != "opus" || c.Channels != 2 || c.PreSkip != want.PreSkip || c.GainDB != 0 {
		t.Errorf("%+v, want %+v", c, want)
	}
	if got, want := d.Info().Duration, ref.Info().Duration; got != want {
		t.Errorf("it lasts %v, want %v", got, want)
	}
	alike(t, "the file", containertest.Packets(t, open, b), containertest.Packets(t, openOgg, containertest.File(t, "sweep.opus")))
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
}

func TestDamage(t *testing.T) {
	containertest.TestDamaged(t, open, 1000, containertest.File(t, "sweep.ts"), containertest.File(t, "sweep-opus.ts"))
}

func FuzzMPEGTS(f *testing.F) {
	containertest.Fuzz(f, open, containertest.File(f, "sweep.ts"), containertest.File(f, "sweep-opus.ts"))
}
