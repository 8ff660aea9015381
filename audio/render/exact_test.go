package render

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/container/wav"
	"segue/audio/effect"
	"segue/audio/meter"
	"segue/audio/pipeline"
)

// made are the formats that seeks are tried in: how ffmpeg makes them, and how
// much the same music may differ after a seek, as error to signal in dB. Where a
// decoder carries no memory beyond the pre-roll that is nothing; Opus predicts
// from what it heard before.
var made = []struct {
	file  string
	args  []string
	error float64
}{
	{"opus.webm", []string{"-c:a", "libopus", "-b:a", "128k"}, -30},
	{"opus.opus", []string{"-c:a", "libopus", "-b:a", "128k"}, -30},
	{"opus.mp4", []string{"-c:a", "libopus", "-b:a", "128k"}, -30},
	{"vorbis.ogg", []string{"-c:a", "libvorbis", "-ar", "44100"}, -90},
	{"vorbis.mka", []string{"-c:a", "libvorbis"}, -90},
	{"flac.ogg", []string{"-c:a", "flac", "-ar", "44100"}, -90},
	{"44.flac", []string{"-ar", "44100"}, -90},
	{"96.flac", []string{"-ar", "96000"}, -90},
	{"flac.mka", []string{"-c:a", "flac", "-ar", "44100"}, -90},
	{"flac.mp4", []string{"-c:a", "flac", "-ar", "44100", "-strict", "-2"}, -90},
	{"aac.m4a", []string{"-c:a", "aac", "-aac_pns", "0", "-ar", "44100"}, -90},
	{"aac48.m4a", []string{"-c:a", "aac", "-aac_pns", "0", "-movflags", "+faststart"}, -90},
	{"fragments.m4a", []string{"-c:a", "aac", "-aac_pns", "0", "-movflags", "+frag_keyframe+empty_moov", "-frag_duration", "2000000"}, -90},
	{"aac.mka", []string{"-c:a", "aac", "-aac_pns", "0", "-ar", "44100"}, -90},
	{"aac.aac", []string{"-c:a", "aac", "-aac_pns", "0", "-ar", "44100"}, -90},
	{"cbr.mp3", []string{"-c:a", "libmp3lame", "-b:a", "128k", "-ar", "44100"}, -90},
	{"vbr.mp3", []string{"-c:a", "libmp3lame", "-q:a", "4", "-ar", "44100"}, -90},
	{"bare.mp3", []string{"-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0", "-id3v2_version", "0"}, -90},
	{"mp3.mka", []string{"-c:a", "libmp3lame", "-ar", "44100"}, -90},
	{"two.mp2", []string{"-c:a", "mp2", "-ar", "44100"}, -90},
	{"16.wav", []string{"-ar", "44100"}, -90},
	{"float.wav", []string{"-c:a", "pcm_f32le"}, -90},
	{"16.aiff", []string{"-ar", "44100"}, -90},
	{"16.w64", []string{"-ar", "44100"}, -90},
	{"aac.ts", []string{"-c:a", "aac", "-aac_pns", "0", "-ar", "44100"}, -90},
	{"latm.ts", []string{"-c:a", "aac", "-aac_pns", "0", "-mpegts_flags", "latm"}, -90},
	{"mp2.ts", []string{"-c:a", "mp2", "-ar", "44100"}, -90},
	{"opus.ts", []string{"-c:a", "libopus", "-b:a", "128k"}, -30},
	{"pcm.mka", []string{"-c:a", "pcm_s16le"}, -90},
}

// TestSeekLandsOnTheSample renders from somewhere in the middle of every format
// and compares with what the whole holds there.
func TestSeekLandsOnTheSample(t *testing.T) {
	ffmpeg := oracle(t, "ffmpeg")
	dir := t.TempDir()
	const length = 10 * audio.SampleRate
	source := filepath.Join(dir, "source.wav")
	writeWAV(t, source, audiotest.Music(length))
	for i, f := range made {
		if raced && i%4 != 0 {
			continue
		}
		t.Run(f.file, func(t *testing.T) {
			path := filepath.Join(dir, f.file)
			args := append([]string{"-v", "error", "-i", source}, f.args...)
			if out, err := exec.CommandContext(t.Context(), ffmpeg, append(args, path)...).CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			b, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			whole := decoded(t, b, 0, 0)
			if d := len(whole)/audio.Channels - length; d < 0 || d > 4000 {
				t.Fatalf("%d samples more than there were", d)
			}
			for _, part := range []struct{ from, to time.Duration }{
				{time.Millisecond, 700 * time.Millisecond},
				{777 * time.Millisecond, 1500 * time.Millisecond},
				{5 * time.Second, 6 * time.Second},
				{8123 * time.Millisecond, 9 * time.Second},
				{9500 * time.Millisecond, 0},
			} {
				want := whole[samples(part.from)*audio.Channels:]
				if part.to > 0 {
					want = whole[samples(part.from)*audio.Channels : samples(part.to)*audio.Channels]
				}
				got := decoded(t, b, part.from, part.to)
				if d := len(want) - len(got); d != 0 {
					t.Errorf("from %v: %d samples are missing", part.from, d/audio.Channels)
					continue
				}
				if e := meter.Error(want, got, 0); e > f.error {
					t.Errorf("from %v: error %.1f dB", part.from, e)
				}
			}
		})
	}
}

func oracle(t testing.TB, name string) string {
	t.Helper()
	path := audiotest.Tool(t, name)
	return path
}

func writeWAV(t testing.TB, path string, pcm []float32) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w, err := wav.NewWriter(f, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels, Float: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(pcm); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// decoded is the music of b from one time to another, or to the end if that is 0,
// as the encoder gets it.
func decoded(t testing.TB, b []byte, from, to time.Duration) []float32 {
	t.Helper()
	tape := &tape{}
	o := Options{From: from, To: to, Settings: effect.Settings{Volume: -0.000001}, Pipeline: pipeline.Options{Encoder: func() (audio.Encoder, error) { return tape, nil }}}
	if _, err := Run(t.Context(), media(b), tape, o); err != nil {
		t.Fatal(err)
	}
	return tape.pcm
}

// A tape is an encoder whose packets name the PCM they were made of, and a sink
// that keeps the PCM so named.
type tape struct {
	frames [][]float32
	skip   int64
	pcm    []float32
}

func (p *tape) Encode(dst []byte, pcm []float32) ([]byte, error) {
	p.frames = append(p.frames, append([]float32(nil), pcm...))
	return binary.LittleEndian.AppendUint32(dst, uint32(len(p.frames)-1)), nil
}
func (*tape) Lookahead() int { return 0 }
func (*tape) Reset()         {}

func (p *tape) Start(skip int64, _ audio.Info) error {
	p.skip = skip
	return nil
}

func (p *tape) Write(f audio.Frame) error {
	p.pcm = append(p.pcm, p.frames[binary.LittleEndian.Uint32(f.Opus)]...)
	return nil
}

func (p *tape) End(length int64) error {
	p.pcm = p.pcm[p.skip*audio.Channels : (p.skip+length)*audio.Channels]
	return nil
}
