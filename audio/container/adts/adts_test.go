package adts_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/adts"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
)

func open(m *audio.Media) (audio.Demuxer, error) {
	d, err := adts.NewDemuxer(input.New(m), audio.Info{Title: "before"})
	if err != nil {
		return nil, err
	}
	return d, nil
}

func TestADTS(t *testing.T) {
	b := containertest.File(t, "sweep.aac")
	d := containertest.Open(t, open, containertest.Media(b))
	in, c := d.Info(), d.Codec()
	if in.Container != "adts" || in.Title != "before" || c.Name != "aac" || c.SampleRate != 22050 || c.Channels != 1 || !bytes.Equal(c.Private, []byte{0x13, 0x88}) {
		t.Fatalf("%+v, %+v", in, c)
	}
	packets := containertest.Packets(t, open, b)
	length := time.Duration(len(packets)) * 1024 * time.Second / 22050
	if diff := in.Duration - length; diff < -length/20 || diff > length/20 {
		t.Errorf("it lasts %v, estimated as %v", length, in.Duration)
	}
	sum := 0
	for i, p := range packets {
		if want := input.Scale(int64(i)*1024, 22050); p.PTS != want {
			t.Errorf("packet %d is at %d, want %d", i, p.PTS, want)
		}
		sum += len(p.Data) + adts.HeaderSize
	}
	if sum != len(b) {
		t.Errorf("%d bytes of %d came out", sum, len(b))
	}
	audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
	containertest.TestStream(t, open, b)
	containertest.TestTruncated(t, open, b)
}

func TestGarbageTagsAndChecksumsAreNoSound(t *testing.T) {
	b := containertest.File(t, "sweep.aac")
	want := containertest.Packets(t, open, b)
	at := 0 // behind the third frame
	for range 3 {
		h, _ := adts.ParseHeader(b[at:])
		at += h.Size
	}
	middle := append(append(bytes.Clone(b[:at]), "\xff\xf1 nonsense \xff\xff"...), b[at:]...)
	tag := "ID3\x04\x00\x00\x00\x00\x00\x14" + strings.Repeat("\x00", 20)
	var guarded []byte // with a checksum in each frame
	for rest := b; len(rest) > 0; {
		h, _ := adts.ParseHeader(rest)
		f := append(append(bytes.Clone(rest[:7]), 0xab, 0xcd), rest[7:h.Size]...)
		size := len(f)
		f[1] &^= 1
		f[3], f[4], f[5] = f[3]&^3|byte(size>>11), byte(size>>3), f[5]&0x1f|byte(size<<5)
		guarded = append(guarded, f...)
		rest = rest[h.Size:]
	}
	for name, file := range map[string][]byte{
		"garbage before":     append([]byte("garbage\xff"), b...),
		"garbage within":     middle,
		"a tag before":       append([]byte(tag), b...),
		"a tag within":       append(append(bytes.Clone(b[:at]), tag...), b[at:]...),
		"an old tag behind":  append(bytes.Clone(b), "TAG"+strings.Repeat("\x00", 125)...),
		"with its checksums": guarded,
	} {
		got, err := containertest.Drain(containertest.Open(t, open, containertest.Stream(file)))
		if !errors.Is(err, io.EOF) && !errors.Is(err, audio.ErrTruncated) || len(got) != len(want) {
			t.Errorf("%s: %d packets of %d, %v", name, len(got), len(want), err)
			continue
		}
		for i := range got {
			if !bytes.Equal(got[i].Data, want[i].Data) {
				t.Errorf("%s: packet %d differs", name, i)
			}
		}
	}
}

func TestWhatIsNoADTSIsRefused(t *testing.T) {
	b := containertest.File(t, "sweep.aac")
	change := func(at int, mask, value byte) []byte {
		c := bytes.Clone(b)
		for rest := c; len(rest) > 0; {
			h, _ := adts.ParseHeader(rest)
			rest[at] = rest[at]&^mask | value
			rest = rest[h.Size:]
		}
		return c
	}
	for name, c := range map[string]struct {
		file []byte
		want error
		text string
	}{
		"nothing":        {nil, audio.ErrUnsupported, "no frame"},
		"zeros":          {make([]byte, 5000), audio.ErrUnsupported, "no frame"},
		"a lot of zeros": {make([]byte, 2<<20), audio.ErrMalformed, "without a frame"},
		"Main":           {change(2, 0xc0, 0), audio.ErrUnsupported, "AAC Main"},
		"own program":    {change(3, 0xc0, 0), audio.ErrUnsupported, "channel configuration 0"},
	} {
		if _, err := open(containertest.Media(c.file)); !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSeekingLandsShortlyBefore(t *testing.T) {
	one := containertest.File(t, "sweep.aac")
	b := bytes.Repeat(one, 10)
	want := containertest.Packets(t, open, b)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, to := range []time.Duration{9 * time.Second, 0, 3 * time.Second, 8 * time.Second, time.Hour, time.Second} {
		landed, err := d.Seek(to)
		if err != nil || landed > to {
			t.Fatalf("seek to %v: %v, %v", to, landed, err)
		}
		p, err := d.ReadPacket()
		if to == time.Hour {
			if !errors.Is(err, io.EOF) {
				t.Errorf("beyond the end: %v", err)
			}
			continue
		}
		i := int(input.Unscale(p.PTS, 22050) / 1024)
		if err != nil || !bytes.Equal(p.Data, want[i].Data) || input.Duration(p.PTS) != landed || to-landed > 300*time.Millisecond {
			t.Errorf("seek to %v: at %v, packet %d, %v", to, landed, i, err)
		}
	}
}

func TestDamage(t *testing.T) {
	containertest.TestDamaged(t, open, 1000, containertest.File(t, "sweep.aac"))
}

func FuzzADTS(f *testing.F) {
	file := containertest.File(f, "sweep.aac")
	containertest.Fuzz(f, open, file, file[:400], merged(file, 3, true), merged(file, 4, false))
}
