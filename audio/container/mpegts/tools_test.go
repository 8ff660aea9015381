package mpegts_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec"
	"segue/audio/container/containertest"
	"segue/audio/container/input"
	"segue/audio/container/mp3"
)

// ffmpeg runs it, or skips the test if there is none.
func ffmpeg(t testing.TB, args ...string) {
	t.Helper()
	audiotest.Tool(t, "ffmpeg")
	if out, err := exec.Command("ffmpeg", append([]string{"-v", "error", "-y"}, args...)...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg %v: %v\n%s", args, err, out)
	}
}

func openMP3(m *audio.Media) (audio.Demuxer, error) {
	return mp3.NewDemuxer(input.New(m), audio.Info{})
}

// sound decodes all of file.
func sound(t *testing.T, open containertest.Opener, file string) (pcm []float32, packets []audio.Packet) {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	d := containertest.Open(t, open, containertest.Media(b))
	dec, err := codec.NewDecoder(d.Codec())
	if err != nil {
		t.Fatal(err)
	}
	packets = containertest.Packets(t, open, b)
	for i, p := range packets {
		if p.Codec != nil {
			t.Errorf("%s: packet %d says it follows nothing", filepath.Base(file), i)
		}
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatalf("%s: packet %d: %v", filepath.Base(file), i, err)
		}
	}
	return pcm, packets
}

// TestStreamsOfFFmpeg has it write the same sound into a transport stream and into
// a file of frames: payloads, times and what is decoded must be equal.
func TestStreamsOfFFmpeg(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		encode, mux, ext string
		open             containertest.Opener
	}{
		"AAC":             {"-c:a aac -b:a 128k", "", "aac", openADTS},
		"AAC 5.1":         {"-ac 6 -ar 48000 -c:a aac", "", "aac", openADTS},
		"AAC 8 kHz mono":  {"-ac 1 -ar 8000 -c:a aac", "", "aac", openADTS},
		"AAC in M2TS":     {"-c:a aac", "-mpegts_m2ts_mode 1", "aac", openADTS},
		"AAC, small PES":  {"-c:a aac", "-pes_payload_size 1", "aac", openADTS},
		"LATM":            {"-c:a aac -b:a 96k", "-mpegts_flags latm", "aac", openADTS},
		"ADTS as LATM":    {"-c:a aac -b:a 96k", "-mpegts_flags latm", "aac", openADTS},
		"LATM, 5.1":       {"-ac 6 -c:a aac", "-mpegts_flags latm", "aac", openADTS},
		"Layer II":        {"-c:a mp2 -b:a 192k", "", "mp2", openMP3},
		"Layer III":       {"-c:a libmp3lame -b:a 128k -write_xing 0 -id3v2_version 0", "", "mp3", openMP3},
		"MPEG-2, VBR":     {"-ar 22050 -c:a libmp3lame -q:a 4 -write_xing 0 -id3v2_version 0", "", "mp3", openMP3},
		"Opus":            {"-c:a libopus -b:a 96k", "", "opus", openOgg},
		"Opus, 60 ms":     {"-c:a libopus -frame_duration 60 -ac 1", "", "opus", openOgg},
		"Opus, 2.5 ms":    {"-c:a libopus -frame_duration 2.5", "", "opus", openOgg},
		"AAC, more often": {"-c:a aac", "-mpegts_flags resend_headers+initial_discontinuity -pat_period 0.02 -pcr_period 20", "aac", openADTS},
	} {
		frames, stream := filepath.Join(dir, "frames."+c.ext), filepath.Join(dir, "stream.ts")
		in := []string{"-f", "lavfi", "-i", "aevalsrc='0.4*sin(2*PI*(300*t+400*t*t))|0.3*sin(2*PI*500*t)':s=44100:d=1.2"}
		ffmpeg(t, append(append(in, strings.Fields(c.encode)...), frames)...)
		from := frames
		if strings.HasPrefix(name, "LATM") { // or it would put ADTS under the name of LATM
			from = filepath.Join(dir, "frames.m4a")
			ffmpeg(t, "-i", frames, "-c", "copy", from)
		}
		ffmpeg(t, append(append([]string{"-i", from, "-c", "copy", "-f", "mpegts"}, strings.Fields(c.mux)...), stream)...)
		t.Run(name, func(t *testing.T) {
			pcm, packets := sound(t, open, stream)
			want, wanted := sound(t, c.open, frames)
			alike(t, name, packets, wanted)
			if !slices.Equal(pcm, want) || len(pcm) == 0 {
				t.Errorf("what is decoded differs: %d samples, want %d", len(pcm), len(want))
			}
		})
	}
}

// TestHEAACGoesThrough has the upper half and the stereo image of HE-AAC heard, as
// in the same frames elsewhere.
func TestHEAACGoesThrough(t *testing.T) {
	data := os.Getenv("SEGUE_TEST_DATA")
	if data == "" {
		data = filepath.Join("..", "..", "..", "..", "shared", "data")
	}
	from := filepath.Join(data, "heaac", "he2_48ps.aac")
	if _, err := os.Stat(from); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip("SKIPPED: no test data")
	}
	dir := t.TempDir()
	frames, movie, stream := filepath.Join(dir, "frames.aac"), filepath.Join(dir, "frames.m4a"), filepath.Join(dir, "stream.ts")
	ffmpeg(t, "-i", from, "-t", "2", "-c", "copy", frames)
	ffmpeg(t, "-i", frames, "-c", "copy", movie)
	want, wanted := sound(t, openADTS, frames)
	for _, flags := range []string{"0", "latm"} {
		ffmpeg(t, "-i", movie, "-c", "copy", "-f", "mpegts", "-mpegts_flags", flags, stream)
		pcm, packets := sound(t, open, stream)
		alike(t, flags, packets, wanted)
		if !slices.Equal(pcm, want) || len(pcm) < 150_000 {
			t.Errorf("%s: %d samples, want %d", flags, len(pcm), len(want))
		}
	}
}

// TestSoundBesideVideo has sound among much else, and a second sound.
func TestSoundBesideVideo(t *testing.T) {
	dir := t.TempDir()
	frames, stream := filepath.Join(dir, "frames.aac"), filepath.Join(dir, "stream.ts")
	ffmpeg(t, "-f", "lavfi", "-i", "sine=d=4", "-c:a", "aac", frames)
	ffmpeg(t, "-f", "lavfi", "-i", "testsrc=s=640x360:d=4", "-i", frames, "-f", "lavfi", "-i", "sine=300:d=4", "-map", "0", "-map", "1", "-map", "2",
		"-c:v", "mpeg2video", "-b:v", "4M", "-c:a:0", "copy", "-c:a:1", "mp2", stream)
	_, packets := sound(t, open, stream)
	_, want := sound(t, openADTS, frames)
	alike(t, "sound beside video", packets, want)
	b, _ := os.ReadFile(stream)
	containertest.TestStream(t, open, b)
	d := containertest.Open(t, open, containertest.Media(b))
	for _, i := range []int{100, 20, 150, 3} {
		landed, err := d.Seek(input.Duration(want[i].PTS))
		p, perr := d.ReadPacket()
		if err != nil || perr != nil || landed != input.Duration(p.PTS) || p.PTS > want[i].PTS || want[i].PTS-p.PTS > 9600 {
			t.Errorf("seek to packet %d: %v, %v, %v", i, landed, err, perr)
		}
		for k := range want {
			if want[k].PTS == p.PTS && !bytes.Equal(want[k].Data, p.Data) {
				t.Errorf("seek to packet %d: another at %d", i, p.PTS)
			}
		}
	}
}

// BenchmarkReadPacket reads AAC of 128 kbit/s, seven frames to a PES packet.
func BenchmarkReadPacket(b *testing.B) {
	const n = 15_000
	packets := make([]audio.Packet, n)
	for i := range packets {
		packets[i].Data = make([]byte, 365)
		packets[i].PTS = input.Scale(int64(i)*1024, 22050)
	}
	m := &muxer{}
	for i := 0; i < n; i += 70 {
		m.tables(0, line(0x0f, soundPID))
		m.sound(0x0f, packets[i:min(i+70, n)], 7, input.MulDiv(packets[i].PTS, 90000, audio.SampleRate))
	}
	containertest.BenchmarkRead(b, open, m.out)
}
