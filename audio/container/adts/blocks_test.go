package adts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/aac"
	"segue/audio/container/adts"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/mp4"
)

// merged puts n frames of file into one, again and again, with checksums (and so
// with the places of the blocks) or without.
func merged(file []byte, n int, sums bool) (out []byte) {
	for len(file) > 0 {
		var blocks [][]byte
		first := file
		for len(blocks) < n && len(file) > 0 {
			h, _ := adts.ParseHeader(file)
			blocks = append(blocks, file[h.Length:h.Size])
			file = file[h.Size:]
		}
		var places, body []byte
		for i, b := range blocks {
			if sums && i > 0 {
				places = append(places, byte(len(body)>>8), byte(len(body)))
			}
			if body = append(body, b...); sums && len(blocks) > 1 {
				body = append(body, 0xab, 0xcd)
			}
		}
		frame := bytes.Clone(first[:adts.HeaderSize])
		if sums {
			places = append(places, 0x12, 0x34)
			frame[1] &^= 1
		}
		size := len(frame) + len(places) + len(body)
		frame[3], frame[4], frame[5] = frame[3]&^3|byte(size>>11), byte(size>>3), frame[5]&0x1f|byte(size<<5)
		frame[6] = frame[6]&^3 | byte(len(blocks)-1)
		out = append(append(append(out, frame...), places...), body...)
	}
	return out
}

func TestBlocksComeOneByOne(t *testing.T) {
	file := containertest.File(t, "sweep.aac")
	want := containertest.Packets(t, open, file)
	for i := range 8 {
		n := 1 + i%4
		b := merged(file, n, i < 4) // where they tell their places, and where not
		got := containertest.Packets(t, open, b)
		if len(got) != len(want) {
			t.Fatalf("%d to a frame: %d packets of %d", n, len(got), len(want))
		}
		for i := range got {
			if !bytes.Equal(got[i].Data, want[i].Data) || got[i].PTS != want[i].PTS || got[i].Duration != want[i].Duration {
				t.Fatalf("%d to a frame: packet %d differs", n, i)
			}
		}
		audiotest.TestDemuxer(t, func(t testing.TB) audio.Demuxer { return containertest.Open(t, open, containertest.Media(b)) })
		containertest.TestStream(t, open, b)
		containertest.TestTruncated(t, open, b)
		d := containertest.Open(t, open, containertest.Media(b))
		if landed, err := d.Seek(time.Second); err != nil || landed > time.Second || landed < 600*time.Millisecond {
			t.Errorf("%d to a frame: seek to 1 s landed at %v, %v", n, landed, err)
		}
	}
}

func TestBlocksThatCannotBeReadStayTogether(t *testing.T) {
	file := containertest.File(t, "sweep.aac")
	want := containertest.Packets(t, open, file)
	bad := merged(file, 3, false)
	h, _ := adts.ParseHeader(bad)
	for i := h.Length; i < h.Size; i++ {
		bad[i] = 0xff
	}
	got := containertest.Packets(t, open, bad)
	if len(got) != len(want)-2 || len(got[0].Data) != h.Size-h.Length || got[0].Duration != want[3].PTS || got[1].PTS != want[3].PTS {
		t.Errorf("%d packets of %d, the first of %d bytes and %d samples", len(got), len(want), len(got[0].Data), got[0].Duration)
	}
	false3 := merged(file, 3, true)
	false3[7] = 0xff // the place of a block
	if got := containertest.Packets(t, open, false3); len(got) != len(want)-2 {
		t.Errorf("a wrong place: %d packets", len(got))
	}
}

// TestProgramsOfTheirOwn compares the configuration found in frames with that MP4
// has from the same encoder.
func TestProgramsOfTheirOwn(t *testing.T) {
	audiotest.Tool(t, "ffmpeg")
	for _, layout := range []string{"2.1", "3.0(back)", "quad", "3.1", "6.0"} {
		aacFile, mp4File := filepath.Join(t.TempDir(), "a.aac"), filepath.Join(t.TempDir(), "a.m4a")
		out, err := exec.Command("ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=0.3,aformat=channel_layouts="+layout,
			"-c:a", "aac", mp4File, "-c:a", "aac", aacFile).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		b, err := os.ReadFile(mp4File)
		if err != nil {
			t.Fatal(err)
		}
		want, err := mp4.NewDemuxer(input.New(containertest.Media(b)))
		if err != nil {
			t.Fatal(err)
		}
		if b, err = os.ReadFile(aacFile); err != nil {
			t.Fatal(err)
		}
		h, _ := adts.ParseHeader(b)
		d, err := open(containertest.Media(b))
		if err != nil || h.Channels != 0 {
			t.Errorf("%s: channel configuration %d: %v", layout, h.Channels, err)
			continue
		}
		got, ref := d.Codec(), want.Codec()
		c, err := aac.ParseConfig(got.Private)
		if err != nil || got.Channels != ref.Channels || c.Channels != ref.Channels {
			t.Errorf("%s: %d channels, MP4 says %d: %v", layout, got.Channels, ref.Channels, err)
		}
		if n := len(got.Private); n < 5 || len(ref.Private) < n-2 || !bytes.Equal(got.Private[2:5], ref.Private[2:5]) {
			t.Errorf("%s: program\n% x, MP4 has\n% x", layout, got.Private, ref.Private)
		}
	}
}
