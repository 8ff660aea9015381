package render

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"segue/audio"
	"segue/audio/audiotest"
	"segue/audio/codec/opus"
	"segue/audio/container"
	"segue/audio/container/wav"
	"segue/audio/effect"
	"segue/audio/meter"
	"segue/audio/pipeline"
	"segue/testdata"
)

var engine = pipeline.Options{Encoder: func() (audio.Encoder, error) { return opus.NewEncoder(opus.EncoderOptions{}) }}

type inMemory struct{ *bytes.Reader }

func (inMemory) Close() error { return nil }

func media(b []byte) *audio.Media {
	f := inMemory{bytes.NewReader(b)}
	return &audio.Media{ReadCloser: f, Seeker: f, Size: int64(len(b))}
}

func bundled(t testing.TB, name string) []byte {
	t.Helper()
	b, err := testdata.Sounds.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func toOgg(t testing.TB, in []byte, o Options) ([]byte, Stats) {
	t.Helper()
	var out bytes.Buffer
	o.Pipeline = engine
	stats, err := Run(t.Context(), media(in), OggOpus(&out), o)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), stats
}

// toPCM renders through the WAV sink and reads that back.
func toPCM(t testing.TB, in []byte, o Options) ([]float32, Stats) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sink, err := WAV(f)
	if err != nil {
		t.Fatal(err)
	}
	o.Pipeline = engine
	stats, err := Run(t.Context(), media(in), sink, o)
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return samplesOf(t, b), stats
}

func samplesOf(t testing.TB, wav []byte) []float32 {
	t.Helper()
	const header = 44
	if n := binary.LittleEndian.Uint32(wav[40:]); int(n) != len(wav)-header {
		t.Fatalf("the header says %d bytes, there are %d", n, len(wav)-header)
	}
	pcm := make([]float32, 0, len(wav)/2)
	for b := wav[header:]; len(b) > 1; b = b[2:] {
		pcm = append(pcm, float32(int16(binary.LittleEndian.Uint16(b)))/32768)
	}
	return pcm
}

// packets reads all of an Ogg Opus file: its packets, and the music in them.
func packets(t testing.TB, file []byte) (list []audio.Packet, pcm []float32) {
	t.Helper()
	d, err := container.Open(media(file))
	if err != nil {
		t.Fatal(err)
	}
	dec, err := opus.NewDecoder()
	if err != nil {
		t.Fatal(err)
	}
	for {
		p, err := d.ReadPacket()
		if errors.Is(err, io.EOF) {
			return list, pcm[d.Codec().PreSkip*audio.Channels:]
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
		if pcm, err = dec.Decode(pcm, p); err != nil {
			t.Fatal(err)
		}
		pcm = pcm[:len(pcm)-int(p.TrimEnd)*audio.Channels]
	}
}

func wavOf(t testing.TB, pcm []float32) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := wav.NewWriter(&out, wav.Format{Rate: audio.SampleRate, Channels: audio.Channels, Float: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(pcm), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestPassthroughIsBitForBitAndAsLong(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	out, stats := toOgg(t, in, Options{})
	want, music := packets(t, in)
	got, same := packets(t, out)
	if len(got) != len(want) || len(music) != len(same) {
		t.Fatalf("%d packets with %d samples, want %d with %d", len(got), len(same), len(want), len(music))
	}
	for i := range got {
		if !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("packet %d differs", i)
		}
	}
	if stats.Mode != "passthrough" || stats.Passed != int64(len(want)) || stats.Transcoded != 0 || stats.Seconds != 24 || stats.Container != "ogg" || stats.Codec != "opus" {
		t.Errorf("%+v", stats)
	}
	if pcm, _ := toPCM(t, in, Options{}); meter.Error(music, pcm, 0) > -60 || len(pcm) != len(music) {
		t.Errorf("as WAV: %d samples, want %d, error %.1f dB", len(pcm), len(music), meter.Error(music, pcm, 0))
	}
}

func TestTranscodeIsAlignedAndAsLong(t *testing.T) {
	music := audiotest.Music(3*audio.SampleRate + 777)
	in := wavOf(t, music)
	pcm, stats := toPCM(t, in, Options{})
	m := meter.Compare(music, pcm, 2000)
	if len(pcm) != len(music) || m.Shift != 0 || m.ErrorDB > -10 {
		t.Errorf("%d samples, want %d; shift %d, error %.1f dB", len(pcm), len(music), m.Shift, m.ErrorDB)
	}
	if stats.Mode != "transcode" || stats.Passed != 0 || stats.Transcoded != 151 || stats.Container != "wav" || stats.Speed <= 0 || stats.Wall <= 0 {
		t.Errorf("%+v", stats)
	}
	file, _ := toOgg(t, in, Options{})
	if _, same := packets(t, file); len(same) != len(music) || meter.Error(pcm, same, 0) > -60 {
		t.Errorf("as Ogg it is %d samples long, and another sound (%.1f dB)", len(same), meter.Error(pcm, same, 0))
	}
}

func TestVolumeIsRendered(t *testing.T) {
	in := bundled(t, testdata.Lantern)
	_, music := packets(t, in)
	pcm, stats := toPCM(t, in, Options{To: 4 * time.Second, Settings: effect.Settings{Volume: effect.Percent(50)}})
	m := meter.Compare(music, pcm, 2000)
	if m.Shift != 0 || m.Gain < 0.49 || m.Gain > 0.51 || m.FitDB > -15 {
		t.Errorf("%+v", m)
	}
	if stats.Mode != "transcode" || stats.Seconds != 4 {
		t.Errorf("%+v", stats)
	}
}

func TestPartIsExact(t *testing.T) {
	opusFile := bundled(t, testdata.Lantern)
	_, music := packets(t, opusFile)
	plain := audiotest.Music(4 * audio.SampleRate)
	for name, c := range map[string]struct {
		in, ref  []byte
		music    []float32
		limit    float64
		settings effect.Settings
	}{
		"passed":     {in: opusFile, music: music, limit: -25},
		"transcoded": {in: wavOf(t, plain), music: plain, limit: -8},
	} {
		for _, part := range [][2]time.Duration{
			{0, time.Second},
			{time.Second, 2 * time.Second},
			{1234567 * time.Microsecond, 2345678 * time.Microsecond},
			{10 * time.Millisecond, 300 * time.Millisecond},
			{3700 * time.Millisecond, 0},
		} {
			pcm, stats := toPCM(t, c.in, Options{From: part[0], To: part[1]})
			from, to := samples(part[0]), samples(part[1])
			if to == 0 {
				to = int64(len(c.music) / 2)
			}
			want := c.music[2*from : 2*to]
			if len(pcm) != len(want) {
				t.Errorf("%s, %v: %d samples, want %d", name, part, len(pcm), len(want))
				continue
			}
			if e := meter.Error(want, pcm, 0); e > c.limit {
				t.Errorf("%s, %v: error %.1f dB", name, part, e)
			}
			if got := int64(stats.Seconds*audio.SampleRate + 0.5); got != to-from {
				t.Errorf("%s, %v: stats say %d samples, want %d", name, part, got, to-from)
			}
			file, _ := toOgg(t, c.in, Options{From: part[0], To: part[1]})
			if _, same := packets(t, file); len(same) != len(want) || meter.Error(want, same, 0) > c.limit {
				t.Errorf("%s, %v: as Ogg %d samples, want %d", name, part, len(same), len(want))
			}
		}
	}
}

func TestTruncatedInputIsRenderedAndReported(t *testing.T) {
	for _, name := range []string{testdata.Lantern, testdata.Clockwork} {
		in := bundled(t, name)
		var out bytes.Buffer
		stats, err := Run(t.Context(), media(in[:len(in)/2]), OggOpus(&out), Options{Pipeline: engine})
		if !errors.Is(err, audio.ErrTruncated) {
			t.Errorf("%s: %v", name, err)
		}
		_, pcm := packets(t, out.Bytes())
		if got := int64(len(pcm) / 2); got < audio.SampleRate || got != int64(stats.Seconds*audio.SampleRate+0.5) {
			t.Errorf("%s: %d samples written, stats %+v", name, got, stats)
		}
	}
}

func TestWhatCannotBeRenderedIsAnError(t *testing.T) {
	lantern := bundled(t, testdata.Lantern)
	for name, c := range map[string]struct {
		in   []byte
		o    Options
		want error
	}{
		"no audio":           {[]byte(strings.Repeat("nothing to hear ", 99)), Options{}, audio.ErrUnsupported},
		"ends before begin":  {lantern, Options{From: 2 * time.Second, To: time.Second}, errRange},
		"begins before zero": {lantern, Options{From: -1}, errRange},
	} {
		if _, err := Run(t.Context(), media(c.in), OggOpus(io.Discard), c.o); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	beyond, err := Run(t.Context(), media(lantern), OggOpus(io.Discard), Options{From: time.Hour})
	if err != nil || beyond.Seconds != 0 {
		t.Errorf("beyond the end: %+v, %v", beyond, err)
	}
}

// A full disk is a writer that takes so many bytes.
type full struct{ room int }

var errFull = errors.New("no space left")

func (f *full) Write(b []byte) (int, error) {
	if f.room -= len(b); f.room < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestSinkThatFailsEndsRendering(t *testing.T) {
	for _, room := range []int{0, 10_000, 100_000} {
		if _, err := Run(t.Context(), media(bundled(t, testdata.Lantern)), OggOpus(&full{room}), Options{}); !errors.Is(err, errFull) {
			t.Errorf("Ogg with room for %d bytes: %v", room, err)
		}
		sink, err := WAV(&full{room})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Run(t.Context(), media(bundled(t, testdata.Lantern)), sink, Options{}); !errors.Is(err, errFull) {
			t.Errorf("WAV with room for %d bytes: %v", room, err)
		}
	}
}

// stuck is media of which no byte comes until it is closed.
type stuck struct{ closed chan struct{} }

func (s stuck) Read([]byte) (int, error) {
	<-s.closed
	return 0, errors.New("closed")
}

func (s stuck) Close() error {
	select {
	case <-s.closed:
	default:
		close(s.closed)
	}
	return nil
}

func TestEndOfContextEndsRendering(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	m := &audio.Media{ReadCloser: stuck{make(chan struct{})}, Size: -1}
	if _, err := Run(ctx, m, OggOpus(io.Discard), Options{}); !errors.Is(err, why) {
		t.Fatalf("%v, want %v", err, why)
	}
}

func TestStatsAreOneJSONObject(t *testing.T) {
	_, stats := toOgg(t, bundled(t, testdata.Lantern), Options{To: time.Second})
	b, err := json.Marshal(stats)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"container", "codec", "mode", "frames_passed", "seconds", "speed", "allocs_per_frame"} {
		if !bytes.Contains(b, []byte(`"`+key+`":`)) {
			t.Errorf("no %s in %s", key, b)
		}
	}
}

// What is encoded here is as near to the music as what opusenc makes of it.
func TestQualityIsThatOfOpusenc(t *testing.T) {
	opusenc := audiotest.Tool(t, "opusenc")
	// An encoder that can make its first frames stand alone is as good from the
	// start. That of layeh.com/gopus cannot, and its bit rate is constrained: its
	// first frames fade in, and count from the first second on; it takes 16 bits,
	// and is the encoder of years before opusenc's.
	settled, kind, within := 0, "--vbr", 1.0
	if strings.Contains(opus.Build(), "layeh") {
		settled, kind, within = audio.SampleRate, "--cvbr", 1.5
	}
	for name, music := range map[string][]float32{
		"music": audiotest.Music(10 * audio.SampleRate), "lantern": master(t),
	} {
		dir := t.TempDir()
		in, theirs := filepath.Join(dir, "in.wav"), filepath.Join(dir, "theirs.opus")
		if err := os.WriteFile(in, wavOf(t, music), 0o600); err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), opusenc, "--quiet", kind, "--bitrate", "128", "--comp", "8", in, theirs).CombinedOutput(); err != nil {
			t.Fatalf("opusenc: %v: %s", err, out)
		}
		ours, _ := toOgg(t, b, Options{})
		other, err := os.ReadFile(theirs)
		if err != nil {
			t.Fatal(err)
		}
		_, a := packets(t, ours)
		_, o := packets(t, other)
		if shift := meter.Align(music, a, 2000); shift != 0 {
			t.Errorf("%s: shifted by %d samples", name, shift)
		}
		errors := func(pcm []float32) (all, rest, first float64) {
			from, tenth := settled*audio.Channels, audio.SampleRate/10*audio.Channels
			return meter.Error(music, pcm, 0), meter.Error(music[from:], pcm[from:], 0), meter.Error(music[:tenth], pcm[:tenth], 0)
		}
		all, rest, first := errors(a)
		theirAll, theirRest, theirFirst := errors(o)
		t.Logf("%s: error %.2f dB in %d bytes, opusenc %.2f in %d; without the first %d samples %.2f, opusenc %.2f; first 100 ms %.2f, opusenc %.2f",
			name, all, len(ours), theirAll, len(other), settled, rest, theirRest, first, theirFirst)
		if rest > theirRest+within {
			t.Errorf("%s: error %.2f dB, opusenc %.2f", name, rest, theirRest)
		}
		if len(ours) > len(other)*105/100 {
			t.Errorf("%s: %d bytes, opusenc %d: no fair comparison", name, len(ours), len(other))
		}
		if len(a) != len(music) {
			t.Errorf("%s: %d samples, want %d", name, len(a), len(music))
		}
	}
}

// master is the lossless original of lantern.
func master(t *testing.T) []float32 {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "master.wav")
	if out, err := exec.CommandContext(t.Context(), "go", "run", "segue/audio/audiotest/compose", "-o", dir, "-master", path).CombinedOutput(); err != nil {
		t.Fatalf("compose: %v: %s", err, out)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return samplesOf(t, b)
}
